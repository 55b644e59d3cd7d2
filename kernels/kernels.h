/* The numerical kernels: raw pointers and sizes, no tensors, no names, no errors. Rows of ops.def; one table a backend. */
#ifndef AX_KERNELS_H
#define AX_KERNELS_H

#include "kernels/gradient.h"
#include "kernels/plan.h"
#include "lut/view.h"

#include <stdint.h>

/* One operand of a product, as the matrix (rows, K) the sum runs over, read where it lies.
 *
 * AX_OPERAND_MATRIX: element (r, k) is data[r * row_stride + (k / k_inner) * k_outer_stride + (k % k_inner) * k_stride]
 *   (k_inner = K for an ordinary matrix; two levels for a convolution's weights read as (c, (kh, kw, oc))).
 * AX_OPERAND_PATCHES: an im2col view of an NHWC tensor (n, h, w, c), never materialised. Position p = (image, oh, ow) in
 *   (n, out_h, out_w), tap t = (kh, kw, channel) in (kernel_h, kernel_w, c). The element is data[image, y, x, channel] with
 *     y = (oh * stride_h - pad_h + kh * step) / dilation_h,  x likewise,
 *   and +0 where the division leaves a remainder or y, x lie outside. Forward: step = +1, dilation = 1. Gradient by the
 *   input: data = dy, stride = 1, pad = -pad, step = -1, dilation = the forward stride.
 *   transposed = 0: rows are positions, k are taps; 1: rows are taps, k are positions (gradient by the weights). */
enum ax_operand_kind { AX_OPERAND_MATRIX, AX_OPERAND_PATCHES, AX_OPERAND_STAGED /* the cpu backend's own: cpu/staged.h */ };

typedef struct {
    enum ax_operand_kind kind;
    const float *data;
    int64_t row_stride, k_stride, k_inner, k_outer_stride;       /* AX_OPERAND_MATRIX */
    int64_t n, h, w, c, out_h, out_w, kernel_h, kernel_w;        /* AX_OPERAND_PATCHES */
    int64_t stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
    int step, transposed;
    int64_t first_row;                                           /* AX_OPERAND_STAGED */
    int planes;
} ax_operand;

/* What follows a product's bias, elementwise: as the ops of these names. */
enum ax_activation { AX_LINEAR, AX_RELU, AX_TANH, AX_SIGMOID };

/* C[m, n] = activation(bias[n] + sum over k of f(A[m, k], B[n, k])), f the multiplier, A its first operand. The sum runs over
 * ascending k from +0 in FP32 under flush-to-zero (docs/multipliers.md); bias is added after it. Threads split the outputs, never the sum.
 * batch products in one call: product b reads a.data + b * a_batch and so on; strides count floats. */
typedef struct {
    float *c;                     /* (batch, m, n), rows ldc apart */
    ax_operand a;                 /* (m, k) */
    ax_operand b;                 /* (n, k) */
    const float *bias;            /* (n) or NULL */
    int64_t m, n, k, ldc;
    int64_t batch, a_batch, b_batch, c_batch;      /* batch >= 1 */
    const ax_plan *plan;          /* the analysed multiplier */
    enum ax_activation activation;
    int strict;                   /* 1: the strict order; 0: any faster order of the stated error (fp32: sgemm) */
    int threads;                  /* that may share the work, at least 1 */
    void *work;                   /* what gemm_work_bytes asks for that many threads, 64-byte aligned */
} ax_gemm;

/* A sum of products in which a multiplier's gradient stands for one factor (kernels/gradient.h):
 *   by = 0, its first operand: C[m, n] = sum over k of A[m, k] * G(S[m, n], B[n, k])
 *   by = 1, its second:        C[m, n] = sum over k of G(A[m, k], S[m, n]) * B[n, k]
 * in ascending k from +0, in FP32 under flush-to-zero: G is rounded, times the other factor, rounded, then added. What is stored: zeros
 * positive, NaNs as 0x7fc00000. */
typedef struct {
    float *c;                     /* (m, n) */
    const float *s;               /* (m, n): the operand that the gradient is by */
    ax_operand a, b;              /* (m, k), (n, k) */
    int64_t m, n, k;
    int by;
    const ax_gradient *gradient;
    int threads;                  /* as in ax_gemm */
} ax_gradient_sum;

/* Pooling over an NHWC tensor. Padding is never read: a maximum leaves it out, an average divides by the cells inside. */
typedef struct {
    int64_t n, h, w, c, out_h, out_w, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w;
} ax_pool;

typedef struct {
    float lr, beta1, beta2, eps, weight_decay, correction1, correction2;   /* corrections: 1 - beta^t */
    int decoupled;                                                         /* 1: AdamW's decay */
} ax_adam;

typedef struct {
    float lr, momentum, weight_decay;
    int nesterov;
} ax_sgd;

/* Rows of a batch from stored samples: row i is row batch * rows + i of a part. Rows beyond the part are zero and labelled -1. */
typedef struct {
    const uint8_t *images;        /* (samples, pixels) */
    const uint8_t *classes;       /* (samples) */
    const uint32_t *order;        /* (count): which sample of the part each of its rows is; NULL: as they lie */
    int64_t first, count;         /* the part is samples first .. first + count - 1 */
    int64_t pixels;
    int64_t batch;                /* varies from step to step, as does scale */
    float scale;                  /* what a pixel is multiplied by */
} ax_gather;

typedef struct ax_kernels {
    const char *name;
#define AX_OP(op, params) void(*op) params;
#include "kernels/ops.def"
#undef AX_OP
} ax_kernels;

#define AX_BACKEND(name) extern const ax_kernels ax_kernels_##name;
#include "kernels/backends.def"
#undef AX_BACKEND

/* The instruction set the cpu backend's products use here: "c", "avx2", "avx512", "avx512bf16" (APPROXRUN_ISA forces one;
 * NULL if it names an unknown set or one this machine lacks). */
const char *ax_cpu_isa(void);

/* The BLAS kernel that serves fp32 here ("Cooperlake", ...): part of a result's provenance. */
const char *ax_cpu_blas(void);

/* Instruction set number i as APPROXRUN_ISA names it, the plainest first; NULL past the last. *has: whether products can use it
 * here; -1: the CPU has it, but its sums of pairs were found not to keep the strict order. */
const char *ax_cpu_isa_name(int i, int *has);

#endif

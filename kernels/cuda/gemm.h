/* How the cuda backend makes products: a table of kernels, the best first, and the literal rule for operands none of them fits.
 *
 * A product is three launches. The first finds the extents of both operands; the fast kernel leaves at once if they are outside
 * what it is exact for, and the literal kernel, which comes last, leaves at once if they are not: nobody asks the host. Between
 * products the extents are zero: the literal kernel leaves them so. */
#ifndef AX_CUDA_GEMM_H
#define AX_CUDA_GEMM_H

#include "kernels/cuda/source.h"

/* A multiplier on the device: what kernels take by value. */
struct ax_cuda_mult {
    int width, fused, native, linear, compat;
    int direct;                      /* row of models.def, where there is no table */
    ax_model_keys keys;              /* of its function */
    const uint32_t *words;           /* (2^m + 1, 2^m): the table and a row of zeros; NULL above m = 11 */
    const void *rows[2];             /* (2^m + 1, 2^m): the same as ax_cuda_tablerows_kernels read it, and turned; or NULL */
    const uint32_t *alpha, *beta;    /* (2^m): additive and not linear */
    const uint8_t *bytes;            /* (129, 128): narrow tables, carry << 7 | fraction, the last row zeros; NULL */
    const uint8_t *class_of;         /* (128): which of the table's different rows a first operand selects by 7 bits; NULL: too many */
    const uint8_t *class_bytes;      /* (classes, 128): those rows, as bytes */
    int classes;
};

/* Words of at most so many fraction bits are kept in ax_cuda_mult's rows as halves, without their lowest 8 bits. */
enum { AX_HALF_BITS = 15 };

/* Are there rows? Of tables that are nothing else. */
static inline int ax_cuda_has_rows(const ax_plan *p)
{
    return p->lut.words && !p->lut.native && p->lut.width > AX_NARROW_BITS && p->form == AX_FORM_ANY && !p->small_sum && !p->narrow;
}

/* The largest magnitudes of both operands, as bits; in work memory, which begins as zeros. */
struct ax_cuda_extents {
    uint32_t a, b;
    uint32_t left;                   /* blocks of the literal kernel that need them no more */
};

/* One product of a batch, as kernels take it. */
struct ax_cuda_product {
    ax_cuda_source a, b;
    float *c;
    const float *bias;
    int64_t a_batch, b_batch, c_batch, ldc;
    int m, n, k, batch;
    enum ax_activation activation;
    ax_cuda_extents *extents;
    ax_cuda_mult mult;
};

struct ax_cuda_gemm_kernel {
    const char *name;
    int capability;                  /* the least it runs on */
    int strict;                      /* 1: the strict order */
    int (*serves)(const ax_gemm *g);
    void (*run)(const ax_gemm *g, const ax_cuda_product *p);
    int finds_extents;               /* 1: its encoding does; they are zero before */
    int64_t least;                   /* products, of one call, from which on its encoding pays; four times that with fewer than 32 columns */
    int literal_too;                 /* 1: it follows the literal rule itself, and leaves the extents zero */
};

extern const ax_cuda_gemm_kernel ax_cuda_user_kernels[];      /* of a user's function, which no others can call */
extern const ax_cuda_gemm_kernel ax_cuda_onehot_kernels[];    /* each set ends with a row without a name */
extern const ax_cuda_gemm_kernel ax_cuda_sum_mma_kernels[];
extern const ax_cuda_gemm_kernel ax_cuda_rowpanel_kernels[];
extern const ax_cuda_gemm_kernel ax_cuda_blas_kernels[];
extern const ax_cuda_gemm_kernel ax_cuda_tablerows_kernels[];
extern const ax_cuda_gemm_kernel ax_cuda_thin_kernels[];
extern const ax_cuda_gemm_kernel ax_cuda_simt_kernels[];

void ax_cuda_literal(const ax_cuda_product *p);

/* The device's copy of a plan, made when it is first asked for. */
ax_cuda_mult ax_cuda_mult_of(const ax_plan *plan);

/* Fills class_of, class_bytes and classes from a narrow table's (128, 128) bytes. */
void ax_cuda_find_classes(ax_cuda_mult *mult, const uint8_t *bytes);

/* The least a kernel of words and carries asks: 2 to the carry fits beside either operand's exponent, and in a product. */
__device__ static inline bool ax_in_range(const ax_cuda_extents &e)
{
    uint32_t ea = e.a >> 23, eb = e.b >> 23;
    return ea <= 253 && eb <= 253 && ea + eb + 1 <= 254 + 127;
}

#endif

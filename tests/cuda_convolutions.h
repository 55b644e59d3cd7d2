/* What tests of convolutions on the device share: a convolution's sizes, and its tensors as operands of its three products. */
#ifndef AX_TESTS_CUDA_CONVOLUTIONS_H
#define AX_TESTS_CUDA_CONVOLUTIONS_H

#include "gemm.h"

typedef struct {
    int64_t n, h, w, c, oc, kernel, stride, pad;
} conv;

static inline int64_t out_of(const conv *v, int64_t side) { return (side + 2 * v->pad - v->kernel) / v->stride + 1; }

/* x as the forward product reads it and, transposed, the gradient by the weights. */
static inline ax_operand patches_of(const conv *v, const float *x, int64_t oh, int64_t ow)
{
    return (ax_operand){.kind = AX_OPERAND_PATCHES, .data = x, .n = v->n, .h = v->h, .w = v->w, .c = v->c, .out_h = oh,
                        .out_w = ow, .kernel_h = v->kernel, .kernel_w = v->kernel, .stride_h = v->stride, .stride_w = v->stride,
                        .pad_h = v->pad, .pad_w = v->pad, .dilation_h = 1, .dilation_w = 1, .step = 1};
}

/* dy as the gradient by the input reads it. */
static inline ax_operand spread_of(const conv *v, const float *dy, int64_t oh, int64_t ow)
{
    return (ax_operand){.kind = AX_OPERAND_PATCHES, .data = dy, .n = v->n, .h = oh, .w = ow, .c = v->oc, .out_h = v->h, .out_w = v->w,
                        .kernel_h = v->kernel, .kernel_w = v->kernel, .stride_h = 1, .stride_w = 1, .pad_h = -v->pad, .pad_w = -v->pad,
                        .dilation_h = v->stride, .dilation_w = v->stride, .step = -1};
}

#endif

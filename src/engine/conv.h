/* A convolution's geometry and its tensors as operands of products: matrices and patches, read as they lie. */
#ifndef AX_ENGINE_CONV_H
#define AX_ENGINE_CONV_H

#include "engine/tensor.h"
#include "kernels/kernels.h"

typedef struct {
    int64_t n, h, w, c, oh, ow, oc, kh, kw;              /* x (n,h,w,c), weights (kh,kw,c,oc), y (n,oh,ow,oc) */
    int64_t stride_h, stride_w, pad_h, pad_w;
} ax_conv;

/* Fills in all but strides and padding, which are set. The names go into the message. AX_ESHAPE. */
int ax_conv_geometry(ax_conv *v, const char *op, const ax_tensor *x, const ax_tensor *w, const ax_tensor *y, const char *x_name,
                     const char *w_name, const char *y_name);

/* x as (positions, taps), or (taps, positions) if transposed. */
ax_operand ax_conv_patches(const ax_conv *v, const ax_tensor *x, int transposed);

/* For each input cell and tap the output cell that used them: dy as (cells, (kh, kw, oc)). */
ax_operand ax_conv_backward_patches(const ax_conv *v, const ax_tensor *dy);

/* Rows and k of an ordinary matrix, given the strides of both. */
static inline ax_operand ax_matrix(const ax_tensor *t, int64_t row_stride, int64_t k_stride, int64_t k)
{
    return (ax_operand){.kind = AX_OPERAND_MATRIX, .data = t->data, .row_stride = row_stride, .k_stride = k_stride, .k_inner = k};
}

#endif

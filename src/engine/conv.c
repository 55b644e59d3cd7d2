/* What a convolution and its gradients have in common: shapes that fit, and views of tensors as operands. Nothing is copied or
 * unfolded. */
#include "engine/conv.h"

#include "base/error.h"
#include "engine/check.h"

int ax_conv_geometry(ax_conv *v, const char *op, const ax_tensor *x, const ax_tensor *w, const ax_tensor *y, const char *x_name,
                     const char *w_name, const char *y_name)
{
    AX_TRY(ax_check_rank(op, x_name, x, 4));
    AX_TRY(ax_check_rank(op, w_name, w, 4));
    AX_TRY(ax_check_rank(op, y_name, y, 4));
    if (x->shape[3] != w->shape[2])
        return ax_fail(AX_ESHAPE, "%s: %s is %s but %s is %s: channels differ", op, x_name, ax_shape(x), w_name, ax_shape(w));
    if (y->shape[3] != w->shape[3])
        return ax_fail(AX_ESHAPE, "%s: %s is %s but %s is %s: filters differ", op, y_name, ax_shape(y), w_name, ax_shape(w));
    if (x->shape[0] != y->shape[0])
        return ax_fail(AX_ESHAPE, "%s: %s is %s but %s is %s: batches differ", op, x_name, ax_shape(x), y_name, ax_shape(y));
    v->n = x->shape[0], v->h = x->shape[1], v->w = x->shape[2], v->c = x->shape[3];
    v->oh = y->shape[1], v->ow = y->shape[2], v->oc = y->shape[3];
    v->kh = w->shape[0], v->kw = w->shape[1];
    AX_TRY(ax_check_windows(op, "height", v->h, v->oh, v->kh, v->stride_h, v->pad_h));
    return ax_check_windows(op, "width", v->w, v->ow, v->kw, v->stride_w, v->pad_w);
}

/* A window is one cell, and every cell is one: patches are the tensor, a matrix (cells, channels). */
static int is_pointwise(const ax_conv *v)
{
    return v->kh == 1 && v->kw == 1 && v->pad_h == 0 && v->pad_w == 0 && v->oh == v->h && v->ow == v->w;
}

ax_operand ax_conv_patches(const ax_conv *v, const ax_tensor *x, int transposed)
{
    if (is_pointwise(v) && transposed) return ax_matrix(x, 1, v->c, v->n * v->oh * v->ow);
    if (is_pointwise(v)) return ax_matrix(x, v->c, 1, v->c);
    return (ax_operand){.kind = AX_OPERAND_PATCHES, .data = x->data, .n = v->n, .h = v->h, .w = v->w, .c = v->c,
                        .out_h = v->oh, .out_w = v->ow, .kernel_h = v->kh, .kernel_w = v->kw,
                        .stride_h = v->stride_h, .stride_w = v->stride_w, .pad_h = v->pad_h, .pad_w = v->pad_w,
                        .dilation_h = 1, .dilation_w = 1, .step = 1, .transposed = transposed};
}

/* dy read with the forward stride as dilation, taps backwards. */
ax_operand ax_conv_backward_patches(const ax_conv *v, const ax_tensor *dy)
{
    if (is_pointwise(v)) return ax_matrix(dy, v->oc, 1, v->oc);
    return (ax_operand){.kind = AX_OPERAND_PATCHES, .data = dy->data, .n = v->n, .h = v->oh, .w = v->ow, .c = v->oc,
                        .out_h = v->h, .out_w = v->w, .kernel_h = v->kh, .kernel_w = v->kw,
                        .stride_h = 1, .stride_w = 1, .pad_h = -v->pad_h, .pad_w = -v->pad_w,
                        .dilation_h = v->stride_h, .dilation_w = v->stride_w, .step = -1};
}

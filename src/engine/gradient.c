/* The backward rules lut1d and lut2d: sums of products with a multiplier's estimated gradients in place of its products
 * (kernels/gradient.h). Invariant: the operand a gradient is by has the shape of the result. */
#include "base/error.h"
#include "engine/api.h"
#include "engine/check.h"
#include "engine/conv.h"
#include "engine/engine.h"
#include "engine/mult.h"
#include "engine/rounded.h"

enum { BY_DATA, BY_WEIGHTS };      /* the first and the second operand of the forward product */

static const char *const by_names[] = {"dx", "dw"};

/* x, w and dy are of the result's engine and share no memory with it. */
static int check_sum(const char *op, int by, const ax_tensor *out, const ax_tensor *x, const ax_tensor *w, const ax_tensor *dy)
{
    AX_TRY(ax_check_tensor(op, by_names[by], out, AX_F32, NULL));
    AX_TRY(ax_check_tensor(op, "x", x, AX_F32, out));
    AX_TRY(ax_check_tensor(op, "w", w, AX_F32, out));
    AX_TRY(ax_check_tensor(op, "dy", dy, AX_F32, out));
    AX_TRY(ax_check_same(op, by == BY_DATA ? "x" : "w", by == BY_DATA ? x : w, by_names[by], out));
    AX_TRY(ax_check_apart(op, by_names[by], out, "x", x));
    AX_TRY(ax_check_apart(op, by_names[by], out, "w", w));
    return ax_check_apart(op, by_names[by], out, "dy", dy);
}

/* Sums of g.k terms for each element of `out`, seen as (m, n). Kernels count each of these in 32 bits. dy is no operand of the multiplier:
 * it is never rounded. */
static int sum(const char *op, const ax_tensor *out, const ax_tensor *x, const ax_tensor *w, int by, ax_gradient_sum g, const ax_mult *m)
{
    const float *at[2];
    if (!(g.gradient = ax_mult_gradient(op, m))) return ax_errstatus();
    if (g.m > INT32_MAX || g.n > INT32_MAX || g.k > INT32_MAX)
        return ax_fail(AX_ESHAPE, "%s: %lld x %lld sums of %lld terms; wanted less than 2^31 of each", op, (long long)g.m, (long long)g.n,
                       (long long)g.k);
    AX_TRY(ax_rounded_operands(at, x, w, &ax_mult_plan(m)->lut));
    (by == BY_DATA ? &g.b : &g.a)->data = at[1 - by];
    g.c = out->data;
    g.s = at[by];
    g.by = by;
    g.threads = out->engine->threads;
    out->engine->kernels->gradient_sum(&g);
    return AX_OK;
}

/* ---- dense ---- */

static int check_dense(const char *op, const ax_tensor *x, const ax_tensor *w, const ax_tensor *dy)
{
    AX_TRY(ax_check_rank(op, "x", x, 2));
    AX_TRY(ax_check_rank(op, "w", w, 2));
    AX_TRY(ax_check_rank(op, "dy", dy, 2));
    if (x->shape[1] != w->shape[0] || dy->shape[0] != x->shape[0] || dy->shape[1] != w->shape[1])
        return ax_fail(AX_ESHAPE, "%s: x is %s, w %s, dy %s; wanted (batch,k), (k,n) and (batch,n)", op, ax_shape(x), ax_shape(w),
                       ax_shape(dy));
    return AX_OK;
}

/* dx (batch, k) = sum over n of dy (batch, n) * G(x, w read as (k, n)) */
int ax_dense_lut2d_grad_input(ax_tensor *dx, const ax_tensor *x, const ax_tensor *w, const ax_tensor *dy, const ax_mult *m)
{
    const char *op = "dense_lut2d_grad_input";
    AX_TRY(check_sum(op, BY_DATA, dx, x, w, dy));
    AX_TRY(check_dense(op, x, w, dy));
    int64_t batch = x->shape[0], k = x->shape[1], n = w->shape[1];
    ax_gradient_sum g = {.a = ax_matrix(dy, n, 1, n), .b = ax_matrix(w, n, 1, n), .m = batch, .n = k, .k = n};
    return sum(op, dx, x, w, BY_DATA, g, m);
}

/* dw (k, n) = sum over the batch of G(x read as (k, batch), w) * dy read as (n, batch) */
int ax_dense_lut2d_grad_weight(ax_tensor *dw, const ax_tensor *x, const ax_tensor *w, const ax_tensor *dy, const ax_mult *m)
{
    const char *op = "dense_lut2d_grad_weight";
    AX_TRY(check_sum(op, BY_WEIGHTS, dw, x, w, dy));
    AX_TRY(check_dense(op, x, w, dy));
    int64_t batch = x->shape[0], k = x->shape[1], n = w->shape[1];
    ax_gradient_sum g = {.a = ax_matrix(x, 1, k, batch), .b = ax_matrix(dy, 1, n, batch), .m = k, .n = n, .k = batch};
    return sum(op, dw, x, w, BY_WEIGHTS, g, m);
}

/* ---- convolution ---- */

/* dx (cells, c) = sum over (kh,kw,oc) of backward patches of dy * G(x, w read as (c, (kh,kw,oc))) */
int ax_conv2d_lut2d_grad_input(ax_tensor *dx, const ax_tensor *x, const ax_tensor *w, const ax_tensor *dy, int stride_h, int stride_w,
                               int pad_h, int pad_w, const ax_mult *m)
{
    const char *op = "conv2d_lut2d_grad_input";
    ax_conv v = {.stride_h = stride_h, .stride_w = stride_w, .pad_h = pad_h, .pad_w = pad_w};
    AX_TRY(check_sum(op, BY_DATA, dx, x, w, dy));
    AX_TRY(ax_conv_geometry(&v, op, x, w, dy, "x", "w", "dy"));
    ax_gradient_sum g = {.a = ax_conv_backward_patches(&v, dy), .b = ax_matrix(w, v.oc, 1, v.oc), .m = v.n * v.h * v.w, .n = v.c,
                         .k = v.kh * v.kw * v.oc};
    g.b.k_outer_stride = v.c * v.oc;
    return sum(op, dx, x, w, BY_DATA, g, m);
}

/* dw (taps, oc) = sum over positions of G(patches of x, transposed, w) * dy read as (oc, positions) */
int ax_conv2d_lut2d_grad_weight(ax_tensor *dw, const ax_tensor *x, const ax_tensor *w, const ax_tensor *dy, int stride_h, int stride_w,
                                int pad_h, int pad_w, const ax_mult *m)
{
    const char *op = "conv2d_lut2d_grad_weight";
    ax_conv v = {.stride_h = stride_h, .stride_w = stride_w, .pad_h = pad_h, .pad_w = pad_w};
    AX_TRY(check_sum(op, BY_WEIGHTS, dw, x, w, dy));
    AX_TRY(ax_conv_geometry(&v, op, x, w, dy, "x", "w", "dy"));
    ax_gradient_sum g = {.a = ax_conv_patches(&v, x, 1), .m = v.kh * v.kw * v.c, .n = v.oc, .k = v.n * v.oh * v.ow};
    g.b = ax_matrix(dy, 1, v.oc, g.k);
    return sum(op, dw, x, w, BY_WEIGHTS, g, m);
}

/* ---- LUT-1D ---- */

int ax_lut1d(ax_tensor *y, const ax_tensor *x, int by, const ax_mult *m)
{
    AX_TRY(ax_check_tensor("lut1d", "y", y, AX_F32, NULL));
    AX_TRY(ax_check_tensor("lut1d", "x", x, AX_F32, y));
    AX_TRY(ax_check_same("lut1d", "y", y, "x", x));
    AX_TRY(ax_check_apart("lut1d", "y", y, "x", x));
    if (by != BY_DATA && by != BY_WEIGHTS)
        return ax_fail(AX_EARG, "lut1d: by is %d; wanted 0, the gradient by the first operand, or 1, by the second", by);
    const ax_gradient *g = ax_mult_gradient("lut1d", m);
    const float *at[2];
    if (!g) return ax_errstatus();
    AX_TRY(ax_rounded_operands(at, x, x, &ax_mult_plan(m)->lut));
    y->engine->kernels->gradient_map(y->data, at[1 - by], g, by, y->size);
    return AX_OK;
}

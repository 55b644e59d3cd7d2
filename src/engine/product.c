/* Products of two tensors: matmul, convolution and its gradients. Each is one ax_gemm over views of the tensors as they lie;
 * nothing is copied, unless a multiplier wants its operands rounded, or unfolded. The first operand of every product is the data. */
#include "base/error.h"
#include "engine/api.h"
#include "engine/check.h"
#include "engine/conv.h"
#include "engine/engine.h"
#include "engine/mult.h"
#include "engine/rounded.h"

enum { TRANSPOSE_A = 1, TRANSPOSE_B = 2 };

static int check_product(const char *op, const char *c_name, const ax_tensor *c, const char *a_name, const ax_tensor *a,
                         const char *b_name, const ax_tensor *b, const ax_mult *m)
{
    if (!m) return ax_fail(AX_EARG, "%s: the multiplier is nil", op);
    AX_TRY(ax_check_tensor(op, c_name, c, AX_F32, NULL));
    AX_TRY(ax_check_tensor(op, a_name, a, AX_F32, c));
    AX_TRY(ax_check_tensor(op, b_name, b, AX_F32, c));
    AX_TRY(ax_check_apart(op, c_name, c, a_name, a));
    return ax_check_apart(op, c_name, c, b_name, b);
}

static int check_bias(const char *op, const ax_tensor *bias, const ax_tensor *c)
{
    int64_t n = c->shape[c->rank - 1];
    if (!bias) return AX_OK;
    AX_TRY(ax_check_tensor(op, "bias", bias, AX_F32, c));
    if (bias->rank != 1 || bias->shape[0] != n)
        return ax_fail(AX_ESHAPE, "%s: bias is %s; wanted (%lld)", op, ax_shape(bias), (long long)n);
    return AX_OK;
}

static int check_activation(const char *op, int activation)
{
    if (activation >= AX_LINEAR && activation <= AX_SIGMOID) return AX_OK;
    return ax_fail(AX_EARG, "%s: activation is %d; wanted 0 none, 1 relu, 2 tanh or 3 sigmoid", op, activation);
}

static ax_gemm product(const ax_tensor *c, const ax_mult *m)
{
    const ax_engine *e = c->engine;
    return (ax_gemm){.c = c->data, .plan = ax_mult_plan(m), .strict = e->strict, .threads = e->threads, .work = e->work, .batch = 1};
}

/* Kernels count rows, columns, terms and products in 32 bits. */
static int multiply(const char *op, const ax_tensor *c, const ax_tensor *a, const ax_tensor *b, ax_gemm *g)
{
    const float *at[2];
    if (g->m > INT32_MAX || g->n > INT32_MAX || g->k > INT32_MAX || g->batch > INT32_MAX)
        return ax_fail(AX_ESHAPE, "%s: %lld x %lld sums of %lld terms, %lld times; wanted less than 2^31 of each", op, (long long)g->m,
                       (long long)g->n, (long long)g->k, (long long)g->batch);
    AX_TRY(ax_rounded_operands(at, a, b, &g->plan->lut));
    g->a.data = at[0];
    g->b.data = at[1];
    c->engine->kernels->gemm(g);
    return AX_OK;
}

/* ---- matmul ---- */

/* c (batch.., m, n), a (batch.., m, k) or (.., k, m), b (batch.., k, n) or (.., n, k), or b shared by all of the batch. */
static int check_matmul(const ax_tensor *c, const ax_tensor *a, const ax_tensor *b, int flags)
{
    int r = c->rank;
    if (flags & ~(TRANSPOSE_A | TRANSPOSE_B)) return ax_fail(AX_EARG, "matmul: flags are %d; wanted 0 to 3", flags);
    if (a->rank < 2 || b->rank < 2 || r != a->rank || (b->rank != 2 && b->rank != r))
        return ax_fail(AX_ESHAPE, "matmul: c is %s, a %s, b %s; wanted equal numbers of dimensions, at least 2 (b may have 2)",
                       ax_shape(c), ax_shape(a), ax_shape(b));
    for (int i = 0; i < r - 2; i++)
        if (a->shape[i] != c->shape[i] || (b->rank == r && b->shape[i] != c->shape[i]))
            return ax_fail(AX_ESHAPE, "matmul: c is %s, a %s, b %s: dimension %d differs", ax_shape(c), ax_shape(a), ax_shape(b), i);
    int64_t am = a->shape[r - (flags & TRANSPOSE_A ? 1 : 2)], ak = a->shape[r - (flags & TRANSPOSE_A ? 2 : 1)];
    int64_t bk = b->shape[b->rank - (flags & TRANSPOSE_B ? 1 : 2)], bn = b->shape[b->rank - (flags & TRANSPOSE_B ? 2 : 1)];
    if (ak != bk)
        return ax_fail(AX_ESHAPE, "matmul: a%s is %s but b%s is %s: inner dimensions %lld and %lld differ",
                       flags & TRANSPOSE_A ? " (transposed)" : "", ax_shape(a), flags & TRANSPOSE_B ? " (transposed)" : "",
                       ax_shape(b), (long long)ak, (long long)bk);
    if (c->shape[r - 2] != am || c->shape[r - 1] != bn)
        return ax_fail(AX_ESHAPE, "matmul: c is %s; wanted %lld rows and %lld columns", ax_shape(c), (long long)am, (long long)bn);
    return AX_OK;
}

int ax_matmul(ax_tensor *c, const ax_tensor *a, const ax_tensor *b, const ax_tensor *bias, int activation, int flags, const ax_mult *m)
{
    AX_TRY(check_product("matmul", "c", c, "a", a, "b", b, m));
    AX_TRY(check_matmul(c, a, b, flags));
    AX_TRY(check_bias("matmul", bias, c));
    AX_TRY(check_activation("matmul", activation));
    int64_t lda = a->shape[a->rank - 1], ldb = b->shape[b->rank - 1], k = flags & TRANSPOSE_A ? a->shape[a->rank - 2] : lda;
    ax_gemm g = product(c, m);
    g.m = c->shape[c->rank - 2];
    g.n = g.ldc = c->shape[c->rank - 1];
    g.k = k;
    g.a = flags & TRANSPOSE_A ? ax_matrix(a, 1, lda, k) : ax_matrix(a, lda, 1, k);
    g.b = flags & TRANSPOSE_B ? ax_matrix(b, ldb, 1, k) : ax_matrix(b, 1, ldb, k);
    g.bias = bias ? bias->data : NULL;
    g.activation = (enum ax_activation)activation;
    g.batch = c->size / (g.m * g.n);
    g.a_batch = g.m * k;
    g.b_batch = b->rank == c->rank ? k * g.n : 0;
    g.c_batch = g.m * g.n;
    if (g.batch > 1 && g.b_batch == 0 && !(flags & TRANSPOSE_A)) {      /* one shared b: the batch is more rows of a */
        g.m *= g.batch;
        g.batch = 1;
    }
    return multiply("matmul", c, a, b, &g);
}

/* ---- convolution ---- */

/* y (positions, oc) = patches of x (positions, taps) x w (taps, oc) */
int ax_conv2d(ax_tensor *y, const ax_tensor *x, const ax_tensor *w, const ax_tensor *bias, int activation,
              int stride_h, int stride_w, int pad_h, int pad_w, const ax_mult *m)
{
    ax_conv v = {.stride_h = stride_h, .stride_w = stride_w, .pad_h = pad_h, .pad_w = pad_w};
    AX_TRY(check_product("conv2d", "y", y, "x", x, "w", w, m));
    AX_TRY(ax_conv_geometry(&v, "conv2d", x, w, y, "x", "w", "y"));
    AX_TRY(check_bias("conv2d", bias, y));
    AX_TRY(check_activation("conv2d", activation));
    ax_gemm g = product(y, m);
    g.m = v.n * v.oh * v.ow;
    g.n = g.ldc = v.oc;
    g.k = v.kh * v.kw * v.c;
    g.a = ax_conv_patches(&v, x, 0);
    g.b = ax_matrix(w, 1, v.oc, g.k);
    g.bias = bias ? bias->data : NULL;
    g.activation = (enum ax_activation)activation;
    return multiply("conv2d", y, x, w, &g);
}

/* dx (cells, c) = backward patches of dy (cells, (kh,kw,oc)) x w read as (c, (kh,kw,oc)) */
int ax_conv2d_grad_input(ax_tensor *dx, const ax_tensor *dy, const ax_tensor *w,
                         int stride_h, int stride_w, int pad_h, int pad_w, const ax_mult *m)
{
    ax_conv v = {.stride_h = stride_h, .stride_w = stride_w, .pad_h = pad_h, .pad_w = pad_w};
    AX_TRY(check_product("conv2d_grad_input", "dx", dx, "dy", dy, "w", w, m));
    AX_TRY(ax_conv_geometry(&v, "conv2d_grad_input", dx, w, dy, "dx", "w", "dy"));
    ax_gemm g = product(dx, m);
    g.m = v.n * v.h * v.w;
    g.n = g.ldc = v.c;
    g.k = v.kh * v.kw * v.oc;
    g.a = ax_conv_backward_patches(&v, dy);
    g.b = ax_matrix(w, v.oc, 1, v.oc);
    g.b.k_outer_stride = v.c * v.oc;
    return multiply("conv2d_grad_input", dx, dy, w, &g);
}

/* dw (taps, oc) = patches of x, transposed (taps, positions) x dy (positions, oc) */
int ax_conv2d_grad_weight(ax_tensor *dw, const ax_tensor *x, const ax_tensor *dy,
                          int stride_h, int stride_w, int pad_h, int pad_w, const ax_mult *m)
{
    ax_conv v = {.stride_h = stride_h, .stride_w = stride_w, .pad_h = pad_h, .pad_w = pad_w};
    AX_TRY(check_product("conv2d_grad_weight", "dw", dw, "x", x, "dy", dy, m));
    AX_TRY(ax_conv_geometry(&v, "conv2d_grad_weight", x, dw, dy, "x", "dw", "dy"));
    ax_gemm g = product(dw, m);
    g.m = v.kh * v.kw * v.c;
    g.n = g.ldc = v.oc;
    g.k = v.n * v.oh * v.ow;
    g.a = ax_conv_patches(&v, x, 1);
    g.b = ax_matrix(dy, 1, v.oc, g.k);
    return multiply("conv2d_grad_weight", dw, x, dy, &g);
}

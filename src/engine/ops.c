/* One checked entry for each op that is no product: validate, then call the kernel. Nothing here computes on elements. */
#include "base/error.h"
#include "base/rng.h"
#include "engine/api.h"
#include "engine/backend.h"
#include "engine/check.h"
#include "engine/engine.h"

#include <float.h>

static const int64_t INTEGER_MAX = INT64_C(1) << 53;       /* every whole number up to here is a double */

static const ax_kernels *kernels_of(const ax_tensor *t) { return t->engine->kernels; }

/* A stream of kernels/random.h: the purpose in the top byte. */
static uint64_t stream_of(enum ax_rng_purpose purpose, uint64_t number) { return (uint64_t)purpose << 56 | number; }

/* ---- activations; y may be x, dx may be dy ---- */

static int check_map(const char *op, const ax_tensor *y, const ax_tensor *x)
{
    AX_TRY(ax_check_tensor(op, "y", y, AX_F32, NULL));
    AX_TRY(ax_check_tensor(op, "x", x, AX_F32, y));
    return ax_check_same(op, "y", y, "x", x);
}

static int check_map_grad(const char *op, const ax_tensor *dx, const ax_tensor *dy, const ax_tensor *y)
{
    AX_TRY(ax_check_tensor(op, "dx", dx, AX_F32, NULL));
    AX_TRY(ax_check_tensor(op, "dy", dy, AX_F32, dx));
    AX_TRY(ax_check_tensor(op, "y", y, AX_F32, dx));
    AX_TRY(ax_check_same(op, "dx", dx, "dy", dy));
    return ax_check_same(op, "dy", dy, "y", y);
}

int ax_relu(ax_tensor *y, const ax_tensor *x)
{
    AX_TRY(check_map("relu", y, x));
    kernels_of(y)->relu_fwd(y->data, x->data, y->size);
    return AX_OK;
}

int ax_relu_grad(ax_tensor *dx, const ax_tensor *dy, const ax_tensor *y)
{
    AX_TRY(check_map_grad("relu_grad", dx, dy, y));
    kernels_of(dx)->relu_bwd(dx->data, dy->data, y->data, dx->size);
    return AX_OK;
}

int ax_tanh(ax_tensor *y, const ax_tensor *x)
{
    AX_TRY(check_map("tanh", y, x));
    kernels_of(y)->tanh_fwd(y->data, x->data, y->size);
    return AX_OK;
}

int ax_tanh_grad(ax_tensor *dx, const ax_tensor *dy, const ax_tensor *y)
{
    AX_TRY(check_map_grad("tanh_grad", dx, dy, y));
    kernels_of(dx)->tanh_bwd(dx->data, dy->data, y->data, dx->size);
    return AX_OK;
}

int ax_sigmoid(ax_tensor *y, const ax_tensor *x)
{
    AX_TRY(check_map("sigmoid", y, x));
    kernels_of(y)->sigmoid_fwd(y->data, x->data, y->size);
    return AX_OK;
}

int ax_sigmoid_grad(ax_tensor *dx, const ax_tensor *dy, const ax_tensor *y)
{
    AX_TRY(check_map_grad("sigmoid_grad", dx, dy, y));
    kernels_of(dx)->sigmoid_bwd(dx->data, dy->data, y->data, dx->size);
    return AX_OK;
}

/* layer < 2^24 and step < 2^32 make one stream: purpose, layer, step. */
int ax_dropout(ax_tensor *y, const ax_tensor *x, double rate, double seed, double layer, double step)
{
    int64_t s, l, t;
    AX_TRY(check_map("dropout", y, x));
    if (!(rate >= 0 && rate < 1)) return ax_fail(AX_EARG, "dropout: rate is %.17g; wanted at least 0 and below 1", rate);
    AX_TRY(ax_check_integer(&s, "dropout", "seed", seed, 0, INTEGER_MAX));
    AX_TRY(ax_check_integer(&l, "dropout", "layer", layer, 0, (1 << 24) - 1));
    AX_TRY(ax_check_integer(&t, "dropout", "step", step, 0, UINT32_MAX));
    kernels_of(y)->dropout(y->data, x->data, (float)rate, (uint64_t)s, stream_of(AX_RNG_DROPOUT, (uint64_t)l << 32 | (uint64_t)t), y->size);
    return AX_OK;
}

/* ---- pooling ---- */

static int pool_geometry(ax_pool *p, const char *op, const ax_tensor *x, const ax_tensor *y, const char *x_name, const char *y_name)
{
    AX_TRY(ax_check_rank(op, x_name, x, 4));
    AX_TRY(ax_check_rank(op, y_name, y, 4));
    AX_TRY(ax_check_apart(op, y_name, y, x_name, x));
    if (x->shape[0] != y->shape[0] || x->shape[3] != y->shape[3])
        return ax_fail(AX_ESHAPE, "%s: %s is %s but %s is %s: batches or channels differ", op, x_name, ax_shape(x), y_name, ax_shape(y));
    if (x->size > INT32_MAX) return ax_fail(AX_ESHAPE, "%s: %s is %s; wanted at most 2^31 - 1 elements", op, x_name, ax_shape(x));
    p->n = x->shape[0], p->h = x->shape[1], p->w = x->shape[2], p->c = x->shape[3];
    p->out_h = y->shape[1], p->out_w = y->shape[2];
    AX_TRY(ax_check_windows(op, "height", p->h, p->out_h, p->kernel_h, p->stride_h, p->pad_h));
    return ax_check_windows(op, "width", p->w, p->out_w, p->kernel_w, p->stride_w, p->pad_w);
}

static ax_pool pool_of(int kh, int kw, int stride_h, int stride_w, int pad_h, int pad_w)
{
    return (ax_pool){.kernel_h = kh, .kernel_w = kw, .stride_h = stride_h, .stride_w = stride_w, .pad_h = pad_h, .pad_w = pad_w};
}

int ax_maxpool(ax_tensor *y, ax_tensor *arg, const ax_tensor *x, int kh, int kw, int stride_h, int stride_w, int pad_h, int pad_w)
{
    ax_pool p = pool_of(kh, kw, stride_h, stride_w, pad_h, pad_w);
    AX_TRY(ax_check_tensor("maxpool", "y", y, AX_F32, NULL));
    AX_TRY(ax_check_tensor("maxpool", "arg", arg, AX_I32, y));
    AX_TRY(ax_check_tensor("maxpool", "x", x, AX_F32, y));
    AX_TRY(ax_check_same("maxpool", "y", y, "arg", arg));
    AX_TRY(pool_geometry(&p, "maxpool", x, y, "x", "y"));
    kernels_of(y)->maxpool_fwd(y->data, arg->data, x->data, &p);
    return AX_OK;
}

int ax_maxpool_grad(ax_tensor *dx, const ax_tensor *dy, const ax_tensor *arg, int kh, int kw, int stride_h, int stride_w, int pad_h, int pad_w)
{
    ax_pool p = pool_of(kh, kw, stride_h, stride_w, pad_h, pad_w);
    AX_TRY(ax_check_tensor("maxpool_grad", "dx", dx, AX_F32, NULL));
    AX_TRY(ax_check_tensor("maxpool_grad", "dy", dy, AX_F32, dx));
    AX_TRY(ax_check_tensor("maxpool_grad", "arg", arg, AX_I32, dx));
    AX_TRY(ax_check_same("maxpool_grad", "dy", dy, "arg", arg));
    AX_TRY(pool_geometry(&p, "maxpool_grad", dx, dy, "dx", "dy"));
    kernels_of(dx)->maxpool_bwd(dx->data, dy->data, arg->data, &p);
    return AX_OK;
}

int ax_avgpool(ax_tensor *y, const ax_tensor *x, int kh, int kw, int stride_h, int stride_w, int pad_h, int pad_w)
{
    ax_pool p = pool_of(kh, kw, stride_h, stride_w, pad_h, pad_w);
    AX_TRY(ax_check_tensor("avgpool", "y", y, AX_F32, NULL));
    AX_TRY(ax_check_tensor("avgpool", "x", x, AX_F32, y));
    AX_TRY(pool_geometry(&p, "avgpool", x, y, "x", "y"));
    kernels_of(y)->avgpool_fwd(y->data, x->data, &p);
    return AX_OK;
}

int ax_avgpool_grad(ax_tensor *dx, const ax_tensor *dy, int kh, int kw, int stride_h, int stride_w, int pad_h, int pad_w)
{
    ax_pool p = pool_of(kh, kw, stride_h, stride_w, pad_h, pad_w);
    AX_TRY(ax_check_tensor("avgpool_grad", "dx", dx, AX_F32, NULL));
    AX_TRY(ax_check_tensor("avgpool_grad", "dy", dy, AX_F32, dx));
    AX_TRY(pool_geometry(&p, "avgpool_grad", dx, dy, "dx", "dy"));
    kernels_of(dx)->avgpool_bwd(dx->data, dy->data, &p);
    return AX_OK;
}

/* ---- reductions and the loss ---- */

int ax_bias_grad(ax_tensor *db, const ax_tensor *dy)
{
    AX_TRY(ax_check_tensor("bias_grad", "db", db, AX_F32, NULL));
    AX_TRY(ax_check_tensor("bias_grad", "dy", dy, AX_F32, db));
    AX_TRY(ax_check_rank("bias_grad", "db", db, 1));
    AX_TRY(ax_check_apart("bias_grad", "db", db, "dy", dy));
    int64_t n = dy->shape[dy->rank - 1];
    if (db->shape[0] != n) return ax_fail(AX_ESHAPE, "bias_grad: db is %s but dy is %s: last dimensions differ", ax_shape(db), ax_shape(dy));
    kernels_of(db)->bias_grad(db->data, dy->data, dy->size / n, n);
    return AX_OK;
}

static int check_labels(const ax_tensor *labels, int64_t classes)
{
    if (!labels->engine->backend->host_memory) return AX_OK;      /* the device's kernel leaves such a row out */
    for (int64_t i = 0; i < labels->size; i++)
        if (ax_i32(labels)[i] >= classes)
            return ax_fail(AX_EARG, "softmax_xent: label %d of row %lld; the logits have %lld classes, 0 to %lld", ax_i32(labels)[i],
                           (long long)i, (long long)classes, (long long)classes - 1);
    return AX_OK;
}

int ax_softmax_xent(ax_tensor *dlogits, ax_tensor *totals, const ax_tensor *logits, const ax_tensor *labels)
{
    static const char op[] = "softmax_xent";
    AX_TRY(ax_check_tensor(op, "totals", totals, AX_F64, NULL));
    AX_TRY(ax_check_tensor(op, "logits", logits, AX_F32, totals));
    AX_TRY(ax_check_tensor(op, "labels", labels, AX_I32, totals));
    AX_TRY(ax_check_rank(op, "logits", logits, 2));
    int64_t rows = logits->shape[0], classes = logits->shape[1];
    if (totals->size != 3) return ax_fail(AX_ESHAPE, "%s: totals is %s; wanted (3): loss sum, correct, rows", op, ax_shape(totals));
    if (labels->size != rows) return ax_fail(AX_ESHAPE, "%s: logits is %s but labels is %s: rows differ", op, ax_shape(logits), ax_shape(labels));
    if (dlogits) {
        AX_TRY(ax_check_tensor(op, "dlogits", dlogits, AX_F32, totals));
        AX_TRY(ax_check_same(op, "dlogits", dlogits, "logits", logits));
        AX_TRY(ax_check_apart(op, "dlogits", dlogits, "logits", logits));
    }
    AX_TRY(check_labels(labels, classes));
    kernels_of(logits)->softmax_xent(dlogits ? dlogits->data : NULL, totals->data, logits->data, labels->data, rows, classes);
    return AX_OK;
}

int ax_argmax(ax_tensor *index, const ax_tensor *x)
{
    AX_TRY(ax_check_tensor("argmax", "index", index, AX_I32, NULL));
    AX_TRY(ax_check_tensor("argmax", "x", x, AX_F32, index));
    int64_t n = x->shape[x->rank - 1];
    if (index->size != x->size / n) return ax_fail(AX_ESHAPE, "argmax: index is %s but x is %s: rows differ", ax_shape(index), ax_shape(x));
    kernels_of(x)->argmax(index->data, x->data, x->size / n, n);
    return AX_OK;
}

/* ---- optimisers ---- */

/* A state or gradient of the weights w. */
static int check_beside(const char *op, const ax_tensor *w, const char *name, const ax_tensor *t)
{
    AX_TRY(ax_check_tensor(op, name, t, AX_F32, w));
    AX_TRY(ax_check_same(op, "w", w, name, t));
    return ax_check_apart(op, "w", w, name, t);
}

int ax_sgd_step(ax_tensor *w, ax_tensor *velocity, const ax_tensor *g, double lr, double momentum, double weight_decay, int nesterov)
{
    AX_TRY(ax_check_tensor("sgd_step", "w", w, AX_F32, NULL));
    AX_TRY(check_beside("sgd_step", w, "g", g));
    if (velocity) AX_TRY(check_beside("sgd_step", w, "velocity", velocity));
    if (velocity) AX_TRY(ax_check_apart("sgd_step", "velocity", velocity, "g", g));
    AX_TRY(ax_check_number("sgd_step", "lr", lr, 0, FLT_MAX));
    AX_TRY(ax_check_number("sgd_step", "momentum", momentum, 0, 1));
    AX_TRY(ax_check_number("sgd_step", "weight_decay", weight_decay, 0, FLT_MAX));
    if (momentum > 0 && !velocity) return ax_fail(AX_EARG, "sgd_step: momentum is %.17g but velocity is nil", momentum);
    if (nesterov && momentum == 0) return ax_fail(AX_EARG, "sgd_step: nesterov wants a momentum above 0");
    ax_sgd p = {.lr = (float)lr, .momentum = (float)momentum, .weight_decay = (float)weight_decay, .nesterov = nesterov != 0};
    kernels_of(w)->sgd_step(w->data, velocity ? velocity->data : NULL, g->data, &p, w->size);
    return AX_OK;
}

/* x^n by squaring: the same double on every machine, which libm's pow does not promise. */
static double whole_power(double x, int64_t n)
{
    double result = 1;
    for (; n > 0; n >>= 1, x *= x)
        if (n & 1) result *= x;
    return result;
}

/* The states are written, so they and the gradient lie apart. */
static int check_moments(const ax_tensor *m, const ax_tensor *v, const ax_tensor *g)
{
    AX_TRY(ax_check_apart("adam_step", "m", m, "v", v));
    AX_TRY(ax_check_apart("adam_step", "m", m, "g", g));
    return ax_check_apart("adam_step", "v", v, "g", g);
}

static int check_beta(const char *name, double beta)
{
    return beta >= 0 && beta < 1 ? AX_OK : ax_fail(AX_EARG, "adam_step: %s is %.17g; wanted at least 0 and below 1", name, beta);
}

int ax_adam_step(ax_tensor *w, ax_tensor *m, ax_tensor *v, const ax_tensor *g, double lr, double beta1, double beta2,
                 double eps, double weight_decay, int decoupled, double t)
{
    int64_t step;
    AX_TRY(ax_check_tensor("adam_step", "w", w, AX_F32, NULL));
    AX_TRY(check_beside("adam_step", w, "m", m));
    AX_TRY(check_beside("adam_step", w, "v", v));
    AX_TRY(check_beside("adam_step", w, "g", g));
    AX_TRY(check_moments(m, v, g));
    AX_TRY(ax_check_number("adam_step", "lr", lr, 0, FLT_MAX));
    AX_TRY(check_beta("beta1", beta1));
    AX_TRY(check_beta("beta2", beta2));
    AX_TRY(ax_check_number("adam_step", "eps", eps, 0, FLT_MAX));
    AX_TRY(ax_check_number("adam_step", "weight_decay", weight_decay, 0, FLT_MAX));
    AX_TRY(ax_check_integer(&step, "adam_step", "t", t, 1, INTEGER_MAX));
    ax_adam p = {.lr = (float)lr, .beta1 = (float)beta1, .beta2 = (float)beta2, .eps = (float)eps,
                 .weight_decay = (float)weight_decay, .decoupled = decoupled != 0};
    p.correction1 = (float)(1 - whole_power((double)p.beta1, step));      /* of the rounded betas, which the moments see */
    p.correction2 = (float)(1 - whole_power((double)p.beta2, step));
    kernels_of(w)->adam_step(w->data, m->data, v->data, g->data, &p, w->size);
    return AX_OK;
}

/* ---- filling and looking ---- */

int ax_fill(ax_tensor *t, double value)
{
    AX_TRY(ax_check_tensor("fill", "the tensor", t, AX_F32, NULL));
    kernels_of(t)->fill(t->data, (float)value, t->size);
    return AX_OK;
}

int ax_fill_uniform(ax_tensor *t, double lo, double hi, double seed, double stream)
{
    int64_t s, number;
    AX_TRY(ax_check_tensor("fill_uniform", "the tensor", t, AX_F32, NULL));
    AX_TRY(ax_check_number("fill_uniform", "lo", lo, -(double)FLT_MAX, hi));
    AX_TRY(ax_check_number("fill_uniform", "hi", hi, lo, FLT_MAX));
    AX_TRY(ax_check_integer(&s, "fill_uniform", "seed", seed, 0, INTEGER_MAX));
    AX_TRY(ax_check_integer(&number, "fill_uniform", "stream", stream, 0, INTEGER_MAX));
    kernels_of(t)->fill_uniform(t->data, (float)lo, (float)hi, (uint64_t)s, stream_of(AX_RNG_INIT, (uint64_t)number), t->size);
    return AX_OK;
}

int ax_all_finite(const ax_tensor *t)
{
    int32_t yes = 0;
    AX_TRY(ax_check_tensor("all_finite", "the tensor", t, AX_F32, NULL));
    const ax_engine *e = t->engine;
    e->kernels->all_finite(e->flag, t->data, t->size);
    return e->backend->get(&yes, e->flag, sizeof yes) ? ax_backend_status(e->backend) : yes;
}

/* Every gradient against central differences of L = sum r * f(x) in double, under fp32. For the products L is linear in each
 * argument, so a difference is exact up to rounding whatever its step. */
#include "tensors.h"

typedef struct case_ {
    const char *name;
    int64_t x[4], w[4], y[4];               /* shapes; w[0] = 0: no weights */
    float lo, hi;                           /* range of x */
    double step, bound;
    int stride, pad;
    int (*forward)(const struct case_ *c, ax_tensor *y, ax_tensor *arg, const ax_tensor *x, const ax_tensor *w);
    int (*backward)(const struct case_ *c, ax_tensor *dx, ax_tensor *dw, const ax_tensor *dy, const ax_tensor *x, const ax_tensor *w,
                    const ax_tensor *y, const ax_tensor *arg);
} grad_case;

#define FORWARD(name, call)                                                                                            \
    static int name(const grad_case *c, ax_tensor *y, ax_tensor *arg, const ax_tensor *x, const ax_tensor *w)          \
    {                                                                                                                  \
        (void)c, (void)arg, (void)w;                                                                                   \
        return call;                                                                                                   \
    }
#define BACKWARD(name, first, second)                                                                                  \
    static int name(const grad_case *c, ax_tensor *dx, ax_tensor *dw, const ax_tensor *dy, const ax_tensor *x,         \
                    const ax_tensor *w, const ax_tensor *y, const ax_tensor *arg)                                      \
    {                                                                                                                  \
        (void)c, (void)dw, (void)x, (void)w, (void)y, (void)arg;                                                       \
        AX_TRY(first);                                                                                                 \
        return second;                                                                                                 \
    }

FORWARD(conv, ax_conv2d(y, x, w, NULL, 0, c->stride, c->stride, c->pad, c->pad, mult_of("fp32")))
BACKWARD(conv_back, ax_conv2d_grad_input(dx, dy, w, c->stride, c->stride, c->pad, c->pad, mult_of("fp32")),
         ax_conv2d_grad_weight(dw, x, dy, c->stride, c->stride, c->pad, c->pad, mult_of("fp32")))
FORWARD(dense, ax_matmul(y, x, w, NULL, 0, 0, mult_of("fp32")))
BACKWARD(dense_back, ax_matmul(dx, dy, w, NULL, 0, 2, mult_of("fp32")), ax_matmul(dw, x, dy, NULL, 0, 1, mult_of("fp32")))
FORWARD(relu, ax_relu(y, x))
BACKWARD(relu_back, ax_relu_grad(dx, dy, y), AX_OK)
FORWARD(tanh_, ax_tanh(y, x))
BACKWARD(tanh_back, ax_tanh_grad(dx, dy, y), AX_OK)
FORWARD(sigmoid, ax_sigmoid(y, x))
BACKWARD(sigmoid_back, ax_sigmoid_grad(dx, dy, y), AX_OK)
FORWARD(maxpool, ax_maxpool(y, arg, x, 3, 3, c->stride, c->stride, c->pad, c->pad))
BACKWARD(maxpool_back, ax_maxpool_grad(dx, dy, arg, 3, 3, c->stride, c->stride, c->pad, c->pad), AX_OK)
FORWARD(avgpool, ax_avgpool(y, x, 3, 3, c->stride, c->stride, c->pad, c->pad))
BACKWARD(avgpool_back, ax_avgpool_grad(dx, dy, 3, 3, c->stride, c->stride, c->pad, c->pad), AX_OK)
FORWARD(dropout, ax_dropout(y, x, 0.5, 1, 2, 3))
BACKWARD(dropout_back, ax_dropout(dx, dy, 0.5, 1, 2, 3), AX_OK)

static const grad_case cases[] = {
    {"conv valid", {2, 6, 5, 3}, {3, 2, 3, 4}, {2, 4, 4, 4}, -1, 1, 0.25, 1e-4, 1, 0, conv, conv_back},
    {"conv same", {2, 5, 5, 2}, {3, 3, 2, 3}, {2, 5, 5, 3}, -1, 1, 0.25, 1e-4, 1, 1, conv, conv_back},
    {"conv stride 2, same", {1, 8, 8, 2}, {3, 3, 2, 3}, {1, 4, 4, 3}, -1, 1, 0.25, 1e-4, 2, 0, conv, conv_back},
    {"conv stride 2, padded", {1, 7, 7, 2}, {3, 3, 2, 3}, {1, 4, 4, 3}, -1, 1, 0.25, 1e-4, 2, 1, conv, conv_back},
    {"dense", {7, 9}, {9, 5}, {7, 5}, -1, 1, 0.25, 1e-4, 0, 0, dense, dense_back},
    {"relu", {40}, {0}, {40}, 0.1f, 2, 0.01, 1e-3, 0, 0, relu, relu_back},
    {"relu, negative", {40}, {0}, {40}, -2, -0.1f, 0.01, 1e-3, 0, 0, relu, relu_back},
    {"tanh", {40}, {0}, {40}, -3, 3, 0.01, 1e-3, 0, 0, tanh_, tanh_back},
    {"sigmoid", {40}, {0}, {40}, -5, 5, 0.01, 1e-3, 0, 0, sigmoid, sigmoid_back},
    {"maxpool", {1, 5, 5, 2}, {0}, {1, 3, 3, 2}, -9, 9, 1e-4, 2e-2, 2, 1, maxpool, maxpool_back},
    {"avgpool", {1, 5, 5, 2}, {0}, {1, 3, 3, 2}, -1, 1, 0.25, 1e-4, 2, 1, avgpool, avgpool_back},
    {"dropout", {40}, {0}, {40}, -1, 1, 0.25, 1e-4, 0, 0, dropout, dropout_back},
};
enum { CASES = sizeof cases / sizeof cases[0] };

static ax_tensor *shaped(ax_engine *e, int dtype, const int64_t *shape)
{
    int rank = 0;
    while (rank < 4 && shape[rank]) rank++;
    return rank ? tensor_of(e, dtype, rank, shape) : NULL;
}

typedef struct { const grad_case *c; ax_tensor *x, *w, *y, *arg, *r; } setup;

static double loss(const setup *s)
{
    double sum = 0;
    assert_ok(s->c->forward(s->c, s->y, s->arg, s->x, s->w));
    for (int64_t i = 0; i < s->y->size; i++) sum += (double)ax_f32(s->r)[i] * (double)ax_f32(s->y)[i];
    return sum;
}

static void compare(const setup *s, ax_tensor *at, const ax_tensor *gradient)
{
    for (int64_t i = 0; at && i < at->size; i++) {
        float old = ax_f32(at)[i], up = old + (float)s->c->step, down = old - (float)s->c->step;
        ax_f32(at)[i] = up;
        double high = loss(s);
        ax_f32(at)[i] = down;
        double slope = (high - loss(s)) / ((double)up - (double)down);
        ax_f32(at)[i] = old;
        assert_near(ax_f32(gradient) + i, &slope, 1, s->c->bound, s->c->name);
    }
}

static void gradients__equal_central_differences(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        const grad_case *c = &cases[i];
        ax_engine *e = engine_with(1);
        setup s = {c, shaped(e, AX_F32, c->x), shaped(e, AX_F32, c->w), shaped(e, AX_F32, c->y), shaped(e, AX_I32, c->y), shaped(e, AX_F32, c->y)};
        ax_tensor *dx = shaped(e, AX_F32, c->x), *dw = shaped(e, AX_F32, c->w);
        randomise(s.x, c->lo, c->hi, 80);
        randomise(s.r, -1, 1, 81);
        if (s.w) randomise(s.w, -1, 1, 82);
        loss(&s);
        assert_ok(c->backward(c, dx, dw, s.r, s.x, s.w, s.y, s.arg));
        compare(&s, s.x, dx);
        compare(&s, s.w, dw);
        ax_engine_free(e);
    }
}

static void softmax_xent__gradient_equals_central_differences(void **state)
{
    (void)state;
    enum { ROWS = 5, CLASSES = 4 };
    ax_engine *e = engine_with(1);
    ax_tensor *x = F32(e, ROWS, CLASSES), *g = F32(e, ROWS, CLASSES), *totals = F64(e, 3), *labels = I32(e, ROWS);
    const double label[] = {0, 3, -1, 2, 1}, *t = totals->data;
    randomise(x, -2, 2, 83);
    assert_ok(ax_tensor_write(labels, label, 0, ROWS));
    assert_ok(ax_softmax_xent(g, totals, x, labels));
    for (int i = 0; i < ROWS * CLASSES; i++) {
        float old = ax_f32(x)[i];
        double before = t[0], sides[2];
        for (int side = 0; side < 2; side++, before = t[0]) {
            ax_f32(x)[i] = side ? old - 0.01f : old + 0.01f;
            assert_ok(ax_softmax_xent(NULL, totals, x, labels));
            sides[side] = t[0] - before;
        }
        ax_f32(x)[i] = old;
        double slope = (sides[0] - sides[1]) / 0.02 / 4;       /* the mean over four labelled rows */
        assert_near(ax_f32(g) + i, &slope, 1, 1e-4, "softmax_xent");
    }
    ax_engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients__equal_central_differences),
        cmocka_unit_test(softmax_xent__gradient_equals_central_differences),
    };
    return cmocka_run_group_tests_name("grad_ops", tests, NULL, NULL);
}

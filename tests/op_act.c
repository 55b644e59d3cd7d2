/* exp, log, tanh and the logistic function over all exponents against libm in double; activations against their definitions. */
#include "tensors.h"

#include "kernels/math.h"

typedef float (*function)(float);
typedef double (*reference)(double);

static float our_exp(float x) { return ax_expf(x); }
static float our_log(float x) { return ax_logf(x); }
static float our_tanh(float x) { return ax_tanhf(x); }
static float our_sigmoid(float x) { return ax_sigmoidf(x); }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static double ulp_of(double x)
{
    int e;
    frexp(x, &e);
    return ldexp(1, e - 24);
}

/* Error of f(x) in units in the last place, or infinity where a special result is wrong. */
static double error_at(function f, reference g, float x)
{
    float y = f(x);
    double want = g((ax_bits(x) & 0x7f800000u) ? (double)x : 0.0 * (double)x);      /* a subnormal counts as zero */
    if (isnan(want)) return ax_bits(y) == 0x7fc00000u ? 0 : INFINITY;
    if (fabs(want) > (double)0x1.fffffep127f) return y == (float)want ? 0 : INFINITY;
    if (fabs(want) < 0x1p-126) return fabsf(y) <= 0x1p-126f ? 0 : INFINITY;
    return fabs((double)y - want) / ulp_of(want);
}

static void worst_error(function f, reference g, double bound, const char *name)
{
    double worst = 0;
    float at = 0;
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 1999) {
        float x = ax_float((uint32_t)bits);
        double error = error_at(f, g, x);
        if (error > worst) worst = error, at = x;
    }
    print_message("%s: at most %.2f ulp (at %a)\n", name, worst, (double)at);
    if (!(worst <= bound)) fail_msg("%s: %.2f ulp at %a; the header promises %.1f", name, worst, (double)at, bound);
}

static void math__keeps_its_stated_errors(void **state)
{
    (void)state;
    worst_error(our_exp, exp, 1.1, "exp");
    worst_error(our_log, log, 1, "log");
    worst_error(our_tanh, tanh, 1.5, "tanh");
    worst_error(our_sigmoid, sigmoid, 2.5, "sigmoid");
}

static void math__knows_the_special_values(void **state)
{
    (void)state;
    const float inf = INFINITY, nan = ax_float(0xffc12345u);
    assert_true(ax_expf(inf) == inf && ax_expf(-inf) == 0 && ax_expf(0) == 1 && ax_expf(-0.0f) == 1);
    assert_true(ax_expf(89) == inf && ax_expf(-104) == 0 && ax_expf(88.72283f) < inf);
    assert_true(ax_logf(0) == -inf && ax_logf(-0.0f) == -inf && ax_logf(1) == 0 && ax_logf(inf) == inf);
    assert_true(ax_is_nan(ax_logf(-1)) && ax_is_nan(ax_logf(-inf)));
    assert_true(ax_tanhf(inf) == 1 && ax_tanhf(-inf) == -1 && ax_tanhf(0) == 0 && ax_tanhf(20) == 1);
    assert_true(ax_sigmoidf(inf) == 1 && ax_sigmoidf(-inf) == 0 && ax_sigmoidf(0) == 0.5f);
    assert_true(ax_is_nan(ax_expf(nan)) && ax_is_nan(ax_logf(nan)) && ax_is_nan(ax_tanhf(nan)) && ax_is_nan(ax_sigmoidf(nan)));
}

typedef int (*map)(ax_tensor *y, const ax_tensor *x);
typedef int (*map_grad)(ax_tensor *dx, const ax_tensor *dy, const ax_tensor *y);

static double relu(double x) { return x > 0 ? x : 0; }
static double relu_slope(double y) { return y > 0; }
static double tanh_slope(double y) { return 1 - y * y; }
static double sigmoid_slope(double y) { return y * (1 - y); }

static const struct {
    const char *name;
    map forward;
    map_grad backward;
    reference f, slope;        /* the slope as a function of the output */
} activations[] = {
    {"relu", ax_relu, ax_relu_grad, relu, relu_slope},
    {"tanh", ax_tanh, ax_tanh_grad, tanh, tanh_slope},
    {"sigmoid", ax_sigmoid, ax_sigmoid_grad, sigmoid, sigmoid_slope},
};
enum { ACTIVATIONS = sizeof activations / sizeof activations[0], N = 100003 };

static void activations__equal_their_definitions(void **state)
{
    (void)state;
    ax_engine *e = engine_with(2);
    ax_tensor *x = F32(e, N), *y = F32(e, N), *dy = F32(e, N), *dx = F32(e, N), *want = F64(e, N);
    double *w = want->data;
    randomise(x, -6, 6, 1);
    randomise(dy, -2, 2, 2);
    for (int a = 0; a < ACTIVATIONS; a++) {
        assert_ok(activations[a].forward(y, x));
        for (int i = 0; i < N; i++) w[i] = activations[a].f((double)ax_f32(x)[i]);
        assert_near(y->data, w, N, 2e-7, activations[a].name);
        assert_ok(activations[a].backward(dx, dy, y));
        for (int i = 0; i < N; i++) w[i] = (double)ax_f32(dy)[i] * activations[a].slope((double)ax_f32(y)[i]);
        assert_near(dx->data, w, N, 4e-7, activations[a].name);
        dump(activations[a].name, "x", x), dump(activations[a].name, "y", y);
        dump(activations[a].name, "dy", dy), dump(activations[a].name, "dx", dx);
    }
    ax_engine_free(e);
}

static void activations__work_in_place_with_the_same_bits(void **state)
{
    (void)state;
    ax_engine *e = engine_with(4);
    ax_tensor *x = F32(e, N), *y = F32(e, N);
    for (int a = 0; a < ACTIVATIONS; a++) {
        randomise(x, -6, 6, 3);
        assert_ok(activations[a].forward(y, x));
        assert_ok(activations[a].forward(x, x));
        assert_memory_equal(x->data, y->data, N * sizeof(float));
    }
    ax_engine_free(e);
}

static void relu__lets_a_nan_through(void **state)
{
    (void)state;
    ax_engine *e = engine_with(1);
    ax_tensor *x = F32(e, 3);
    ax_f32(x)[0] = NAN, ax_f32(x)[1] = -INFINITY, ax_f32(x)[2] = INFINITY;
    assert_ok(ax_relu(x, x));
    assert_true(ax_is_nan(ax_f32(x)[0]) && ax_f32(x)[1] == 0 && ax_f32(x)[2] == INFINITY);
    ax_engine_free(e);
}

/* A product's own activation against the op of its name behind a product without one, NaN and infinity included. */
static void products__end_in_the_bits_of_their_activation(void **state)
{
    (void)state;
    static const char *const specs[] = {"fp32", "exact:7", "mit:10"};
    for (int i = 0; i < 3 * ACTIVATIONS; i++) {
        const ax_mult *m = mult_of(specs[i % 3]);
        int a = i / 3;
        ax_engine *e = engine_with(2);
        ax_tensor *x = F32(e, 3, 9, 7, 2), *w = F32(e, 3, 3, 2, 5), *bias = F32(e, 5), *y = F32(e, 3, 7, 5, 5), *want = F32(e, 3, 7, 5, 5);
        randomise(x, -3, 3, 4), randomise(w, -2, 2, 5), randomise(bias, -1, 1, 6);
        ax_f32(x)[40] = NAN, ax_f32(x)[200] = INFINITY;
        assert_ok(ax_conv2d(want, x, w, bias, 0, 1, 1, 0, 0, m));
        assert_ok(activations[a].forward(want, want));
        assert_ok(ax_conv2d(y, x, w, bias, a + 1, 1, 1, 0, 0, m));
        assert_memory_equal(y->data, want->data, (size_t)y->size * sizeof(float));
        ax_tensor *flat = ax_tensor_alias(e, x, 2, (const int64_t[]){27, 14}), *v = F32(e, 14, 5), *u = F32(e, 27, 5), *want_u = F32(e, 27, 5);
        randomise(v, -2, 2, 7);
        assert_ok(ax_matmul(want_u, flat, v, bias, 0, 0, m));
        assert_ok(activations[a].forward(want_u, want_u));
        assert_ok(ax_matmul(u, flat, v, bias, a + 1, 0, m));
        assert_memory_equal(u->data, want_u->data, (size_t)u->size * sizeof(float));
        assert_fails(ax_matmul(u, flat, v, bias, 4, 0, m), AX_EARG, "activation is 4; wanted 0 none, 1 relu, 2 tanh or 3 sigmoid");
        assert_fails(ax_conv2d(y, x, w, bias, -1, 1, 1, 0, 0, m), AX_EARG, "conv2d: activation is -1");
        ax_engine_free(e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(math__keeps_its_stated_errors),
        cmocka_unit_test(math__knows_the_special_values),
        cmocka_unit_test(activations__equal_their_definitions),
        cmocka_unit_test(activations__work_in_place_with_the_same_bits),
        cmocka_unit_test(relu__lets_a_nan_through),
        cmocka_unit_test(products__end_in_the_bits_of_their_activation),
    };
    return cmocka_run_group_tests_name("op_act", tests, NULL, NULL);
}

/* Optimiser steps against the textbook recurrences in double, over several steps. */
#include "tensors.h"

enum { N = 5000, STEPS = 6 };

/* Weights, gradients and state of one run, and the same in double. */
typedef struct {
    ax_engine *engine;
    ax_tensor *w, *g, *m, *v;
    double want[N], dm[N], dv[N];
} run;

static run *run_new(int threads)
{
    run *r = calloc(1, sizeof *r);
    r->engine = engine_with(threads);
    r->w = F32(r->engine, N), r->g = F32(r->engine, N), r->m = F32(r->engine, N), r->v = F32(r->engine, N);
    randomise(r->w, -1, 1, 30);
    for (int i = 0; i < N; i++) r->want[i] = (double)ax_f32(r->w)[i];
    return r;
}

static void run_free(run *r)
{
    ax_engine_free(r->engine);
    free(r);
}

/* The gradient of step t; dumped under the case's name, with the weights as step 0 has them. */
static void next_gradient(run *r, const char *name, int t)
{
    char tensor[16];
    randomise(r->g, -2, 2, 40 + (uint64_t)t);
    if (t == 1) dump(name, "w0", r->w);
    snprintf(tensor, sizeof tensor, "g%d", t);
    dump(name, tensor, r->g);
}

static void sgd(double lr, double momentum, double decay, int nesterov)
{
    run *r = run_new(2);
    char name[96];
    snprintf(name, sizeof name, "sgd,lr=%g,momentum=%g,decay=%g,nesterov=%d", lr, momentum, decay, nesterov);
    for (int t = 1; t <= STEPS; t++) {
        next_gradient(r, name, t);
        assert_ok(ax_sgd_step(r->w, momentum > 0 ? r->v : NULL, r->g, lr, momentum, decay, nesterov));
        for (int i = 0; i < N; i++) {
            double d = (double)ax_f32(r->g)[i] + decay * r->want[i];
            r->dv[i] = momentum * r->dv[i] + d;
            r->want[i] -= lr * (nesterov ? d + momentum * r->dv[i] : r->dv[i]);
        }
    }
    assert_near(r->w->data, r->want, N, 2e-6, name);
    dump(name, "w", r->w);
    run_free(r);
}

static void adam(double lr, double b1, double b2, double eps, double decay, int decoupled)
{
    run *r = run_new(2);
    char name[128];
    snprintf(name, sizeof name, "adam,lr=%g,beta1=%g,beta2=%g,eps=%g,decay=%g,decoupled=%d", lr, b1, b2, eps, decay, decoupled);
    for (int t = 1; t <= STEPS; t++) {
        next_gradient(r, name, t);
        assert_ok(ax_adam_step(r->w, r->m, r->v, r->g, lr, b1, b2, eps, decay, decoupled, t));
        for (int i = 0; i < N; i++) {
            double d = (double)ax_f32(r->g)[i] + (decoupled ? 0 : decay * r->want[i]);
            r->dm[i] = b1 * r->dm[i] + (1 - b1) * d;
            r->dv[i] = b2 * r->dv[i] + (1 - b2) * d * d;
            if (decoupled) r->want[i] *= 1 - lr * decay;
            r->want[i] -= lr * (r->dm[i] / (1 - pow(b1, t))) / (sqrt(r->dv[i] / (1 - pow(b2, t))) + eps);
        }
    }
    assert_near(r->w->data, r->want, N, 2e-6, name);
    dump(name, "w", r->w);
    run_free(r);
}

static void sgd__equals_its_recurrence(void **state)
{
    (void)state;
    sgd(0.1, 0, 0, 0);
    sgd(0.1, 0, 0.01, 0);
    sgd(0.05, 0.9, 0, 0);
    sgd(0.05, 0.9, 0.002, 0);
    sgd(0.05, 0.9, 0.002, 1);
}

static void adam__equals_its_recurrence(void **state)
{
    (void)state;
    adam(1e-3, 0.9, 0.999, 1e-7, 0, 0);
    adam(1e-2, 0.8, 0.99, 1e-3, 0.1, 0);
    adam(1e-2, 0.9, 0.999, 1e-8, 0.1, 1);
}

static void adam__first_step_is_the_rate_whatever_the_gradient(void **state)
{
    (void)state;
    ax_engine *e = engine_with(1);
    ax_tensor *w = F32(e, 4), *m = F32(e, 4), *v = F32(e, 4), *g = F32(e, 4);
    const double gradients[] = {1e-3, -5, 1e5, 0}, want[] = {-0.01, 0.01, -0.01, 0};
    assert_ok(ax_tensor_write(g, gradients, 0, 4));
    assert_ok(ax_adam_step(w, m, v, g, 0.01, 0.9, 0.999, 1e-12, 0, 0, 1));
    assert_near(w->data, want, 4, 1e-7, "first step");
    ax_engine_free(e);
}

static void optimisers__have_the_same_bits_on_any_number_of_threads(void **state)
{
    (void)state;
    enum { LARGE = 70001 };
    static float want[LARGE];
    for (int threads = 1; threads <= 4; threads++) {
        ax_engine *e = engine_with(threads);
        ax_tensor *w = F32(e, LARGE), *m = F32(e, LARGE), *v = F32(e, LARGE), *g = F32(e, LARGE);
        randomise(w, -1, 1, 50);
        randomise(g, -1, 1, 51);
        assert_ok(ax_adam_step(w, m, v, g, 1e-3, 0.9, 0.999, 1e-7, 0.01, 0, 1));
        assert_ok(ax_sgd_step(w, v, g, 1e-2, 0.9, 0.01, 1));
        if (threads == 1) memcpy(want, w->data, sizeof want);
        assert_memory_equal(w->data, want, sizeof want);
        ax_engine_free(e);
    }
}

static void optimisers__refuse_senseless_numbers(void **state)
{
    (void)state;
    ax_engine *e = engine_with(1);
    ax_tensor *w = F32(e, 4), *m = F32(e, 4), *v = F32(e, 4), *g = F32(e, 4), *other = F32(e, 2, 2);
    assert_fails(ax_sgd_step(w, NULL, g, 0.1, 0.9, 0, 0), AX_EARG, "momentum is 0.9");
    assert_fails(ax_sgd_step(w, v, g, NAN, 0.9, 0, 0), AX_EARG, "lr is nan");
    assert_fails(ax_sgd_step(w, v, g, 0.1, 0, 0, 1), AX_EARG, "nesterov");
    assert_fails(ax_sgd_step(w, v, other, 0.1, 0.9, 0, 0), AX_ESHAPE, "sgd_step: w is (4) but g is (2,2): shapes differ");
    assert_fails(ax_adam_step(w, m, v, g, 0.1, 0.9, 0.999, 1e-7, 0, 0, 1.5), AX_EARG, "t is 1.5");
    assert_fails(ax_adam_step(w, m, v, g, 0.1, 0.9, 0.999, 1e-7, 0, 0, 0), AX_EARG, "t is 0");
    assert_fails(ax_adam_step(w, m, v, g, 0.1, 1, 0.999, 1e-7, 0, 0, 1), AX_EARG, "beta1 is 1");
    assert_fails(ax_adam_step(w, m, w, g, 0.1, 0.9, 0.999, 1e-7, 0, 0, 1), AX_EARG, "w shares memory with v");
    assert_fails(ax_adam_step(w, v, v, g, 0.1, 0.9, 0.999, 1e-7, 0, 0, 1), AX_EARG, "m shares memory with v");
    ax_engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sgd__equals_its_recurrence),
        cmocka_unit_test(adam__equals_its_recurrence),
        cmocka_unit_test(adam__first_step_is_the_rate_whatever_the_gradient),
        cmocka_unit_test(optimisers__have_the_same_bits_on_any_number_of_threads),
        cmocka_unit_test(optimisers__refuse_senseless_numbers),
    };
    return cmocka_run_group_tests_name("op_optim", tests, NULL, NULL);
}

/* Pooling against its definition, window by window, in double. */
#include "tensors.h"

typedef struct { int n, h, w, c, oh, ow, kh, kw, sh, sw, ph, pw; } geometry;

/* out = what stride and padding give: whole windows, padding at the end, cells left over, overlap, gaps. */
static const geometry geometries[] = {
    {2, 4, 6, 3, 2, 3, 2, 2, 2, 2, 0, 0},
    {3, 5, 7, 6, 2, 3, 2, 2, 2, 2, 0, 0},
    {2, 5, 7, 4, 3, 4, 2, 2, 2, 2, 0, 0},
    {2, 7, 6, 5, 7, 6, 3, 3, 1, 1, 1, 1},
    {1, 9, 8, 1, 5, 4, 3, 2, 2, 2, 1, 0},
    {2, 8, 8, 17, 3, 3, 2, 1, 3, 3, 0, 0},
    {2, 6, 5, 2, 1, 1, 6, 5, 1, 1, 0, 0},
    {40, 28, 28, 6, 14, 14, 2, 2, 2, 2, 0, 0},
    /* pixels narrower and wider than vectors, rows longer than what is pooled at once, strides beyond it */
    {1, 6, 301, 3, 3, 150, 2, 2, 2, 2, 0, 0},
    {2, 3, 70, 15, 1, 35, 3, 3, 2, 2, 0, 1},
    {2, 2, 600, 1, 1, 3, 2, 5, 1, 290, 0, 0},
    {2, 6, 6, 16, 3, 3, 2, 2, 2, 2, 0, 0},
    {2, 7, 9, 33, 4, 4, 2, 3, 2, 2, 1, 0},
    {3, 5, 7, 40, 2, 3, 2, 2, 2, 2, 0, 0},
    {2, 9, 7, 20, 2, 3, 2, 1, 6, 3, 1, 0},
};
enum { GEOMETRIES = sizeof geometries / sizeof geometries[0] };

/* The index into x of tap (i, j) of an output, or -1 in the padding. */
static int64_t cell(const geometry *g, int n, int oh, int ow, int c, int i, int j)
{
    int y = oh * g->sh - g->ph + i, x = ow * g->sw - g->pw + j;
    if (y < 0 || y >= g->h || x < 0 || x >= g->w) return -1;
    return (((int64_t)n * g->h + y) * g->w + x) * g->c + c;
}

typedef struct { double max, sum; int64_t arg, count; } summary;

static summary look(const geometry *g, const float *x, int n, int oh, int ow, int c)
{
    summary s = {.max = -INFINITY, .arg = -1};
    for (int i = 0; i < g->kh; i++)
        for (int j = 0; j < g->kw; j++) {
            int64_t at = cell(g, n, oh, ow, c, i, j);
            if (at < 0) continue;
            s.sum += (double)x[at], s.count++;
            if ((double)x[at] > s.max || isnan(x[at])) s.max = (double)x[at], s.arg = at;
        }
    return s;
}

/* The maxima and where they are: the first of equals, but the last NaN if there are any. */
static void check_max(const geometry *g, const ax_tensor *x, const ax_tensor *max, const ax_tensor *arg)
{
    int64_t o = 0;
    for (int n = 0; n < g->n; n++)
        for (int oh = 0; oh < g->oh; oh++)
            for (int ow = 0; ow < g->ow; ow++)
                for (int c = 0; c < g->c; c++, o++) {
                    summary s = look(g, x->data, n, oh, ow, c);
                    assert_int_equal(ax_i32(arg)[o], s.arg);
                    assert_memory_equal(ax_f32(max) + o, ax_f32(x) + s.arg, sizeof(float));
                }
}

static void check_forward(const geometry *g, const ax_tensor *x, const ax_tensor *max, const ax_tensor *arg, const ax_tensor *mean)
{
    check_max(g, x, max, arg);
    int64_t o = 0;
    for (int n = 0; n < g->n; n++)
        for (int oh = 0; oh < g->oh; oh++)
            for (int ow = 0; ow < g->ow; ow++)
                for (int c = 0; c < g->c; c++, o++) {
                    summary s = look(g, x->data, n, oh, ow, c);
                    double average = s.sum / (double)s.count;
                    assert_near(ax_f32(mean) + o, &average, 1, 1e-6, "avgpool");
                }
}

/* The gradients, spread window by window into double. */
static void check_backward(const geometry *g, const ax_tensor *x, const ax_tensor *dy, const ax_tensor *dmax, const ax_tensor *dmean)
{
    double *max = calloc((size_t)x->size, sizeof *max), *mean = calloc((size_t)x->size, sizeof *mean);
    int64_t o = 0;
    for (int n = 0; n < g->n; n++)
        for (int oh = 0; oh < g->oh; oh++)
            for (int ow = 0; ow < g->ow; ow++)
                for (int c = 0; c < g->c; c++, o++) {
                    summary s = look(g, x->data, n, oh, ow, c);
                    double d = (double)ax_f32(dy)[o];
                    max[s.arg] += d;
                    for (int i = 0; i < g->kh; i++)
                        for (int j = 0; j < g->kw; j++) {
                            int64_t at = cell(g, n, oh, ow, c, i, j);
                            if (at >= 0) mean[at] += d / (double)s.count;
                        }
                }
    assert_near(dmax->data, max, x->size, 2e-6, "maxpool_grad");
    assert_near(dmean->data, mean, x->size, 2e-6, "avgpool_grad");
    free(max);
    free(mean);
}

static void dump_case(const geometry *g, const char *kind, const ax_tensor *x, const ax_tensor *y, const ax_tensor *dy, const ax_tensor *dx)
{
    char name[128];
    snprintf(name, sizeof name, "%s,kh=%d,kw=%d,sh=%d,sw=%d,ph=%d,pw=%d,h=%d,c=%d", kind, g->kh, g->kw, g->sh, g->sw, g->ph, g->pw, g->h, g->c);
    dump(name, "x", x), dump(name, "y", y), dump(name, "dy", dy), dump(name, "dx", dx);
}

static void pools__equal_their_definitions(void **state)
{
    (void)state;
    for (int i = 0; i < GEOMETRIES; i++) {
        const geometry *g = &geometries[i];
        ax_engine *e = engine_with(2);
        ax_tensor *x = F32(e, g->n, g->h, g->w, g->c), *dmax = F32(e, g->n, g->h, g->w, g->c), *dmean = F32(e, g->n, g->h, g->w, g->c);
        ax_tensor *max = F32(e, g->n, g->oh, g->ow, g->c), *mean = F32(e, g->n, g->oh, g->ow, g->c);
        ax_tensor *dy = F32(e, g->n, g->oh, g->ow, g->c), *arg = I32(e, g->n, g->oh, g->ow, g->c);
        randomise(x, -3, 1, 10);
        randomise(dy, -1, 1, 11);
        randomise(dmax, 5, 6, 12);       /* what was there before must not matter */
        randomise(dmean, 5, 6, 12);
        assert_ok(ax_maxpool(max, arg, x, g->kh, g->kw, g->sh, g->sw, g->ph, g->pw));
        assert_ok(ax_avgpool(mean, x, g->kh, g->kw, g->sh, g->sw, g->ph, g->pw));
        check_forward(g, x, max, arg, mean);
        assert_ok(ax_maxpool_grad(dmax, dy, arg, g->kh, g->kw, g->sh, g->sw, g->ph, g->pw));
        assert_ok(ax_avgpool_grad(dmean, dy, g->kh, g->kw, g->sh, g->sw, g->ph, g->pw));
        check_backward(g, x, dy, dmax, dmean);
        dump_case(g, "maxpool", x, max, dy, dmax);
        dump_case(g, "avgpool", x, mean, dy, dmean);
        ax_engine_free(e);
    }
}

/* Coarse values with many equals, zeros of both signs and NaNs, and what lies behind the outputs. */
static void maxpool__settles_ties_and_nans_alike_in_every_geometry(void **state)
{
    (void)state;
    for (int i = 0; i < GEOMETRIES; i++) {
        const geometry *g = &geometries[i];
        ax_engine *e = engine_with(2);
        ax_tensor *x = F32(e, g->n, g->h, g->w, g->c), *max = F32(e, g->n, g->oh, g->ow, g->c), *behind_max = F32(e, 64);
        ax_tensor *arg = I32(e, g->n, g->oh, g->ow, g->c), *behind_arg = F32(e, 64);
        randomise(x, -2, 2, 13), randomise(behind_max, 1, 2, 14), randomise(behind_arg, 1, 2, 14);
        for (int64_t k = 0; k < x->size; k++) ax_f32(x)[k] = k % 23 == 0 ? NAN : rintf(ax_f32(x)[k]);
        assert_ok(ax_maxpool(max, arg, x, g->kh, g->kw, g->sh, g->sw, g->ph, g->pw));
        check_max(g, x, max, arg);
        randomise(x, 1, 2, 14);
        if (x->size >= 64) assert_memory_equal(behind_max->data, x->data, 64 * sizeof(float));
        if (x->size >= 64) assert_memory_equal(behind_arg->data, x->data, 64 * sizeof(float));
        ax_engine_free(e);
    }
}

static void maxpool__takes_the_first_of_equals_and_any_nan(void **state)
{
    (void)state;
    ax_engine *e = engine_with(1);
    ax_tensor *x = F32(e, 1, 2, 4, 1), *y = F32(e, 1, 1, 2, 1), *arg = I32(e, 1, 1, 2, 1);
    const double in[] = {1, 7, 3, 4, 7, 7, NAN, 5};
    assert_ok(ax_tensor_write(x, in, 0, 8));
    assert_ok(ax_maxpool(y, arg, x, 2, 2, 2, 2, 0, 0));
    assert_true(ax_f32(y)[0] == 7);
    assert_int_equal(ax_i32(arg)[0], 1);
    assert_true(isnan(ax_f32(y)[1]));
    assert_int_equal(ax_i32(arg)[1], 6);
    ax_engine_free(e);
}

static void pools__refuse_windows_that_do_not_fit(void **state)
{
    (void)state;
    ax_engine *e = engine_with(1);
    ax_tensor *x = F32(e, 1, 4, 4, 1), *y = F32(e, 1, 3, 2, 1), *arg = I32(e, 1, 3, 2, 1);
    assert_fails(ax_avgpool(y, x, 2, 2, 2, 2, 0, 0), AX_ESHAPE,
                 "avgpool: 3 outputs do not fit 4 inputs along the height with kernel 2, stride 2, padding 0");
    assert_fails(ax_maxpool(y, arg, x, 2, 2, 1, 2, 0, 2), AX_EARG, "the padding is 2 along the width; wanted 0 to 1");
    assert_fails(ax_maxpool(y, arg, x, 2, 2, 0, 2, 0, 0), AX_EARG, "the stride is 0 along the height");
    assert_fails(ax_maxpool(y, arg, x, 2, 0, 1, 2, 0, 0), AX_EARG, "the kernel is 0 along the width");
    ax_engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pools__equal_their_definitions),
        cmocka_unit_test(maxpool__settles_ties_and_nans_alike_in_every_geometry),
        cmocka_unit_test(maxpool__takes_the_first_of_equals_and_any_nan),
        cmocka_unit_test(pools__refuse_windows_that_do_not_fit),
    };
    return cmocka_run_group_tests_name("op_pool", tests, NULL, NULL);
}

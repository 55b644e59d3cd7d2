/* Estimated gradients: the tables against smoothing and differencing written out, least squares, and the true gradient where it is
 * known; the sums against one product after another, to the bit. */
#include "tensors.h"

#include "engine/mult.h"
#include "kernels/gradient.h"

#include <math.h>
#include <string.h>

static const char *const specs[] = {"exact:1", "exact:2", "mit:3", "mbm:4", "mbm:5", "exact:7", "mbm:8", "mit:11"};
enum { SPECS = sizeof specs / sizeof specs[0] };

static const ax_gradient *gradient_of(const char *spec)
{
    const ax_gradient *g = ax_mult_gradient("test", mult_of(spec));
    if (!g) fail_msg("%s: %s", spec, ax_errmsg());
    return g;
}

/* p at fraction t of operand `by` and fraction o of the other, by the product of two floats. */
static double p_at(const char *spec, int by, int t, int o)
{
    const ax_lut_view *v = &ax_mult_lut(mult_of(spec))->view;
    float unit = ldexpf(1, -v->width), x = 1 + (float)t * unit, y = 1 + (float)o * unit;
    return (double)(by ? ax_product(v, y, x) : ax_product(v, x, y));
}

static double smoothed(const char *spec, int by, int t, int o, int h)
{
    double sum = 0;
    for (int i = t - h; i <= t + h; i++) sum += p_at(spec, by, i, o);
    return sum / (2 * h + 1);
}

/* What the paper prescribes, in units of 1 of xi. */
static double defined(const char *spec, int by, int t, int o, int n, int h)
{
    if (t - 1 - h >= 0 && t + 1 + h <= n - 1) return (smoothed(spec, by, t + 1, o, h) - smoothed(spec, by, t - 1, o, h)) / 2 * n;
    double least = p_at(spec, by, 0, o), most = least;
    for (int i = 1; i < n; i++) least = fmin(least, p_at(spec, by, i, o)), most = fmax(most, p_at(spec, by, i, o));
    return (most - least) / n * n;
}

static void assert_close(double got, double want, double bound, const char *what, const char *spec, int by, int t, int o)
{
    if (!(fabs(got - want) <= bound)) fail_msg("%s of %s by operand %d at %d, %d is %.9g; wanted %.9g", what, spec, by, t, o, got, want);
}

static void lut2d__is_the_difference_of_the_smoothed_product(void **state)
{
    (void)state;
    for (int s = 0; s < SPECS; s++) {
        const ax_gradient *g = gradient_of(specs[s]);
        int n = 1 << g->width, h = n / 16 ? n / 16 : 1, step = n > 256 ? 37 : 1;
        for (int by = 0; by < 2; by++)
            for (int o = 0; o < n; o += step) {
                for (int t = 0; t < n; t += step)
                    assert_close((double)g->table[by][t * n + o], defined(specs[s], by, t, o, n, h), 1e-6, "LUT-2D", specs[s], by, t, o);
                assert_close((double)g->table[by][n * n + o], 1 + (double)o / n, 0, "the row of zeros", specs[s], by, n, o);
            }
    }
}

/* The slope of the line with the least sum of squares: its residuals are orthogonal to a constant and to t. */
static void lut1d__is_the_slope_of_the_least_squares_line(void **state)
{
    (void)state;
    for (int s = 0; s < SPECS; s++) {
        const ax_gradient *g = gradient_of(specs[s]);
        int n = 1 << g->width;
        for (int by = 0; by < 2; by++)
            for (int o = 0; o < n; o += n > 256 ? 37 : 1) {
                double p_mean = 0, t_mean = (n - 1) / 2.0, residual = 0, squares = 0;
                for (int t = 0; t < n; t++) p_mean += p_at(specs[s], by, t, o) / n;
                for (int t = 0; t < n; t++) {
                    double u = (t - t_mean) / n;
                    residual += u * (p_at(specs[s], by, t, o) - p_mean - (double)g->slope[by][o] * u);
                    squares += u * u;
                }
                assert_close(residual / squares, 0, 1e-6, "the rest of LUT-1D", specs[s], by, 0, o);
            }
    }
}

/* A truncated product is at most 2^(1-m) below the product: four of them move a difference by no more than 2 / (2h + 1). */
static void tables_of_exact__approach_the_other_operand(void **state)
{
    (void)state;
    static const struct { const char *spec; double line; } cases[] = {{"exact:7", 0.03}, {"exact:9", 0.008}, {"exact:11", 0.002}};
    for (int s = 0; s < 3; s++) {
        const ax_gradient *g = gradient_of(cases[s].spec);
        int n = 1 << g->width, h = n / 16;
        for (int by = 0; by < 2; by++)
            for (int o = 0; o < n; o++) {
                double other = 1 + (double)o / n;
                for (int t = 0; t < n; t++)
                    assert_close((double)g->table[by][t * n + o], other, fmax(2.0 / (2 * h + 1), 5.0 / n), "LUT-2D", cases[s].spec, by, t, o);
                assert_close((double)g->slope[by][o], other, cases[s].line, "LUT-1D", cases[s].spec, by, 0, o);
            }
    }
}

/* Mitchell's p is 1 + x + y, and 2 (x + y) once that reaches 2: slopes 1 and 2, away from the bend and the ends. */
static void table_of_mitchell__has_its_two_slopes(void **state)
{
    (void)state;
    const ax_gradient *g = gradient_of("mit:11");
    int n = 1 << 11, h = n / 16, seen[2] = {0, 0};
    for (int by = 0; by < 2; by++)
        for (int o = 0; o < n; o += 7)
            for (int t = h + 1; t < n - h - 1; t += 5) {
                int below = t + o + h + 1 < n, above = t + o - h - 1 >= n;
                if (below || above) assert_close((double)g->table[by][t * n + o], below ? 1 : 2, 1e-6, "LUT-2D", "mit:11", by, t, o);
                seen[below] += below || above;
            }
    assert_true(seen[0] > 10000 && seen[1] > 10000);
}

/* ---- sums ---- */

static float flushed(float x) { return fabsf(x) < 0x1p-126f ? copysignf(0, x) : x; }

/* acc + a * b, subnormals flushed to zero at each step. */
static void add(float *acc, float a, float b) { *acc = flushed(*acc + flushed(flushed(a) * flushed(b))); }

/* The definition in other words: the exact gradient for what has no fraction, else a power of two times the table. */
static float gradient_at(const ax_gradient *g, int by, float s, float o)
{
    int m = g->width, j = (int)((ax_bits(o) & 0x7fffff) >> (23 - m)), i = (int)((ax_bits(s) & 0x7fffff) >> (23 - m));
    if (isnan(o)) return o;
    float scale = isinf(o) ? o : fabsf(o) < 0x1p-126f ? 0.0f : copysignf(ldexpf(1, ilogbf(o)), o);
    return flushed(scale * g->table[by][((isfinite(s) && fabsf(s) >= 0x1p-126f ? i : 1 << m) << m) + j]);
}

/* Ordinary numbers among zeros, and now and then a subnormal; `wild`: infinities and NaNs too. */
static void spoil(ax_tensor *t, int wild)
{
    static const uint32_t odd[] = {0, 0x80000000u, 1, 0x80000123u, 0x7f800000u, 0xff800000u, 0x7fc00000u};
    for (int64_t i = 0; i < t->size; i += 11) ax_f32(t)[i] = ax_float(odd[i / 11 % (wild ? 7 : 4)]);
}

static void same_bits(const ax_tensor *got, const float *want, const char *what)
{
    for (int64_t i = 0; i < got->size; i++) {
        float w = isnan(want[i]) ? ax_float(0x7fc00000u) : want[i] + 0.0f;
        if (ax_bits(ax_f32(got)[i]) != ax_bits(w))
            fail_msg("%s: element %lld of %lld is %.9g (%08x); wanted %.9g (%08x)", what, (long long)i, (long long)got->size,
                     (double)ax_f32(got)[i], ax_bits(ax_f32(got)[i]), (double)w, ax_bits(w));
    }
}

typedef struct { ax_tensor *x, *w, *dy, *dx, *dw; } operands;

static void fill_operands(operands *v, int wild)
{
    randomise(v->x, -2, 2, 80), randomise(v->w, -1, 1, 81), randomise(v->dy, -1, 1, 82);
    spoil(v->x, wild), spoil(v->w, wild), spoil(v->dy, wild && v->dy->size % 2);
}

static void check_dense(const char *spec, int batch, int k, int n, int wild, int threads)
{
    const ax_mult *m = mult_of(spec);
    const ax_gradient *g = gradient_of(spec);
    ax_engine *e = engine_with(threads);
    operands v = {F32(e, batch, k), F32(e, k, n), F32(e, batch, n), F32(e, batch, k), F32(e, k, n)};
    fill_operands(&v, wild);
    float *x = v.x->data, *w = v.w->data, *dy = v.dy->data;
    float *dx = calloc((size_t)v.dx->size, sizeof *dx), *dw = calloc((size_t)v.dw->size, sizeof *dw);
    for (int b = 0; b < batch; b++)
        for (int i = 0; i < k; i++)
            for (int j = 0; j < n; j++) {
                add(&dx[b * k + i], dy[b * n + j], gradient_at(g, 0, x[b * k + i], w[i * n + j]));
                add(&dw[i * n + j], gradient_at(g, 1, w[i * n + j], x[b * k + i]), dy[b * n + j]);
            }
    assert_ok(ax_dense_lut2d_grad_input(v.dx, v.x, v.w, v.dy, m));
    same_bits(v.dx, dx, spec);
    assert_ok(ax_dense_lut2d_grad_weight(v.dw, v.x, v.w, v.dy, m));
    same_bits(v.dw, dw, spec);
    free(dx);
    free(dw);
    ax_engine_free(e);
}

static void dense_lut2d__is_the_sum_of_gradients_looked_up(void **state)
{
    (void)state;
    static const int sizes[][3] = {{1, 1, 1}, {3, 5, 2}, {17, 33, 10}, {130, 70, 129}, {64, 65, 200}, {150, 3, 40}};
    for (int s = 0; s < SPECS; s++)
        for (int i = 0; i < 6; i++)
            for (int wild = 0; wild < 2; wild++) check_dense(specs[s], sizes[i][0], sizes[i][1], sizes[i][2], wild, 1 + i % 3);
}

typedef struct { int n, h, w, c, oh, ow, oc, kh, kw, sh, sw, ph, pw; } geometry;

static const geometry geometries[] = {
    {2, 6, 7, 3, 4, 5, 4, 3, 3, 1, 1, 0, 0},   {2, 6, 7, 1, 6, 7, 6, 5, 5, 1, 1, 2, 2}, {3, 8, 7, 2, 4, 4, 5, 3, 3, 2, 2, 0, 1},
    {1, 9, 9, 4, 3, 5, 17, 2, 3, 3, 2, 0, 1},  {5, 6, 7, 3, 6, 7, 4, 1, 1, 1, 1, 0, 0}, {2, 5, 5, 3, 3, 3, 2, 1, 1, 2, 2, 0, 0},
    {2, 8, 8, 33, 4, 4, 70, 3, 3, 2, 2, 1, 1},
};

/* Taps outermost, as in the forward product: ascending k for the sums by the input; positions ascend for each tap. */
static void define_conv(const geometry *g, const operands *v, const ax_gradient *t, float *dx, float *dw)
{
    const float *xs = v->x->data, *ws = v->w->data, *dys = v->dy->data;
    for (int n = 0; n < g->n; n++)
        for (int tap = 0; tap < g->kh * g->kw; tap++)
            for (int place = 0; place < g->oh * g->ow; place++) {
                int y = place / g->ow * g->sh - g->ph + tap / g->kw, x = place % g->ow * g->sw - g->pw + tap % g->kw;
                int inside = y >= 0 && y < g->h && x >= 0 && x < g->w;
                for (int c = 0; c < g->c; c++)
                    for (int oc = 0; oc < g->oc; oc++) {
                        int at = inside ? ((n * g->h + y) * g->w + x) * g->c + c : -1, i = (tap * g->c + c) * g->oc + oc;
                        float dy = dys[(n * g->oh * g->ow + place) * g->oc + oc];
                        if (inside) add(&dx[at], dy, gradient_at(t, 0, xs[at], ws[i]));
                        if (inside) add(&dw[i], gradient_at(t, 1, ws[i], xs[at]), dy);
                    }
            }
}

static void conv2d_lut2d__is_the_sum_of_gradients_looked_up(void **state)
{
    (void)state;
    for (int s = 0; s < SPECS; s++)
        for (size_t i = 0; i < sizeof geometries / sizeof *geometries; i++) {
            const geometry *g = geometries + i;
            ax_engine *e = engine_with(2);
            operands v = {F32(e, g->n, g->h, g->w, g->c), F32(e, g->kh, g->kw, g->c, g->oc), F32(e, g->n, g->oh, g->ow, g->oc),
                          F32(e, g->n, g->h, g->w, g->c), F32(e, g->kh, g->kw, g->c, g->oc)};
            fill_operands(&v, 0);
            float *dx = calloc((size_t)v.dx->size, sizeof *dx), *dw = calloc((size_t)v.dw->size, sizeof *dw);
            define_conv(g, &v, gradient_of(specs[s]), dx, dw);
            assert_ok(ax_conv2d_lut2d_grad_input(v.dx, v.x, v.w, v.dy, g->sh, g->sw, g->ph, g->pw, mult_of(specs[s])));
            same_bits(v.dx, dx, "conv2d_lut2d_grad_input");
            assert_ok(ax_conv2d_lut2d_grad_weight(v.dw, v.x, v.w, v.dy, g->sh, g->sw, g->ph, g->pw, mult_of(specs[s])));
            same_bits(v.dw, dw, "conv2d_lut2d_grad_weight");
            free(dx);
            free(dw);
            ax_engine_free(e);
        }
}

static void lut1d__scales_the_slope_of_each_number(void **state)
{
    (void)state;
    for (int s = 0; s < SPECS; s++)
        for (int by = 0; by < 2; by++) {
            const ax_gradient *g = gradient_of(specs[s]);
            ax_engine *e = engine_with(2);
            ax_tensor *x = F32(e, 70001), *y = F32(e, 70001);
            float *want = calloc((size_t)x->size, sizeof *want);
            randomise(x, -1000, 1000, 83);
            spoil(x, 1);
            for (int64_t i = 0; i < x->size; i++) {
                float v = ax_f32(x)[i], one = isfinite(v) && fabsf(v) >= 0x1p-126f ? copysignf(ldexpf(1, ilogbf(v)), v) : isfinite(v) ? 0 : v;
                want[i] = one * g->slope[by][(ax_bits(v) & 0x7fffff) >> (23 - g->width)];
            }
            assert_ok(ax_lut1d(y, x, by, mult_of(specs[s])));
            for (int64_t i = 0; i < x->size; i++) ax_f32(y)[i] = isnan(want[i]) && isnan(ax_f32(y)[i]) ? ax_float(0x7fc00000u) : ax_f32(y)[i] + 0;
            same_bits(y, want, "lut1d");
            free(want);
            ax_engine_free(e);
        }
}

static void lut2d__under_exact_11_is_near_the_exact_gradient(void **state)
{
    (void)state;
    ax_engine *e = engine_with(1);
    operands v = {F32(e, 20, 30), F32(e, 30, 40), F32(e, 20, 40), F32(e, 20, 30), F32(e, 30, 40)};
    ax_tensor *dx = F32(e, 20, 30), *dw = F32(e, 30, 40);
    fill_operands(&v, 0);
    assert_ok(ax_dense_lut2d_grad_input(v.dx, v.x, v.w, v.dy, mult_of("exact:11")));
    assert_ok(ax_dense_lut2d_grad_weight(v.dw, v.x, v.w, v.dy, mult_of("exact:11")));
    assert_ok(ax_matmul(dx, v.dy, v.w, NULL, 0, 2, mult_of("fp32")));
    assert_ok(ax_matmul(dw, v.x, v.dy, NULL, 0, 1, mult_of("fp32")));
    double apart = 0, whole = 0;
    for (int64_t i = 0; i < dx->size; i++) apart += pow((double)(ax_f32(dx)[i] - ax_f32(v.dx)[i]), 2), whole += pow((double)ax_f32(dx)[i], 2);
    assert_true(sqrt(apart / whole) < 0.005);
    apart = whole = 0;
    for (int64_t i = 0; i < dw->size; i++) apart += pow((double)(ax_f32(dw)[i] - ax_f32(v.dw)[i]), 2), whole += pow((double)ax_f32(dw)[i], 2);
    assert_true(sqrt(apart / whole) < 0.005);
    ax_engine_free(e);
}

static void ops__name_what_does_not_fit(void **state)
{
    (void)state;
    ax_engine *e = engine_with(1);
    ax_tensor *x = F32(e, 4, 3), *w = F32(e, 3, 2), *dy = F32(e, 4, 2), *dx = F32(e, 4, 3), *dw = F32(e, 3, 2), *odd = F32(e, 4, 5);
    const ax_mult *m = mult_of("mbm:5");
    assert_fails(ax_dense_lut2d_grad_input(dx, x, w, dy, mult_of("mbm:12")), AX_EARG, "dense_lut2d_grad_input: the multiplier is mbm:12; wanted");
    assert_fails(ax_dense_lut2d_grad_input(dx, x, w, dy, mult_of("fp32")), AX_EARG, "the multiplier is fp32; wanted a multiplier with a table");
    assert_fails(ax_dense_lut2d_grad_weight(dw, x, w, dy, NULL), AX_EARG, "dense_lut2d_grad_weight: the multiplier is nil");
    assert_fails(ax_dense_lut2d_grad_input(dx, x, w, odd, m), AX_ESHAPE, "dy (4,5); wanted (batch,k), (k,n) and (batch,n)");
    assert_fails(ax_dense_lut2d_grad_weight(dx, x, w, dy, m), AX_ESHAPE, "w is (3,2)");
    assert_fails(ax_dense_lut2d_grad_input(x, x, w, dy, m), AX_EARG, "dense_lut2d_grad_input: dx");
    assert_fails(ax_lut1d(odd, x, 0, m), AX_ESHAPE, "lut1d: y is (4,5)");
    assert_fails(ax_lut1d(dx, x, 2, m), AX_EARG, "lut1d: by is 2; wanted 0");
    ax_engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lut2d__is_the_difference_of_the_smoothed_product),
        cmocka_unit_test(lut1d__is_the_slope_of_the_least_squares_line),
        cmocka_unit_test(tables_of_exact__approach_the_other_operand),
        cmocka_unit_test(table_of_mitchell__has_its_two_slopes),
        cmocka_unit_test(dense_lut2d__is_the_sum_of_gradients_looked_up),
        cmocka_unit_test(conv2d_lut2d__is_the_sum_of_gradients_looked_up),
        cmocka_unit_test(lut1d__scales_the_slope_of_each_number),
        cmocka_unit_test(lut2d__under_exact_11_is_near_the_exact_gradient),
        cmocka_unit_test(ops__name_what_does_not_fit),
    };
    return cmocka_run_group_tests_name("op_gradient", tests, NULL, NULL);
}

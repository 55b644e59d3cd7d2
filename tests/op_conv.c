/* Convolution and its gradients against the definition, product by product in the order of MULTIPLIERS.md: the same bits under
 * a table, rounding apart under fp32. The table is not symmetric, so swapped operands would show. */
#include "tensors.h"

#include "engine/mult.h"

#include <unistd.h>

typedef struct { int n, h, w, c, oh, ow, oc, kh, kw, sh, sw, ph, pw; } geometry;

static const geometry geometries[] = {
    {2, 6, 7, 3, 4, 5, 4, 3, 3, 1, 1, 0, 0},
    {2, 6, 7, 1, 6, 7, 6, 5, 5, 1, 1, 2, 2},
    {3, 8, 7, 2, 4, 4, 5, 3, 3, 2, 2, 0, 1},
    {1, 9, 9, 4, 3, 5, 17, 2, 3, 3, 2, 0, 1},
    {2, 5, 5, 3, 3, 3, 2, 1, 1, 2, 2, 0, 0},
    {2, 4, 4, 2, 1, 1, 3, 4, 4, 1, 1, 0, 0},
    {2, 7, 6, 8, 7, 6, 16, 3, 3, 1, 1, 1, 1},
    {2, 9, 8, 3, 4, 3, 4, 3, 3, 2, 2, 0, 0},
    {2, 9, 8, 3, 5, 4, 6, 5, 5, 2, 2, 2, 1},
    {2, 11, 9, 6, 7, 5, 16, 5, 5, 1, 1, 0, 0},
    {2, 11, 9, 2, 4, 3, 3, 5, 5, 2, 2, 0, 0},
    {5, 6, 7, 3, 6, 7, 4, 1, 1, 1, 1, 0, 0},
    {67, 3, 3, 1, 3, 3, 2, 3, 3, 1, 1, 1, 1},
    {2, 2, 3, 2, 4, 5, 3, 3, 3, 1, 1, 2, 2},
    {2, 8, 8, 33, 4, 4, 5, 3, 3, 2, 2, 0, 0},
};
enum { GEOMETRIES = sizeof geometries / sizeof geometries[0] };

typedef struct { ax_tensor *x, *w, *y, *dy, *dx, *dw, *bias; } conv;

static conv conv_new(ax_engine *e, const geometry *g)
{
    conv v = {F32(e, g->n, g->h, g->w, g->c), F32(e, g->kh, g->kw, g->c, g->oc), F32(e, g->n, g->oh, g->ow, g->oc),
              F32(e, g->n, g->oh, g->ow, g->oc), F32(e, g->n, g->h, g->w, g->c), F32(e, g->kh, g->kw, g->c, g->oc), F32(e, g->oc)};
    randomise(v.x, -1, 1, 70), randomise(v.w, -1, 1, 71), randomise(v.dy, -1, 1, 72), randomise(v.bias, -1, 1, 73);
    return v;
}

/* One product of the definition: cells of x, w and y that meet at a tap. */
typedef void (*visit)(void *sums, const conv *v, const ax_lut_view *f, int64_t x, int64_t w, int64_t y);

static float product(const ax_lut_view *f, float a, float b) { return f->native ? a * b : ax_product(f, a, b); }
static void forward(void *s, const conv *v, const ax_lut_view *f, int64_t x, int64_t w, int64_t y)
{
    ((float *)s)[y] += product(f, ax_f32(v->x)[x], ax_f32(v->w)[w]);
}
static void by_input(void *s, const conv *v, const ax_lut_view *f, int64_t x, int64_t w, int64_t y)
{
    ((float *)s)[x] += product(f, ax_f32(v->dy)[y], ax_f32(v->w)[w]);
}
static void by_weight(void *s, const conv *v, const ax_lut_view *f, int64_t x, int64_t w, int64_t y)
{
    ((float *)s)[w] += product(f, ax_f32(v->x)[x], ax_f32(v->dy)[y]);
}

static void at_position(const geometry *g, const conv *v, const ax_lut_view *f, visit go, float *s, int n, int oh, int ow, int i, int j)
{
    int y = oh * g->sh - g->ph + i, x = ow * g->sw - g->pw + j;
    if (y < 0 || y >= g->h || x < 0 || x >= g->w) return;
    for (int c = 0; c < g->c; c++)
        for (int oc = 0; oc < g->oc; oc++)
            go(s, v, f, ((n * g->h + y) * g->w + x) * g->c + c, ((i * g->kw + j) * g->c + c) * g->oc + oc,
               ((n * g->oh + oh) * g->ow + ow) * g->oc + oc);
}

/* Visits every product, the taps of an image outermost: ascending k for the forward sums and for those by the input. The sums by
 * the weights run over positions, which ascend for each tap. */
static void define(const geometry *g, const conv *v, const ax_lut_view *f, visit go, float *sums)
{
    for (int n = 0; n < g->n; n++)
        for (int i = 0; i < g->kh; i++)
            for (int j = 0; j < g->kw; j++)
                for (int oh = 0; oh < g->oh; oh++)
                    for (int ow = 0; ow < g->ow; ow++) at_position(g, v, f, go, sums, n, oh, ow, i, j);
}

static void compare(const geometry *g, const conv *v, const ax_mult *m, visit go, const ax_tensor *got, const ax_tensor *bias, const char *what)
{
    float *sums = calloc((size_t)got->size, sizeof *sums);
    double *want = calloc((size_t)got->size, sizeof *want);
    define(g, v, &ax_mult_lut(m)->view, go, sums);
    for (int64_t i = 0; i < got->size; i++) want[i] = (double)(sums[i] + (bias ? ax_f32(bias)[i % g->oc] : 0));
    assert_near(got->data, want, got->size, ax_mult_lut(m)->view.native ? 1e-5 : 0, what);
    free(sums);
    free(want);
}

/* For PyTorch, whose sums are not in this order: fp32 alone. */
static void dump_case(const geometry *g, const conv *v)
{
    char name[128];
    snprintf(name, sizeof name, "conv2d,kh=%d,kw=%d,sh=%d,sw=%d,ph=%d,pw=%d,h=%d,c=%d,oc=%d", g->kh, g->kw, g->sh, g->sw, g->ph, g->pw, g->h,
             g->c, g->oc);
    ax_tensor *db = F32(v->y->engine, g->oc);
    assert_ok(ax_bias_grad(db, v->dy));
    dump(name, "x", v->x), dump(name, "w", v->w), dump(name, "bias", v->bias), dump(name, "y", v->y);
    dump(name, "dy", v->dy), dump(name, "dx", v->dx), dump(name, "dw", v->dw), dump(name, "db", db);
}

static void check_spec(const char *spec)
{
    const ax_mult *m = mult_of(spec);
    for (int i = 0; i < GEOMETRIES; i++) {
        const geometry *g = &geometries[i];
        ax_engine *e = engine_with(2);
        conv v = conv_new(e, g);
        assert_ok(ax_conv2d(v.y, v.x, v.w, v.bias, 0, g->sh, g->sw, g->ph, g->pw, m));
        compare(g, &v, m, forward, v.y, v.bias, "conv2d");
        assert_ok(ax_conv2d_grad_input(v.dx, v.dy, v.w, g->sh, g->sw, g->ph, g->pw, m));
        compare(g, &v, m, by_input, v.dx, NULL, "conv2d_grad_input");
        assert_ok(ax_conv2d_grad_weight(v.dw, v.x, v.dy, g->sh, g->sw, g->ph, g->pw, m));
        compare(g, &v, m, by_weight, v.dw, NULL, "conv2d_grad_weight");
        if (ax_mult_lut(m)->view.native) dump_case(g, &v);
        ax_engine_free(e);
    }
}

static void conv2d__equals_its_definition(void **state)
{
    (void)state;
    check_spec("fp32");
    check_spec("exact:7");
    check_spec("mbm:5");
    check_spec("mit:3");
}

static void conv2d__takes_the_data_as_first_operand(void **state)
{
    (void)state;
    uint8_t table[16];
    char path[64], spec[128];
    for (int i = 0; i < 16; i++) table[i] = (uint8_t)((i * 7 + i / 4) & 3);
    snprintf(path, sizeof path, "/tmp/ax_asymmetric_%d_2.bin", (int)getpid());
    snprintf(spec, sizeof spec, "lut:%s,width=2,format=u8", path);
    assert_ok(ax_file_write(path, table, sizeof table));
    check_spec(spec);
    unlink(path);
}

static void conv2d__names_what_does_not_fit(void **state)
{
    (void)state;
    ax_engine *e = engine_with(1);
    ax_tensor *x = F32(e, 128, 28, 28, 1), *w = F32(e, 5, 5, 3, 6), *w1 = F32(e, 5, 5, 1, 6), *y = F32(e, 128, 24, 24, 6), *small = F32(e, 128, 20, 24, 6);
    const ax_mult *m = mult_of("fp32");
    assert_fails(ax_conv2d(y, x, w, NULL, 0, 1, 1, 0, 0, m), AX_ESHAPE, "conv2d: x is (128,28,28,1) but w is (5,5,3,6): channels differ");
    assert_fails(ax_conv2d(small, x, w1, NULL, 0, 1, 1, 0, 0, m), AX_ESHAPE, "20 outputs do not fit 28 inputs along the height");
    assert_fails(ax_conv2d(y, x, w1, NULL, 0, 1, 1, 0, 0, NULL), AX_EARG, "conv2d: the multiplier is nil");
    assert_fails(ax_conv2d(y, NULL, w1, NULL, 0, 1, 1, 0, 0, m), AX_EARG, "conv2d: x is nil");
    assert_fails(ax_conv2d(y, x, w1, w1, 0, 1, 1, 0, 0, m), AX_ESHAPE, "bias is (5,5,1,6); wanted (6)");
    ax_engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv2d__equals_its_definition),
        cmocka_unit_test(conv2d__takes_the_data_as_first_operand),
        cmocka_unit_test(conv2d__names_what_does_not_fit),
    };
    return cmocka_run_group_tests_name("op_conv", tests, NULL, NULL);
}

/* Products against their definition, bit for bit: every instruction set this machine has, with one and two threads. The
 * definition is written here from ax_product and fmaf; operands are read here by kernels.h's formula, element by element. */
#include "check.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/split.h"
#include "lut/models/exact.h"
#include "lut/models/mbm.h"
#include "lut/models/mit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t rng_state;

static uint32_t draw(void)
{
    rng_state = rng_state * 6364136223846793005u + 1442695040888963407u;
    uint32_t x = (uint32_t)(rng_state >> 32);
    return x ^ x >> 15;
}

/* --- multipliers ------------------------------------------------------------------------------------------------- */

typedef struct {
    ax_lut_view view;
    ax_plan plan;
    uint32_t *words;
    void *memory;
} mult;

static void analyse(mult *t)
{
    size_t bytes = ax_plan_bytes(&t->view);
    t->memory = aligned_alloc(64, (bytes + 127) / 64 * 64);
    ax_plan_init(&t->plan, &t->view, t->memory);
}

static mult from_words(int m, uint32_t *words)
{
    return (mult){.view = {.width = m, .fused = m <= 7, .words = words, .direct = -1}, .words = words};
}

static uint32_t *new_words(int m) { return malloc(sizeof(uint32_t) << 2 * m); }

static mult from_model(ax_model model, int row, int m)
{
    mult t = {.view = {.width = m, .fused = m <= 7, .model = model, .direct = row}};
    if (m <= 11) {
        t.words = new_words(m);
        for (uint32_t e = 0; e < 1u << 2 * m; e++) t.words[e] = model((unsigned)m, e >> m, e & ((1u << m) - 1));
        t.view.words = t.words;
    }
    return t;
}

/* Random words of `bits` fraction bits. */
static mult from_noise(int m, int bits)
{
    uint32_t *words = new_words(m);
    for (uint32_t e = 0; e < 1u << 2 * m; e++) words[e] = (draw() & 0xffffffu) & ~0u << (23 - bits);
    return from_words(m, words);
}

static void release(mult *t)
{
    free(t->words);
    free(t->memory);
}

static const struct {
    const char *name;
    ax_model model;
} families[] = {
#define AX_FAMILY(name, widest, form, title, reference) {#name, ax_model_##name},
#include "lut/models.def"
#undef AX_FAMILY
};
enum { FAMILIES = sizeof families / sizeof *families };

/* --- the definition ---------------------------------------------------------------------------------------------- */

static float step(const ax_plan *p, float acc, float x, float y)
{
    if (p->lut.native) return fmaf(x, y, acc);
    uint32_t a = ax_bits(x), b = ax_bits(y);
    uint32_t ea = a >> 23 & 255, eb = b >> 23 & 255;
    float product = ax_product(&p->lut, x, y);
    int ordinary = ea != 0 && eb != 0 && ea != 255 && eb != 255;
    if (p->lut.fused && ordinary && product == 0.0f) {
        uint32_t word = ax_word(&p->lut, a, b);
        return fmaf(ldexpf(ax_float(0x3f800000u + (word & 0xffffffu)), (int)ea - 127) * (a >> 31 ? -1.0f : 1.0f),
                    ax_float(b & 0xff800000u), acc);
    }
    return acc + product;
}

static int64_t floor_mod(int64_t x, int64_t d) { return (x % d + d) % d; }

static float patch(const ax_operand *o, int64_t p, int64_t t)
{
    int64_t ow = p % o->out_w, oh = p / o->out_w % o->out_h, image = p / o->out_w / o->out_h;
    int64_t c = t % o->c, kw = t / o->c % o->kernel_w, kh = t / o->c / o->kernel_w;
    int64_t y = oh * o->stride_h - o->pad_h + kh * o->step, x = ow * o->stride_w - o->pad_w + kw * o->step;
    if (floor_mod(y, o->dilation_h) || floor_mod(x, o->dilation_w)) return 0.0f;
    if (y < 0 || x < 0 || y / o->dilation_h >= o->h || x / o->dilation_w >= o->w) return 0.0f;
    return o->data[((image * o->h + y / o->dilation_h) * o->w + x / o->dilation_w) * o->c + c];
}

static float element(const ax_operand *o, int64_t batch_offset, int64_t r, int64_t k)
{
    ax_operand moved = *o;
    moved.data += batch_offset;
    if (o->kind == AX_OPERAND_PATCHES) return o->transposed ? patch(&moved, k, r) : patch(&moved, r, k);
    return moved.data[r * o->row_stride + k / o->k_inner * o->k_outer_stride + k % o->k_inner * o->k_stride];
}

static float canonical(float x) { return x != x ? ax_float(0x7fc00000u) : x; }

static void define(const ax_gemm *g, float *c)
{
    unsigned csr = ax_cpu_flush();
    for (int64_t b = 0; b < g->batch; b++)
        for (int64_t i = 0; i < g->m; i++)
            for (int64_t j = 0; j < g->n; j++) {
                volatile float acc = 0.0f;
                for (int64_t k = 0; k < g->k; k++)
                    acc = step(g->plan, acc, element(&g->a, b * g->a_batch, i, k), element(&g->b, b * g->b_batch, j, k));
                acc = acc + 0.0f;
                if (g->bias) acc = acc + g->bias[j];
                c[b * g->c_batch + i * g->ldc + j] = canonical(acc);
            }
    ax_cpu_unflush(csr);
}

/* --- comparison -------------------------------------------------------------------------------------------------- */

static const char *const isas[] = {"c", "avx2", "avx512", "avx512bf16"};

static int use_isa(const char *isa)
{
    setenv("APPROXRUN_ISA", isa, 1);
    return ax_cpu_isa() != NULL;
}

static int64_t differing(const ax_gemm *g, const float *got, const float *want, int64_t floats)
{
    int64_t count = 0;
    (void)g;
    for (int64_t e = 0; e < floats; e++) count += ax_bits(got[e]) != ax_bits(want[e]);
    return count;
}

/* Runs g on every instruction set and 1 and 2 threads; what lies between the rows of C must stay. */
static void assert_defined(ax_gemm *g, const char *what)
{
    int64_t floats = (g->batch - 1) * g->c_batch + g->m * g->ldc;
    float *want = malloc((size_t)floats * sizeof *want), *got = malloc((size_t)floats * sizeof *got);
    for (int64_t e = 0; e < floats; e++) want[e] = 77.0f;
    define(g, want);
    g->c = got;
    for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
        if (!use_isa(isas[i])) continue;
        for (int threads = 1; threads <= 2; threads++) {
            g->threads = threads;
            for (int64_t e = 0; e < floats; e++) got[e] = 77.0f;
            ax_cpu_gemm(g);
            int64_t bad = differing(g, got, want, floats);
            if (bad)
                fail_msg("%s, m = %d, %s (%s), %d threads, %dx%dx%d: %lld of %lld differ", what, g->plan->lut.width, isas[i],
                         ax_plan_kernel(g->plan, 0), threads, (int)g->m, (int)g->n, (int)g->k, (long long)bad, (long long)floats);
        }
    }
    unsetenv("APPROXRUN_ISA");
    free(want);
    free(got);
}

static ax_operand matrix(const float *data, int64_t row_stride, int64_t k_stride, int64_t k)
{
    return (ax_operand){.kind = AX_OPERAND_MATRIX, .data = data, .row_stride = row_stride, .k_stride = k_stride, .k_inner = k};
}

/* Work memory for two threads, for every product here. */
static void *work_memory(void)
{
    static void *memory;
    size_t bytes;
    ax_cpu_gemm_work_bytes(&bytes, 2);
    if (!memory) memory = aligned_alloc(64, bytes);
    return memory;
}

static ax_gemm product(const mult *t, const float *a, const float *b, int64_t m, int64_t n, int64_t k)
{
    return (ax_gemm){.a = matrix(a, k, 1, k), .b = matrix(b, 1, n, k), .m = m, .n = n, .k = k, .ldc = n, .batch = 1,
                     .plan = &t->plan, .strict = 1, .work = work_memory()};
}

/* A number with an exponent of [low, high], one in eight a zero or a subnormal. */
static float number(uint32_t low, uint32_t high)
{
    uint32_t kind = draw() % 32, sign = draw() & 0x80000000u, fraction = draw() & 0x7fffffu;
    if (kind < 3) return ax_float(sign);
    if (kind == 3) return ax_float(sign | fraction);
    return ax_float(sign | (low + draw() % (high - low + 1)) << 23 | fraction);
}

static float *numbers(int64_t n, uint32_t low, uint32_t high)
{
    float *x = malloc((size_t)n * sizeof *x);
    for (int64_t e = 0; e < n; e++) x[e] = number(low, high);
    return x;
}

static void check_shape(const mult *t, int64_t m, int64_t n, int64_t k, uint32_t low, uint32_t high, const char *what)
{
    float *a = numbers(m * k, low, high), *b = numbers(n * k, low, high);
    ax_gemm g = product(t, a, b, m, n, k);
    assert_defined(&g, what);
    free(a);
    free(b);
}

/* --- products ---------------------------------------------------------------------------------------------------- */

/* Every pair of m-bit fractions once, with random lower bits, signs and exponents: at k = 0, then at k = 1 behind 0 x 1.7. */
static void check_all_pairs(const mult *t, const char *what)
{
    int m = t->view.width, side = 1 << m;
    float *a = malloc((size_t)(side + 3) * sizeof *a), *b = malloc((size_t)(side + 3) * 2 * sizeof *b);
    for (int i = 0; i < side; i++)
        for (int operand = 0; operand < 2; operand++) {
            uint32_t low = draw() & ((1u << (23 - m)) - 1), e = 66 + draw() % 120;
            (operand ? b : a)[i] = ax_float((draw() & 0x80000000u) | e << 23 | (uint32_t)i << (23 - m) | low);
        }
    a[side] = b[side] = 0.0f;
    a[side + 1] = b[side + 1] = -0.0f;
    a[side + 2] = b[side + 2] = ax_float(0x807fffffu);
    ax_gemm g = product(t, a, b, side + 3, side + 3, 1);
    assert_defined(&g, what);
    float *a2 = malloc((size_t)(side + 3) * 2 * sizeof *a2);
    for (int i = 0; i < side + 3; i++) {
        a2[2 * i] = 0.0f;
        a2[2 * i + 1] = a[i];
        b[side + 3 + i] = b[i];
        b[i] = 1.7f;
    }
    g = product(t, a2, b, side + 3, side + 3, 2);
    assert_defined(&g, what);
    free(a2);
    free(a);
    free(b);
}

static void products_of_every_mantissa_pair_equal_the_definition(void **state)
{
    (void)state;
    for (int m = 1; m <= 7; m++) {
        for (int f = 0; f < FAMILIES; f++) {
            mult t = from_model(families[f].model, f, m);
            analyse(&t);
            check_all_pairs(&t, families[f].name);
            release(&t);
        }
        mult noise = from_noise(m, m), wide = from_noise(m, 23);
        analyse(&noise);
        analyse(&wide);
        check_all_pairs(&noise, "random table");
        check_all_pairs(&wide, "random table of 23 output bits");
        release(&noise);
        release(&wide);
    }
}

/* Tables that ignore low operand bits, differently on each side, and those that are sums of odd parts. */
static void tables_with_structure_equal_the_definition(void **state)
{
    (void)state;
    for (int live_a = 1; live_a <= 7; live_a += 2)
        for (int live_b = 1; live_b <= 7; live_b += 3) {
            uint32_t *words = new_words(7), noise[128 * 128];
            for (int e = 0; e < 128 * 128; e++) noise[e] = (draw() & 0xffu) << 16;
            for (int e = 0; e < 128 * 128; e++)
                words[e] = noise[((e >> 7) >> (7 - live_a)) << live_b | (e & 127) >> (7 - live_b)];
            mult t = from_words(7, words);
            analyse(&t);
            check_all_pairs(&t, "dead bits");
            check_shape(&t, 70, 11, 37, 100, 150, "dead bits");
            release(&t);
        }
    for (int m = 2; m <= 11; m += 3) {
        uint32_t *words = new_words(m), alpha[1 << 11], beta[1 << 11], bits = ~0u << (23 - m);
        for (int i = 0; i < 1 << m; i++) alpha[i] = draw() & 0x7fffffu & bits, beta[i] = draw() & 0x7fffffu & bits;
        for (uint32_t e = 0; e < 1u << 2 * m; e++) words[e] = alpha[e >> m] + beta[e & ((1u << m) - 1)];
        mult t = from_words(m, words);
        analyse(&t);
        assert_true(t.plan.additive && t.plan.lut.fused);
        if (m <= 7) check_all_pairs(&t, "random sum");
        check_shape(&t, 17, 90, 133, 90, 160, "random sum");
        check_shape(&t, 90, 17, 133, 90, 160, "random sum");
        release(&t);
    }
}

static void a_flipped_table_entry_is_one_different_product(void **state)
{
    (void)state;
    for (int m = 2; m <= 7; m++) {
        mult t = from_noise(m, m);
        analyse(&t);
        int side = 1 << m;
        float a[128], b[128], *before = malloc(sizeof *before * 128 * 128), *after = malloc(sizeof *after * 128 * 128);
        for (int i = 0; i < side; i++) a[i] = b[i] = ax_float(127u << 23 | (uint32_t)i << (23 - m));
        ax_gemm g = product(&t, a, b, side, side, 1);
        for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
            if (!use_isa(isas[i])) continue;
            g.threads = 1;
            g.c = before;
            ax_cpu_gemm(&g);
            uint32_t entry = draw() & ((1u << 2 * m) - 1);
            t.words[entry] ^= 1u << (23 - m);
            ax_plan_init(&t.plan, &t.view, t.memory);
            g.c = after;
            ax_cpu_gemm(&g);
            assert_int_equal(differing(&g, before, after, side * side), 1);
            assert_true(before[entry] != after[entry]);
        }
        unsetenv("APPROXRUN_ISA");
        free(before);
        free(after);
        release(&t);
    }
}

/* --- sums -------------------------------------------------------------------------------------------------------- */

static void each_multiplier(void (*check)(const mult *t, const char *what), int from, int to)
{
    for (int m = from; m <= to; m++) {
        for (int f = 0; f < FAMILIES; f++) {
            mult t = from_model(families[f].model, f, m);
            analyse(&t);
            check(&t, families[f].name);
            release(&t);
        }
        if (m > 11) continue;
        mult noise = from_noise(m, m);
        analyse(&noise);
        check(&noise, "random table");
        release(&noise);
    }
}

static void check_shapes(const mult *t, const char *what)
{
    static const int64_t shapes[][3] = {{1, 1, 1},   {3, 65, 2},  {65, 3, 131}, {6, 100, 25}, {100, 6, 25},
                                        {37, 31, 70}, {9, 129, 5}, {25, 6, 300}, {1, 40, 260}, {40, 1, 9}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        check_shape(t, shapes[s][0], shapes[s][1], shapes[s][2], 118, 134, what);
}

static void ragged_shapes_equal_the_definition(void **state)
{
    (void)state;
    each_multiplier(check_shapes, 1, 9);
    each_multiplier(check_shapes, 11, 13);
    each_multiplier(check_shapes, 22, 23);
}

/* Exponents over 2^+-8 make nearly every other order of summation give other bits. */
static void check_long_sum(const mult *t, const char *what) { check_shape(t, 7, 35, 577, 119, 135, what); }

static void long_sums_of_wide_exponents_are_in_order(void **state)
{
    (void)state;
    each_multiplier(check_long_sum, 3, 8);
    each_multiplier(check_long_sum, 16, 16);
}

/* Large row and lane tiles, several of each. */
static void products_of_many_tiles_equal_the_definition(void **state)
{
    (void)state;
    mult t = from_noise(7, 7);
    analyse(&t);
    check_shape(&t, 530, 70, 20, 110, 140, "many tiles");
    check_shape(&t, 70, 900, 20, 110, 140, "many tiles");
    check_shape(&t, 300, 450, 10, 110, 140, "many tiles");
    release(&t);
}

static void check_tiny(const mult *t, const char *what)
{
    check_shape(t, 40, 50, 9, 1, 130, what);       /* most products below 2^-126: fused or flushed */
    check_shape(t, 50, 6, 9, 50, 80, what);
}

static void products_below_the_range_are_fused_or_flushed(void **state)
{
    (void)state;
    each_multiplier(check_tiny, 1, 23);
}

static void check_huge(const mult *t, const char *what)
{
    float *a = numbers(20 * 5, 1, 254), *b = numbers(70 * 5, 1, 254);
    ax_gemm g = product(t, a, b, 20, 70, 5);
    assert_defined(&g, what);                       /* overflow to either Inf, Inf - Inf */
    a[7] = INFINITY;
    b[11] = -INFINITY;
    a[50] = ax_float(0xffc12345u);
    a[60] = ax_float(0x00000001u);
    assert_defined(&g, what);
    a[7] = a[50] = 1.0f;
    b[11] = ax_float(254u << 23 | 0x7fffffu);
    assert_defined(&g, what);
    free(a);
    free(b);
}

static void overflow_infinity_and_nan_follow_the_rule(void **state)
{
    (void)state;
    each_multiplier(check_huge, 1, 23);
}

/* Operands of one exponent each, around the last products that are finite: ea + eb + carry - 127 of 253 to 255, and a first
 * operand of 2^127 whose fraction carries although the product is small. */
static void check_edges(const mult *t, const char *what)
{
    static const uint32_t exponents[][2] = {{254, 126}, {254, 127}, {254, 128}, {253, 128}, {128, 253}, {127, 254},
                                            {126, 254}, {191, 189}, {190, 190}, {254, 20},  {20, 254},  {1, 126}};
    for (size_t e = 0; e < sizeof exponents / sizeof *exponents; e++)
        for (int tall = 0; tall < 2; tall++) {
            int64_t m = tall ? 90 : 10, n = tall ? 10 : 90;
            float *a = malloc((size_t)m * 2 * sizeof *a), *b = malloc((size_t)n * 2 * sizeof *b);
            for (int64_t i = 0; i < 2 * m; i++) a[i] = ax_float((draw() & 0x807fffffu) | exponents[e][0] << 23);
            for (int64_t i = 0; i < 2 * n; i++) b[i] = ax_float((draw() & 0x807fffffu) | exponents[e][1] << 23);
            ax_gemm g = product(t, a, b, m, n, 2);
            assert_defined(&g, what);
            free(a);
            free(b);
        }
}

static void products_at_the_edges_of_the_range_equal_the_definition(void **state)
{
    (void)state;
    each_multiplier(check_edges, 1, 9);
    each_multiplier(check_edges, 23, 23);
}

/* --- operands ---------------------------------------------------------------------------------------------------- */

static void check_operands(ax_operand a, ax_operand b, int64_t m, int64_t n, int64_t k, const char *what)
{
    mult tables[3] = {from_noise(7, 7), from_model(ax_model_mit, 1, 5), {.view = {.width = 23, .native = 1, .direct = -1}}};
    for (int i = 0; i < 3; i++) {
        analyse(&tables[i]);
        ax_gemm g = {.a = a, .b = b, .m = m, .n = n, .k = k, .ldc = n + 3, .batch = 1, .plan = &tables[i].plan, .strict = 1,
                     .work = work_memory()};
        assert_defined(&g, what);
        release(&tables[i]);
    }
}

static void strided_matrices_are_read_by_their_strides(void **state)
{
    (void)state;
    float *x = numbers(200000, 110, 140);
    int64_t m = 45, n = 71, k = 150;
    for (int layout = 0; layout < 4; layout++) {
        ax_operand a = layout & 1 ? matrix(x, 1, m + 2, k) : matrix(x, k + 5, 1, k);
        ax_operand b = layout & 2 ? matrix(x + 50000, 1, n, k) : matrix(x + 50000, k, 1, k);
        check_operands(a, b, m, n, k, "transposition");
        check_operands(b, a, n, m, k, "transposition");
    }
    ax_operand odd = matrix(x + 9, 3, 150, k), levels = matrix(x + 100000, 10, 1, 10);
    levels.k_outer_stride = 10 * n;
    check_operands(odd, levels, m, n, k, "two levels of k");
    check_operands(levels, odd, n, m, k, "two levels of k");
    free(x);
}

/* Forward, weight gradient and input gradient of one convolution; weights are (kernel, kernel, c, oc). */
typedef struct {
    int64_t n, h, w, c, oc, kernel_h, kernel_w, stride, pad;
} conv;

static void check_convolution(const conv *v)
{
    int64_t oh = (v->h + 2 * v->pad - v->kernel_h) / v->stride + 1, ow = (v->w + 2 * v->pad - v->kernel_w) / v->stride + 1;
    int64_t taps = v->kernel_h * v->kernel_w * v->c, positions = v->n * oh * ow, inputs = v->n * v->h * v->w;
    float *x = numbers(inputs * v->c, 110, 140), *w = numbers(taps * v->oc, 110, 140);
    float *dy = numbers(positions * v->oc, 110, 140);
    ax_operand patches = {.kind = AX_OPERAND_PATCHES, .data = x, .n = v->n, .h = v->h, .w = v->w, .c = v->c, .out_h = oh,
                          .out_w = ow, .kernel_h = v->kernel_h, .kernel_w = v->kernel_w, .stride_h = v->stride,
                          .stride_w = v->stride, .pad_h = v->pad, .pad_w = v->pad, .dilation_h = 1, .dilation_w = 1, .step = 1};
    check_operands(patches, matrix(w, 1, v->oc, taps), positions, v->oc, taps, "forward");
    patches.transposed = 1;
    check_operands(patches, matrix(dy, 1, v->oc, positions), taps, v->oc, positions, "weight gradient");
    ax_operand back = {.kind = AX_OPERAND_PATCHES, .data = dy, .n = v->n, .h = oh, .w = ow, .c = v->oc, .out_h = v->h,
                       .out_w = v->w, .kernel_h = v->kernel_h, .kernel_w = v->kernel_w, .stride_h = 1, .stride_w = 1,
                       .pad_h = -v->pad, .pad_w = -v->pad, .dilation_h = v->stride, .dilation_w = v->stride, .step = -1};
    ax_operand turned = matrix(w, v->oc, 1, v->oc);
    turned.k_outer_stride = v->c * v->oc;
    check_operands(back, turned, inputs, v->c, v->kernel_h * v->kernel_w * v->oc, "input gradient");
    free(x);
    free(w);
    free(dy);
}

static void convolutions_equal_a_naive_im2col(void **state)
{
    static const conv cases[] = {
        {2, 9, 8, 1, 6, 5, 5, 1, 2}, {2, 7, 9, 6, 5, 5, 5, 1, 0}, {1, 9, 11, 3, 4, 3, 2, 2, 1},  {1, 8, 8, 5, 17, 3, 3, 3, 2},
        {3, 2, 2, 2, 3, 3, 3, 1, 1}, {1, 4, 30, 16, 3, 1, 1, 1, 0}, {2, 6, 5, 4, 2, 2, 5, 2, 3}, {1, 5, 5, 1, 1, 5, 5, 1, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_convolution(&cases[i]);
}

static void bias_rows_apart_and_batches_are_kept_apart(void **state)
{
    (void)state;
    mult t = from_model(ax_model_mbm, 2, 7);
    analyse(&t);
    int64_t m = 21, n = 33, k = 40, batch = 3;
    float *a = numbers(batch * m * k, 115, 135), *b = numbers(batch * n * k, 115, 135), *bias = numbers(n, 120, 130);
    bias[3] = INFINITY;
    bias[4] = -0.0f;
    ax_gemm g = product(&t, a, b, m, n, k);
    g.batch = batch;
    g.a_batch = m * k;
    g.b_batch = n * k;
    g.ldc = n + 9;
    g.c_batch = m * (n + 9);
    g.bias = bias;
    assert_defined(&g, "bias and batch");
    g.b_batch = 0;
    assert_defined(&g, "shared operand");
    g.k = 0;
    assert_defined(&g, "empty sum");
    free(a);
    free(b);
    free(bias);
    release(&t);
}

/* --- fp32 -------------------------------------------------------------------------------------------------------- */

static void strict_fp32_is_a_chain_of_fma(void **state)
{
    (void)state;
    mult t = {.view = {.width = 23, .native = 1, .direct = -1}};
    analyse(&t);
    check_shapes(&t, "fp32");
    check_long_sum(&t, "fp32");
    check_tiny(&t, "fp32");
    check_huge(&t, "fp32");
    release(&t);
}

/* sgemm's order is its own: against double, |error| <= K 2^-24 sum |a b|; and bits never depend on the threads. */
static void fast_fp32_is_near_double_and_the_same_for_any_threads(void **state)
{
    static const int64_t shapes[][3] = {{300, 270, 1000}, {6, 25, 5000}, {700, 6, 25}, {1, 10, 84}};
    (void)state;
    mult t = {.view = {.width = 23, .native = 1, .direct = -1}};
    analyse(&t);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int64_t m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
        float *a = numbers(m * k, 118, 133), *b = numbers(n * k, 118, 133);
        float *c = malloc((size_t)(m * n) * sizeof *c), *again = malloc((size_t)(m * n) * sizeof *again);
        ax_gemm g = product(&t, a, b, m, n, k);
        g.strict = 0;
        g.c = c;
        g.threads = 1;
        ax_cpu_gemm(&g);
        g.c = again;
        g.threads = 2;
        ax_cpu_gemm(&g);
        assert_memory_equal(c, again, (size_t)(m * n) * sizeof *c);
        for (int64_t e = 0; e < m * n; e += 1 + m * n / 500) {
            double sum = 0, size = 0;
            for (int64_t q = 0; q < k; q++) {
                double p = (double)a[e / n * k + q] * b[q * n + e % n];
                sum += p;
                size += fabs(p);
            }
            assert_true(fabs(sum - c[e]) <= (double)k * ldexp(size, -24));
        }
        free(a);
        free(b);
        free(c);
        free(again);
    }
    release(&t);
}

static void an_unknown_instruction_set_has_no_name(void **state)
{
    (void)state;
    setenv("APPROXRUN_ISA", "avx1024", 1);
    assert_null(ax_cpu_isa());
    setenv("APPROXRUN_ISA", "c", 1);
    assert_string_equal(ax_cpu_isa(), "c");
    unsetenv("APPROXRUN_ISA");
    assert_non_null(ax_cpu_isa());
    printf("instruction set: %s, BLAS kernel: %s\n", ax_cpu_isa(), ax_cpu_blas());
}

int main(void)
{
    rng_state = 20240229;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_instruction_set_has_no_name),
        cmocka_unit_test(products_of_every_mantissa_pair_equal_the_definition),
        cmocka_unit_test(tables_with_structure_equal_the_definition),
        cmocka_unit_test(a_flipped_table_entry_is_one_different_product),
        cmocka_unit_test(ragged_shapes_equal_the_definition),
        cmocka_unit_test(long_sums_of_wide_exponents_are_in_order),
        cmocka_unit_test(products_of_many_tiles_equal_the_definition),
        cmocka_unit_test(products_below_the_range_are_fused_or_flushed),
        cmocka_unit_test(overflow_infinity_and_nan_follow_the_rule),
        cmocka_unit_test(products_at_the_edges_of_the_range_equal_the_definition),
        cmocka_unit_test(strided_matrices_are_read_by_their_strides),
        cmocka_unit_test(convolutions_equal_a_naive_im2col),
        cmocka_unit_test(bias_rows_apart_and_batches_are_kept_apart),
        cmocka_unit_test(strict_fp32_is_a_chain_of_fma),
        cmocka_unit_test(fast_fp32_is_near_double_and_the_same_for_any_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

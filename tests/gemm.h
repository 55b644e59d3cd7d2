/* What tests of products share: multipliers, the definition written from ax_product and fmaf, operands read by kernels.h's
 * formula element by element, and comparison bit for bit on every instruction set this machine has, with 1 and 2 threads. */
#ifndef AX_TESTS_GEMM_H
#define AX_TESTS_GEMM_H

#include "check.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/split.h"
#include "lut/models/all.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t rng_state;

static inline uint32_t draw(void)
{
    rng_state = rng_state * 6364136223846793005u + 1442695040888963407u;
    uint32_t x = (uint32_t)(rng_state >> 32);
    return x ^ x >> 15;
}

/* --- multipliers ------------------------------------------------------------------------------------------------- */

typedef struct {
    char name[32];           /* for messages */
    ax_lut_view view;
    ax_plan plan;
    uint32_t *words;
    void *memory;
} mult;

static const struct {
    const char *name;
    ax_model model;
    enum ax_form form;
} families[] = {
#define AX_FAMILY(name, widest, form, title, reference) {#name, ax_model_##name, form},
#include "lut/models.def"
};
enum { FAMILIES = sizeof families / sizeof *families };

/* The keys of `mult list`, or the nearest that width m allows. */
static inline ax_model_keys example_keys(const char *family, int m)
{
    ax_model_keys p = {.m = (unsigned)m};
    int n = 0;
#define AX_KEY(of, name, least, over, standard, example) \
    if (!strcmp(family, #of)) p.key[n++] = (example) < m + (over) ? (example) : m + (over);
#define AX_CHOICE(of, name, words, standard, example) \
    if (!strcmp(family, #of)) p.key[n++] = (example);
#include "lut/models.def"
    return p;
}

static inline void analyse(mult *t)
{
    size_t bytes = ax_plan_bytes(&t->view);
    free(t->memory);
    t->memory = aligned_alloc(64, (bytes + 127) / 64 * 64);
    ax_plan_init(&t->plan, &t->view, t->memory);
}

static inline mult from_words(int m, uint32_t *words)
{
    return (mult){.view = {.width = m, .fused = m <= 7, .words = words, .direct = -1}, .words = words};
}

static inline uint32_t *new_words(int m) { return malloc(sizeof(uint32_t) << 2 * m); }

static inline mult from_model(ax_model model, int row, int m)
{
    mult t = {.view = {.width = m, .fused = m <= 7, .model = model, .direct = row}};
    t.view.keys.m = (unsigned)m;
    for (int i = 0; i < FAMILIES; i++) {
        if (families[i].model != model) continue;
        snprintf(t.name, sizeof t.name, "%s:%d", families[i].name, m);
        t.view.keys = example_keys(families[i].name, m);
    }
    if (m <= 11) {
        t.words = new_words(m);
        for (uint32_t e = 0; e < 1u << 2 * m; e++) t.words[e] = model(&t.view.keys, e >> m, e & ((1u << m) - 1));
        t.view.words = t.words;
    }
    return t;
}

/* Random words of `bits` fraction bits. */
static inline mult from_noise(int m, int bits)
{
    uint32_t *words = new_words(m);
    for (uint32_t e = 0; e < 1u << 2 * m; e++) words[e] = (draw() & 0xffffffu) & ~0u << (23 - bits);
    mult t = from_words(m, words);
    snprintf(t.name, sizeof t.name, "random:%d/%d", m, bits);
    return t;
}

/* word(i, j) = alpha(i) + beta(j), both random. */
static inline mult from_random_sum(int m)
{
    uint32_t alpha[1 << 11], beta[1 << 11], bits = ~0u << (23 - m), *words = new_words(m);
    for (int i = 0; i < 1 << m; i++) alpha[i] = draw() & 0x7fffffu & bits, beta[i] = draw() & 0x7fffffu & bits;
    for (uint32_t e = 0; e < 1u << 2 * m; e++) words[e] = alpha[e >> m] + beta[e & ((1u << m) - 1)];
    mult t = from_words(m, words);
    snprintf(t.name, sizeof t.name, "sum:%d", m);
    return t;
}

/* The same, analysed. */
static inline mult ready(mult t)
{
    analyse(&t);
    return t;
}

static inline void release(mult *t)
{
    free(t->words);
    free(t->memory);
}

/* --- the definition ---------------------------------------------------------------------------------------------- */

static inline float step(const ax_plan *p, float acc, float x, float y)
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

static inline int64_t floor_mod(int64_t x, int64_t d) { return (x % d + d) % d; }

static inline float patch(const ax_operand *o, int64_t p, int64_t t)
{
    int64_t ow = p % o->out_w, oh = p / o->out_w % o->out_h, image = p / o->out_w / o->out_h;
    int64_t c = t % o->c, kw = t / o->c % o->kernel_w, kh = t / o->c / o->kernel_w;
    int64_t y = oh * o->stride_h - o->pad_h + kh * o->step, x = ow * o->stride_w - o->pad_w + kw * o->step;
    if (floor_mod(y, o->dilation_h) || floor_mod(x, o->dilation_w)) return 0.0f;
    if (y < 0 || x < 0 || y / o->dilation_h >= o->h || x / o->dilation_w >= o->w) return 0.0f;
    return o->data[((image * o->h + y / o->dilation_h) * o->w + x / o->dilation_w) * o->c + c];
}

static inline float element(const ax_operand *o, int64_t batch_offset, int64_t r, int64_t k)
{
    ax_operand moved = *o;
    moved.data += batch_offset;
    if (o->kind == AX_OPERAND_PATCHES) return o->transposed ? patch(&moved, k, r) : patch(&moved, r, k);
    return moved.data[r * o->row_stride + k / o->k_inner * o->k_outer_stride + k % o->k_inner * o->k_stride];
}

static inline float canonical(float x) { return x != x ? ax_float(0x7fc00000u) : x; }

static inline void define(const ax_gemm *g, float *c)
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

static inline int use_isa(const char *isa)
{
    setenv("APPROXRUN_ISA", isa, 1);
    return ax_cpu_isa() != NULL;
}

static inline int64_t differing(const ax_gemm *g, const float *got, const float *want, int64_t floats)
{
    int64_t count = 0;
    (void)g;
    for (int64_t e = 0; e < floats; e++) count += ax_bits(got[e]) != ax_bits(want[e]);
    return count;
}

/* Runs g on every instruction set and 1 and 2 threads; what lies between the rows of C must stay. */
static inline void assert_defined(ax_gemm *g, const char *what)
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
                         ax_plan_kernel(g->plan, 0), threads, (int)g->m, (int)g->n, (int)g->k, (long long)bad,
                         (long long)floats);
        }
    }
    unsetenv("APPROXRUN_ISA");
    free(want);
    free(got);
}

static inline ax_operand matrix(const float *data, int64_t row_stride, int64_t k_stride, int64_t k)
{
    return (ax_operand){.kind = AX_OPERAND_MATRIX, .data = data, .row_stride = row_stride, .k_stride = k_stride, .k_inner = k};
}

/* Work memory for two threads, for every product here. */
static inline void *work_memory(void)
{
    static void *memory;
    size_t bytes;
    ax_cpu_gemm_work_bytes(&bytes, 2);
    if (!memory) memory = aligned_alloc(64, bytes);
    return memory;
}

static inline ax_gemm product(const mult *t, const float *a, const float *b, int64_t m, int64_t n, int64_t k)
{
    return (ax_gemm){.a = matrix(a, k, 1, k), .b = matrix(b, 1, n, k), .m = m, .n = n, .k = k, .ldc = n, .batch = 1,
                     .plan = &t->plan, .strict = 1, .work = work_memory()};
}

/* A number with an exponent of [low, high], one in eight a zero or a subnormal. */
static inline float number(uint32_t low, uint32_t high)
{
    uint32_t kind = draw() % 32, sign = draw() & 0x80000000u, fraction = draw() & 0x7fffffu;
    if (kind < 3) return ax_float(sign);
    if (kind == 3) return ax_float(sign | fraction);
    return ax_float(sign | (low + draw() % (high - low + 1)) << 23 | fraction);
}

static inline float *numbers(int64_t n, uint32_t low, uint32_t high)
{
    float *x = malloc((size_t)n * sizeof *x);
    for (int64_t e = 0; e < n; e++) x[e] = number(low, high);
    return x;
}

static inline void check_shape(const mult *t, int64_t m, int64_t n, int64_t k, uint32_t low, uint32_t high, const char *what)
{
    float *a = numbers(m * k, low, high), *b = numbers(n * k, low, high);
    ax_gemm g = product(t, a, b, m, n, k);
    assert_defined(&g, what);
    free(a);
    free(b);
}

/* Every pair of m-bit fractions once, with random lower bits, signs and exponents: at k = 0, then at k = 1 behind 0 x 1.7. */
static inline void check_all_pairs(const mult *t, const char *what)
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

#endif

/* operands=round and compat=approxtrain: rounding against nearbyint in double, products and gradients under the one against those of
 * arrays rounded before, the other against its rule written in divisions and remainders, and how specs name both. */
#include "tensors.h"

#include "base/hash.h"
#include "engine/mult.h"

#include <unistd.h>

static uint64_t random_state = 1;

/* Splitmix64 (Steele, Lea and Flood, OOPSLA 2014). */
static uint32_t draw(void)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(z >> 16);
}

/* ---- rounding ---- */

/* By the processor's own rounding of a number scaled to where its last bit is 1. */
static float nearest(float x, int m)
{
    if (!isfinite(x) || fabsf(x) < 0x1p-126f) return x;
    int e = ilogb((double)x);
    double y = ldexp(nearbyint(ldexp((double)x, m - e)), e - m);
    return fabs(y) < 0x1p128 ? (float)y : copysignf(INFINITY, x);
}

static void check_rounding(uint32_t bits, int m)
{
    float got = ax_rounded(ax_float(bits), m), want = nearest(ax_float(bits), m);
    if (ax_bits(got) != ax_bits(want))
        fail_msg("%08x rounded to %d bits is %08x; wanted %08x", bits, m, ax_bits(got), ax_bits(want));
}

/* All fractions of m bits, up to 11, with what lies below them at a tie, beside it and at its ends. */
static void rounded__is_to_nearest_even_around_every_tie(void **state)
{
    (void)state;
    static const uint32_t exponents[] = {1, 2, 100, 127, 200, 253, 254};
    for (int m = 1; m <= 23; m++) {
        uint32_t step = 1u << (23 - m), half = step / 2, tops = m <= 11 ? 1u << m : 4096;
        const uint32_t below[] = {0, 1, half - 1, half, half + 1, step - 1};
        for (uint32_t t = 0; t < tops; t++)
            for (int b = 0; b < 6; b++)
                for (int e = 0; e < 7; e++) {
                    uint32_t top = m <= 11 ? t : t < 2048 ? draw() : (1u << m) - 1 - (t - 2048);
                    uint32_t fraction = (top * step + below[b] % step) & 0x7fffffu;
                    check_rounding((draw() & 0x80000000u) | exponents[e] << 23 | fraction, m);
                }
        for (int i = 0; i < 100000; i++) check_rounding(draw(), m);
    }
    assert_true(isinf(ax_rounded(0x1.ffp127f, 7)) && ax_rounded(-0x1.ffp127f, 7) < 0);
    assert_true(ax_rounded(0x1.fefffep127f, 7) == 0x1.fep127f && ax_rounded(0x1.01p0f, 7) == 1 && ax_rounded(0x1.03p0f, 7) == 0x1.04p0f);
}

static void rounded__leaves_what_has_no_fraction(void **state)
{
    (void)state;
    static const uint32_t odd[] = {0, 0x80000000u, 1, 0x007fffffu, 0x807fffffu, 0x7f800000u, 0xff800000u, 0x7fc00000u, 0x7f800001u, 0xffffffffu};
    for (int m = 1; m <= 23; m++)
        for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) assert_int_equal(ax_bits(ax_rounded(ax_float(odd[i]), m)), odd[i]);
}

/* ---- products of rounded operands ---- */

/* The bytes of a table that is not symmetric and whose operands have 5 and 3 bits. */
static const char *uneven_table(void)
{
    static char path[64];
    unsigned char bytes[256];
    if (*path) return path;
    snprintf(path, sizeof path, "/tmp/approxrun-uneven-%ld.bin", (long)getpid());
    for (int i = 0; i < 256; i++) bytes[i] = (unsigned char)(draw() & 0x9f);
    assert_ok(ax_file_write(path, bytes, sizeof bytes));
    return path;
}

typedef struct { char rounding[128], plain[128]; int width[2]; } pair;
enum { PAIRS = 7 };

static pair pair_of(int i)
{
    static const struct { const char *spec; int width; } rows[] = {
        {"mit:7", 7}, {"exact:8", 8}, {"mbm:3", 3}, {"mit:16", 16}, {"exact:11", 11}, {"drum:9,k=4", 9}};
    pair p;
    if (i == PAIRS - 1) snprintf(p.plain, sizeof p.plain, "lut:%s,width_a=5,width_b=3", uneven_table());
    else snprintf(p.plain, sizeof p.plain, "%s", rows[i].spec);
    snprintf(p.rounding, sizeof p.rounding, "%.100s,operands=round", p.plain);
    p.width[0] = i == PAIRS - 1 ? 5 : rows[i].width;
    p.width[1] = i == PAIRS - 1 ? 3 : rows[i].width;
    return p;
}

static void product__rounds_both_operands(void **state)
{
    (void)state;
    for (int i = 0; i < PAIRS; i++) {
        pair p = pair_of(i);
        const ax_lut_view *rounding = &ax_mult_lut(mult_of(p.rounding))->view, *plain = &ax_mult_lut(mult_of(p.plain))->view;
        int differ = 0;
        for (int n = 0; n < 100000; n++) {
            float x = ax_float(draw()), y = ax_float(draw());
            uint32_t got = ax_bits(ax_product(rounding, x, y)), want = ax_bits(ax_product(plain, nearest(x, p.width[0]), nearest(y, p.width[1])));
            if (got != want) fail_msg("%s: %a x %a is %08x; wanted %08x", p.rounding, (double)x, (double)y, got, want);
            differ += got != ax_bits(ax_product(plain, x, y));
        }
        assert_true(differ > 500);
    }
}

typedef struct { ax_tensor *x, *w, *dy, *y, *dx, *dw, *x0, *w0, *dy0; } operands;     /* x0, w0, dy0: as the definition gives them to the plain one */

/* Numbers of either sign around 1, and all sorts of others among them. */
static void fill_wild(ax_tensor *t)
{
    static const uint32_t odd[] = {0, 0x80000000u, 1, 0x807fffffu, 0x7f7fffffu, 0xff7f8000u, 0x00ffffffu, 0x7f800000u, 0x7fc00000u};
    for (int64_t i = 0; i < t->size; i++) {
        ax_f32(t)[i] = ax_float((draw() & 0x80000000u) | (120 + draw() % 12) << 23 | (draw() & 0x7fffffu));
        if (i % 53 == 52) ax_f32(t)[i] = ax_float(odd[draw() % 9]);
    }
}

static void round_into(ax_tensor *to, const ax_tensor *from, int m)
{
    for (int64_t i = 0; i < from->size; i++) ax_f32(to)[i] = nearest(ax_f32(from)[i], m);
}

static void same(const ax_tensor *got, const ax_tensor *want, const char *what, const char *spec)
{
    for (int64_t i = 0; i < got->size; i++)
        if (ax_bits(ax_f32(got)[i]) != ax_bits(ax_f32(want)[i]))
            fail_msg("%s under %s: element %lld is %08x; wanted %08x", what, spec, (long long)i, ax_bits(ax_f32(got)[i]), ax_bits(ax_f32(want)[i]));
}

static void check_matmul(const pair *p, int batch, int m, int k, int n, int flags)
{
    ax_engine *e = engine_with(2);
    ax_tensor *a = flags & 1 ? F32(e, batch, k, m) : F32(e, batch, m, k), *b = flags & 2 ? F32(e, n, k) : F32(e, k, n);
    ax_tensor *a0 = tensor_of(e, AX_F32, 3, a->shape), *b0 = tensor_of(e, AX_F32, 2, b->shape);
    ax_tensor *c = F32(e, batch, m, n), *want = F32(e, batch, m, n), *bias = F32(e, n), *kept = tensor_of(e, AX_F32, 3, a->shape);
    fill_wild(a), fill_wild(b), randomise(bias, -1, 1, 9);
    memcpy(kept->data, a->data, (size_t)a->size * sizeof(float));
    round_into(a0, a, p->width[0]), round_into(b0, b, p->width[1]);
    assert_ok(ax_engine_seal(e));        /* rounding asks for no tensor */
    assert_ok(ax_matmul(want, a0, b0, bias, 1, flags, mult_of(p->plain)));
    assert_ok(ax_matmul(c, a, b, bias, 1, flags, mult_of(p->rounding)));
    same(c, want, "matmul", p->rounding);
    assert_memory_equal(a->data, kept->data, (size_t)a->size * sizeof(float));
    ax_engine_free(e);
}

static void matmul__equals_that_of_rounded_arrays(void **state)
{
    (void)state;
    for (int i = 0; i < PAIRS; i++) {
        pair p = pair_of(i);
        for (int flags = 0; flags < 4; flags++) {
            check_matmul(&p, 1, 5, 17, 3, flags);
            check_matmul(&p, 2, 33, 70, 40, flags);
        }
        check_matmul(&p, 1, 130, 260, 129, 0);
    }
}

/* A tensor by itself, transposed; then larger ones than any before. */
static void matmul__of_one_tensor_twice_and_of_larger_ones(void **state)
{
    (void)state;
    for (int i = 0; i < PAIRS; i++) {
        pair p = pair_of(i);
        ax_engine *e = engine_with(1);
        for (int k = 20; k <= 2000; k *= 10) {
            ax_tensor *x = F32(e, 7, k), *x0 = F32(e, 7, k), *w0 = F32(e, 7, k), *c = F32(e, 7, 7), *want = F32(e, 7, 7);
            fill_wild(x);
            round_into(x0, x, p.width[0]), round_into(w0, x, p.width[1]);
            assert_ok(ax_matmul(want, x0, w0, NULL, 0, 2, mult_of(p.plain)));
            assert_ok(ax_matmul(c, x, x, NULL, 0, 2, mult_of(p.rounding)));
            same(c, want, "matmul of a tensor by itself", p.rounding);
        }
        ax_engine_free(e);
    }
}

static operands conv_operands(ax_engine *e)
{
    operands v = {F32(e, 3, 9, 8, 5), F32(e, 3, 3, 5, 6), F32(e, 3, 5, 4, 6), F32(e, 3, 5, 4, 6), F32(e, 3, 9, 8, 5), F32(e, 3, 3, 5, 6),
                  F32(e, 3, 9, 8, 5), F32(e, 3, 3, 5, 6), F32(e, 3, 5, 4, 6)};
    fill_wild(v.x), fill_wild(v.w), fill_wild(v.dy);
    return v;
}

static void convolutions__equal_those_of_rounded_arrays(void **state)
{
    (void)state;
    for (int i = 0; i < PAIRS; i++) {
        pair p = pair_of(i);
        const ax_mult *rounding = mult_of(p.rounding), *plain = mult_of(p.plain);
        ax_engine *e = engine_with(2);
        operands v = conv_operands(e);
        ax_tensor *y = F32(e, 3, 5, 4, 6), *dx = F32(e, 3, 9, 8, 5), *dw = F32(e, 3, 3, 5, 6);
        round_into(v.x0, v.x, p.width[0]), round_into(v.w0, v.w, p.width[1]);
        assert_ok(ax_conv2d(y, v.x0, v.w0, NULL, 0, 2, 2, 1, 1, plain));
        assert_ok(ax_conv2d(v.y, v.x, v.w, NULL, 0, 2, 2, 1, 1, rounding));
        same(v.y, y, "conv2d", p.rounding);
        round_into(v.dy0, v.dy, p.width[0]);
        assert_ok(ax_conv2d_grad_input(dx, v.dy0, v.w0, 2, 2, 1, 1, plain));
        assert_ok(ax_conv2d_grad_input(v.dx, v.dy, v.w, 2, 2, 1, 1, rounding));
        same(v.dx, dx, "conv2d_grad_input", p.rounding);
        round_into(v.dy0, v.dy, p.width[1]);
        assert_ok(ax_conv2d_grad_weight(dw, v.x0, v.dy0, 2, 2, 1, 1, plain));
        assert_ok(ax_conv2d_grad_weight(v.dw, v.x, v.dy, 2, 2, 1, 1, rounding));
        same(v.dw, dw, "conv2d_grad_weight", p.rounding);
        ax_engine_free(e);
    }
}

/* Estimated gradients are looked up by rounded operands; dy is none of the multiplier's. */
static void gradients__are_those_of_rounded_arrays(void **state)
{
    (void)state;
    for (int i = 0; i < PAIRS; i++) {
        pair p = pair_of(i);
        const ax_mult *rounding = mult_of(p.rounding), *plain = mult_of(p.plain);
        if (!ax_mult_lut(plain)->words) continue;
        ax_engine *e = engine_with(2);
        operands v = conv_operands(e);
        ax_tensor *dx = F32(e, 3, 9, 8, 5), *dw = F32(e, 3, 3, 5, 6), *got = F32(e, 3, 9, 8, 5);
        round_into(v.x0, v.x, p.width[0]), round_into(v.w0, v.w, p.width[1]);
        assert_ok(ax_conv2d_lut2d_grad_input(dx, v.x0, v.w0, v.dy, 2, 2, 1, 1, plain));
        assert_ok(ax_conv2d_lut2d_grad_input(v.dx, v.x, v.w, v.dy, 2, 2, 1, 1, rounding));
        same(v.dx, dx, "conv2d_lut2d_grad_input", p.rounding);
        assert_ok(ax_conv2d_lut2d_grad_weight(dw, v.x0, v.w0, v.dy, 2, 2, 1, 1, plain));
        assert_ok(ax_conv2d_lut2d_grad_weight(v.dw, v.x, v.w, v.dy, 2, 2, 1, 1, rounding));
        same(v.dw, dw, "conv2d_lut2d_grad_weight", p.rounding);
        for (int by = 0; by < 2; by++) {
            round_into(v.x0, v.x, p.width[1 - by]);
            assert_ok(ax_lut1d(dx, v.x0, by, plain));
            assert_ok(ax_lut1d(got, v.x, by, rounding));
            for (int64_t k = 0; k < got->size; k++)
                if (isnan(ax_f32(got)[k]) && isnan(ax_f32(dx)[k])) ax_f32(got)[k] = ax_f32(dx)[k];
            same(got, dx, "lut1d", p.rounding);
        }
        ax_engine_free(e);
    }
}

/* ---- compat=approxtrain ---- */

/* ApproxTrain's rule by its description: `entry` is a byte of its table, carry times 128 plus the fraction. */
static uint32_t approxtrain(unsigned entry, int m, uint32_t a, uint32_t b)
{
    int64_t sign = (a >> 31) != (b >> 31), exponents = (int64_t)(a / 8388608 % 256) + b / 8388608 % 256;
    if (exponents <= 127) return 0;
    int64_t sum = sign * 256 + exponents - 127 + entry / 128;        /* the exponent runs into the sign, and that out of the word */
    return (uint32_t)(sum % 512 * 8388608 + (int64_t)(entry % 128) * (8388608 >> m));
}

static unsigned mitchell_entry(int m, uint32_t a, uint32_t b)
{
    unsigned n = 1u << m, i = (a & 0x7fffffu) >> (23 - m), j = (b & 0x7fffffu) >> (23 - m);
    return i + j < n ? i + j : 128 + i + j - n;
}

static void approxtrain__is_its_published_rule(void **state)
{
    (void)state;
    for (int m = 1; m <= 7; m += 2) {
        char spec[64];
        snprintf(spec, sizeof spec, "mit:%d,compat=approxtrain", m);
        const ax_lut_view *v = &ax_mult_lut(mult_of(spec))->view;
        for (uint32_t ea = 0; ea < 256; ea++)
            for (uint32_t eb = 0; eb < 256; eb++)
                for (int n = 0; n < 4; n++) {
                    uint32_t a = ea << 23 | (draw() & (n ? 0x807fffffu : 0x80000000u)), b = eb << 23 | (draw() & (n ? 0x807fffffu : 0x80000000u));
                    uint32_t got = ax_bits(ax_product(v, ax_float(a), ax_float(b))), want = approxtrain(mitchell_entry(m, a, b), m, a, b);
                    if (got != want) fail_msg("%s: %08x x %08x is %08x; wanted %08x", spec, a, b, got, want);
                }
    }
}

/* As its kernel was seen to give them under its table ACC_7. */
static void approxtrain__has_the_products_measured(void **state)
{
    (void)state;
    const ax_lut_view *v = &ax_mult_lut(mult_of("exact:7,compat=approxtrain"))->view;
    assert_true(ax_product(v, 0, 4) == 0x1p-125f && ax_product(v, 4, 0) == 0x1p-125f && ax_product(v, 0, 1) == 0);
    assert_true(fabs((double)ax_product(v, 1e30f, 1e30f) / -8.5e-18 - 1) < 0.01);
    assert_true(ax_product(v, 1.5f, 1.5f) == 2.25f && ax_product(v, -3, 5) == -15);
}

static float flushed(float x) { return fabsf(x) < 0x1p-126f ? copysignf(0, x) : x; }

static void approxtrain__sums_are_of_its_products(void **state)
{
    (void)state;
    enum { M = 19, K = 37, N = 23 };
    ax_engine *e = engine_with(2);
    ax_tensor *a = F32(e, M, K), *b = F32(e, K, N), *c = F32(e, M, N);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < M * K; i++) ax_f32(a)[i] = ax_float(round % 2 ? draw() : draw() % 3 ? 0 : draw() & 0xbfffffffu);
        for (int i = 0; i < K * N; i++) ax_f32(b)[i] = ax_float(round % 2 ? draw() : draw() & 0xbfffffffu);
        assert_ok(ax_matmul(c, a, b, NULL, 0, 0, mult_of("mit:5,compat=approxtrain")));
        for (int i = 0; i < M * N; i++) {
            float sum = 0;
            for (int k = 0; k < K; k++) {
                uint32_t x = ax_bits(ax_f32(a)[i / N * K + k]), y = ax_bits(ax_f32(b)[k * N + i % N]);
                sum = flushed(sum + flushed(ax_float(approxtrain(mitchell_entry(5, x, y), 5, x, y))));
            }
            uint32_t want = isnan(sum) ? 0x7fc00000u : ax_bits(sum + 0.0f), got = ax_bits(ax_f32(c)[i]);
            if (got != want) fail_msg("element %d of case %d is %08x; wanted %08x", i, round, got, want);
        }
    }
    ax_engine_free(e);
}

/* Padding is zeros that are multiplied, as in im2col. */
static void approxtrain__multiplies_padding(void **state)
{
    (void)state;
    const ax_mult *m = mult_of("mbm:7,compat=approxtrain");
    ax_engine *e = engine_with(2);
    ax_tensor *x = F32(e, 2, 5, 6, 3), *wide = F32(e, 2, 9, 10, 3), *w = F32(e, 5, 5, 3, 4), *y = F32(e, 2, 5, 6, 4), *want = F32(e, 2, 5, 6, 4);
    int other = 0;
    for (int64_t i = 0; i < x->size; i++) {
        ax_f32(x)[i] = ax_float(draw() & 0x807fffffu) * 0x1p9f;        /* so small that products of zeros count */
        int64_t c = i % 3, at = i / 3, column = at % 6, row = at / 6 % 5, image = at / 30;
        ax_f32(wide)[((image * 9 + row + 2) * 10 + column + 2) * 3 + c] = ax_f32(x)[i];
    }
    for (int64_t i = 0; i < w->size; i++) ax_f32(w)[i] = ax_float((draw() & 0x807fffffu) | (130 + draw() % 8) << 23);
    assert_ok(ax_conv2d(want, wide, w, NULL, 0, 1, 1, 0, 0, m));
    assert_ok(ax_conv2d(y, x, w, NULL, 0, 1, 1, 2, 2, m));
    same(y, want, "conv2d", "mbm:7,compat=approxtrain");
    assert_ok(ax_conv2d(want, x, w, NULL, 0, 1, 1, 2, 2, mult_of("mbm:7")));
    for (int64_t i = 0; i < y->size; i++) other += ax_f32(y)[i] != ax_f32(want)[i];
    assert_true(other > 0);
    ax_engine_free(e);
}

/* ---- specs ---- */

static int opens(const char *spec)
{
    ax_lut *lut = ax_lut_open(spec);
    ax_lut_close(lut);
    return lut ? AX_OK : ax_errstatus();
}

static void check_canonical(const char *spec, const char *want, const char *plain, const char *end)
{
    char text[256], hash[AX_SHA256_HEX];
    ax_lut *lut = ax_lut_open(spec), *other = ax_lut_open(plain);
    if (!lut || !other) fail_msg("%s: %s", spec, ax_errmsg());
    assert_string_equal(lut->spec, want);
    snprintf(text, sizeof text, "%s%s", other->sha256, end);
    assert_ok(ax_sha256(hash, text, strlen(text)));
    assert_string_equal(lut->sha256, *end ? hash : other->sha256);
    if (lut->words) assert_ok(ax_lut_hash(hash, lut->words, lut->width, lut->spec));
    if (lut->words) assert_string_equal(lut->sha256, hash);
    assert_string_equal(lut->family, other->family);
    ax_lut *again = ax_lut_open(lut->spec);
    assert_string_equal(again->sha256, lut->sha256);
    ax_lut_close(again);
    ax_lut_close(lut);
    ax_lut_close(other);
}

static void a_spec_ends_in_the_keys_of_all(void **state)
{
    (void)state;
    char spec[128], want[128], plain[128];
    check_canonical("mit:7,operands=round", "mit:7,operands=round", "mit:7", ",operands=round");
    check_canonical("mit:7,operands=truncate", "mit:7", "mit:7", "");
    check_canonical("mbm:5,operands=round,corr=round", "mbm:5,corr=round,operands=round", "mbm:5,corr=round", ",operands=round");
    check_canonical("drum:7,compat=approxtrain,k=4", "drum:7,k=4,compat=approxtrain", "drum:7,k=4", ",compat=approxtrain");
    check_canonical("mit:5,compat=approxtrain,operands=round", "mit:5,operands=round,compat=approxtrain", "mit:5",
                    ",operands=round,compat=approxtrain");
    check_canonical("mit:16,operands=round", "mit:16,operands=round", "mit:16", ",operands=round");
    snprintf(spec, sizeof spec, "lut:%s,operands=round,width_b=3,width_a=5", uneven_table());
    snprintf(want, sizeof want, "lut:%s,width_a=5,width_b=3,operands=round", uneven_table());
    snprintf(plain, sizeof plain, "lut:%s,width_b=3,width_a=5", uneven_table());
    check_canonical(spec, want, plain, ",operands=round");
}

static void wrong_keys_are_refused(void **state)
{
    (void)state;
    assert_fails(opens("fp32,operands=round"), AX_EARG, "'fp32,operands=round': fp32 takes no keys");
    assert_fails(opens("fp32,operands=truncate"), AX_EARG, "fp32 takes no keys");
    assert_fails(opens("fp32,compat=approxtrain"), AX_EARG, "fp32 takes no keys");
    assert_fails(opens("mit:12,compat=approxtrain"), AX_EARG, "width 12, wanted 1 to 11 with compat=approxtrain");
    assert_fails(opens("mit:7,operands=up"), AX_EARG, "operands is 'up', wanted truncate|round");
    assert_fails(opens("mit:7,compat=tfapprox"), AX_EARG, "compat is 'tfapprox', wanted approxtrain");
    assert_fails(opens("mit:7,operands"), AX_EARG, "the key operands has no value, wanted operands=truncate|round");
    assert_fails(opens("mit:7,operands=round,operands=round"), AX_EARG, "the key operands is given twice");
    assert_fails(opens("mit:7,operand=round"), AX_EARG, "unknown key 'operand' (did you mean 'operands'?)");
    assert_fails(opens("mit,operands=round"), AX_EARG, "the width is missing");
    assert_fails(opens("lut:,operands=round"), AX_EARG, "the file is missing");
    assert_fails(opens("lut:none_7.bin,operands=round"), AX_ENOENT, "none_7.bin");
}

static int remove_table(void **state)
{
    (void)state;
    return unlink(uneven_table());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounded__is_to_nearest_even_around_every_tie),
        cmocka_unit_test(rounded__leaves_what_has_no_fraction),
        cmocka_unit_test(product__rounds_both_operands),
        cmocka_unit_test(matmul__equals_that_of_rounded_arrays),
        cmocka_unit_test(matmul__of_one_tensor_twice_and_of_larger_ones),
        cmocka_unit_test(convolutions__equal_those_of_rounded_arrays),
        cmocka_unit_test(gradients__are_those_of_rounded_arrays),
        cmocka_unit_test(approxtrain__is_its_published_rule),
        cmocka_unit_test(approxtrain__has_the_products_measured),
        cmocka_unit_test(approxtrain__sums_are_of_its_products),
        cmocka_unit_test(approxtrain__multiplies_padding),
        cmocka_unit_test(a_spec_ends_in_the_keys_of_all),
        cmocka_unit_test(wrong_keys_are_refused),
    };
    return cmocka_run_group_tests_name("op_variants", tests, NULL, remove_table);
}

/* Multipliers against definitions worked out here in real numbers, and against published figures. */
#include "check.h"

#include "lut/errors.h"
#include "lut/lut.h"

#include <math.h>
#include <stdio.h>

static ax_lut *open_spec(const char *spec)
{
    ax_lut *lut = ax_lut_open(spec);
    if (!lut) fail_msg("%s: %s", spec, ax_errmsg());
    return lut;
}

static double floor_to(double x, int m) { return floor(ldexp(x, m)) / ldexp(1, m); }

/* Mitchell: log2(1 + x) ~ x. The product of 1 + x and 1 + y is 1 + s below one, and 2 s above. */
static double mitchell(double x, double y) { return x + y < 1 ? 1 + x + y : 2 * (x + y); }

static double exact(double x, double y, int m)
{
    double p = (1 + x) * (1 + y);
    return p < 2 ? floor_to(p, m) : 2 * floor_to(p / 2, m);
}

/* The lowest kept bit is one; the correction is 5/64 in units of the result's exponent, half of it above a carry. */
static double minimally_biased(double x, double y, int m)
{
    double low = ldexp(1, -m);
    if (m < 23 && floor(ldexp(x, m)) == 2 * floor(ldexp(x, m) / 2)) x += low;
    if (m < 23 && floor(ldexp(y, m)) == 2 * floor(ldexp(y, m) / 2)) y += low;
    double s = x + y;
    if (s >= 1) {
        double fraction = s - 1 + floor_to(5.0 / 128, m);
        return 2 * (1 + floor_to(fraction < 1 ? fraction : s - 1, m));
    }
    s += floor_to(5.0 / 64, m);
    return s < 1 ? 1 + floor_to(s, m) : 2 * (1 + floor_to(floor_to((s - 1) / 2, 23), m));
}

static double wanted_product(const char *family, double x, double y, int m)
{
    if (!strcmp(family, "mit")) return mitchell(x, y);
    return !strcmp(family, "exact") ? exact(x, y, m) : minimally_biased(x, y, m);
}

static const char *const families[] = {"exact", "mit", "mbm"};

static void every_product_of_the_widths_to_9_is_the_defined_one(void **state)
{
    (void)state;
    for (int f = 0; f < 3; f++)
        for (int m = 1; m <= 9; m++) {
            char spec[16];
            snprintf(spec, sizeof spec, "%s:%d", families[f], m);
            ax_lut *lut = open_spec(spec);
            for (int i = 0; i < 1 << m; i++)
                for (int j = 0; j < 1 << m; j++) {
                    double x = ldexp(i, -m), y = ldexp(j, -m), p = (double)ax_product(&lut->view, (float)(1 + x), (float)(1 + y));
                    if (p != wanted_product(families[f], x, y, m)) fail_msg("%s (%d, %d): %.9g", spec, i, j, p);
                }
            ax_lut_close(lut);
        }
}

static void wide_products_are_the_defined_ones(void **state)
{
    (void)state;
    for (int f = 0; f < 3; f++)
        for (int m = 10; m <= 23; m++) {
            char spec[16];
            snprintf(spec, sizeof spec, "%s:%d", families[f], m);
            ax_lut *lut = open_spec(spec);
            uint64_t seed = 12345;
            for (int n = 0; n < 20000; n++) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                double x = ldexp((double)(seed >> 41), -23), y = ldexp((double)(seed >> 18 & 0x7fffff), -23);
                double p = (double)ax_product(&lut->view, (float)(1 + x), (float)(1 + y));
                if (p != wanted_product(families[f], floor_to(x, m), floor_to(y, m), m)) fail_msg("%s %.9g %.9g: %.9g", spec, x, y, p);
            }
            ax_lut_close(lut);
        }
}

static void errors_are_the_published_ones(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        double mred, bias, min, max;
        double digits[4];              /* half a unit of the last printed digit */
    } facts[] = {
        {"exact:7", 0.2710, -0.2710, -0.769, 0, {5e-5, 5e-5, 5e-4, 0}},
        {"mit:7", 3.8485, -3.8485, -11.111, 0, {5e-5, 5e-5, 5e-4, 0}},
        {"mit:5", 3.8444, -3.8444, -11.11, 0, {5e-5, 5e-5, 5e-3, 0}},
        {"mit:3", 3.779, -3.779, -11.11, 0, {5e-4, 5e-4, 5e-3, 0}},
        {"mit:1", 2.778, -2.778, -11.11, 0, {5e-4, 5e-4, 5e-3, 0}},
        {"mbm:7", 2.6932, 0.4469, -7.636, 9.375, {5e-5, 5e-5, 5e-4, 5e-4}},
        {"mbm:5", 3.161, 1.333, -8.29, 12.5, {5e-4, 5e-4, 5e-3, 5e-2}},
        {"mbm:3", 7.407, 4.948, -10.49, 25, {5e-4, 5e-4, 5e-3, 0.5}},
        {"mbm:1", 44.44, 38.89, -11.11, 100, {5e-3, 5e-3, 5e-3, 0.5}},
    };
    for (size_t k = 0; k < sizeof facts / sizeof *facts; k++) {
        ax_lut *lut = open_spec(facts[k].spec);
        ax_errors e;
        ax_errors_measure(&e, lut, NULL);
        const double found[] = {e.mred, e.bias, e.min, e.max}, wanted[] = {facts[k].mred, facts[k].bias, facts[k].min, facts[k].max};
        for (int i = 0; i < 4; i++)
            if (!(fabs(100 * found[i] - wanted[i]) <= facts[k].digits[i])) fail_msg("%s metric %d: %.6f, published %.6f", facts[k].spec, i, 100 * found[i], wanted[i]);
        assert_false(e.sampled);
        ax_lut_close(lut);
    }
}

static void other_metrics_follow_from_their_formulas(void **state)
{
    (void)state;
    ax_lut *lut = open_spec("mit:1");      /* four pairs: 1 x 1, 1 x 1.5 twice, and 1.5 x 1.5 = 2.25, which becomes 2 */
    ax_errors e;
    ax_errors_measure(&e, lut, NULL);
    assert_true(e.pairs == 4 && e.med == 0.0625 && e.wce == 0.25 && e.error_rate == 0.25);
    assert_true(fabs(e.nmed - 0.0625 / 2.25) < 1e-15 && fabs(e.wcre - 1.0 / 9) < 1e-15);
    assert_true(fabs(e.variance - (1.0 / 81 / 4 - 1.0 / 36 / 36)) < 1e-15 && fabs(e.sd * e.sd - e.variance) < 1e-15);
    ax_errors_measure(&e, lut, lut);
    assert_true(e.mred == 0 && e.error_rate == 0 && e.wce == 0);
    ax_lut_close(lut);
}

static void comparing_two_multipliers_takes_the_second_as_reference(void **state)
{
    (void)state;
    ax_lut *wide = open_spec("mit:12"), *narrow = open_spec("exact:7"), *native = open_spec("fp32");
    ax_errors e;
    ax_errors_measure(&e, narrow, native);
    assert_true(e.sampled && e.pairs == AX_ERRORS_SAMPLES && e.width == 23);
    assert_true(e.bias < -0.005 && e.bias > -0.009);        /* operands lose 2^-8 on average each: more than the 0.27 % of their product */
    ax_errors_measure(&e, wide, NULL);
    assert_true(e.sampled && fabs(100 * e.mred - 3.85) < 0.01 && fabs(e.min + 1.0 / 9) < 1e-4);
    ax_errors_measure(&e, native, NULL);
    assert_true(e.wcre <= 0x1p-24 && fabs(e.bias) < 1e-9);
    ax_lut_close(wide);
    ax_lut_close(narrow);
    ax_lut_close(native);
}

static void published_products_come_out(void **state)
{
    (void)state;
    static const char *const specs[] = {"exact:7", "mit:7", "mbm:7", "mbm:5", "mit:3", "mbm:3"};
    static const float operands[4][2] = {{1, 1}, {1.25f, 1.25f}, {3.14159f, 2.71828f}, {-0.1f, 0.3f}};
    static const double products[4][6] = {
        {1, 1, 1.09375, 1.125, 1, 1.25},
        {1.5625, 1.5, 1.59375, 1.625, 1.5, 1.75},
        {8.4375, 7.6875, 8, 8, 7, 8},
        {-0.0296630859375, -0.027954101562, -0.029296875, -0.029296875, -0.025390625, -0.02734375}};
    for (int s = 0; s < 6; s++) {
        ax_lut *lut = open_spec(specs[s]);
        for (int k = 0; k < 4; k++) {
            double p = (double)ax_product(&lut->view, operands[k][0], operands[k][1]);
            if (fabs(p - products[k][s]) > 1e-12) fail_msg("%s product %d: %.13g", specs[s], k, p);
        }
        ax_lut_close(lut);
    }
}

static void the_families_are_symmetric(void **state)
{
    (void)state;
    for (int f = 0; f < 3; f++) {
        char spec[16];
        snprintf(spec, sizeof spec, "%s:8", families[f]);
        ax_lut *lut = open_spec(spec);
        for (int i = 0; i < 256; i++)
            for (int j = 0; j < i; j++) assert_int_equal(lut->words[i << 8 | j], lut->words[j << 8 | i]);
        ax_lut_close(lut);
    }
}

static void mbm7_ignores_the_lowest_bit_and_mbm1_is_constant(void **state)
{
    (void)state;
    ax_lut *seven = open_spec("mbm:7"), *one = open_spec("mbm:1");
    for (int i = 0; i < 128; i++)
        for (int j = 0; j < 128; j++) assert_int_equal(seven->words[i << 7 | j], seven->words[(i | 1) << 7 | (j | 1)]);
    assert_int_not_equal(seven->words[0], seven->words[2]);
    for (int k = 0; k < 4; k++) assert_int_equal(one->words[k], 1u << 23);
    ax_lut_close(seven);
    ax_lut_close(one);
}

static uint32_t bits_of(const char *spec, uint32_t a, uint32_t b)
{
    ax_lut *lut = open_spec(spec);
    uint32_t bits = ax_bits(ax_product(&lut->view, ax_float(a), ax_float(b)));
    ax_lut_close(lut);
    return bits;
}

static void special_operands_follow_the_product_rule(void **state)
{
    (void)state;
    enum { ONE = 0x3f800000, INF = 0x7f800000, NAN_BITS = 0x7fc00000, HUGE_BITS = 0x7f000000, SMALL = 0x00800000, SUBNORMAL = 0x007fffff };
    const uint32_t minus = 0x80000000u;
    for (int f = 0; f < 3; f++) {
        char spec[16];
        snprintf(spec, sizeof spec, "%s:7", families[f]);
        assert_int_equal(bits_of(spec, 0, ONE), 0);
        assert_int_equal(bits_of(spec, SUBNORMAL, HUGE_BITS), 0);
        assert_int_equal(bits_of(spec, SMALL, SMALL), 0);
        assert_int_equal(bits_of(spec, HUGE_BITS | minus, HUGE_BITS), INF | minus);
        assert_int_equal(bits_of(spec, INF | minus, ONE | minus), INF);
        assert_int_equal(bits_of(spec, INF, 0), NAN_BITS);
        assert_int_equal(bits_of(spec, SUBNORMAL, INF), NAN_BITS);
        assert_int_equal(bits_of(spec, 0xff800001u, ONE), NAN_BITS);
    }
    assert_int_equal(bits_of("mit:7", 0x20000000 | 0x200000, 0x1f800000), 0);          /* e + carry = 0: flushed */
    assert_int_equal(bits_of("mit:7", 0x20000000 | 0x400000, 0x1f800000 | 0x400000), 0x00800000);   /* the carry saves it */
}

static int refused(const char *spec) { return ax_lut_open(spec) ? AX_OK : ax_errstatus(); }

static void a_wrong_spec_says_what_was_wanted(void **state)
{
    (void)state;
    assert_fails(refused("mbm:0"), AX_EARG, "width 0, wanted 1 to 23");
    assert_fails(refused("mbm:24"), AX_EARG, "width 24, wanted 1 to 23");
    assert_fails(refused("mbm:-7"), AX_EARG, "width -7, wanted 1 to 23");
    assert_fails(refused("mbn:7"), AX_EARG, "unknown family 'mbn' (did you mean 'mbm'?)");
    assert_fails(refused("mbm"), AX_EARG, "the width is missing, wanted mbm:1 to mbm:23");
    assert_fails(refused("mbm:"), AX_EARG, "the width is missing");
    assert_fails(refused("mbm:7x"), AX_EARG, "the width is '7x'");
    assert_fails(refused("mbm:7,foo=1"), AX_EARG, "unknown key 'foo'");
    assert_fails(refused("fp32:8"), AX_EARG, "fp32 has no width");
    assert_fails(refused(""), AX_EARG, "such as mbm:7");
    assert_fails(refused("lut:"), AX_EARG, "the file is missing");
    assert_fails(refused("lut:/nowhere/MBM_7.bin"), AX_ENOENT, "/nowhere/MBM_7.bin");
    assert_fails(refused("lut:/nowhere/x.bin,wdth=3"), AX_EARG, "did you mean 'width'?");
}

static void a_spec_is_canonical_and_shows_its_format(void **state)
{
    (void)state;
    char text[64];
    ax_lut *lut = open_spec("mbm:07"), *native = open_spec("fp32");
    assert_string_equal(lut->spec, "mbm:7");
    ax_lut_format(text, sizeof text, lut);
    assert_string_equal(text, "mbm:7 (1,8,7) 16 bits");
    ax_lut_format(text, sizeof text, native);
    assert_string_equal(text, "fp32 (1,8,23) 32 bits");
    assert_string_not_equal(lut->sha256, native->sha256);
    ax_lut_close(lut);
    ax_lut_close(native);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_product_of_the_widths_to_9_is_the_defined_one),
        cmocka_unit_test(wide_products_are_the_defined_ones),
        cmocka_unit_test(errors_are_the_published_ones),
        cmocka_unit_test(other_metrics_follow_from_their_formulas),
        cmocka_unit_test(comparing_two_multipliers_takes_the_second_as_reference),
        cmocka_unit_test(published_products_come_out),
        cmocka_unit_test(the_families_are_symmetric),
        cmocka_unit_test(mbm7_ignores_the_lowest_bit_and_mbm1_is_constant),
        cmocka_unit_test(special_operands_follow_the_product_rule),
        cmocka_unit_test(a_wrong_spec_says_what_was_wanted),
        cmocka_unit_test(a_spec_is_canonical_and_shows_its_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

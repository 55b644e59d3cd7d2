/* Error metrics weighted by given numbers, and comparisons, against their formulas worked out here over every pair of raw numbers:
 * no histogram, signs and exponents as they are, a second pass for the variance. */
#include "check.h"

#include "lut/errors.h"
#include "lut/lut.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static ax_lut *open_spec(const char *spec)
{
    ax_lut *lut = ax_lut_open(spec);
    if (!lut) fail_msg("%s: %s", spec, ax_errmsg());
    return lut;
}

static uint64_t lcg(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 32;
}

/* Numbers of both signs and of exponents -20 to 19, denser near a power of two; with every seventh one that is no operand. */
static void fill(float *values, int n, uint64_t seed)
{
    static const float others[] = {0.0f, -0.0f, 1e-40f, NAN, INFINITY, -INFINITY};
    for (int k = 0; k < n; k++) {
        double u = (double)lcg(&seed) / 4294967296.0;
        int exponent = (int)(lcg(&seed) % 40) - 20;
        values[k] = (float)ldexp((lcg(&seed) & 1 ? -1 : 1) * (1 + u * u * u), exponent);
        if (k % 7 == 3) values[k] = others[lcg(&seed) % 6];
    }
}

/* The s of |x| = s * 2^e in [1, 2), cut to m fraction bits. */
static double split(int *e, float x, int m)
{
    double s = 2 * frexp(fabs((double)x), e);
    *e -= 1;
    return floor(ldexp(s, m)) / ldexp(1, m);
}

/* The product of the numbers themselves, in units of 2^(ex + ey). */
static double product(const ax_lut *lut, float x, float y, int width)
{
    int ex, ey;
    double sx = split(&ex, x, width), sy = split(&ey, y, width);
    if (lut->view.native) return (double)((float)sx * (float)sy);
    return ldexp(fabs((double)ax_product(&lut->view, x, y)), -ex - ey);
}

static double exact(float x, float y, int width)
{
    int ex, ey;
    return split(&ex, x, width) * split(&ey, y, width);
}

typedef struct {
    const float *a, *b;
    int na, nb;
} arrays;

/* Two passes over all pairs of numbers. `against` NULL: the exact product. */
static void brute_force(ax_errors *e, const ax_lut *lut, const ax_lut *against, const arrays *v)
{
    int width = against && against->width > lut->width ? against->width : lut->width;
    long double n = 0, distance = 0, relative = 0, magnitude = 0, wrong = 0, squares = 0, bias = 0;
    double top = 2 - ldexp(1, -width), largest = against ? 0 : top * top;
    *e = (ax_errors){.min = INFINITY, .max = -INFINITY};
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < v->na; i++)
            for (int j = 0; j < v->nb; j++) {
                if (fpclassify(v->a[i]) != FP_NORMAL || fpclassify(v->b[j]) != FP_NORMAL) continue;
                double p = product(lut, v->a[i], v->b[j], width);
                double r = against ? product(against, v->a[i], v->b[j], width) : exact(v->a[i], v->b[j], width), q = (p - r) / r;
                if (pass) {
                    squares += (q - bias) * (q - bias);
                    continue;
                }
                n += 1;
                distance += fabs(p - r);
                relative += q;
                magnitude += fabs(q);
                wrong += p != r;
                largest = fmax(largest, r);
                e->wce = fmax(e->wce, fabs(p - r));
                e->wcre = fmax(e->wcre, fabs(q));
                e->min = fmin(e->min, q);
                e->max = fmax(e->max, q);
            }
        bias = relative / n;
    }
    e->med = (double)(distance / n);
    e->nmed = (double)(distance / n) / largest;
    e->mred = (double)(magnitude / n);
    e->bias = (double)bias;
    e->variance = (double)(squares / n);
    e->sd = sqrt(e->variance);
    e->error_rate = (double)(wrong / n);
}

static void assert_near(const char *what, double found, double wanted, double tolerance)
{
    if (!(fabs(found - wanted) <= tolerance)) fail_msg("%s: %.17g, wanted %.17g", what, found, wanted);
}

enum { METRICS = 10, SUMS = 6 };

static void list_metrics(double list[METRICS], const ax_errors *e)
{
    const double all[METRICS] = {e->med, e->nmed, e->mred, e->bias, e->variance, e->error_rate, e->wce, e->wcre, e->min, e->max};
    memcpy(list, all, sizeof all);
}

static void assert_same_metrics(const char *spec, const ax_errors *found, const ax_errors *wanted)
{
    static const char *const names[METRICS] = {"med", "nmed", "mred", "bias", "variance", "error rate", "wce", "wcre", "min", "max"};
    char what[600];
    double f[METRICS], w[METRICS];
    list_metrics(f, found);
    list_metrics(w, wanted);
    for (int k = 0; k < METRICS; k++) {
        snprintf(what, sizeof what, "%s: %s", spec, names[k]);
        assert_near(what, f[k], w[k], k < SUMS ? 1e-13 : 0);          /* extremes are those of a pair, to the bit */
    }
    assert_near("sd", found->sd * found->sd, found->variance, 1e-15);
}

static void measure(ax_errors *e, const ax_lut *lut, const ax_lut *against, const arrays *v)
{
    ax_operands a, b;
    assert_ok(ax_operands_init(&a, v->a, NULL, v->na));
    assert_ok(ax_operands_init(&b, v->b, NULL, v->nb));
    assert_ok(ax_errors_measure_over(e, lut, against, &a, &b));
    ax_operands_release(&a);
    ax_operands_release(&b);
}

enum { NA = 700, NB = 300 };

static void weighted_metrics_are_those_of_all_pairs_of_numbers(void **state)
{
    (void)state;
    static float a[NA], b[NB];
    const char *const specs[] = {"mbm:7", "mit:5", "mbm:1", "exact:9", "mit:11", "mbm:14", "exact:23", "fp32"};
    fill(a, NA, 1);
    fill(b, NB, 2);
    const arrays v = {a, b, NA, NB};
    for (size_t k = 0; k < sizeof specs / sizeof *specs; k++) {
        ax_lut *lut = open_spec(specs[k]);
        ax_errors found, wanted;
        measure(&found, lut, NULL, &v);
        brute_force(&wanted, lut, NULL, &v);
        assert_same_metrics(specs[k], &found, &wanted);
        assert_false(found.sampled);
        assert_true(found.width == lut->width && found.pairs > 0 && found.pairs <= fmin(ldexp(1, 2 * lut->width), (double)NA * NB));
        ax_lut_close(lut);
    }
}

static void another_multiplier_may_be_the_reference(void **state)
{
    (void)state;
    static float a[NA], b[NB];
    fill(a, NA, 3);
    fill(b, NB, 4);
    const arrays v = {a, b, NA, NB};
    ax_lut *narrow = open_spec("mbm:5"), *wide = open_spec("mit:7");
    ax_errors found, wanted;
    measure(&found, narrow, wide, &v);
    brute_force(&wanted, narrow, wide, &v);
    assert_same_metrics("mbm:5 against mit:7", &found, &wanted);
    assert_int_equal(found.width, 7);
    ax_lut_close(narrow);
    ax_lut_close(wide);
}

/* A table whose product is its first operand: whoever swaps the arrays sees other errors. */
static ax_lut first_operand(void)
{
    static uint32_t words[16];
    for (uint32_t i = 0; i < 4; i++)
        for (uint32_t j = 0; j < 4; j++) words[i << 2 | j] = i << 21;
    return (ax_lut){.spec = "first:2", .width = 2, .view = {.width = 2, .words = words, .direct = -1}};
}

static void the_first_array_holds_first_operands(void **state)
{
    (void)state;
    const ax_lut lut = first_operand();
    const float one = 1.0f, other = -3.5f;               /* 1.75 * 2 */
    ax_errors e;
    measure(&e, &lut, NULL, &(arrays){&one, &other, 1, 1});
    assert_true(e.pairs == 1 && e.med == 0.75 && e.bias == -0.75 / 1.75 && e.error_rate == 1);
    measure(&e, &lut, NULL, &(arrays){&other, &one, 1, 1});
    assert_true(e.pairs == 1 && e.med == 0 && e.bias == 0 && e.error_rate == 0);
}

static void assert_identical(const ax_errors *a, const ax_errors *b)
{
    assert_true(a->width == b->width && a->sampled == b->sampled && a->pairs == b->pairs);
    assert_true(a->med == b->med && a->nmed == b->nmed && a->mred == b->mred && a->wce == b->wce && a->wcre == b->wcre);
    assert_true(a->bias == b->bias && a->variance == b->variance && a->sd == b->sd && a->min == b->min && a->max == b->max);
    assert_true(a->error_rate == b->error_rate);
}

static void numbers_that_have_all_fractions_alike_give_the_unweighted_digits(void **state)
{
    (void)state;
    static const char *const specs[] = {"mbm:3", "mbm:7", "mit:7", "exact:11"};
    for (size_t s = 0; s < sizeof specs / sizeof *specs; s++) {
        ax_lut *lut = open_spec(specs[s]);
        int n = 1 << lut->width, copies = 3;
        float *values = calloc((size_t)(copies * n), sizeof *values);
        assert_non_null(values);
        for (int k = 0; k < copies * n; k++) {           /* shuffled, since 5 is odd; other signs and exponents in each copy */
            double x = 1 + (double)(5 * k % n) / n;
            values[k] = (float)ldexp(k & 1 ? -x : x, k / n - 1);
        }
        ax_errors plain, once, thrice;
        ax_errors_measure(&plain, lut, NULL);
        measure(&once, lut, NULL, &(arrays){values, values, n, n});
        measure(&thrice, lut, NULL, &(arrays){values, values + n, copies * n, n});
        assert_identical(&once, &plain);
        assert_identical(&thrice, &plain);
        free(values);
        ax_lut_close(lut);
    }
}

static void one_number_gives_the_error_of_its_square(void **state)
{
    (void)state;
    ax_lut *lut = open_spec("mit:7"), *wide = open_spec("mit:20");
    const float values[] = {1.5f, 0.0f, -1.5f, 6.0f, 1.5f};           /* one significand; Mitchell makes 2 of 2.25 */
    for (int w = 0; w < 2; w++) {
        ax_errors e;
        measure(&e, w ? wide : lut, NULL, &(arrays){values, values, 5, 5});
        assert_true(e.pairs == 1 && e.med == 0.25 && e.wce == 0.25 && e.error_rate == 1 && !e.sampled);
        assert_near("bias", e.bias, -1.0 / 9, 1e-17);
        assert_true(e.min == e.bias && e.max == e.bias && e.mred == -e.bias && e.wcre == -e.bias && e.variance == 0 && e.sd == 0);
    }
    ax_lut_close(lut);
    ax_lut_close(wide);
}

static void numbers_that_are_no_operands_are_counted(void **state)
{
    (void)state;
    const float values[] = {0.0f, 1.0f, -0.0f, NAN, 1e-39f, -1e-45f, FLT_MIN, INFINITY, -INFINITY, -INFINITY, FLT_MAX, 0.0f, -NAN};
    ax_operands o;
    assert_ok(ax_operands_init(&o, values, NULL, 13));
    assert_true(o.n == 3 && o.zeros == 3 && o.subnormals == 2 && o.nans == 2 && o.infinities == 3);
    assert_true(o.fraction[0] == 0 && o.fraction[1] == 0 && o.fraction[2] == 0x7fffff);
    ax_operands_release(&o);
    assert_ok(ax_operands_init(&o, values, NULL, 0));
    assert_true(o.n == 0 && o.zeros == 0);
    ax_operands_release(&o);
}

/* 4200 x 4200 different pairs are more than are tried: the drawn ones estimate the mean to within 5 standard errors. */
static void above_11_bits_many_numbers_are_drawn_from(void **state)
{
    (void)state;
    enum { MANY = 4200 };
    static float a[MANY], b[MANY];
    uint64_t seed = 9;
    for (int k = 0; k < MANY; k++) {
        a[k] = (float)(1 + 0.25 * (double)lcg(&seed) / 4294967296.0);
        b[k] = (float)(1.75 + 0.25 * (double)lcg(&seed) / 4294967296.0);
    }
    const arrays v = {a, b, MANY, MANY};
    const ax_lut lut = first_operand();
    ax_lut *against = open_spec("mit:20");
    ax_errors found, again, wanted;
    measure(&found, &lut, against, &v);
    measure(&again, &lut, against, &v);
    brute_force(&wanted, &lut, against, &v);
    assert_identical(&found, &again);
    assert_true(found.sampled && found.pairs == AX_ERRORS_SAMPLES);
    assert_true(found.width == 20);
    assert_near("bias", found.bias, wanted.bias, 5 * wanted.sd / sqrt(AX_ERRORS_SAMPLES));
    assert_true(found.min >= wanted.min && found.max <= wanted.max);
    ax_lut_close(against);
}

enum { COUNTED = 5000 };                                /* numbers, of which a hundredth do not occur */

/* Numbers in [1.0625, 2), ascending; those from 1.75 on occur nine times, every hundredth never, and lies near 1. */
static void fill_counted(float *values, float *times)
{
    for (int k = 0; k < COUNTED; k++) {
        values[k] = (float)(1.0625 + 0.9375 * k / COUNTED);
        times[k] = values[k] < 1.75f ? 1 : 9;
        if (k % 100 == 7) values[k] = 1.0f + (float)k * 0x1p-23f, times[k] = 0;
    }
}

/* Each as often as it occurs, in their order. */
static int repeat(float *out, const float *values, const float *times, int n)
{
    int all = 0;
    for (int k = 0; k < n; k++)
        for (int t = 0; t < (int)times[k]; t++) out[all++] = values[k];
    return all;
}

static void measure_counted(ax_errors *e, const ax_lut *lut, const ax_lut *against, const float *values, const float *times, int n)
{
    ax_operands o;
    assert_ok(ax_operands_init(&o, values, times, n));
    assert_ok(ax_errors_measure_over(e, lut, against, &o, &o));
    ax_operands_release(&o);
}

static void assert_repeated(const char *spec, const float *values, const float *times, int n, bool sampled)
{
    static float all[9 * COUNTED];
    ax_lut *lut = open_spec(spec);
    ax_errors counted, repeated;
    measure_counted(&counted, lut, NULL, values, times, n);
    measure_counted(&repeated, lut, NULL, all, NULL, repeat(all, values, times, n));
    assert_identical(&counted, &repeated);
    assert_true(counted.sampled == sampled);
    ax_lut_close(lut);
}

static void a_number_that_counts_n_times_is_n_numbers(void **state)
{
    (void)state;
    static float values[COUNTED], times[COUNTED];
    fill_counted(values, times);
    assert_repeated("mbm:7", values, times, COUNTED, false);
    assert_repeated("mit:20", values + 3500, times + 3500, 300, false);
    assert_repeated("mit:20", values, times, COUNTED, true);
}

/* first:2 against the product of both: the error a'/(a b) - 1, a' being a cut to 2 bits, has a mean that is a product of means. */
static void drawn_numbers_come_as_often_as_they_count(void **state)
{
    (void)state;
    static float values[COUNTED], times[COUNTED];
    double n = 0, of_a = 0, of_b = 0;
    fill_counted(values, times);
    for (int k = 0; k < COUNTED; k++) {
        n += times[k];
        of_a += times[k] * floor(4 * (double)values[k]) / 4 / (double)values[k];
        of_b += times[k] / (double)values[k];
    }
    const ax_lut lut = first_operand();
    ax_lut *against = open_spec("exact:23");
    ax_errors e;
    measure_counted(&e, &lut, against, values, times, COUNTED);
    assert_true(e.sampled && e.pairs == AX_ERRORS_SAMPLES);
    assert_near("bias", e.bias, of_a / n * (of_b / n) - 1, 5 * e.sd / sqrt(AX_ERRORS_SAMPLES) + 0x1p-23);
    assert_true(e.max < 1 / 1.0625 - 0.99);              /* numbers near 1 never occur */
    ax_lut_close(against);
}

/* Shares of |error| by the definition, over all pairs of numbers. */
static void shares(double share[3], const ax_lut *first, const ax_lut *second, const arrays *v)
{
    int width = first->width > second->width ? first->width : second->width;
    double n = 0;
    share[0] = share[1] = share[2] = 0;
    for (int i = 0; i < v->na; i++)
        for (int j = 0; j < v->nb; j++) {
            if (fpclassify(v->a[i]) != FP_NORMAL || fpclassify(v->b[j]) != FP_NORMAL) continue;
            double r = exact(v->a[i], v->b[j], width);
            double p = fabs(product(first, v->a[i], v->b[j], width) - r), q = fabs(product(second, v->a[i], v->b[j], width) - r);
            share[p < q ? 0 : p == q ? 1 : 2] += 1;
            n += 1;
        }
    for (int k = 0; k < 3; k++) share[k] /= n;
}

static void assert_compared(const char *specs[2], const arrays *v)
{
    ax_lut *first = open_spec(specs[0]), *second = open_spec(specs[1]);
    ax_operands a, b;
    ax_errors_pair c, swapped;
    ax_errors wanted;
    double share[3];
    assert_ok(ax_operands_init(&a, v->a, NULL, v->na));
    assert_ok(ax_operands_init(&b, v->b, NULL, v->nb));
    assert_ok(ax_errors_compare(&c, first, second, &a, &b));
    assert_ok(ax_errors_compare(&swapped, second, first, &a, &b));
    brute_force(&wanted, first, second, v);
    assert_same_metrics(specs[0], &c.between, &wanted);
    shares(share, first, second, v);
    assert_near("smaller", c.smaller, share[0], 1e-13);
    assert_near("equal", c.equal, share[1], 1e-13);
    assert_near("larger", c.larger, share[2], 1e-13);
    assert_true(swapped.smaller == c.larger && swapped.equal == c.equal && swapped.larger == c.smaller);
    assert_identical(&c.first, &swapped.second);
    assert_identical(&c.second, &swapped.first);
    ax_operands_release(&a);
    ax_operands_release(&b);
    ax_lut_close(first);
    ax_lut_close(second);
}

static void a_comparison_is_that_of_all_pairs_of_numbers(void **state)
{
    (void)state;
    static float a[NA], b[NB];
    fill(a, NA, 5);
    fill(b, NB, 6);
    const arrays v = {a, b, NA, NB};
    assert_compared((const char *[]){"mbm:7", "mit:7"}, &v);
    assert_compared((const char *[]){"exact:5", "mbm:9"}, &v);
    assert_compared((const char *[]){"fp32", "exact:23"}, &v);
}

static void a_comparison_of_all_fractions_has_the_published_errors(void **state)
{
    (void)state;
    ax_lut *mbm = open_spec("mbm:7"), *mit = open_spec("mit:7");
    ax_errors_pair c;
    assert_ok(ax_errors_compare(&c, mbm, mit, NULL, NULL));
    assert_near("mbm:7 MRED", c.first.mred, 0.026932, 5e-7);
    assert_near("mbm:7 bias", c.first.bias, 0.004469, 5e-7);
    assert_near("mit:7 MRED", c.second.mred, 0.038485, 5e-7);
    assert_near("mit:7 bias", c.second.bias, -0.038485, 5e-7);
    assert_true(c.first.pairs == 16384 && !c.first.sampled);
    assert_int_equal(c.differences, AX_DIFFERENCES_SHOWN);
    assert_true(c.difference[0].a == 1 && c.difference[0].b == 1 && c.difference[0].first == 1.09375 && c.difference[0].second == 1);
    for (int k = 1; k < c.differences; k++)
        assert_true(c.difference[k].a > c.difference[k - 1].a || c.difference[k].b > c.difference[k - 1].b);
    ax_lut_close(mbm);
    ax_lut_close(mit);
}

/* Operands of the wider one: what a narrow multiplier loses by truncation is its error, here at most 1 - 1/(2 - 2^-7). */
static void a_narrower_multiplier_sees_the_wider_ones_operands(void **state)
{
    (void)state;
    ax_lut *narrow = open_spec("exact:3"), *wide = open_spec("exact:7");
    ax_errors_pair c;
    ax_errors own;
    assert_ok(ax_errors_compare(&c, narrow, wide, NULL, NULL));
    ax_errors_measure(&own, wide, NULL);
    assert_identical(&c.second, &own);
    assert_true(c.first.width == 7 && c.smaller == 0 && c.larger == c.between.error_rate);
    double a = 1 + 15.0 / 128;                           /* becomes 1; its square is 1 under exact:3, and 159/128 under exact:7 */
    assert_true(c.first.min <= 1 / (a * a) - 1 && c.between.min <= 128.0 / 159 - 1);
    ax_lut_close(narrow);
    ax_lut_close(wide);
}

static void equal_tables_do_not_differ(void **state)
{
    (void)state;
    ax_lut *a = open_spec("exact:2"), *b = open_spec("mit:2"), *c = open_spec("exact:3"), *d = open_spec("mit:3");
    ax_errors_pair same, other;
    assert_ok(ax_errors_compare(&same, a, b, NULL, NULL));
    assert_true(same.between.error_rate == 0 && same.between.mred == 0 && same.differences == 0 && same.equal == 1);
    assert_true(same.smaller == 0 && same.larger == 0);
    assert_ok(ax_errors_compare(&other, c, d, NULL, NULL));
    assert_true(other.between.error_rate > 0 && other.differences > 0 && other.smaller > 0 && other.equal < 1);
    ax_lut_close(a);
    ax_lut_close(b);
    ax_lut_close(c);
    ax_lut_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weighted_metrics_are_those_of_all_pairs_of_numbers),
        cmocka_unit_test(another_multiplier_may_be_the_reference),
        cmocka_unit_test(the_first_array_holds_first_operands),
        cmocka_unit_test(numbers_that_have_all_fractions_alike_give_the_unweighted_digits),
        cmocka_unit_test(one_number_gives_the_error_of_its_square),
        cmocka_unit_test(numbers_that_are_no_operands_are_counted),
        cmocka_unit_test(above_11_bits_many_numbers_are_drawn_from),
        cmocka_unit_test(a_number_that_counts_n_times_is_n_numbers),
        cmocka_unit_test(drawn_numbers_come_as_often_as_they_count),
        cmocka_unit_test(a_comparison_is_that_of_all_pairs_of_numbers),
        cmocka_unit_test(a_comparison_of_all_fractions_has_the_published_errors),
        cmocka_unit_test(a_narrower_multiplier_sees_the_wider_ones_operands),
        cmocka_unit_test(equal_tables_do_not_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

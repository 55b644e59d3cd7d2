/* Multipliers of 8 to 23 bits that kernels compute in closed form, against the definition (gemm.h), bit for bit, where such code
 * can go wrong: fractions at the edges of a carry, exponents at both ends of the range, long sums of such operands. */
#include "gemm.h"

static const enum ax_form forms[] = {AX_FORM_SUM, AX_FORM_PRODUCT, AX_FORM_BIASED_SUM};
static const ax_model models[] = {ax_model_mit, ax_model_exact, ax_model_mbm};
enum { FORMS = 3, ONE = 1 << 23 };

/* The multiplier of a form, and what it is found to be. */
static mult of_form(int f, int m)
{
    int row = 0;
    while (families[row].model != models[f]) row++;
    mult t = from_model(models[f], row, m);
    analyse(&t);
    assert_int_equal(t.plan.form, forms[f]);
    return t;
}

static const char *name_of(int f) { return f == 0 ? "sum" : f == 1 ? "product" : "biased sum"; }

static void each_wide(void (*check)(const mult *t, const char *what))
{
    for (int m = 8; m <= 23; m++)
        for (int f = 0; f < FORMS; f++) {
            mult t = of_form(f, m);
            check(&t, name_of(f));
            release(&t);
        }
}

/* --- fractions ---------------------------------------------------------------------------------------------------- */

static uint32_t within(int64_t fraction) { return (uint32_t)(fraction < 0 ? 0 : fraction >= ONE ? ONE - 1 : fraction); }

/* Fractions at an end, few bits from it, from 1 - 2.5/64 on, and any. */
static uint32_t edge_fraction(int m)
{
    uint32_t unit = 1u << (23 - m), some = draw() % 4 * unit;
    switch (draw() % 6) {
    case 0: return within(some);
    case 1: return within(ONE - unit - some);
    case 2: return within(0x7b0000 - 2 * (int64_t)unit + some);
    case 3: return 0x7b0000 + draw() % 0x050000;
    default: return draw() & 0x7fffffu;
    }
}

static float with_fraction(uint32_t fraction, uint32_t low, uint32_t high)
{
    return ax_float((draw() & 0x80000000u) | (low + draw() % (high - low + 1)) << 23 | fraction);
}

/* Edge fractions by those whose sum, with and without the bias, or whose product lies within two units of 1, 2 or 4. */
static void check_fractions(const mult *t, const char *what)
{
    enum { A = 45, TARGETS = 6, NEAR = 5, B = A * TARGETS * NEAR };
    static const int64_t sums[TARGETS - 1] = {ONE, ONE - 0x0a0000, 2 * ONE - 0x050000, ONE / 2, ONE + ONE / 2};
    static float a[A], b[B];
    int m = t->view.width;
    for (int i = 0, n = 0; i < A; i++) {
        int64_t fraction = edge_fraction(m), unit = 1 << (23 - m);
        a[i] = with_fraction((uint32_t)fraction, 100, 150);
        for (int target = 0; target < TARGETS; target++) {
            int64_t at = target < TARGETS - 1 ? sums[target] - fraction : 2 * ((int64_t)ONE << 23) / (ONE + fraction) - ONE;
            for (int near = -2; near <= 2; near++) b[n++] = with_fraction(within(at + near * unit), 100, 150);
        }
    }
    ax_gemm g = product(t, a, b, A, B, 1);
    assert_defined(&g, what);
    g = product(t, b, a, B, A, 1);
    assert_defined(&g, what);
}

static void products_of_edge_fractions_equal_the_definition(void **state) { (void)state, each_wide(check_fractions); }

/* --- exponents ---------------------------------------------------------------------------------------------------- */

static float with_exponent(int e, int m) { return with_fraction(edge_fraction(m), (uint32_t)e, (uint32_t)e); }

/* All exponents up to `last` by all of which no product overflows, and by one more; twice, with other fractions. */
static void check_exponents(const mult *t, int last, int more, const char *what)
{
    int m = last, n = 380 + more - last < 254 ? 380 + more - last : 254;
    float a[2 * 254], b[254];
    for (int i = 0; i < 2 * m; i++) a[i] = with_exponent(1 + i / 2, t->view.width);
    for (int j = 0; j < n; j++) b[j] = with_exponent(1 + j, t->view.width);
    ax_gemm g = product(t, a, b, 2 * m, n, 1);
    assert_defined(&g, what);
}

static void check_all_exponents(const mult *t, const char *what)
{
    static const int last[] = {126, 190, 253, 254};
    for (size_t i = 0; i < sizeof last / sizeof *last; i++)
        for (int more = 0; more < 2; more++) check_exponents(t, last[i], more, what);
}

static void products_of_all_exponents_equal_the_definition(void **state) { (void)state, each_wide(check_all_exponents); }

/* --- sums --------------------------------------------------------------------------------------------------------- */

typedef struct {
    uint32_t low, high;
} exponents;

/* Edge fractions, one in eight a zero or a subnormal. */
static float *edge_numbers(int64_t count, int m, exponents e)
{
    float *x = malloc((size_t)count * sizeof *x);
    for (int64_t i = 0; i < count; i++)
        x[i] = draw() % 8 ? with_fraction(edge_fraction(m), e.low, e.high) : ax_float(draw() & (draw() % 2 ? 0x807fffffu : 0));
    return x;
}

static void check_sums(const mult *t, int64_t m, int64_t n, int64_t k, exponents ea, exponents eb, const char *what)
{
    float *a = edge_numbers(m * k, t->view.width, ea), *b = edge_numbers(k * n, t->view.width, eb);
    ax_gemm g = product(t, a, b, m, n, k);
    assert_defined(&g, what);
    free(a);
    free(b);
}

/* Few rows by more lanes, and the reverse, so that each operand is in rows. */
static void check_both(const mult *t, int64_t k, exponents ea, exponents eb, const char *what)
{
    check_sums(t, 13, 70, k, ea, eb, what);
    check_sums(t, 70, 13, k, ea, eb, what);
}

static void check_edge_sums(const mult *t, const char *what)
{
    const exponents common = {119, 135}, tiny = {1, 9}, any = {1, 254};
    check_sums(t, 13, 35, 600, common, common, what);                                  /* more than one block of k */
    check_both(t, 37, (exponents){56, 72}, (exponents){56, 72}, what);                 /* on both sides of 2^-126 */
    check_both(t, 3, (exponents){63, 63}, (exponents){64, 64}, what);                  /* at 2^-127, where none carries */
    check_both(t, 37, tiny, (exponents){110, 250}, what);
    check_both(t, 37, (exponents){110, 250}, tiny, what);
    check_sums(t, 3, 50, 20, any, any, what);
}

static void sums_of_edge_fractions_equal_the_definition(void **state) { (void)state, each_wide(check_edge_sums); }

/* Any number of rows and lanes up to more than a tile's. */
static void every_size_of_tile_equals_the_definition(void **state)
{
    (void)state;
    for (int f = 0; f < FORMS; f++)
        for (int m = 11; m <= 23; m += 6) {
            mult t = of_form(f, m);
            for (int64_t rows = 1; rows <= 14; rows++) {
                check_sums(&t, rows, 65 + 15 * (rows % 5), 19, (exponents){119, 135}, (exponents){119, 135}, name_of(f));
                check_sums(&t, rows, 10 * rows - 9, 3, (exponents){62, 66}, (exponents){62, 66}, name_of(f));
            }
            release(&t);
        }
}

/* --- choice ------------------------------------------------------------------------------------------------------- */

static void assert_served_by(const mult *t, const char *kernel, const char *isa)
{
    for (int role = 0; role < 2; role++)
        if (!strstr(ax_plan_kernel(&t->plan, role), kernel))
            fail_msg("%s of %d bits, %s: served by %s", kernel, t->view.width, isa, ax_plan_kernel(&t->plan, role));
}

/* Families, and tables from a file that equal them. */
static void closed_forms_are_computed_not_looked_up(void **state)
{
    static const char *const kernels[] = {"-sum", "-product", "-biased-sum"};
    (void)state;
    for (size_t i = 1; i < sizeof isas / sizeof *isas; i++)
        for (int m = 8; m <= 23 && use_isa(isas[i]); m++)
            for (int f = 0; f < FORMS; f++) {
                mult t = of_form(f, m);
                assert_served_by(&t, kernels[f], isas[i]);
                if (m <= 11) {
                    t.view.model = NULL;
                    t.view.direct = -1;
                    analyse(&t);
                    assert_served_by(&t, kernels[f], isas[i]);
                    t.words[draw() & ((1u << 2 * m) - 1)] ^= 1u << (23 - m);
                    analyse(&t);
                    assert_null(strstr(ax_plan_kernel(&t.plan, 0), kernels[f]));
                }
                release(&t);
            }
    unsetenv("APPROXRUN_ISA");
}

static void assert_coded(const mult *t)
{
    for (size_t i = 1; i < sizeof isas / sizeof *isas; i++)
        if (use_isa(isas[i])) assert_served_by(t, "-code", isas[i]);
    check_shape(t, 9, 150, 21, 110, 140, "code");
    check_shape(t, 170, 9, 150, 50, 80, "code, around 2^-126");
}

/* What a new family is before any kernel knows its form. */
static void a_family_of_no_known_form_is_computed_by_its_code(void **state)
{
    (void)state;
    for (int f = 0; f < FORMS; f++)
        for (int m = 12; m <= 23; m += 11) {
            mult t = of_form(f, m);
            t.plan.form = AX_FORM_ANY;
            t.plan.additive = t.plan.small_sum = t.plan.linear = t.plan.lut.fused = 0;
            assert_coded(&t);
            release(&t);
        }
    unsetenv("APPROXRUN_ISA");
}

/* The same family by another value of its key is another multiplier: the code must be given both. */
static void families_of_their_own_are_computed_with_their_keys(void **state)
{
    (void)state;
    for (int f = 0; f < FAMILIES; f++)
        for (int m = 12; m <= 23 && families[f].form == AX_FORM_ANY; m += 11)
            for (int other = 0; other < 2; other++) {
                mult t = from_model(families[f].model, f, m);
                if (other && t.view.keys.key[0]) t.view.keys.key[0]--;
                analyse(&t);
                assert_coded(&t);
                release(&t);
            }
    unsetenv("APPROXRUN_ISA");
}

#ifdef __SSE2__
static void the_rounding_mode_is_left_as_it_was(void **state)
{
    (void)state;
    unsigned before = _mm_getcsr() & ~(unsigned)_MM_EXCEPT_MASK;
    for (int f = 0; f < FORMS; f++) {
        mult t = of_form(f, 16);
        check_sums(&t, 20, 40, 70, (exponents){119, 135}, (exponents){119, 135}, name_of(f));
        assert_int_equal(_mm_getcsr() & ~(unsigned)_MM_EXCEPT_MASK, before);
        release(&t);
    }
}
#endif

int main(void)
{
    rng_state = 19620801;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_of_edge_fractions_equal_the_definition),
        cmocka_unit_test(products_of_all_exponents_equal_the_definition),
        cmocka_unit_test(sums_of_edge_fractions_equal_the_definition),
        cmocka_unit_test(every_size_of_tile_equals_the_definition),
        cmocka_unit_test(closed_forms_are_computed_not_looked_up),
        cmocka_unit_test(a_family_of_no_known_form_is_computed_by_its_code),
        cmocka_unit_test(families_of_their_own_are_computed_with_their_keys),
#ifdef __SSE2__
        cmocka_unit_test(the_rounding_mode_is_left_as_it_was),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Tables of no known form against the definition (gemm.h), bit for bit: m = 8..11, and m <= 7 with products of more than 7
 * bits. APPROXRUN_LONG_TESTS=1 runs all pairs and all widths of lanes in place of a sample. */
#include "gemm.h"

static int long_form(void)
{
    const char *set = getenv("APPROXRUN_LONG_TESTS");
    return set && strcmp(set, "1") == 0;
}

static float random_of_fraction(uint32_t fraction, int m, uint32_t low, uint32_t high)
{
    uint32_t rest = draw() & ((1u << (23 - m)) - 1), e = low + draw() % (high - low + 1);
    return ax_float((draw() & 0x80000000u) | e << 23 | fraction << (23 - m) | rest);
}

/* `rows` operands of successive fractions from a random one on, by operands of every fraction and zeros of each kind; then
 * with the operands exchanged, so that each is in rows. All products are above 2^-126. */
static void check_rows(const mult *t, int rows, const char *what)
{
    int m = t->view.width, side = 1 << m, lanes = side + 3;
    uint32_t first = draw();
    float *a = malloc((size_t)(rows + 2) * sizeof *a), *b = malloc((size_t)lanes * sizeof *b);
    for (int i = 0; i < rows; i++) a[i] = random_of_fraction((first + (uint32_t)i) & (uint32_t)(side - 1), m, 66, 185);
    for (int i = 0; i < side; i++) b[i] = random_of_fraction((uint32_t)i, m, 66, 185);
    a[rows] = b[side] = 0.0f;
    a[rows + 1] = b[side + 1] = -0.0f;
    b[side + 2] = ax_float(0x807fffffu);
    ax_gemm g = product(t, a, b, rows + 2, lanes, 1);
    assert_defined(&g, what);
    g = product(t, b, a, lanes, rows + 2, 1);
    assert_defined(&g, what);
    free(a);
    free(b);
}

static void products_of_mantissa_pairs_equal_the_definition(void **state)
{
    static const int out_bits[] = {7, 15, 23};
    (void)state;
    for (int m = 8; m <= 11; m++)
        for (size_t o = 0; o < 3; o++) {
            mult t = from_noise(m, out_bits[o]);
            analyse(&t);
            assert_non_null(t.plan.planes);
            assert_int_equal(t.plan.planes->count, o + 1);
            check_rows(&t, 5, "few rows");
            check_rows(&t, long_form() || m == 8 ? 1 << m : 270, "more than a group of rows");
            release(&t);
        }
}

/* Tables whose operands matter to different depths, in tables of any width. */
static mult from_live_bits(int m, int live_a, int live_b, int out_bits)
{
    mult noise = from_noise(11, out_bits), t = from_words(m, new_words(m));
    for (uint32_t e = 0; e < 1u << 2 * m; e++) {
        uint32_t i = (e >> m) >> (m - live_a), j = (e & ((1u << m) - 1)) >> (m - live_b);
        t.words[e] = noise.words[i << 11 | j];
    }
    release(&noise);
    analyse(&t);
    return t;
}

static void tables_of_uneven_depth_are_served_by_what_matters(void **state)
{
    static const int cases[][4] = {{8, 5, 8, 7},  {8, 8, 3, 15}, {9, 7, 7, 7},  {9, 2, 9, 23}, {10, 7, 10, 15}, {10, 6, 4, 15},
                                   {11, 8, 9, 7}, {11, 9, 6, 23}, {5, 5, 2, 15}, {7, 3, 7, 23}, {3, 3, 3, 20},   {1, 1, 1, 9}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int m = cases[i][0], live[2] = {cases[i][1], cases[i][2]};
        mult t = from_live_bits(m, live[0], live[1], cases[i][3]);
        assert_non_null(t.plan.planes);
        for (int role = 0; role < 2; role++) {
            assert_int_equal(t.plan.planes->row_bits[role], live[role]);
            assert_int_equal(t.plan.planes->lane_bits[role], live[!role] < 7 ? 7 : live[!role]);
        }
        check_rows(&t, 40, "uneven depth");
        check_shape(&t, 70, 90, 37, 100, 150, "uneven depth");
        release(&t);
    }
}

static void lanes_of_every_raggedness_equal_the_definition(void **state)
{
    static const int some[] = {1, 15, 16, 17, 63, 64, 65, 100, 127, 128, 129, 191, 192, 193, 255, 256, 257};
    static const int widths[] = {3, 7, 8, 9, 10, 11};
    (void)state;
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        for (int out_bits = 15; out_bits <= 23; out_bits += 8) {
            mult t = from_noise(widths[i], out_bits);
            analyse(&t);
            int count = long_form() ? 257 : (int)(sizeof some / sizeof *some);
            for (int c = 0; c < count; c++) {
                int lanes = long_form() ? c + 1 : some[c];
                check_shape(&t, 3, lanes, 35, 118, 134, "ragged lanes");
                check_shape(&t, lanes, 3, 35, 118, 134, "ragged lanes");
            }
            check_shape(&t, 300, 260, 17, 118, 134, "two groups of rows");
            release(&t);
        }
}

/* Exponents over 2^+-8: other orders of summation give other bits; several blocks of k. */
static void long_sums_are_in_order(void **state)
{
    (void)state;
    for (int m = 7; m <= 11; m++) {
        mult t = from_noise(m, 16 + m % 2 * 7);
        analyse(&t);
        check_shape(&t, 5, 70, 577, 119, 135, "long sum");
        check_shape(&t, 70, 5, 577, 119, 135, "long sum");
        check_shape(&t, 270, 30, 70, 119, 135, "long sum");
        release(&t);
    }
}

/* Around ea + eb - 127 = 1, where an FMA and a flushed product with a sum begin to agree: operands of one exponent each, whose
 * products are just above 2^-126, just below it, or either, by the carry. Sums of three products show what was flushed. */
static void products_near_underflow_are_flushed_before_they_are_added(void **state)
{
    static const uint32_t exponents[][2] = {{64, 64}, {64, 63}, {63, 64}, {64, 62}, {1, 127},
                                            {127, 1}, {1, 126}, {126, 1}, {2, 126}, {1, 1}};
    (void)state;
    for (int m = 6; m <= 11; m++) {
        mult t = from_noise(m, m % 2 ? 15 : 23);
        analyse(&t);
        assert_int_equal(t.plan.lut.fused, m <= 7);
        for (size_t e = 0; e < sizeof exponents / sizeof *exponents; e++)
            for (int tall = 0; tall < 2; tall++) {
                int rows = tall ? 290 : 9, lanes = tall ? 9 : 290;
                float *a = malloc((size_t)rows * 3 * sizeof *a), *b = malloc((size_t)lanes * 3 * sizeof *b);
                for (int i = 0; i < rows * 3; i++) a[i] = ax_float((draw() & 0x807fffffu) | exponents[e][0] << 23);
                for (int i = 0; i < lanes * 3; i++) b[i] = ax_float((draw() & 0x807fffffu) | exponents[e][1] << 23);
                ax_gemm g = product(&t, a, b, rows, lanes, 3);
                assert_defined(&g, "near underflow");
                free(a);
                free(b);
            }
        check_shape(&t, 40, 50, 9, 1, 130, "mostly below 2^-126");
        check_shape(&t, 290, 50, 35, 50, 80, "around 2^-126");
        release(&t);
    }
}

/* Before and after one entry's lowest bit is flipped: 16 rows around it by every lane, both ways round. */
static void a_flipped_entry_is_one_different_product(void **state)
{
    (void)state;
    for (int m = 8; m <= 11; m++) {
        mult t = from_noise(m, m % 2 ? 23 : 15);
        analyse(&t);
        int side = 1 << m, out_bits = m % 2 ? 23 : 15, size = 16 * side;
        float rows[16], *lanes = malloc((size_t)side * sizeof *lanes);
        float *before = malloc((size_t)size * sizeof *before), *after = malloc((size_t)size * sizeof *after);
        for (int i = 0; i < side; i++) lanes[i] = ax_float(127u << 23 | (uint32_t)i << (23 - m));
        for (int role = 0; role < 2; role++) {
            uint32_t row = draw() & (uint32_t)(side - 1), lane = draw() & (uint32_t)(side - 1);
            uint32_t *word = t.words + (role ? lane << m | row : row << m | lane);
            for (uint32_t i = 0; i < 16; i++) rows[i] = lanes[(row + i - 7) & (uint32_t)(side - 1)];
            ax_gemm g = role ? product(&t, lanes, rows, side, 16, 1) : product(&t, rows, lanes, 16, side, 1);
            g.threads = 1;
            for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
                if (!use_isa(isas[i])) continue;
                g.c = before;
                ax_cpu_gemm(&g);
                *word ^= 1u << (23 - out_bits);
                analyse(&t);
                g.c = after;
                ax_cpu_gemm(&g);
                assert_int_equal(differing(&g, before, after, size), 1);
                uint32_t place = role ? lane * 16 + 7 : 7 * (uint32_t)side + lane;
                assert_true(before[place] != after[place]);
            }
        }
        unsetenv("APPROXRUN_ISA");
        free(lanes);
        free(before);
        free(after);
        release(&t);
    }
}

/* Additive, but of parts that reach beyond one carry: the first operand's, or the second's. */
static mult from_large_parts(int m, int second)
{
    mult t = from_words(m, new_words(m));
    uint32_t part[1 << 11], mask = (1u << m) - 1;
    for (uint32_t i = 0; i <= mask; i++) part[i] = draw() & 0xffffffu;
    part[3] = 0, part[mask - 7] = 0xffffff;
    for (uint32_t e = 0; e < 1u << 2 * m; e++) t.words[e] = part[second ? e & mask : e >> m];
    return t;
}

static void sums_that_carry_on_one_side_equal_the_definition(void **state)
{
    (void)state;
    for (int m = 8; m <= 11; m++)
        for (int second = 0; second < 2; second++) {
            mult t = from_large_parts(m, second);
            analyse(&t);
            assert_true(t.plan.additive);
            assert_false(t.plan.small_sum);
            check_rows(&t, 270, "sum that carries");
            check_shape(&t, 50, 90, 35, 100, 150, "sum that carries");
            check_shape(&t, 50, 290, 35, 50, 80, "sum that carries, around 2^-126");
            release(&t);
        }
}

static void assert_served(mult t, const char *what)
{
    analyse(&t);
    for (size_t i = 1; i < sizeof isas / sizeof *isas; i++)
        for (int role = 0; role < 2 && use_isa(isas[i]); role++)
            if (strstr(ax_plan_kernel(&t.plan, role), "literal"))
                fail_msg("%s, m = %d, role %d: the literal rule serves it on %s", what, t.view.width, role, isas[i]);
    unsetenv("APPROXRUN_ISA");
    release(&t);
}

static void no_table_is_left_to_the_literal_rule(void **state)
{
    (void)state;
    if (!use_isa("avx2")) skip();
    unsetenv("APPROXRUN_ISA");
    for (int m = 1; m <= 11; m++) {
        for (int f = 0; f < FAMILIES; f++) assert_served(from_model(families[f].model, f, m), families[f].name);
        assert_served(from_noise(m, m < 7 ? m : 7), "random table of 7 bits");
        assert_served(from_noise(m, 23), "random table of 23 bits");
        if (m < 4) continue;
        assert_served(from_large_parts(m, 0), "sum that carries");
        assert_served(from_large_parts(m, 1), "sum that carries");
    }
}

int main(void)
{
    rng_state = 20240301;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_of_mantissa_pairs_equal_the_definition),
        cmocka_unit_test(tables_of_uneven_depth_are_served_by_what_matters),
        cmocka_unit_test(lanes_of_every_raggedness_equal_the_definition),
        cmocka_unit_test(long_sums_are_in_order),
        cmocka_unit_test(products_near_underflow_are_flushed_before_they_are_added),
        cmocka_unit_test(a_flipped_entry_is_one_different_product),
        cmocka_unit_test(sums_that_carry_on_one_side_equal_the_definition),
        cmocka_unit_test(no_table_is_left_to_the_literal_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

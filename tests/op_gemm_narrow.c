/* Tables of at most 7 live bits and 7 product bits against the definition (gemm.h), bit for bit: every depth of either operand,
 * every raggedness of a tile. */
#include "gemm.h"

/* Random words that depend on the leading bits of the operands alone. */
static mult from_live_bits(int live_a, int live_b)
{
    mult noise = from_noise(7, 7), t = from_words(7, new_words(7));
    for (uint32_t i = 0; i < 128; i++)
        for (uint32_t j = 0; j < 128; j++) t.words[i << 7 | j] = noise.words[i >> (7 - live_a) << 7 | j >> (7 - live_b)];
    release(&noise);
    analyse(&t);
    return t;
}

static void tables_of_every_depth_equal_the_definition(void **state)
{
    (void)state;
    for (int live_a = 0; live_a <= 7; live_a++)
        for (int live_b = 0; live_b <= 7; live_b++) {
            mult t = from_live_bits(live_a, live_b);
            assert_non_null(t.plan.narrow);
            assert_int_equal(t.plan.narrow->lane_live[0], live_b);
            assert_int_equal(t.plan.narrow->lane_live[1], live_a);
            check_shape(&t, 11, 140, 19, 110, 140, "depth");
            check_shape(&t, 140, 11, 19, 110, 140, "depth");
            release(&t);
        }
}

static void tiles_of_every_raggedness_equal_the_definition(void **state)
{
    (void)state;
    for (int live = 4; live <= 7; live++) {
        mult t = from_live_bits(live, live);
        for (int lanes = 1; lanes <= 130; lanes += lanes < 70 ? 1 : 9)
            check_shape(&t, 1 + lanes % 7, lanes, 5, 118, 134, "ragged lanes");
        for (int rows = 1; rows <= 27; rows++) check_shape(&t, rows, 40 + rows % 3 * 16, 5, 118, 134, "ragged rows");
        check_shape(&t, 330, 350, 17, 118, 134, "several groups of rows");
        check_shape(&t, 13, 70, 577, 119, 135, "several blocks of k");
        release(&t);
    }
}

/* Words that are sums, but of parts that reach beyond one carry: no kernel of sums takes them. */
static void sums_that_carry_on_one_side_equal_the_definition(void **state)
{
    (void)state;
    for (int second = 0; second < 2; second++) {
        mult t = from_words(7, new_words(7));
        uint32_t part[128];
        for (int i = 0; i < 128; i++) part[i] = (draw() & 0xffu) << 16;
        part[3] = 0, part[100] = 0xff0000;
        for (uint32_t e = 0; e < 128 * 128; e++) t.words[e] = part[second ? e & 127 : e >> 7];
        analyse(&t);
        assert_true(t.plan.additive);
        check_all_pairs(&t, "sum that carries");
        check_shape(&t, 50, 90, 21, 100, 150, "sum that carries");
        release(&t);
    }
}

int main(void)
{
    rng_state = 20240317;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_of_every_depth_equal_the_definition),
        cmocka_unit_test(tiles_of_every_raggedness_equal_the_definition),
        cmocka_unit_test(sums_that_carry_on_one_side_equal_the_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

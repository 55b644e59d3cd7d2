/* What a plan says of known tables: live bits, additivity, output bits, rows. The facts are those published for the tables of
 * ApproxTrain (mbm:7 depends on 6 bits of each operand, mbm:5 on 4, mbm:3 on 2 and is a sum) or follow from the definitions. */
#include "check.h"

#include "kernels/plan.h"
#include "lut/models/exact.h"
#include "lut/models/mbm.h"
#include "lut/models/mit.h"

#include <stdlib.h>

typedef struct {
    ax_lut_view view;
    ax_plan plan;
    uint32_t *words;
    void *memory;
} mult;

static void analyse(mult *t)
{
    t->memory = aligned_alloc(64, (ax_plan_bytes(&t->view) + 127) / 64 * 64);
    ax_plan_init(&t->plan, &t->view, t->memory);
}

static mult table(ax_model model, int m)
{
    mult t = {.view = {.width = m, .fused = m <= 7, .direct = -1}, .words = malloc(sizeof(uint32_t) << 2 * m)};
    for (uint32_t e = 0; e < 1u << 2 * m; e++) t.words[e] = model((unsigned)m, e >> m, e & ((1u << m) - 1));
    t.view.words = t.words;
    analyse(&t);
    return t;
}

static void release(mult *t)
{
    free(t->words);
    free(t->memory);
}

static void live_bits_and_sums_of_the_families_are_found(void **state)
{
    static const struct {
        ax_model model;
        int m, live, additive, out_bits, rows;
    } facts[] = {
        {ax_model_mbm, 7, 6, 0, 7, 64}, {ax_model_mbm, 5, 4, 0, 5, 16}, {ax_model_mbm, 3, 2, 1, 2, 4},
        {ax_model_mbm, 1, 0, 1, 0, 1},
        {ax_model_mit, 7, 7, 1, 7, 128}, {ax_model_mit, 1, 1, 1, 1, 2}, {ax_model_mit, 9, 9, 1, 9, 512},
        {ax_model_exact, 7, 7, 0, 7, 128}, {ax_model_exact, 9, 9, 0, 9, 512}, {ax_model_mbm, 8, 7, 0, 8, 128},
    };
    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        mult t = table(facts[i].model, facts[i].m);
        assert_int_equal(t.plan.live_a, facts[i].live);
        assert_int_equal(t.plan.live_b, facts[i].live);
        assert_int_equal(t.plan.additive, facts[i].additive);
        assert_int_equal(t.plan.out_bits, facts[i].out_bits);
        assert_int_equal(t.plan.distinct_rows, facts[i].rows);
        assert_int_equal(t.plan.lut.fused, facts[i].m <= 7 || facts[i].additive);
        release(&t);
    }
}

static void alpha_plus_beta_is_every_word_of_a_sum(void **state)
{
    (void)state;
    mult t = table(ax_model_mit, 9);
    for (uint32_t e = 0; e < 1u << 18; e++) assert_int_equal(t.plan.alpha[e >> 9] + t.plan.beta[e & 511], t.words[e]);
    assert_int_equal(t.plan.beta_max, 511u << 14);
    release(&t);
}

static void one_changed_word_ends_a_sum(void **state)
{
    (void)state;
    mult t = table(ax_model_mit, 8);
    t.words[200 << 8 | 77] ^= 1u << 15;
    ax_plan_init(&t.plan, &t.view, t.memory);
    assert_false(t.plan.additive);
    assert_false(t.plan.lut.fused);
    assert_null(t.plan.alpha);
    release(&t);
}

/* Depends on the first bit of i and the first three of j. */
static uint32_t lopsided(unsigned m, uint32_t i, uint32_t j)
{
    return (i >> (m - 1)) << 22 ^ (j >> (m - 3)) * (i >> (m - 1)) << 17;
}

static void each_operand_has_its_own_live_bits(void **state)
{
    (void)state;
    mult t = table(lopsided, 6);
    assert_int_equal(t.plan.live_a, 1);
    assert_int_equal(t.plan.live_b, 3);
    assert_int_equal(t.plan.distinct_rows, 2);
    assert_int_equal(t.plan.out_bits, 6);
    release(&t);
}

static uint32_t full_width(unsigned m, uint32_t i, uint32_t j) { return (i ^ j) << (23 - m) | 1; }

static void products_of_more_than_7_bits_have_no_narrow_form(void **state)
{
    (void)state;
    mult t = table(full_width, 4), narrow = table(ax_model_exact, 4);
    assert_int_equal(t.plan.out_bits, 23);
    assert_null(t.plan.narrow);
    assert_non_null(narrow.plan.narrow);
    release(&t);
    release(&narrow);
}

static void wide_families_are_known_by_their_row(void **state)
{
    static const int additive[] = {
#define AX_FAMILY(name, widest, sum, title, reference) sum,
#include "lut/models.def"
#undef AX_FAMILY
    };
    (void)state;
    for (size_t i = 0; i < sizeof additive / sizeof *additive; i++) {
        mult t = {.view = {.width = 17, .model = ax_model_mit, .direct = (int)i}};
        analyse(&t);
        assert_int_equal(ax_plan_bytes(&t.view), 0);
        assert_int_equal(t.plan.additive, additive[i]);
        assert_int_equal(t.plan.lut.fused, additive[i]);
        assert_null(t.plan.alpha);
        release(&t);
    }
    mult file = {.view = {.width = 17, .model = ax_model_mit, .direct = -1}};
    analyse(&file);
    assert_false(file.plan.additive);
    assert_int_equal(file.plan.out_bits, 23);
    release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_bits_and_sums_of_the_families_are_found),
        cmocka_unit_test(alpha_plus_beta_is_every_word_of_a_sum),
        cmocka_unit_test(one_changed_word_ends_a_sum),
        cmocka_unit_test(each_operand_has_its_own_live_bits),
        cmocka_unit_test(products_of_more_than_7_bits_have_no_narrow_form),
        cmocka_unit_test(wide_families_are_known_by_their_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

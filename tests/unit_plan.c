/* What a plan says of known tables: live bits, rows and columns, form, additivity, ranks, output bits. The facts are those
 * published for the tables of ApproxTrain (mbm:7 depends on 6 bits of each operand, mbm:5 on 4, mbm:3 on 2 and is a sum) or
 * follow from how a table was made. */
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
    free(t->memory);
    t->memory = aligned_alloc(64, (ax_plan_bytes(&t->view) + 127) / 64 * 64);
    ax_plan_init(&t->plan, &t->view, t->memory);
}

static mult table(ax_model model, int m)
{
    mult t = {.view = {.width = m, .keys = {.m = (unsigned)m}, .direct = -1}, .words = malloc(sizeof(uint32_t) << 2 * m)};
    for (uint32_t e = 0; e < 1u << 2 * m; e++) t.words[e] = model(&t.view.keys, e >> m, e & ((1u << m) - 1));
    t.view.words = t.words;
    analyse(&t);
    return t;
}

static void release(mult *t)
{
    free(t->words);
    free(t->memory);
}

/* Ranks above AX_TABLE_RANK_MAX are not told apart. */
enum { MORE = AX_TABLE_RANK_MAX + 1 };

/* Published: live bits, rows, and that mbm:5 and mbm:7 are Mitchell of the operands with their last bit set plus rank 1 and
 * rank 3. The other ranks: elimination over another prime field and singular values of the tables written out in NumPy. */
static void facts_of_the_families_are_found(void **state)
{
    static const struct {
        ax_model model;
        int m, live, additive, out_bits, lines, rank, sum_rank, centred;
    } facts[] = {
        {ax_model_mbm, 7, 6, 0, 7, 64, MORE, 3, 1},      {ax_model_mbm, 5, 4, 0, 5, 16, MORE, 1, 1},
        {ax_model_mbm, 3, 2, 1, 2, 4, 4, 0, 0},          {ax_model_mbm, 1, 0, 1, 0, 1, 1, 0, 0},
        {ax_model_mbm, 8, 7, 0, 8, 128, MORE, 6, 1},     {ax_model_mbm, 4, 3, 0, 4, 8, 8, 7, 1},
        {ax_model_mbm, 6, 5, 0, 6, 32, MORE, MORE, 0},   {ax_model_mit, 7, 7, 1, 7, 128, MORE, 0, 0},
        {ax_model_mit, 1, 1, 1, 1, 2, 2, 0, 0},          {ax_model_mit, 9, 9, 1, 9, 512, MORE, 0, 0},
        {ax_model_exact, 1, 1, 1, 1, 2, 2, 0, 0},        {ax_model_exact, 2, 2, 1, 2, 4, 4, 0, 0},
        {ax_model_exact, 3, 3, 0, 3, 8, 8, 4, 0},        {ax_model_exact, 7, 7, 0, 7, 128, MORE, MORE, 0},
        {ax_model_exact, 9, 9, 0, 9, 512, MORE, MORE, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        mult t = table(facts[i].model, facts[i].m);
        uint32_t mask = (1u << facts[i].m) - (1u << (facts[i].m - facts[i].live));
        assert_int_equal(t.plan.live_a, facts[i].live);
        assert_int_equal(t.plan.live_b, facts[i].live);
        assert_int_equal(t.plan.mask_a, mask);
        assert_int_equal(t.plan.mask_b, mask);
        assert_int_equal(t.plan.additive, facts[i].additive);
        assert_int_equal(t.plan.out_bits, facts[i].out_bits);
        assert_int_equal(t.plan.distinct_rows, facts[i].lines);
        assert_int_equal(t.plan.distinct_columns, facts[i].lines);
        assert_int_equal(t.plan.rank, facts[i].rank);
        assert_int_equal(t.plan.sum_rank, facts[i].sum_rank);
        assert_int_equal(t.plan.sum_centred, facts[i].centred);
        assert_int_equal(t.plan.lut.fused, facts[i].m <= 7 || facts[i].additive);
        release(&t);
    }
}

/* Of exact:1 and exact:2 every product is Mitchell's: 1.5 * 1.5 is 2 in both once a bit is kept, and so on. */
static void the_form_of_a_table_is_found_from_its_words(void **state)
{
    (void)state;
    for (int m = 1; m <= AX_TABLE_MAX_WIDTH; m++) {
        mult sum = table(ax_model_mit, m), product = table(ax_model_exact, m), biased = table(ax_model_mbm, m);
        assert_int_equal(sum.plan.form, AX_FORM_SUM);
        assert_int_equal(product.plan.form, m <= 2 ? AX_FORM_SUM : AX_FORM_PRODUCT);
        assert_int_equal(biased.plan.form, AX_FORM_BIASED_SUM);
        release(&sum);
        release(&product);
        release(&biased);
    }
}

static void one_changed_word_ends_a_form(void **state)
{
    (void)state;
    static const ax_model models[] = {ax_model_mit, ax_model_exact, ax_model_mbm};
    static const uint32_t at[] = {0, 1, 255, 256, 200 << 8 | 77, 65535}, flips[] = {1u << 15, 1, 1u << 23};
    for (int f = 0; f < 3; f++) {
        mult t = table(models[f], 8);
        for (int i = 0; i < 18; i++) {
            uint32_t *word = &t.words[at[i / 3]], flip = flips[i % 3];
            *word ^= flip;
            analyse(&t);
            assert_int_equal(t.plan.form, AX_FORM_ANY);
            *word ^= flip;
        }
        analyse(&t);
        assert_int_not_equal(t.plan.form, AX_FORM_ANY);
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
    analyse(&t);
    assert_false(t.plan.additive);
    assert_false(t.plan.lut.fused);
    assert_null(t.plan.alpha);
    assert_int_equal(t.plan.sum_rank, 1);       /* the sum, and one entry */
    release(&t);
}

/* Depends on the first bit of i and the first three of j. */
static uint32_t lopsided(const ax_model_keys *p, uint32_t i, uint32_t j)
{
    return (i >> (p->m - 1)) << 22 ^ (j >> (p->m - 3)) * (i >> (p->m - 1)) << 17;
}

static void each_operand_has_its_own_live_bits(void **state)
{
    (void)state;
    mult t = table(lopsided, 6);
    assert_int_equal(t.plan.live_a, 1);
    assert_int_equal(t.plan.live_b, 3);
    assert_int_equal(t.plan.distinct_rows, 2);
    assert_int_equal(t.plan.distinct_columns, 8);
    assert_int_equal(t.plan.rank, 2);
    assert_int_equal(t.plan.out_bits, 6);
    release(&t);
}

static uint32_t turned(const ax_model_keys *p, uint32_t i, uint32_t j) { return lopsided(p, j, i); }

static void the_transposed_table_has_the_facts_transposed(void **state)
{
    (void)state;
    mult t = table(turned, 6);
    assert_int_equal(t.plan.live_a, 3);
    assert_int_equal(t.plan.live_b, 1);
    assert_int_equal(t.plan.distinct_rows, 8);
    assert_int_equal(t.plan.distinct_columns, 2);
    assert_int_equal(t.plan.rank, 2);
    release(&t);
}

/* A well mixed 24-bit word for each pair (SplitMix64). */
static uint32_t scrambled(const ax_model_keys *p, uint32_t i, uint32_t j)
{
    uint64_t z = ((uint64_t)p->m << 40 | (uint64_t)i << 20 | j) * 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    return (uint32_t)(z ^ z >> 27) & 0xffffffu;
}

static void a_random_table_has_no_structure(void **state)
{
    (void)state;
    for (int m = 4; m <= 9; m++) {
        mult t = table(scrambled, m);
        assert_int_equal(t.plan.form, AX_FORM_ANY);
        assert_int_equal(t.plan.mask_a, (1u << m) - 1);
        assert_int_equal(t.plan.mask_b, (1u << m) - 1);
        assert_int_equal(t.plan.distinct_rows, 1 << m);
        assert_int_equal(t.plan.distinct_columns, 1 << m);
        assert_false(t.plan.additive);
        assert_int_equal(t.plan.rank, MORE);
        assert_int_equal(t.plan.sum_rank, MORE);
        release(&t);
    }
}

static uint32_t gapped(const ax_model_keys *p, uint32_t i, uint32_t j) { return scrambled(p, i & 0x1b, j & 0x15); }

static void dead_bits_between_live_ones_are_found(void **state)
{
    (void)state;
    mult t = table(gapped, 5);
    assert_int_equal(t.plan.mask_a, 0x1b);
    assert_int_equal(t.plan.mask_b, 0x15);
    assert_int_equal(t.plan.live_a, 5);
    assert_int_equal(t.plan.live_b, 5);
    assert_int_equal(t.plan.distinct_rows, 16);
    assert_int_equal(t.plan.distinct_columns, 8);
    release(&t);
}

/* v = 1 everywhere and more on the first `terms` of the diagonal: rank terms + 1. */
static int terms;
static uint32_t spotted_one(const ax_model_keys *p, uint32_t i, uint32_t j) { return (void)p, i == j && (int)i < terms ? 1u << 20 : 0; }

/* Mitchell's sum with as many entries of the diagonal changed, none of which carries. */
static uint32_t spotted_sum(const ax_model_keys *p, uint32_t i, uint32_t j)
{
    return ax_model_mit(p, i, j) + (i == j && (int)i < terms ? 3u : 0);
}

static void ranks_up_to_the_largest_are_exact(void **state)
{
    (void)state;
    for (terms = 0; terms <= 10; terms++) {
        mult one = table(spotted_one, 6), sum = table(spotted_sum, 6);
        assert_int_equal(one.plan.rank, terms + 1 < MORE ? terms + 1 : MORE);
        assert_int_equal(sum.plan.sum_rank, terms < MORE ? terms : MORE);
        assert_int_equal(sum.plan.sum_centred, 0);
        assert_int_equal(sum.plan.additive, terms == 0);
        release(&one);
        release(&sum);
    }
}

/* mbm:5 in a table of 7 bits: the same products by the leading 5. */
static uint32_t widened(const ax_model_keys *p, uint32_t i, uint32_t j) 
{
    return ax_model_mbm(&(ax_model_keys){.m = 5}, i >> (p->m - 5), j >> (p->m - 5));
}

static void a_narrow_multiplier_in_a_wider_table_is_the_same(void **state)
{
    (void)state;
    mult t = table(widened, 7);
    assert_int_equal(t.plan.form, AX_FORM_ANY);       /* the form of m = 7 it is not */
    assert_int_equal(t.plan.live_a, 4);
    assert_int_equal(t.plan.distinct_rows, 16);
    assert_int_equal(t.plan.sum_rank, 1);
    assert_int_equal(t.plan.sum_centred, 1);
    release(&t);
}

static uint32_t full_width(const ax_model_keys *p, uint32_t i, uint32_t j) { return (i ^ j) << (23 - p->m) | 1; }

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
    static const enum ax_form forms[] = {
#define AX_FAMILY(name, widest, form, title, reference) form,
#include "lut/models.def"
    };
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        mult t = {.view = {.width = 17, .model = ax_model_mit, .direct = (int)i}};
        analyse(&t);
        assert_int_equal(ax_plan_bytes(&t.view), 0);
        assert_int_equal(t.plan.form, forms[i]);
        assert_int_equal(t.plan.additive, forms[i] == AX_FORM_SUM);
        assert_int_equal(t.plan.lut.fused, forms[i] == AX_FORM_SUM);
        assert_int_equal(t.plan.sum_rank, forms[i] == AX_FORM_SUM ? 0 : MORE);
        assert_null(t.plan.alpha);
        release(&t);
    }
    mult file = {.view = {.width = 17, .model = ax_model_mit, .direct = -1}};
    analyse(&file);
    assert_int_equal(file.plan.form, AX_FORM_ANY);
    assert_false(file.plan.additive);
    assert_int_equal(file.plan.out_bits, 23);
    release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_of_the_families_are_found),
        cmocka_unit_test(the_form_of_a_table_is_found_from_its_words),
        cmocka_unit_test(one_changed_word_ends_a_form),
        cmocka_unit_test(alpha_plus_beta_is_every_word_of_a_sum),
        cmocka_unit_test(one_changed_word_ends_a_sum),
        cmocka_unit_test(each_operand_has_its_own_live_bits),
        cmocka_unit_test(the_transposed_table_has_the_facts_transposed),
        cmocka_unit_test(a_random_table_has_no_structure),
        cmocka_unit_test(dead_bits_between_live_ones_are_found),
        cmocka_unit_test(ranks_up_to_the_largest_are_exact),
        cmocka_unit_test(a_narrow_multiplier_in_a_wider_table_is_the_same),
        cmocka_unit_test(products_of_more_than_7_bits_have_no_narrow_form),
        cmocka_unit_test(wide_families_are_known_by_their_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

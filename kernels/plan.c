/* The analysis of a multiplier. Everything here is found from the table's words; only above 11 bits, where there is no table,
 * does the family's row say what it is. */
#include "kernels/plan.h"

#include "kernels/plan_planes.h"
#include "kernels/plan_rank.h"
#include "lut/models/all.h"

/* The functions a table may be: one for each row of models.def. */
static const struct {
    enum ax_form form;
    ax_model model;
} forms[] = {
#define AX_FAMILY(name, widest, form, title, reference) {form, ax_model_##name},
#include "lut/models.def"
};

static size_t table_side(const ax_lut_view *lut) { return lut->words ? (size_t)1 << lut->width : 0; }

static uint32_t word_at(const ax_lut_view *lut, size_t i, size_t j) { return lut->words[i << lut->width | j]; }

/* The word by the leading `bits` bits of each operand, whatever the table's width. */
static uint32_t word_by(const ax_lut_view *lut, int bits, size_t i, size_t j)
{
    int more = bits - lut->width;
    return more >= 0 ? word_at(lut, i >> more, j >> more) : word_at(lut, i << -more, j << -more);
}

static int output_bits(const ax_lut_view *lut)
{
    size_t side = table_side(lut);
    uint32_t used = 0;
    for (size_t e = 0; e < side * side; e++) used |= lut->words[e] & 0x7fffffu;
    return used ? 23 - __builtin_ctz(used) : 0;
}

static uint64_t hash_words(const ax_lut_view *lut)
{
    size_t side = table_side(lut);
    uint64_t h = 0xcbf29ce484222325u ^ (uint64_t)lut->width;
    for (size_t e = 0; e < side * side; e++) h = (h ^ lut->words[e]) * 0x9e3779b97f4a7c15u, h ^= h >> 29;
    return h;
}

static size_t sums_bytes(size_t side) { return (2 * side * sizeof(uint32_t) + 63) / 64 * 64; }

/* Fills alpha and beta (2^m each) from the first row and column; 0 if some word is not their sum. */
static int split_sum(const ax_lut_view *lut, uint32_t *alpha, uint32_t *beta)
{
    size_t side = table_side(lut), least = 0;
    for (size_t j = 1; j < side; j++)
        if (word_at(lut, 0, j) < word_at(lut, 0, least)) least = j;
    for (size_t e = 0; e < side; e++) {
        alpha[e] = word_at(lut, e, least);
        beta[e] = word_at(lut, 0, e) - word_at(lut, 0, least);
    }
    for (size_t i = 0; i < side; i++)
        for (size_t j = 0; j < side; j++)
            if (word_at(lut, i, j) != alpha[i] + beta[j]) return 0;
    return 1;
}

static void describe_sum(ax_plan *plan, const uint32_t *alpha, const uint32_t *beta)
{
    size_t side = table_side(&plan->lut);
    plan->alpha = alpha;
    plan->beta = beta;
    plan->alpha_min = plan->alpha_max = plan->alpha[0];
    plan->beta_max = 0;
    plan->linear = 1;
    for (size_t e = 0; e < side; e++) {
        uint32_t straight = (uint32_t)e << (23 - plan->lut.width);
        plan->linear &= plan->alpha[e] == straight && plan->beta[e] == straight;
        if (plan->alpha[e] < plan->alpha_min) plan->alpha_min = plan->alpha[e];
        if (plan->alpha[e] > plan->alpha_max) plan->alpha_max = plan->alpha[e];
        if (plan->beta[e] > plan->beta_max) plan->beta_max = plan->beta[e];
    }
    plan->small_sum = plan->beta_max < 1u << 23 && plan->alpha_max - plan->alpha_min < 1u << 23;
}

static void narrow_sums(ax_narrow *narrow, const ax_plan *plan)
{
    for (int e = 0; e < AX_NARROW; e++) {
        int more = AX_NARROW_BITS - plan->lut.width;
        int x = more >= 0 ? e >> more : e << -more;
        narrow->row_word[0][e] = (uint16_t)(plan->alpha[x] >> 16);
        narrow->lane_word[0][e] = (uint16_t)(plan->beta[x] >> 16);
        narrow->row_word[1][e] = (uint16_t)((plan->beta[x] + plan->alpha_min) >> 16);
        narrow->lane_word[1][e] = (uint16_t)((plan->alpha[x] - plan->alpha_min) >> 16);
    }
}

static void narrow_table(ax_narrow *narrow, const ax_plan *plan, int role)
{
    int row_live = role ? plan->live_b : plan->live_a, lane_live = role ? plan->live_a : plan->live_b;
    int row_bits = narrow->row_bits[role] = row_live;
    int lane_bits = narrow->lane_bits[role] = lane_live <= 4 ? 4 : lane_live <= 6 ? 6 : 7;
    memset(narrow->words4[role], 0, sizeof narrow->words4[role]);
    memset(narrow->bytes[role], 0, sizeof narrow->bytes[role]);
    for (size_t r = 0; r < (size_t)1 << row_bits; r++)
        for (size_t l = 0; l < (size_t)1 << lane_bits; l++) {
            size_t row = r << (AX_NARROW_BITS - row_bits), lane = l << (AX_NARROW_BITS - lane_bits);
            uint32_t word = (role ? word_by(&plan->lut, 7, lane, row) : word_by(&plan->lut, 7, row, lane)) >> 16;
            if (lane_bits == 4) {
                narrow->words4[role][r][0][l] = word << 16;
                narrow->words4[role][r][1][l] = word;
            } else {
                narrow->bytes[role][r][l] = (uint8_t)word;
            }
        }
}

/* The word of a row and a lane, given by their leading bits, as the upper half of a float's. */
static uint16_t narrow_word(const ax_plan *plan, int role, size_t row, int row_bits, size_t lane, int lane_bits)
{
    row <<= AX_NARROW_BITS - row_bits;
    lane <<= AX_NARROW_BITS - lane_bits;
    size_t i = role ? lane : row, j = role ? row : lane;
    return (uint16_t)(word_by(&plan->lut, AX_NARROW_BITS, i, j) >> 16);
}

/* The forms for machines without bfloat16 instructions. */
static void narrow_rows(ax_narrow *narrow, const ax_plan *plan, int role)
{
    int row_bits = narrow->row_bits[role], live = narrow->lane_live[role] = role ? plan->live_a : plan->live_b;
    int bits = live < 4 ? 4 : live;
    memset(narrow->dwords[role], 0, sizeof narrow->dwords[role]);
    memset(narrow->words[role], 0, sizeof narrow->words[role]);
    memset(narrow->steps[role], 0, sizeof narrow->steps[role]);
    for (size_t r = 0; r < (size_t)1 << row_bits; r++)
        for (size_t l = 0; l < (size_t)1 << bits; l++) {
            uint16_t word = narrow_word(plan, role, r, row_bits, l, bits);
            uint16_t before = l < 16 ? 0 : narrow_word(plan, role, r, row_bits, l - 16, bits);
            if (live <= 5) narrow->dwords[role][r << bits | l] = (uint32_t)word << 16;
            else narrow->words[role][r << bits | l] = word;
            narrow->steps[role][r << bits | l] = (uint8_t)(word ^ before);
        }
}

/* The family's standard keys are zeros, where it has a form. */
static int is_function(const ax_lut_view *lut, ax_model f)
{
    const ax_model_keys keys = {.m = (unsigned)lut->width};
    uint32_t side = 1u << lut->width;
    for (uint32_t i = 0; i < side; i++)
        for (uint32_t j = 0; j < side; j++)
            if (word_at(lut, i, j) != f(&keys, i, j)) return 0;
    return 1;
}

/* The first of enum ax_form that fits. */
static enum ax_form find_form(const ax_lut_view *lut)
{
    enum ax_form found = AX_FORM_ANY;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        enum ax_form form = forms[i].form;
        if (form != AX_FORM_ANY && (!found || form < found) && is_function(lut, forms[i].model)) found = form;
    }
    return found;
}

static int live_bits(uint32_t mask, int width) { return mask ? width - __builtin_ctz(mask) : 0; }

static void analyse_lines(ax_plan *plan)
{
    ax_classes rows, columns;
    int m = plan->lut.width;
    ax_classes_find(&rows, &columns, &plan->lut);
    plan->distinct_rows = rows.count;
    plan->distinct_columns = columns.count;
    plan->mask_a = ax_classes_mask(&rows, m);
    plan->mask_b = ax_classes_mask(&columns, m);
    plan->live_a = live_bits(plan->mask_a, m);
    plan->live_b = live_bits(plan->mask_b, m);
    ax_plan_find_ranks(plan, &rows, &columns);
}

static void analyse_narrow(ax_plan *plan, void *memory)
{
    ax_narrow *narrow = memory;
    if (plan->additive) narrow_sums(narrow, plan);
    for (int role = 0; role < 2; role++) {
        narrow_table(narrow, plan, role);
        narrow_rows(narrow, plan, role);
    }
    plan->narrow = narrow;
}

/* What is found from the words one by one; alpha and beta are of 2^m each. */
static void analyse_words(ax_plan *plan, uint32_t *alpha, uint32_t *beta)
{
    const ax_lut_view *lut = &plan->lut;
    plan->form = find_form(lut);
    plan->out_bits = output_bits(lut);
    plan->additive = split_sum(lut, alpha, beta);
    plan->lut.fused = plan->additive || lut->width <= 7;
    if (plan->additive) describe_sum(plan, alpha, beta);
}

static int may_be_narrow(const ax_plan *plan) { return plan->lut.fused && plan->out_bits <= AX_NARROW_BITS; }

static int needs_planes(const ax_plan *plan) { return !plan->small_sum && !plan->form; }

static void analyse_table(ax_plan *plan, char *memory)
{
    size_t side = table_side(&plan->lut);
    uint32_t *sums = (uint32_t *)(void *)memory;
    analyse_words(plan, sums, sums + side);
    analyse_lines(plan);
    memory += sums_bytes(side);
    if (may_be_narrow(plan) && plan->live_a <= 7 && plan->live_b <= 7) analyse_narrow(plan, memory);
    else if (needs_planes(plan)) ax_planes_init(plan, memory);
}

/* alpha and beta, then what a table is kept as, which may hang on its live bits: narrow or in planes. */
size_t ax_plan_bytes(const ax_lut_view *lut)
{
    if (lut->native || !lut->words) return 0;
    uint32_t alpha[1 << AX_TABLE_MAX_WIDTH], beta[1 << AX_TABLE_MAX_WIDTH];
    ax_plan plan = {.lut = *lut};
    analyse_words(&plan, alpha, beta);
    size_t narrow = may_be_narrow(&plan) ? sizeof(ax_narrow) : 0;
    size_t planes = needs_planes(&plan) ? ax_planes_bytes(lut, plan.out_bits) : 0;
    return sums_bytes(table_side(lut)) + (planes > narrow ? planes : narrow);
}

/* Above 11 bits there is no table to look at: the family's row must do. */
static void analyse_family(ax_plan *plan)
{
    int m = plan->lut.width;
    plan->live_a = plan->live_b = m;
    plan->mask_a = plan->mask_b = (1u << m) - 1;
    plan->out_bits = plan->lut.direct >= 0 ? m : AX_WIDTH_MAX;
    if (plan->lut.direct >= 0) plan->form = forms[plan->lut.direct].form;
    plan->lut.fused = plan->additive = plan->form == AX_FORM_SUM;
    plan->sum_rank = plan->additive ? 0 : AX_TABLE_RANK_MAX + 1;
    if (!plan->additive) return;
    plan->linear = plan->small_sum = 1;
    plan->alpha_max = plan->beta_max = ((1u << m) - 1) << (23 - m);
}

static void analyse_native(ax_plan *plan)
{
    plan->live_a = plan->live_b = plan->out_bits = AX_WIDTH_MAX;
    plan->mask_a = plan->mask_b = (1u << AX_WIDTH_MAX) - 1;
    plan->sum_rank = AX_TABLE_RANK_MAX + 1;
}

void ax_plan_init(ax_plan *plan, const ax_lut_view *lut, void *memory)
{
    *plan = (ax_plan){.lut = *lut};
    plan->hash = hash_words(lut) ^ (uint64_t)lut->compat << 63;
    if (lut->native) analyse_native(plan);
    else if (lut->words) analyse_table(plan, memory);
    else analyse_family(plan);
}

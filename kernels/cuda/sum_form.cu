/* Finds the sum in a narrow table: the plan says that there is one, this writes it down. What is left of the table's values when
 * the sum is taken away is split into products by crosses: a column through a pivot times the row through it. */
#include "kernels/cuda/sum_form.h"

#include <stdlib.h>

enum { SIDE = AX_SUM_SIDE };

/* The m-bit fraction that the 7 leading bits `e` stand for. */
static uint32_t fraction_of(const ax_plan *plan, uint32_t e)
{
    int more = plan->lut.width - AX_NARROW_BITS;
    return more >= 0 ? e << more : e >> -more;
}

/* The significand value (1 + fraction) 2^carry, in units of 2^-7. */
static double value_of(uint32_t word) { return (double)((128u | (word & 127u)) << (word >> 7)); }

static uint32_t word_at(const ax_plan *plan, uint32_t i, uint32_t j)
{
    return plan->lut.words[fraction_of(plan, i) << plan->lut.width | fraction_of(plan, j)] >> 16;
}

static uint32_t half_of(int width, int live) { return live < width ? 1u << (width - live - 1) : 0; }

/* Mitchell's sum of the live bits, centred or not: what plan->sum_rank is the rank above. */
static void put_base(ax_sum_form *form, const ax_plan *plan)
{
    int m = plan->lut.width;
    uint32_t half_a = plan->sum_centred ? half_of(m, plan->live_a) : 0, half_b = plan->sum_centred ? half_of(m, plan->live_b) : 0;
    for (uint32_t e = 0; e < SIDE; e++) {
        uint32_t x = fraction_of(plan, e);
        form->side[0].word[e] = (uint16_t)(((x & plan->mask_a) | half_a) << (23 - m) >> 16);
        form->side[1].word[e] = (uint16_t)(((x & plan->mask_b) | half_b) << (23 - m) >> 16);
    }
}

static int is_bfloat16(double x)
{
    float f = (float)x;
    return (double)f == x && !(ax_bits(f) & 0xffffu) && x <= 4.0 && x >= -4.0;
}

/* Takes the cross through the first entry that is not 0 out of `rest` (SIDE, SIDE): 1, or 0 if its factors are no bfloat16. */
static int take_cross(ax_sum_form *form, int r, double (*rest)[SIDE])
{
    int pivot = 0;
    while (pivot < SIDE * SIDE && rest[pivot / SIDE][pivot % SIDE] == 0.0) pivot++;
    if (pivot == SIDE * SIDE) return 1;
    double s[SIDE], t[SIDE], at = rest[pivot / SIDE][pivot % SIDE];
    for (int e = 0; e < SIDE; e++) {
        s[e] = rest[e][pivot % SIDE] / at;
        t[e] = rest[pivot / SIDE][e];
        if (!is_bfloat16(s[e]) || !is_bfloat16(t[e] / 128.0)) return 0;
        form->side[0].factor[r][e] = (float)s[e];
        form->side[1].factor[r][e] = (float)(t[e] / 128.0);
    }
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) rest[i][j] -= s[i] * t[j];
    return 1;
}

static int split_rest(ax_sum_form *form, const ax_plan *plan)
{
    double rest[SIDE][SIDE];
    for (uint32_t i = 0; i < SIDE; i++)
        for (uint32_t j = 0; j < SIDE; j++) {
            uint32_t base = (uint32_t)form->side[0].word[i] + form->side[1].word[j];
            rest[i][j] = value_of(word_at(plan, i, j)) - value_of(base);
        }
    for (int r = 0; r < form->rank; r++)
        if (!take_cross(form, r, rest)) return 0;
    for (int e = 0; e < SIDE * SIDE; e++)
        if (rest[e / SIDE][e % SIDE] != 0.0) return 0;
    return 1;
}

static ax_sum_form form_of(const ax_plan *plan)
{
    ax_sum_form form = {};
    form.rank = -1;
    if (!plan->narrow || plan->sum_rank > AX_SUM_RANK_MAX) return form;
    if (plan->additive) {
        if (plan->beta_max >= 1u << 23) return form;      /* beside a zero it would be a normal number */
        memcpy(form.side[0].word, plan->narrow->row_word[0], sizeof form.side[0].word);
        memcpy(form.side[1].word, plan->narrow->lane_word[0], sizeof form.side[1].word);
        form.rank = 0;
    } else {
        put_base(&form, plan);
        form.rank = plan->sum_rank;
        if (!split_rest(&form, plan)) form.rank = -1;
    }
    return form;
}

static const ax_sum_forms *on_device(ax_sum_forms *f)
{
    if (f->host.rank < 0 || (f->device && f->generation == ax_cuda.generation)) return f;
    f->device = (const ax_sum_form *)ax_cuda_keep(&f->host, sizeof f->host);
    f->generation = ax_cuda.generation;
    return f;
}

const ax_sum_forms *ax_sum_forms_of(const ax_plan *plan)
{
    static ax_sum_forms *all;
    for (ax_sum_forms *f = all; f; f = f->next)
        if (f->hash == plan->hash) return on_device(f);
    ax_sum_forms *f = (ax_sum_forms *)malloc(sizeof *f);
    if (!f) {
        ax_cuda_fail("multiplier", "out of memory");
        return nullptr;
    }
    *f = {plan->hash, form_of(plan), nullptr, 0, all};
    all = f;
    return on_device(f);
}

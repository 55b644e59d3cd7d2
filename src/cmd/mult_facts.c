/* What was found in a multiplier's table (kernels/plan.h), as text and as JSON. */
#include "cmd/mult.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

static const char *const form_names[] = {"", "sum", "product", "biased sum"};      /* in the order of enum ax_form */

/* A rank worth telling: one that is not the full rank of any matrix of that size. */
static bool low(const ax_plan *plan, int rank)
{
    int lines = plan->distinct_rows < plan->distinct_columns ? plan->distinct_rows : plan->distinct_columns;
    return rank >= 1 && rank <= AX_TABLE_RANK_MAX && (rank < lines || rank == 1);
}

const char *ax_mult_structure(char text[AX_FACT_MAX], const ax_plan *plan)
{
    char sum[24] = "", rank[24] = "";
    if (plan->additive) snprintf(sum, sizeof sum, "additive");
    else if (low(plan, plan->sum_rank)) snprintf(sum, sizeof sum, "additive + rank %d", plan->sum_rank);
    if (low(plan, plan->rank)) snprintf(rank, sizeof rank, "rank %d", plan->rank);
    const char *const parts[] = {form_names[plan->form], sum, rank};
    int n = 0;
    for (int p = 0; p < 3; p++)
        if (*parts[p]) n += snprintf(text + n, (size_t)(AX_FACT_MAX - n), "%s%s", n ? ", " : "", parts[p]);
    return n ? text : "-";
}

const char *ax_mult_kernels(char text[AX_FACT_MAX], const ax_plan *plan)
{
    const char *first = ax_plan_kernel(plan, 0), *second = ax_plan_kernel(plan, 1);
    snprintf(text, AX_FACT_MAX, strcmp(first, second) ? "%s / %s" : "%s", first, second);
    return text;
}

const char *ax_mult_bits(char text[AX_FACT_MAX], uint32_t mask, int width)
{
    for (int b = 0; b < width; b++) text[b] = mask >> (width - 1 - b) & 1 ? '1' : '-';
    text[width] = 0;
    return text;
}

static void set_rank(cJSON *object, const char *key, int rank)
{
    if (rank <= AX_TABLE_RANK_MAX) ax_json_set_number(object, key, rank);
    else cJSON_AddNullToObject(object, key);
}

static void table_json(cJSON *object, const ax_plan *plan)
{
    char bits[AX_FACT_MAX];
    ax_json_set_number(object, "live_bits_a", plan->live_a);
    ax_json_set_number(object, "live_bits_b", plan->live_b);
    ax_json_set_string(object, "live_mask_a", ax_mult_bits(bits, plan->mask_a, plan->lut.width));
    ax_json_set_string(object, "live_mask_b", ax_mult_bits(bits, plan->mask_b, plan->lut.width));
    ax_json_set_number(object, "output_bits", plan->out_bits);
    ax_json_set_number(object, "distinct_rows", plan->distinct_rows);
    ax_json_set_number(object, "distinct_columns", plan->distinct_columns);
    set_rank(object, "rank", plan->rank);
    set_rank(object, "rank_beyond_additive", plan->sum_rank);
}

void ax_mult_facts_json(cJSON *object, const ax_mult *m)
{
    const ax_plan *plan = ax_mult_plan(m);
    ax_json_set_string(object, "sha256", ax_mult_sha256(m));
    if (plan->lut.words) table_json(object, plan);         /* above m = 11 there is no table to look at */
    if (!plan->lut.native) {
        if (plan->form == AX_FORM_ANY) cJSON_AddNullToObject(object, "form");
        else ax_json_set_string(object, "form", form_names[plan->form]);
        ax_json_set_bool(object, "additive", plan->additive);
    }
    ax_json_set_string(object, "kernel", ax_plan_kernel(plan, 0));
    ax_json_set_string(object, "kernel_transposed", ax_plan_kernel(plan, 1));
}

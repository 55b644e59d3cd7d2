/* Grouping trials by everything but the seed. Invariant: trials of different parameters never enter one mean. */
#include "store/groups.h"

#include "base/alloc.h"
#include "base/error.h"
#include "store/stats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const ax_metrics[] = {"test_acc", "test_loss", "train_s", "train_loss", "train_acc", "valid_loss", "valid_acc",
                                  "energy_uj", "train_energy_j", NULL};

double ax_record_metric(const ax_record *t, const char *metric)
{
    if (!strcmp(metric, "test_acc") && !isnan(t->test_acc)) return t->test_acc;
    if (!strcmp(metric, "test_loss")) return t->test_loss;
    if (!strcmp(metric, "train_s")) return t->train_s;
    if (!strcmp(metric, "energy_uj")) return t->energy_uj;
    if (!strcmp(metric, "train_energy_j")) return t->train_energy_j;
    const double *curve = ax_record_curve(t, metric);
    return curve && t->epochs > 0 ? curve[t->epochs - 1] : NAN;
}

/* ---- which parameters a study varies ---- */

static bool same_value(const cJSON *a, const cJSON *b)
{
    return (!a && !b) || (a && b && cJSON_Compare(a, b, true));
}

static bool is_axis(const char *key) { return !strcmp(key, "seed") || !strcmp(key, "multiplier"); }

static bool varies(cJSON *const *params, int n, const char *key)
{
    const cJSON *first = NULL;
    bool any = false;
    for (int i = 0; i < n; i++) {
        if (!params[i]) continue;
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(params[i], key);
        if (any && !same_value(first, value)) return true;
        if (!any) first = value;
        any = true;
    }
    return false;
}

void ax_groups_variant(ax_buf *out, cJSON *const *params, int n, int i)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, params[i]) {
        if (is_axis(item->string) || !varies(params, n, item->string)) continue;
        if (cJSON_IsString(item)) ax_buf_printf(out, " %s=%s", item->string, item->valuestring);
        else if (cJSON_IsNumber(item)) ax_buf_printf(out, " %s=%.9g", item->string, item->valuedouble);
        else ax_buf_printf(out, " %s=%s", item->string, cJSON_IsTrue(item) ? "true" : "false");
    }
}

/* ---- groups ---- */

static bool finished(const ax_record *t) { return t->state == AX_STATE_complete || t->state == AX_STATE_diverged; }

static ax_group *group_for(ax_groups *g, const ax_record *t, const char *variant, int most)
{
    char label[sizeof g->groups->label];
    snprintf(label, sizeof label, "%s%.*s", t->multiplier, AX_VARIANT_MAX - 1, variant);
    for (int i = 0; i < g->n; i++)
        if (!strcmp(g->groups[i].label, label)) return &g->groups[i];
    ax_group *group = &g->groups[g->n];
    group->done = ax_alloc((size_t)most, sizeof *group->done);
    group->missing = ax_alloc((size_t)most, sizeof *group->missing);
    g->n++;
    if (!group->done || !group->missing) return NULL;
    memcpy(group->label, label, sizeof label);
    group->variant = group->label + strlen(t->multiplier);
    group->first = t;
    return group;
}

/* Room for the largest group: as many as share a multiplier. */
static int count_like(const ax_results *r, const ax_record *t)
{
    int n = 0;
    for (int i = 0; i < r->n; i++) n += !strcmp(r->trials[i].multiplier, t->multiplier);
    return n;
}

int ax_groups_make(ax_groups *g, const ax_results *r)
{
    int status = AX_OK;
    ax_buf variant = {0};
    cJSON **params = ax_alloc((size_t)r->n + 1, sizeof *params);
    *g = (ax_groups){ax_alloc((size_t)r->n + 1, sizeof *g->groups), 0};
    if (!params || !g->groups) status = AX_ENOMEM;
    for (int i = 0; i < r->n && status == AX_OK; i++)
        if (r->trials[i].in_plan) params[i] = cJSON_Parse(r->trials[i].params);
    for (int i = 0; i < r->n && status == AX_OK; i++) {
        const ax_record *t = &r->trials[i];
        if (!t->in_plan) continue;
        ax_buf_clear(&variant);
        ax_groups_variant(&variant, params, r->n, i);
        ax_group *group = group_for(g, t, ax_buf_str(&variant), count_like(r, t));
        status = group ? ax_buf_status(&variant) : AX_ENOMEM;
        if (group && finished(t)) group->done[group->ndone++] = t;
        else if (group) group->missing[group->nmissing++] = t;
    }
    for (int i = 0; params && i < r->n; i++) cJSON_Delete(params[i]);
    ax_free(params);
    ax_buf_release(&variant);
    if (status != AX_OK) ax_groups_release(g);
    return status;
}

void ax_groups_release(ax_groups *g)
{
    for (int i = 0; i < g->n; i++) {
        ax_free(g->groups[i].done);
        ax_free(g->groups[i].missing);
    }
    ax_free(g->groups);
    *g = (ax_groups){0};
}

int ax_sample_make(ax_sample *s, const ax_group *g, const char *metric)
{
    *s = (ax_sample){.mean = NAN, .sd = NAN, .half = NAN, .n = g->ndone};
    s->values = ax_alloc(2 * (size_t)g->ndone + 1, sizeof *s->values);
    if (!s->values) return AX_ENOMEM;
    double *finite = s->values + g->ndone;
    for (int i = 0; i < g->ndone; i++) {
        s->values[i] = ax_record_metric(g->done[i], metric);
        if (isfinite(s->values[i])) finite[s->used++] = s->values[i];
    }
    s->sd = ax_sd(finite, s->used);
    return s->used ? ax_interval(finite, s->used, 0.95, &s->mean, &s->half) : AX_OK;
}

void ax_sample_release(ax_sample *s) { ax_free(s->values); s->values = NULL; }

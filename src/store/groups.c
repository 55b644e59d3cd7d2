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
    if (!strcmp(metric, "test_acc") && !isnan(t->test_acc)) return t->test_acc;      /* else what the last epoch reported */
    if (!strcmp(metric, "test_loss")) return t->test_loss;
    if (!strcmp(metric, "train_s")) return t->train_s;
    if (!strcmp(metric, "energy_uj")) return t->energy_uj;
    if (!strcmp(metric, "train_energy_j")) return t->train_energy_j;
    const double *curve = ax_record_curve(t, metric);
    if (t->state == AX_STATE_diverged) return NAN;
    return curve && t->epochs > 0 ? curve[t->epochs - 1] : NAN;
}

/* ---- which parameters a study varies ---- */

static bool same_value(const cJSON *a, const cJSON *b)
{
    return (!a && !b) || (a && b && cJSON_Compare(a, b, true));
}

static bool is_axis(const char *key) { return !strcmp(key, "seed") || !strcmp(key, "multiplier"); }

/* Adds those of a's parameters that are not the same in b. */
static int add_differing(ax_names *keys, const cJSON *a, const cJSON *b)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, a) {
        if (is_axis(item->string) || same_value(item, cJSON_GetObjectItemCaseSensitive(b, item->string))) continue;
        int added = ax_names_add(keys, item->string);
        if (added < 0) return added;
    }
    return AX_OK;
}

int ax_groups_keys(ax_names *keys, cJSON *const *params, int n)
{
    const cJSON *first = NULL;
    *keys = (ax_names){0};
    for (int i = 0; i < n; i++) {
        if (!params[i]) continue;
        if (!first) first = params[i];
        AX_TRY(add_differing(keys, params[i], first));
        AX_TRY(add_differing(keys, first, params[i]));
    }
    return AX_OK;
}

void ax_groups_variant(ax_buf *out, const ax_names *keys, const cJSON *params)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, params) {
        if (ax_names_find(keys, item->string) < 0) continue;
        if (cJSON_IsString(item)) ax_buf_printf(out, " %s=%s", item->string, item->valuestring);
        else if (cJSON_IsNumber(item)) ax_buf_printf(out, " %s=%.9g", item->string, item->valuedouble);
        else ax_buf_printf(out, " %s=%s", item->string, cJSON_IsTrue(item) ? "true" : "false");
    }
}

/* ---- groups ---- */

static bool finished(const ax_record *t) { return t->state == AX_STATE_complete || t->state == AX_STATE_diverged; }

/* The number of each trial's group, by what it is called; -1: not in the plan. */
static int number_groups(int *group_of, ax_names *labels, const ax_results *r, cJSON *const *params)
{
    ax_names keys;
    ax_buf variant = {0};
    char label[AX_LABEL_MAX + AX_VARIANT_MAX];
    int status = ax_groups_keys(&keys, params, r->n);
    for (int i = 0; i < r->n && status == AX_OK; i++) {
        group_of[i] = -1;
        if (!r->trials[i].in_plan) continue;
        ax_buf_clear(&variant);
        ax_groups_variant(&variant, &keys, params[i]);
        snprintf(label, sizeof label, "%s%.*s", r->trials[i].multiplier, AX_VARIANT_MAX - 1, ax_buf_str(&variant));
        group_of[i] = ax_names_add(labels, label);
        status = group_of[i] < 0 ? group_of[i] : ax_buf_status(&variant);
    }
    ax_buf_release(&variant);
    ax_names_release(&keys);
    return status;
}

static int make_room(ax_group *g)
{
    g->done = ax_alloc((size_t)g->ndone + 1, sizeof *g->done);
    g->missing = ax_alloc((size_t)g->nmissing + 1, sizeof *g->missing);
    g->ndone = g->nmissing = 0;
    return g->done && g->missing ? AX_OK : AX_ENOMEM;
}

/* Counts the trials of each group, makes room for them, and puts them in. */
static int fill(ax_groups *g, const ax_results *r, const int *group_of, const ax_names *labels)
{
    g->groups = ax_alloc((size_t)labels->n + 1, sizeof *g->groups);
    if (!g->groups) return AX_ENOMEM;
    g->n = labels->n;
    for (int i = 0; i < r->n; i++) {
        if (group_of[i] < 0) continue;
        ax_group *group = &g->groups[group_of[i]];
        if (!group->first) group->first = &r->trials[i];
        *(finished(&r->trials[i]) ? &group->ndone : &group->nmissing) += 1;
    }
    for (int k = 0; k < g->n; k++) {
        ax_group *group = &g->groups[k];
        snprintf(group->label, sizeof group->label, "%s", labels->texts[k]);
        group->variant = group->label + strlen(group->first->multiplier);
        AX_TRY(make_room(group));
    }
    for (int i = 0; i < r->n; i++) {
        const ax_record *t = &r->trials[i];
        ax_group *group = group_of[i] < 0 ? NULL : &g->groups[group_of[i]];
        if (group && finished(t)) group->done[group->ndone++] = t;
        else if (group) group->missing[group->nmissing++] = t;
    }
    return AX_OK;
}

int ax_groups_make(ax_groups *g, const ax_results *r)
{
    ax_names labels = {0};
    cJSON **params = ax_alloc((size_t)r->n + 1, sizeof *params);
    int *group_of = ax_alloc((size_t)r->n + 1, sizeof *group_of);
    *g = (ax_groups){0};
    int status = params && group_of ? AX_OK : AX_ENOMEM;
    for (int i = 0; i < r->n && status == AX_OK; i++)
        if (r->trials[i].in_plan) params[i] = cJSON_Parse(r->trials[i].params);
    if (status == AX_OK) status = number_groups(group_of, &labels, r, params);
    if (status == AX_OK) status = fill(g, r, group_of, &labels);
    for (int i = 0; params && i < r->n; i++) cJSON_Delete(params[i]);
    ax_free(params);
    ax_free(group_of);
    ax_names_release(&labels);
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

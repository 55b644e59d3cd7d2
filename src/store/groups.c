/* Grouping trials by everything but the seed. Invariant: trials of different parameters never enter one mean. */
#include "store/groups.h"

#include "base/alloc.h"
#include "base/error.h"
#include "store/stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
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

/* The shortest text that reads back as v, so that no two numbers look the same. */
static void add_number(ax_buf *out, double v)
{
    char text[32];
    for (int digits = 9; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v) break;
    }
    ax_buf_puts(out, text);
}

/* Cuts a variant from `start` on that is too long for a label. The hash (FNV-1a) tells texts apart that begin alike. */
static void shorten(ax_buf *out, size_t start)
{
    enum { HASH = 20 };
    uint64_t hash = 14695981039346656037u;
    size_t kept = start + AX_VARIANT_MAX - 1 - HASH;
    if (out->failed || out->len < start + AX_VARIANT_MAX) return;
    for (size_t i = start; i < out->len; i++) hash = (hash ^ (unsigned char)out->data[i]) * 1099511628211u;
    while (((unsigned char)out->data[kept] & 0xc0) == 0x80) kept--;      /* inside of a character */
    out->len = kept;
    ax_buf_printf(out, "...#%016llx", (unsigned long long)hash);
}

void ax_groups_variant(ax_buf *out, const ax_names *keys, const cJSON *params)
{
    const cJSON *item;
    size_t start = out->len;
    cJSON_ArrayForEach(item, params) {
        if (ax_names_find(keys, item->string) < 0) continue;
        if (cJSON_IsString(item)) ax_buf_printf(out, " %s=%s", item->string, item->valuestring);
        else if (cJSON_IsNumber(item)) {
            ax_buf_printf(out, " %s=", item->string);
            add_number(out, item->valuedouble);
        } else ax_buf_printf(out, " %s=%s", item->string, cJSON_IsTrue(item) ? "true" : "false");
    }
    shorten(out, start);
}

/* ---- configurations ---- */

/* What names a multiplier, at any depth: trials that are to be compared differ in that. */
static void drop_multipliers(cJSON *tree)
{
    cJSON *item;
    cJSON_DeleteItemFromObjectCaseSensitive(tree, "multiplier");
    cJSON_ArrayForEach(item, tree) drop_multipliers(item);
}

/* What decides a trial's numbers beside its parameters, as text, and the tables that are not those of `tables`, the first that had
 * these names. */
static int setting_of(ax_buf *out, cJSON *tables, const char *config)
{
    cJSON *tree = cJSON_Parse(config);
    const cJSON *m;
    ax_buf_clear(out);
    cJSON_ArrayForEach(m, cJSON_GetObjectItemCaseSensitive(tree, "multipliers")) {
        const cJSON *first = cJSON_GetObjectItemCaseSensitive(tables, m->string);
        if (!first) cJSON_AddItemToObject(tables, m->string, cJSON_Duplicate(m, true));
        else if (!same_value(first, m)) ax_buf_printf(out, "%s %s\n", m->string, cJSON_IsString(m) ? m->valuestring : "");
    }
    cJSON_DeleteItemFromObjectCaseSensitive(tree, "multipliers");
    cJSON_DeleteItemFromObjectCaseSensitive(tree, "params");
    drop_multipliers(tree);
    char *text = tree ? cJSON_PrintUnformatted(tree) : NULL;
    ax_buf_puts(out, text ? text : "");
    cJSON_free(text);
    cJSON_Delete(tree);
    return ax_buf_status(out);
}

/* Adds "config": 1, 2, ... to the parameters, a number for each setting, if there are several. */
static int add_configs(cJSON **params, const ax_results *r)
{
    ax_names settings = {0};
    ax_buf text = {0};
    cJSON *tables = cJSON_CreateObject();
    int *number = ax_alloc((size_t)r->n + 1, sizeof *number), status = tables && number ? AX_OK : AX_ENOMEM;
    for (int i = 0; i < r->n && status == AX_OK; i++) {
        if (!params[i]) continue;
        status = setting_of(&text, tables, r->trials[i].config);
        if (status == AX_OK) number[i] = ax_names_add(&settings, ax_buf_str(&text));
        if (status == AX_OK && number[i] < 0) status = number[i];
    }
    for (int i = 0; i < r->n && status == AX_OK && settings.n > 1; i++)
        if (params[i]) cJSON_AddNumberToObject(params[i], "config", number[i] + 1);
    ax_free(number);
    cJSON_Delete(tables);
    ax_buf_release(&text);
    ax_names_release(&settings);
    return status;
}

/* Trials of one plan differ in their parameters. Those of several plans that were merged may not. */
static int has_twins(bool *twins, const ax_results *r)
{
    ax_names seen = {0};
    ax_buf text = {0};
    int n = 0, status = AX_OK;
    for (int i = 0; i < r->n && status == AX_OK; i++) {
        if (!r->trials[i].in_plan) continue;
        ax_buf_clear(&text);
        ax_buf_printf(&text, "%s %llu %s", r->trials[i].multiplier, (unsigned long long)r->trials[i].seed, r->trials[i].params);
        status = ax_buf_status(&text);
        if (status == AX_OK && ax_names_add(&seen, ax_buf_str(&text)) < 0) status = AX_ENOMEM;
        n++;
    }
    *twins = seen.n < n;
    ax_buf_release(&text);
    ax_names_release(&seen);
    return status;
}

int ax_groups_params(cJSON **params, const ax_results *r)
{
    bool twins;
    for (int i = 0; i < r->n; i++) params[i] = r->trials[i].in_plan ? cJSON_Parse(r->trials[i].params) : NULL;
    AX_TRY(has_twins(&twins, r));
    return twins ? add_configs(params, r) : AX_OK;
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
    if (status == AX_OK) status = ax_groups_params(params, r);
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

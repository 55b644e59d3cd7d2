/* Results as JSON, JSON lines, CSV and Markdown. Invariant: keys and columns come in one fixed order, numbers with all their
 * digits, so that equal results are equal bytes under --stable. */
#include "store/export.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "store/groups.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SCHEMA = 1 };

static bool is_time(const char *name) { return !strcmp(name, "train_s") || !strcmp(name, "epoch_s"); }

/* Text that is a JSON object already goes in as it is: printed by cJSON its numbers would change. Anything else, from a file
 * that others wrote, becomes {}. */
static void set_raw(cJSON *o, const char *key, const char *json)
{
    cJSON *tree = cJSON_ParseWithOpts(json, NULL, true);
    cJSON_AddRawToObject(o, key, cJSON_IsObject(tree) ? json : "{}");
    cJSON_Delete(tree);
}

/* ---- a trial ---- */

static void add_metrics(cJSON *trial, const ax_record *t, bool stable)
{
    cJSON *metrics = ax_json_set_object(trial, "metrics");
    for (int i = 0; ax_metrics[i]; i++) {
        bool absent = i > 2 && !ax_record_curve(t, ax_metrics[i]) && isnan(ax_record_metric(t, ax_metrics[i]));
        if (!absent && !(stable && is_time(ax_metrics[i]))) ax_json_set_number(metrics, ax_metrics[i], ax_record_metric(t, ax_metrics[i]));
    }
}

static void add_curves(cJSON *trial, const ax_record *t, bool stable)
{
    cJSON *curves = ax_json_set_object(trial, "curves");
    for (int i = 0; i < t->ncurves; i++) {
        if (stable && is_time(t->curves[i].name)) continue;
        cJSON *values = ax_json_set_array(curves, t->curves[i].name);
        for (int e = 0; e < t->epochs; e++) cJSON_AddItemToArray(values, ax_json_number(t->curves[i].values[e]));
    }
}

cJSON *ax_export_trial(const ax_record *t, const ax_export_options *o)
{
    cJSON *trial = cJSON_CreateObject();
    ax_json_set_string(trial, "id", t->id);
    ax_json_set_string(trial, "multiplier", t->multiplier);
    ax_json_set_string(trial, "family", t->family);
    ax_json_set_number(trial, "width", t->width);
    ax_json_set_u64(trial, "seed", t->seed);
    ax_json_set_string(trial, "state", ax_state_name(t->state));
    ax_json_set_bool(trial, "in_plan", t->in_plan);
    ax_json_set_number(trial, "epochs", t->epochs);
    ax_json_set_number(trial, "best_epoch", t->best_epoch);
    set_raw(trial, "params", t->params);
    add_metrics(trial, t, o->stable);
    if (!o->stable) {
        ax_json_set_string(trial, "device", t->device);
        ax_json_set_string(trial, "host", t->host);
        ax_json_set_number(trial, "started", t->started);
        ax_json_set_number(trial, "retries", t->retries);
        ax_json_set_string(trial, "tags", t->tags);
        if (t->message[0]) ax_json_set_string(trial, "message", t->message);
    }
    if (o->curves) add_curves(trial, t, o->stable);
    return trial;
}

/* ---- JSON ---- */

void ax_export_costs(cJSON *object, const ax_costs *c)
{
    cJSON *costs = ax_json_set_object(object, "costs");
#define X(field) if (!isnan(c->field)) ax_json_set_number(costs, #field, c->field);
    AX_COSTS(X)
#undef X
    if (c->source[0]) ax_json_set_string(costs, "source", c->source);
}

static void add_multipliers(cJSON *tree, const ax_results *r)
{
    cJSON *array = ax_json_set_array(tree, "multipliers");
    for (int i = 0; i < r->nmults; i++) {
        cJSON *m = cJSON_CreateObject();
        ax_json_set_string(m, "multiplier", r->mults[i].spec);
        ax_json_set_string(m, "family", r->mults[i].family);
        ax_json_set_number(m, "width", r->mults[i].width);
        ax_json_set_string(m, "format", r->mults[i].format);
        ax_json_set_string(m, "sha256", r->mults[i].sha256);
        ax_json_set_string(m, "kind", r->mults[i].kind);
        ax_export_costs(m, &r->mults[i].costs);
        cJSON_AddItemToArray(array, m);
    }
}

static int add_sample(cJSON *object, const ax_group *g, const char *metric)
{
    ax_sample s;
    AX_TRY(ax_sample_make(&s, g, metric));
    if (s.used) {
        cJSON *m = ax_json_set_object(object, metric);
        ax_json_set_number(m, "n", s.used);
        ax_json_set_number(m, "mean", s.mean);
        ax_json_set_number(m, "sd", s.sd);
        ax_json_set_number(m, "ci95", s.half);
        cJSON *values = ax_json_set_array(m, "values");
        for (int i = 0; i < s.n; i++) cJSON_AddItemToArray(values, ax_json_number(s.values[i]));
    }
    ax_sample_release(&s);
    return AX_OK;
}

static int add_results(cJSON *tree, const ax_groups *groups, bool stable)
{
    cJSON *results = ax_json_set_object(tree, "results");
    for (int i = 0; i < groups->n; i++) {
        if (!groups->groups[i].ndone) continue;
        cJSON *group = ax_json_set_object(results, groups->groups[i].label);
        for (int k = 0; ax_metrics[k]; k++)
            if (!(stable && is_time(ax_metrics[k]))) AX_TRY(add_sample(group, &groups->groups[i], ax_metrics[k]));
    }
    return AX_OK;
}

static const char *environment(const ax_results *r)
{
    for (int i = 0; i < r->n; i++)
        if (strlen(r->trials[i].env) > 2) return r->trials[i].env;
    return "{}";
}

int ax_export_json(ax_buf *out, const ax_results *r, const ax_export_options *o)
{
    ax_groups groups;
    AX_TRY(ax_groups_make(&groups, r));
    cJSON *tree = cJSON_CreateObject();
    ax_json_set_number(tree, "schema", SCHEMA);
    ax_json_set_string(tree, "study", r->study);
    ax_json_set_string(tree, "metric", r->metric);
    if (!o->stable) {
        ax_json_set_string(tree, "created", r->created);
        set_raw(tree, "environment", environment(r));
    }
    add_multipliers(tree, r);
    cJSON *trials = ax_json_set_array(tree, "trials");
    for (int i = 0; i < r->n; i++) cJSON_AddItemToArray(trials, ax_export_trial(&r->trials[i], o));
    int status = add_results(tree, &groups, o->stable);
    char *text = status == AX_OK ? ax_json_text(tree, true) : NULL;
    if (status == AX_OK && !text) status = AX_ENOMEM;
    if (text) ax_buf_printf(out, "%s\n", text);
    ax_free(text);
    cJSON_Delete(tree);
    ax_groups_release(&groups);
    return status == AX_OK ? ax_buf_status(out) : status;
}

int ax_export_jsonl(ax_buf *out, const ax_results *r, const ax_export_options *o)
{
    for (int i = 0; i < r->n; i++) {
        cJSON *trial = ax_export_trial(&r->trials[i], o);
        char *text = ax_json_text(trial, false);
        cJSON_Delete(trial);
        if (!text) return AX_ENOMEM;
        ax_buf_printf(out, "%s\n", text);
        ax_free(text);
    }
    return ax_buf_status(out);
}

/* ---- CSV ---- */

static void csv_text(ax_buf *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        ax_buf_puts(out, text);
        return;
    }
    ax_buf_puts(out, "\"");
    for (const char *c = text; *c; c++) ax_buf_add(out, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
    ax_buf_puts(out, "\"");
}

/* An absent number is an empty field. */
static void csv_number(ax_buf *out, double v)
{
    if (!isnan(v)) ax_buf_printf(out, "%.17g", v);
}

int ax_export_csv(ax_buf *out, const ax_results *r, const ax_export_options *o)
{
    ax_buf_puts(out, "id,multiplier,family,width,seed,state,in_plan,epochs,best_epoch");
    for (int k = 0; ax_metrics[k]; k++)
        if (!(o->stable && is_time(ax_metrics[k]))) ax_buf_printf(out, ",%s", ax_metrics[k]);
    ax_buf_puts(out, o->stable ? ",params\r\n" : ",params,device,host,started,retries,tags\r\n");
    for (int i = 0; i < r->n; i++) {
        const ax_record *t = &r->trials[i];
        ax_buf_printf(out, "%s,", t->id);
        csv_text(out, t->multiplier);
        ax_buf_puts(out, ",");
        csv_text(out, t->family);
        ax_buf_printf(out, ",%d,%llu,%s,%d,%d,%d", t->width, (unsigned long long)t->seed, ax_state_name(t->state), t->in_plan, t->epochs,
                      t->best_epoch);
        for (int k = 0; ax_metrics[k]; k++) {
            if (o->stable && is_time(ax_metrics[k])) continue;
            ax_buf_puts(out, ",");
            csv_number(out, ax_record_metric(t, ax_metrics[k]));
        }
        ax_buf_puts(out, ",");
        csv_text(out, t->params);
        if (!o->stable) {
            ax_buf_puts(out, ",");
            csv_text(out, t->device);
            ax_buf_puts(out, ",");
            csv_text(out, t->host);
            ax_buf_puts(out, ",");
            csv_number(out, t->started);
            ax_buf_printf(out, ",%d,", t->retries);
            csv_text(out, t->tags);
        }
        ax_buf_puts(out, "\r\n");
    }
    return ax_buf_status(out);
}

/* ---- Markdown ---- */

/* An end of line in a name would end its row, a bar its cell. */
void ax_export_md_text(ax_buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|') ax_buf_puts(out, "\\");
        ax_buf_add(out, *text == '\n' || *text == '\r' ? " " : text, 1);
    }
}

/* How many seeds the means are of; "2 of 3": one has no accuracy, as it diverged. */
static void md_seeds(ax_buf *out, const ax_sample *acc)
{
    if (acc->used < acc->n) ax_buf_printf(out, " %d of %d |", acc->used, acc->n);
    else ax_buf_printf(out, " %d |", acc->n);
}

static void md_cell(ax_buf *out, const ax_sample *s, double scale, int digits)
{
    if (!s->used) ax_buf_puts(out, " - |");
    else if (isnan(s->half)) ax_buf_printf(out, " %.*f |", digits, scale * s->mean);
    else ax_buf_printf(out, " %.*f ± %.*f |", digits, scale * s->mean, digits, scale * s->half);
}

int ax_export_md(ax_buf *out, const ax_results *r, const ax_export_options *o)
{
    ax_groups groups;
    AX_TRY(ax_groups_make(&groups, r));
    int status = AX_OK;
    bool energy = false;
    for (int i = 0; i < r->n; i++) energy = energy || (r->trials[i].in_plan && !isnan(r->trials[i].energy_uj));
    ax_buf_puts(out, "Study ");
    ax_export_md_text(out, r->study);
    ax_buf_puts(out, ": mean over seeds ± half-width of the 95 % t-interval.\n\n");
    ax_buf_printf(out, "| multiplier | format | seeds | test accuracy %% | test loss |%s%s\n", energy ? " energy uJ |" : "",
                  o->stable ? "" : " training s |");
    ax_buf_printf(out, "|---|---|---:|---:|---:|%s%s\n", energy ? "---:|" : "", o->stable ? "" : "---:|");
    for (int i = 0; i < groups.n && status == AX_OK; i++) {
        const ax_group *g = &groups.groups[i];
        ax_sample acc = {0}, loss = {0}, time = {0};
        status = ax_sample_make(&acc, g, "test_acc");
        if (status == AX_OK) status = ax_sample_make(&loss, g, "test_loss");
        if (status == AX_OK) status = ax_sample_make(&time, g, "train_s");
        ax_buf_puts(out, "| ");
        ax_export_md_text(out, g->label);
        ax_buf_printf(out, " | (1,8,%d) %d bits |", g->first->width, 9 + g->first->width);
        md_seeds(out, &acc);
        md_cell(out, &acc, 100, 2);
        md_cell(out, &loss, 1, 4);
        if (energy && isnan(g->first->energy_uj)) ax_buf_puts(out, " - |");
        else if (energy) ax_buf_printf(out, " %.4g |", g->first->energy_uj);
        if (!o->stable) md_cell(out, &time, 1, 1);
        ax_buf_puts(out, "\n");
        ax_sample_release(&acc);
        ax_sample_release(&loss);
        ax_sample_release(&time);
    }
    ax_groups_release(&groups);
    return status == AX_OK ? ax_buf_status(out) : status;
}

/* approxrun ls: one line a trial, filtered and sorted. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "cmd/commands.h"
#include "cmd/filter.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "store/export.h"
#include "store/groups.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int select_trials(const ax_record **out, int *n, const ax_results *r, const char *where)
{
    for (int i = 0; i < r->n; i++) {
        bool match = true;
        if (where) AX_TRY(ax_filter_match(&match, where, r->trials, r->n, &r->trials[i]));
        if (match) out[(*n)++] = &r->trials[i];
    }
    return AX_OK;
}

typedef struct {
    const ax_record *trial;
    int at;                      /* where it stood */
    ax_value value;
    char room[AX_LABEL_MAX];
} sort_key;

static bool is_absent(const ax_value *v) { return !v->text && isnan(v->number); }

/* By value: absent ones come last, and trials of equal values stay in the plan's order. */
static int compare(const void *left, const void *right, void *down)
{
    const sort_key *a = *(sort_key *const *)left, *b = *(sort_key *const *)right;
    double x = a->value.number, y = b->value.number;
    bool no_a = is_absent(&a->value), no_b = is_absent(&b->value);
    int order = 0;
    if (no_a || no_b) return no_a != no_b ? no_a - no_b : a->at - b->at;
    if (a->value.text && b->value.text) order = strcmp(a->value.text, b->value.text);
    else order = (x > y) - (x < y);
    if (order) return *(bool *)down ? -order : order;
    return a->at - b->at;
}

static int sort_trials(const ax_results *r, const ax_record **t, int n, const char *key)
{
    bool down = key[0] == '-';
    sort_key *keys = ax_alloc((size_t)n + 1, sizeof *keys), **order = ax_alloc((size_t)n + 1, sizeof *order);
    int status = keys && order ? AX_OK : AX_ENOMEM;
    for (int i = 0; i < n && status == AX_OK; i++) {
        order[i] = &keys[i];
        keys[i].trial = t[i];
        keys[i].at = i;
        status = ax_value_get(&keys[i].value, r->trials, r->n, t[i], key + down, keys[i].room);
    }
    if (status == AX_OK) qsort_r(order, (size_t)n, sizeof *order, compare, &down);
    for (int i = 0; i < n && status == AX_OK; i++) t[i] = order[i]->trial;
    ax_free(order);
    ax_free(keys);
    return status;
}

static void cell(char out[16], const char *format, double v)
{
    if (isnan(v)) snprintf(out, 16, "-");
    else snprintf(out, 16, format, v);
}

/* What distinguishes the trials beside multiplier and seed, behind each line. */
static cJSON **params_of(const ax_record *const *t, int n)
{
    cJSON **params = ax_alloc((size_t)n + 1, sizeof *params);
    for (int i = 0; params && i < n; i++) params[i] = cJSON_Parse(t[i]->params);
    return params;
}

static int print_rows(const ax_record *const *t, int n, cJSON *const *params, int wide, bool energies)
{
    ax_buf variant = {0}, name = {0};
    ax_names keys;
    int status = ax_groups_keys(&keys, params, n);
    for (int i = 0; i < n && status == AX_OK; i++) {
        char acc[16], loss[16], time[16], energy[16];
        cell(acc, "%.2f %%", 100 * t[i]->test_acc);
        cell(loss, "%.4f", t[i]->test_loss);
        cell(time, "%.1f", t[i]->train_s);
        cell(energy, "%.4g", t[i]->energy_uj);
        ax_buf_clear(&variant);
        ax_groups_variant(&variant, &keys, params[i]);
        ax_buf_clear(&name);
        ax_output_cell(&name, t[i]->multiplier, wide);
        status = ax_buf_status(variant.failed ? &variant : &name);
        ax_output_line("%-16s  %s %5d %6llu  %-11s %6d %9s %9s %9s%*s%s%s%s", t[i]->id, ax_buf_str(&name), t[i]->width,
                       (unsigned long long)t[i]->seed, ax_state_name(t[i]->state), t[i]->epochs, acc, loss, time, energies ? 10 : 0,
                       energies ? energy : "", variant.len ? " " : "", ax_buf_str(&variant), t[i]->in_plan ? "" : "  not in plan");
    }
    ax_buf_release(&variant);
    ax_buf_release(&name);
    ax_names_release(&keys);
    return status;
}

static int print_table(const ax_record *const *t, int n)
{
    cJSON **params = params_of(t, n);
    if (!params) return AX_ENOMEM;
    int wide = 10;
    bool energies = false;
    for (int i = 0; i < n; i++) {
        int len = ax_output_columns(t[i]->multiplier);
        wide = len > wide ? len : wide;
        energies = energies || !isnan(t[i]->energy_uj);
    }
    if (!ax_common_options.quiet)
        printf("%-16s  %-*s %5s %6s  %-11s %6s %9s %9s %9s%s\n", "id", wide, "multiplier", "width", "seed", "state", "epochs", "test acc",
               "test loss", "train s", energies ? " energy uJ" : "");
    int status = print_rows(t, n, params, wide, energies);
    for (int i = 0; i < n; i++) cJSON_Delete(params[i]);
    ax_free(params);
    return status;
}

static int print_json(const ax_results *r, const ax_record *const *t, int n)
{
    const ax_export_options o = {0};
    cJSON *tree = cJSON_CreateObject();
    ax_json_set_number(tree, "schema", 1);
    ax_json_set_string(tree, "study", r->study);
    cJSON *trials = ax_json_set_array(tree, "trials");
    for (int i = 0; i < n; i++) cJSON_AddItemToArray(trials, ax_export_trial(t[i], &o));
    return ax_output_json(tree);
}

int cmd_ls(int argc, char **argv)
{
    const char *where = NULL, *sort = NULL;
    bool json = false;
    const ax_option options[] = {
        {"where", 'w', AX_OPT_TEXT, &where, "EXPR", "only trials for which EXPR is true", 0, 0},
        {"sort", 0, AX_OPT_TEXT, &sort, "KEY", "by a field, a curve's last value or a parameter; -KEY: descending", 0, 0},
        {"json", 0, AX_OPT_FLAG, &json, NULL, "print JSON", 0, 0},
        {0},
    };
    const ax_usage usage = {"ls", "STUDY [-w EXPR] [--sort KEY]", "one line a trial",
                            "EXPR compares fields, parameters and curves' last values: width<=5 and test_acc>0.9,\n"
                            "state==failed or not family==mbm, multiplier~'mit'. Operators: < <= > >= == != ~ (holds).\n"
                            "Accuracies are fractions of 1 in EXPR.", 1, 1};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (!args.n) return AX_OK;
    ax_results r;
    int n = 0;
    AX_TRY(ax_results_open(&r, args.items[0]));
    const ax_record **trials = ax_alloc((size_t)r.n + 1, sizeof *trials);
    int status = trials ? select_trials(trials, &n, &r, where) : AX_ENOMEM;
    if (status == AX_OK && sort) status = sort_trials(&r, trials, n, sort);
    if (status == AX_OK && json) status = print_json(&r, trials, n);
    else if (status == AX_OK) status = print_table(trials, n);
    ax_free(trials);
    ax_results_release(&r);
    return status;
}

/* approxrun plan: what a sweep would run, what of it is done, and what the rest costs. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/names.h"
#include "cmd/commands.h"
#include "cmd/experiment.h"
#include "cmd/output.h"
#include "lut/lut.h"
#include "run/progress.h"
#include "store/groups.h"
#include "store/results.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char letters[] = {
#define AX_STATE(name, letter) letter,
#include "store/states.def"
#undef AX_STATE
};

static bool finished(enum ax_state s) { return s == AX_STATE_complete || s == AX_STATE_diverged; }

/* What results tell of the plan's trials: the states, the seconds of finished ones a product, and how many finished ones other plans
 * left. */
static int learn(enum ax_state *states, double *seconds, int *others, const ax_plan_file *p, const ax_results *r)
{
    double train_s = 0, multiplies = 0;
    ax_names ids = {0};
    int status = AX_OK;
    for (int i = 0; i < p->n && status >= 0; i++) status = ax_names_add(&ids, p->specs[i].id);
    for (int k = 0; k < r->n && status >= 0; k++) {
        const ax_record *t = &r->trials[k];
        int i = ax_names_find(&ids, t->id);
        if (i < 0) *others += finished(t->state);
        if (i >= 0 && t->state == AX_STATE_diverged) states[i] = t->state;
        if (i < 0 || t->state != AX_STATE_complete || isnan(t->train_s)) continue;
        train_s += t->train_s;
        multiplies += p->specs[i].multiplies;
    }
    ax_names_release(&ids);
    if (multiplies > 0) *seconds = train_s / multiplies;
    return status < 0 ? status : AX_OK;
}

/* The states of the plan's trials, and seconds a product of those that have finished; NAN: none has. *others: finished trials that
 * other plans left in dir. */
static int look(enum ax_state *states, double *seconds, int *others, const ax_plan_file *p, const char *dir)
{
    ax_results r;
    bool there = ax_file_is_dir(dir) && ax_results_open(&r, dir) == AX_OK;
    *seconds = NAN;
    *others = 0;
    for (int i = 0; i < p->n; i++) states[i] = there ? ax_study_state(dir, p->specs[i].id) : AX_STATE_planned;
    int status = there ? learn(states, seconds, others, p, &r) : AX_OK;
    if (there) ax_results_release(&r);
    return status;
}

/* What a trial is called beside its seed, "mbm:7 lr=0.01", for each of the plan's. NULL: AX_ENOMEM. */
static char **labels_of(const ax_plan_file *p)
{
    ax_buf text = {0};
    ax_names keys = {0};
    char **labels = ax_alloc((size_t)p->n, sizeof *labels);
    cJSON **params = ax_alloc((size_t)p->n, sizeof *params);
    int done = 0;
    for (int i = 0; params && i < p->n; i++) params[i] = cJSON_Parse(p->specs[i].params);
    bool known = params && ax_groups_keys(&keys, params, p->n) == AX_OK;
    for (int i = 0; known && labels && i < p->n; i++) {
        ax_buf_clear(&text);
        ax_buf_puts(&text, p->specs[i].multiplier);
        ax_groups_variant(&text, &keys, params[i]);
        labels[i] = ax_strdup(ax_buf_str(&text));
        done += labels[i] && ax_buf_status(&text) == AX_OK;
    }
    for (int i = 0; params && i < p->n; i++) cJSON_Delete(params[i]);
    ax_free(params);
    ax_names_release(&keys);
    ax_buf_release(&text);
    if (done == p->n) return labels;
    for (int i = 0; labels && i < p->n; i++) ax_free(labels[i]);
    ax_free(labels);
    return NULL;
}

/* ---- forms ---- */

static int print_json(const ax_plan_file *p, const char *dir, const enum ax_state *states, double seconds)
{
    double left = 0;
    cJSON *tree = cJSON_CreateObject();
    ax_json_set_number(tree, "schema", 1);
    ax_json_set_string(tree, "study", p->name);
    ax_json_set_string(tree, "directory", dir);
    ax_json_set_string(tree, "metric", p->metric);
    cJSON *trials = ax_json_set_array(tree, "trials");
    for (int i = 0; i < p->n; i++) {
        const ax_spec *s = &p->specs[i];
        cJSON *t = cJSON_CreateObject();
        ax_json_set_string(t, "id", s->id);
        ax_json_set_string(t, "multiplier", s->multiplier);
        ax_json_set_string(t, "family", s->family);
        ax_json_set_number(t, "width", s->width);
        ax_json_set_u64(t, "seed", s->seed);
        ax_json_set_number(t, "epochs", s->epochs);
        ax_json_set_number(t, "multiplies", s->multiplies);
        if (!isnan(s->energy_uj)) ax_json_set_number(t, "energy_uj", s->energy_uj);
        if (!isnan(s->train_energy_j)) ax_json_set_number(t, "train_energy_j", s->train_energy_j);
        ax_json_set_string(t, "state", ax_state_name(states[i]));
        cJSON_AddItemToObject(t, "params", cJSON_CreateRaw(s->params));
        cJSON_AddItemToArray(trials, t);
        if (!finished(states[i])) left += s->multiplies;
    }
    if (p->round) {
        ax_json_set_number(tree, "round", p->round);
        ax_json_set_bool(tree, "more", p->more);
    }
    ax_json_set_number(tree, "multiplies_left", left);
    ax_json_set_number(tree, "seconds_left", left * seconds);
    return ax_output_json(tree);
}

static void print_ids(const ax_plan_file *p, char *const *labels, const enum ax_state *states)
{
    for (int i = 0; i < p->n; i++)
        ax_output_line("%s  %-11s  %s seed %llu", p->specs[i].id, ax_state_name(states[i]), labels[i], (unsigned long long)p->specs[i].seed);
}

/* "(1,8,7) 16 bits" and "16 KiB" of a multiplier; "" if it cannot be opened here. */
static void describe(char format[64], char table[32], const char *spec)
{
    format[0] = table[0] = 0;
    ax_lut *lut = ax_lut_open(spec);
    if (!lut) return;
    char text[AX_LABEL_MAX + 64];
    ax_lut_format(text, sizeof text, lut);
    const char *form = strchr(text, ' ');
    if (form) snprintf(format, 64, "%s", form + 1);
    double bytes = lut->words ? ldexp(lut->width <= 7 ? 1 : 4, 2 * lut->width) : 0;
    if (!lut->words) snprintf(table, 32, "none");
    else if (bytes < 1024) snprintf(table, 32, "%g B", bytes);
    else if (bytes < 1048576) snprintf(table, 32, "%g KiB", bytes / 1024);
    else snprintf(table, 32, "%g MiB", bytes / 1048576);
    ax_lut_close(lut);
}

/* The seed, if it is not among `seen` yet. */
static int add_seed(ax_buf *seeds, ax_names *seen, uint64_t seed)
{
    char text[32];
    int before = seen->n;
    snprintf(text, sizeof text, "%llu", (unsigned long long)seed);
    int number = ax_names_add(seen, text);
    if (number == before) ax_buf_printf(seeds, "%s%s", seeds->len ? " " : "", text);
    return number < 0 ? number : AX_OK;
}

/* Columns of the table that are as wide as what stands in them. */
typedef struct {
    int label, seeds;
} widths;

/* The trials of one label: `next` leads from the first to each after it; -1: no more. */
typedef struct {
    const char *label;
    int first;
    const int *next;
} label_row;

static int seeds_of(ax_buf *seeds, const ax_plan_file *p, const label_row *row)
{
    ax_names seen = {0};
    int status = AX_OK;
    ax_buf_clear(seeds);
    for (int i = row->first; i >= 0 && status == AX_OK; i = row->next[i]) status = add_seed(seeds, &seen, p->specs[i].seed);
    ax_names_release(&seen);
    return status == AX_OK ? ax_buf_status(seeds) : status;
}

static int print_row(const ax_plan_file *p, const label_row *row, const enum ax_state *states, const widths *w)
{
    char format[64], table[32];
    double multiplies = 0;
    ax_buf name = {0}, seeds = {0}, marks = {0};
    int status = seeds_of(&seeds, p, row);
    for (int i = row->first; i >= 0; i = row->next[i]) {
        ax_buf_add(&marks, &letters[states[i]], 1);
        multiplies += p->specs[i].multiplies;
    }
    describe(format, table, p->specs[row->first].multiplier);
    ax_output_cell(&name, row->label, w->label);
    if (status == AX_OK)
        ax_output_line("  %s  %-18s  %-8s  %9.3g  %-*s  %s", ax_buf_str(&name), format, table, multiplies, w->seeds, ax_buf_str(&seeds),
                       ax_buf_str(&marks));
    ax_buf_release(&name);
    ax_buf_release(&seeds);
    ax_buf_release(&marks);
    return status;
}

/* A row for each label, in the order they come, below the heads of the columns. */
static int print_labels(const ax_plan_file *p, const label_row *rows, int n, const enum ax_state *states)
{
    widths w = {10, 12};
    ax_buf seeds = {0};
    int status = AX_OK;
    for (int i = 0; i < n && status == AX_OK; i++) {
        int label = ax_output_columns(rows[i].label);
        status = seeds_of(&seeds, p, &rows[i]);
        w.label = label > w.label ? label : w.label;
        w.seeds = (int)seeds.len > w.seeds ? (int)seeds.len : w.seeds;
    }
    if (status == AX_OK)
        printf("  %-*s  %-18s  %-8s  %9s  %-*s  %s\n", w.label, "multiplier", "format", "table", "products", w.seeds, "seeds", "state");
    for (int i = 0; i < n && status == AX_OK; i++) status = print_row(p, &rows[i], states, &w);
    ax_buf_release(&seeds);
    return status;
}

static int print_rows(const ax_plan_file *p, char *const *labels, const enum ax_state *states)
{
    ax_names names = {0};
    label_row *rows = ax_alloc((size_t)p->n, sizeof *rows);
    int *next = ax_alloc((size_t)p->n, sizeof *next), *last = ax_alloc((size_t)p->n, sizeof *last);
    int status = next && rows && last ? AX_OK : AX_ENOMEM;
    for (int i = 0; i < p->n && status == AX_OK; i++) {
        int before = names.n, row = ax_names_add(&names, labels[i]);
        if (row < 0) status = row;
        else if (row == before) rows[row] = (label_row){labels[i], i, next};
        else next[last[row]] = i;
        if (row >= 0) last[row] = i;
        next[i] = -1;
    }
    if (status == AX_OK) status = print_labels(p, rows, names.n, states);
    ax_names_release(&names);
    ax_free(rows);
    ax_free(next);
    ax_free(last);
    return status;
}

static int count_multipliers(const ax_plan_file *p)
{
    ax_names seen = {0};
    for (int i = 0; i < p->n; i++) (void)ax_names_add(&seen, p->specs[i].multiplier);
    int n = seen.n;
    ax_names_release(&seen);
    return n;
}

static void print_head(const ax_plan_file *p, const char *dir, const enum ax_state *states, double seconds)
{
    int rows = count_multipliers(p), done = 0;
    double left = 0;
    char text[32];
    for (int i = 0; i < p->n; i++) {
        done += finished(states[i]);
        if (!finished(states[i])) left += p->specs[i].multiplies;
    }
    printf("%s  %d multiplier%s, %d trial%s   %d done, %d to run   %.3g products left", p->name, rows, rows == 1 ? "" : "s", p->n,
           p->n == 1 ? "" : "s", done, p->n - done, left);
    if (left > 0 && !isnan(seconds)) printf(", about %s on one worker", ax_time_text(text, left * seconds));
    printf("   %s\n", dir);
}

static int print_table(const ax_plan_file *p, char *const *labels, const char *dir, const enum ax_state *states, double seconds)
{
    int used[AX_STATE_COUNT] = {0};
    for (int i = 0; i < p->n; i++) used[states[i]] = 1;
    print_head(p, dir, states, seconds);
    AX_TRY(print_rows(p, labels, states));
    printf(" ");
    for (int s = 0; s < AX_STATE_COUNT; s++)
        if (used[s]) printf(" %c %s", letters[s], ax_state_name((enum ax_state)s));
    printf("\n");
    if (p->more) printf("  round %d of the search; its results decide what follows\n", p->round);
    else if (p->round) printf("  the search has ended, in round %d\n", p->round);
    return AX_OK;
}

int ax_experiment_show(const ax_plan_file *p, const char *dir, enum ax_plan_form form)
{
    double seconds;
    int others;
    enum ax_state *states = ax_alloc((size_t)p->n, sizeof *states);
    char **labels = states ? labels_of(p) : NULL;
    int status = labels ? look(states, &seconds, &others, p, dir) : AX_ENOMEM;
    if (status == AX_OK && form == AX_PLAN_JSON) status = print_json(p, dir, states, seconds);
    else if (status == AX_OK && form == AX_PLAN_IDS) print_ids(p, labels, states);
    else if (status == AX_OK) status = print_table(p, labels, dir, states, seconds);
    if (status == AX_OK && form == AX_PLAN_TABLE && others)
        printf("  %d trial%s of this study %s not in this plan\n", others, others == 1 ? "" : "s", others == 1 ? "is" : "are");
    for (int i = 0; labels && i < p->n; i++) ax_free(labels[i]);
    ax_free(labels);
    ax_free(states);
    return status;
}

int cmd_plan(int argc, char **argv)
{
    const char *given = NULL;
    bool json = false, ids = false, strict = false;
    const ax_option options[] = {
        {"output", 'o', AX_OPT_TEXT, &given, "DIR", "study directory (default results/NAME)", 0, 0},
        {"ids", 0, AX_OPT_FLAG, &ids, NULL, "one line a trial, with its id", 0, 0},
        {"strict", 0, AX_OPT_FLAG, &strict, NULL, "the plan of 'sweep --strict'", 0, 0},
        {"json", 0, AX_OPT_FLAG, &json, NULL, "JSON instead of a table", 0, 0},
        {0},
    };
    const ax_usage usage = {"plan", "FILE.lua [key=value...]", "the trials of an experiment and their states; runs nothing",
                            "Products are approximate multiplications, forward and backward, over all epochs. Times are estimated\n"
                            "from finished trials of the same study.", 1, -1};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (!args.n) return AX_OK;
    ax_plan_file plan;
    AX_TRY(ax_experiment_plan(&plan, &usage, &args, strict));
    char *dir = ax_experiment_dir(given, &plan);
    int status = dir ? ax_experiment_next(&plan, dir, &args) : AX_ENOMEM;
    if (status == AX_OK) status = ax_experiment_show(&plan, dir, json ? AX_PLAN_JSON : ids ? AX_PLAN_IDS : AX_PLAN_TABLE);
    ax_free(dir);
    ax_plan_file_release(&plan);
    return status;
}

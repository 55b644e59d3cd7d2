/* approxrun bench train: steps of an experiment's own training loop, one row a multiplier, and where their time goes. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "cmd/bench.h"
#include "cmd/experiment.h"
#include "cmd/machine.h"
#include "cmd/output.h"
#include "cmd/threads.h"
#include "engine/api.h"
#include "engine/backend.h"
#include "script/script.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

enum { STEPS_MAX = 1000000 };

typedef struct {
    int64_t steps;
    const char *device;
    bool json, host;             /* host: the device is the cpu */
    int threads, warm_up;
} request;

/* One multiplier measured. */
typedef struct {
    const char *multiplier;
    double batch;
    double *step_s;              /* (n): seconds a step; on a device the mean of many */
    int n, steps;
    bool diverged;
    cJSON *tree;                 /* what the script gave; its "kinds" are shown in their order */
} row;

static bool on_thread(const request *q) { return q->host && q->threads == 1; }

/* ---- measuring ---- */

/* Runs the steps in an engine and a Lua state of their own, as a worker would. */
static int measure(row *r, const ax_plan_file *plan, const ax_spec *spec, const request *q)
{
    char *text = NULL;
    ax_engine *e = ax_engine_new(q->device, q->threads, plan->strict);
    ax_script *s = e ? ax_script_open(plan->script, plan->sources, ax_common_options.verbose) : NULL;
    int status = s ? ax_script_bench(s, spec->params, (int)q->steps, q->warm_up, on_thread(q), e, &text) : ax_errstatus();
    ax_script_close(s);
    ax_engine_free(e);
    if (status == AX_OK && !(r->tree = ax_json_parse(text, strlen(text), "bench"))) status = ax_errstatus();
    ax_free(text);
    return status;
}

static int take(row *r, const ax_spec *spec)
{
    const cJSON *steps = cJSON_GetObjectItemCaseSensitive(r->tree, "step_s"), *item;
    r->multiplier = spec->multiplier;
    r->batch = ax_json_get_number(r->tree, "batch", 0);
    r->step_s = ax_alloc((size_t)cJSON_GetArraySize(steps) + 1, sizeof *r->step_s);
    if (!r->step_s) return AX_ENOMEM;
    cJSON_ArrayForEach(item, steps) r->step_s[r->n++] = ax_json_value(item);
    r->steps = ax_json_get_int(r->tree, "steps", 0);
    r->diverged = ax_json_get_bool(r->tree, "diverged", false);
    return AX_OK;
}

static void row_release(row *r)
{
    cJSON_Delete(r->tree);
    ax_free(r->step_s);
}

/* The largest resident set of this process so far, bytes. */
static double peak_bytes(void)
{
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) == 0 ? 1024.0 * (double)u.ru_maxrss : 0;
}

/* ---- output ---- */

static double kinds_total(const cJSON *kinds)
{
    double total = 0;
    const cJSON *kind;
    cJSON_ArrayForEach(kind, kinds) total += ax_json_get_number(kind, "seconds", 0);
    return total;
}

static void row_json(cJSON *results, const row *r, const request *q)
{
    const cJSON *kinds = cJSON_GetObjectItemCaseSensitive(r->tree, "kinds"), *kind;
    double total = kinds_total(kinds);
    cJSON *o = cJSON_CreateObject(), *samples = cJSON_CreateArray();
    ax_json_set_string(o, "multiplier", r->multiplier);
    ax_json_set_string(o, "device", q->host ? "cpu" : "cuda");
    ax_json_set_number(o, "batch", r->batch);
    ax_json_set_number(o, "steps", r->steps);
    ax_json_set_bool(o, "diverged", r->diverged);
    cJSON_AddItemToArray(results, o);
    for (int i = 0; i < r->n; i++) cJSON_AddItemToArray(samples, ax_json_number(1e3 * r->step_s[i]));
    cJSON_AddItemToObject(ax_json_set_object(o, "samples"), "step_ms", samples);
    if (!r->n) return;
    ax_spread s = ax_spread_of(r->step_s, r->n);
    ax_spread ms = {1e3 * s.q1, 1e3 * s.median, 1e3 * s.q3}, rate = {r->batch / s.q3, r->batch / s.median, r->batch / s.q1};
    ax_json_set_number(o, "step_ms", ms.median);
    ax_json_set_number(o, "images_per_s", rate.median);
    cJSON *spread = ax_json_set_object(o, "spread");
    ax_spread_json(spread, "step_ms", &ms);
    ax_spread_json(spread, "images_per_s", &rate);
    cJSON *shares = ax_json_set_object(o, "shares");
    cJSON_ArrayForEach(kind, kinds)
        ax_json_set_number(shares, ax_json_get_string(kind, "name", ""), ax_json_get_number(kind, "seconds", 0) / total);
}

/* A column as wide as its name, and wide enough for "99.9 %". */
static int column(const cJSON *kind)
{
    int n = (int)strlen(ax_json_get_string(kind, "name", ""));
    return 2 + (n > 6 ? n : 6);
}

static void row_head_print(const cJSON *kinds, int width)
{
    const cJSON *kind;
    printf("\n%-*s %8s %17s %9s", width, "multiplier", "ms/step", "quartiles", "img/s");
    cJSON_ArrayForEach(kind, kinds) printf("%*s", column(kind), ax_json_get_string(kind, "name", ""));
    putchar('\n');
}

static void row_print(const row *r, bool head, int width)
{
    const cJSON *kinds = cJSON_GetObjectItemCaseSensitive(r->tree, "kinds"), *kind;
    double total = kinds_total(kinds);
    if (head) row_head_print(kinds, width);
    if (!r->n) {
        printf("%-*s diverged\n", width, r->multiplier);
        return;
    }
    ax_spread s = ax_spread_of(r->step_s, r->n);
    char quartiles[64];
    snprintf(quartiles, sizeof quartiles, "%.2f .. %.2f", 1e3 * s.q1, 1e3 * s.q3);
    printf("%-*s %8.2f %17s %9.0f", width, r->multiplier, 1e3 * s.median, quartiles, r->batch / s.median);
    cJSON_ArrayForEach(kind, kinds) printf("%*.1f %%", column(kind) - 2, 100 * ax_json_get_number(kind, "seconds", 0) / total);
    putchar('\n');
    fflush(stdout);
}

/* A training that did not last as long as asked for: its row stands for fewer steps, or for none. */
static void warn(const row *r, const request *q)
{
    if (r->steps == q->steps || ax_common_options.quiet) return;
    if (r->diverged && !r->steps) fprintf(stderr, "bench: %s: the training diverged before anything was measured\n", r->multiplier);
    else fprintf(stderr, "bench: %s: the training %s after %d steps measured\n", r->multiplier, r->diverged ? "diverged" : "ended", r->steps);
}

static void head_print(const request *q, const ax_plan_file *plan, const ax_machine *m)
{
    if (q->host)
        printf("%s on %s: %s, OpenBLAS %s; %d thread%s, %s\n", plan->name, m->cpu, m->isa, m->blas, q->threads, q->threads == 1 ? "" : "s",
               on_thread(q) ? "time of the thread" : "time that passed");
    else
        printf("%s on %s, capability %d.%d, driver %s, module of %s; time that passed\n", plan->name, m->gpu.name, m->gpu.capability / 10,
               m->gpu.capability % 10, m->gpu.driver, m->gpu.runtime);
}

static cJSON *tree_new(const request *q, const ax_plan_file *plan, const ax_machine *m)
{
    cJSON *tree = cJSON_CreateObject();
    ax_json_set_number(tree, "schema", 1);
    ax_machine_date(tree, "date");
    ax_machine_json(ax_json_set_object(tree, "machine"), m, q->host ? q->threads : 0);
    ax_json_set_string(tree, "clock", on_thread(q) ? "thread" : "wall");
    ax_json_set_string(tree, "study", plan->name);
    ax_json_set_number(tree, "warm_up", q->warm_up);
    return tree;
}

/* ---- the run ---- */

/* The first trial of its multiplier: seeds and other axes change what is learned, not how fast. */
static bool is_first(const ax_plan_file *plan, int i)
{
    for (int k = 0; k < i; k++)
        if (!strcmp(plan->specs[k].multiplier, plan->specs[i].multiplier)) return false;
    return true;
}

static int name_width(const ax_plan_file *plan)
{
    int width = 12;
    for (int i = 0; i < plan->n; i++)
        if ((int)strlen(plan->specs[i].multiplier) > width) width = (int)strlen(plan->specs[i].multiplier);
    return width;
}

static int bench_row(const request *q, const ax_plan_file *plan, int i, cJSON *results)
{
    row r = {0};
    int status = measure(&r, plan, &plan->specs[i], q);
    if (status == AX_OK) status = take(&r, &plan->specs[i]);
    if (status == AX_OK) warn(&r, q);
    if (status == AX_OK && results) row_json(results, &r, q);
    else if (status == AX_OK) row_print(&r, i == 0, name_width(plan));
    row_release(&r);
    return status;
}

static int run(const request *q, const ax_plan_file *plan)
{
    ax_machine machine;
    ax_machine_get(&machine);
    AX_TRY(ax_machine_add_device(&machine, q->device));
    cJSON *tree = q->json ? tree_new(q, plan, &machine) : NULL, *results = tree ? ax_json_set_array(tree, "results") : NULL;
    int status = AX_OK;
    if (!tree) head_print(q, plan, &machine);
    for (int i = 0; status == AX_OK && i < plan->n; i++)
        if (is_first(plan, i)) status = bench_row(q, plan, i, results);
    if (status == AX_OK && tree) {
        ax_json_set_number(tree, "peak_bytes", peak_bytes());
        return ax_output_json(tree);
    }
    if (status == AX_OK) printf("\npeak memory of the process: %.0f MB\n", 1e-6 * peak_bytes());
    cJSON_Delete(tree);
    return status;
}

int ax_bench_train(int argc, char **argv)
{
    request q = {.device = "cpu"};
    const ax_option options[] = {
        {"steps", 0, AX_OPT_INT, &q.steps, "N", "training steps to measure (default 100, on a device 500), after a few that warm up", 1, STEPS_MAX},
        {"device", 0, AX_OPT_TEXT, &q.device, "NAME", "cpu (default), or the number of a CUDA device", 0, 0},
        {"json", 0, AX_OPT_FLAG, &q.json, NULL, "JSON with every sample instead of a table", 0, 0},
        {0},
    };
    const ax_usage usage = {
        "bench train", "FILE.lua [key=value...]", "Training steps of an experiment, and the share of each kind of work.",
        "One row for each multiplier of the grid, at its first trial; nothing is stored. A step is loading a batch, forward,\n"
        "backward and the optimiser; shown are the median, and where the time of the faster half of the steps went. An\n"
        "activation that ends a dense or convolution layer is part of the forward product. One thread is timed by its CPU\n"
        "time, several by the clock on the wall. A device is timed by the clock on the wall, without waiting for it between\n"
        "steps: a sample is the mean of up to 50, and shares are not known.", 1, -1};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (ax_common_options.help) return AX_OK;
    const ax_backend *backend = ax_backend_open(q.device);
    if (!backend) return ax_errstatus();
    q.host = backend->host_memory;
    q.warm_up = q.host ? 10 : 25;
    if (!q.steps) q.steps = q.host ? 100 : 500;
    if (q.host) AX_TRY(ax_bench_blas(NULL, argc, argv));
    q.threads = ax_threads_each(1);
    ax_plan_file plan;
    AX_TRY(ax_experiment_plan(&plan, &usage, &args, false));
    int status = run(&q, &plan);
    ax_plan_file_release(&plan);
    return status;
}

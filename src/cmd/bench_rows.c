/* What `bench gemm` shows: a table with a line a product, or JSON with every sample. */
#include "base/json.h"
#include "cmd/bench.h"
#include "cmd/bench_gemm.h"

#include <stdio.h>
#include <string.h>

static bool on_host(const ax_bench_request *q) { return q->backend->host_memory; }

/* ---- JSON ---- */

static void samples_json(cJSON *object, const char *key, const double *v, int n)
{
    cJSON *list = ax_json_set_array(object, key);
    for (int i = 0; i < n; i++) cJSON_AddItemToArray(list, ax_json_number(v[i]));
}

/* The median, with the quartiles in `spread` and the samples, which it sorts, in `samples`. */
static void measured_json(cJSON *o, cJSON *spread, cJSON *samples, const char *key, double *v, int n, bool with_samples)
{
    if (with_samples) samples_json(samples, key, v, n);
    ax_spread s = ax_spread_of(v, n);
    ax_json_set_number(o, key, s.median);
    ax_spread_json(spread, key, &s);
}

static void other_json(cJSON *list, const ax_bench_contender *c, int n)
{
    cJSON *o = cJSON_CreateObject(), *spread = cJSON_CreateObject(), *samples = cJSON_CreateObject();
    ax_json_set_string(o, "name", c->method->name);
    measured_json(o, spread, samples, "gmacs", c->gmacs, n, true);
    measured_json(o, spread, samples, "ratio", c->ratio, n, false);
    cJSON_AddItemToObject(o, "spread", spread);
    cJSON_AddItemToObject(o, "samples", samples);
    cJSON_AddItemToArray(list, o);
}

static void check_json(cJSON *o, const ax_bench_error *e)
{
    cJSON *check = ax_json_set_object(o, "check");
    ax_json_set_number(check, "samples", e->samples);
    ax_json_set_number(check, "different_from_strict", e->different);
    ax_json_set_number(check, "l2", e->l2);
    ax_json_set_number(check, "largest", e->largest);
    ax_json_set_number(check, "strict_l2", e->strict_l2);
}

void ax_bench_row_json(cJSON *results, const ax_bench_row *r, const ax_bench_shape *s, const ax_bench_request *q)
{
    const int n = (int)q->rounds;
    cJSON *o = cJSON_CreateObject(), *spread = cJSON_CreateObject(), *samples = cJSON_CreateObject();
    ax_json_set_string(o, "multiplier", r->spec);
    ax_json_set_string(o, "shape", s->name);
    ax_json_set_number(o, "m", (double)s->m);
    ax_json_set_number(o, "n", (double)s->n);
    ax_json_set_number(o, "k", (double)s->k);
    ax_json_set_string(o, "device", q->backend->name);
    ax_json_set_string(o, "kernel", r->kernel);
    measured_json(o, spread, samples, "gmacs", r->with[0].gmacs, n, true);
    if (r->multiply) measured_json(o, spread, samples, "multiply_gmacs", r->multiply, n, true);
    measured_json(o, spread, samples, "baseline_gmacs", r->with[1].gmacs, n, true);
    measured_json(o, spread, samples, "ratio", r->with[1].ratio, n, false);
    cJSON *others = ax_json_set_array(o, "others");
    for (int i = 2; i < r->n; i++) other_json(others, &r->with[i], n);
    if (q->check) check_json(o, &r->error);
    cJSON_AddItemToObject(o, "spread", spread);
    cJSON_AddItemToObject(o, "samples", samples);
    cJSON_AddItemToArray(results, o);
}

cJSON *ax_bench_tree(const ax_bench_request *q, const ax_machine *m)
{
    cJSON *tree = cJSON_CreateObject();
    ax_json_set_number(tree, "schema", 1);
    ax_machine_date(tree, "date");
    ax_machine_json(ax_json_set_object(tree, "machine"), m, on_host(q) ? q->threads : 0);
    ax_json_set_number(tree, "rounds", (double)q->rounds);
    ax_json_set_string(tree, "clock", on_host(q) && q->threads == 1 ? "thread" : "wall");
    ax_json_set_string(tree, "baseline", q->backend->baselines->name);
    ax_json_set_bool(tree, "strict", q->strict);
    return tree;
}

/* ---- text ---- */

enum { NUMBER = 16, QUARTILES = 16 };

/* Three significant digits, two below 1. */
static const char *number(char out[NUMBER], double v)
{
    snprintf(out, NUMBER, v >= 100 ? "%.0f" : v >= 10 ? "%.1f" : v >= 0.1 ? "%.2f" : "%.2g", v);
    return out;
}

static void number_print(double v, int width)
{
    char text[NUMBER];
    printf(" %*s", width, number(text, v));
}

static void quartiles_print(const ax_spread *s, int width)
{
    char q1[NUMBER], q3[NUMBER], text[2 * NUMBER + 4];
    snprintf(text, sizeof text, "%s .. %s", number(q1, s->q1), number(q3, s->q3));
    printf("   %-*s", width, text);
}

void ax_bench_head_print(const ax_bench_request *q, const ax_machine *m)
{
    if (on_host(q))
        printf("%s: %s, OpenBLAS %s; %d thread%s, %d rounds, %s", m->cpu, m->isa, m->blas, q->threads, q->threads == 1 ? "" : "s",
               (int)q->rounds, q->threads == 1 ? "time of the thread" : "time that passed");
    else
        printf("%s, capability %d.%d, driver %s, module of %s; %d rounds, time that passed", m->gpu.name, m->gpu.capability / 10,
               m->gpu.capability % 10, m->gpu.driver, m->gpu.runtime, (int)q->rounds);
    printf("%s\n", q->strict ? "; strict sums" : "");
    fflush(stdout);
}

/* A rate: 10^9 products a second, or 10^12 on a device. */
static double rate(const ax_bench_request *q, double gmacs) { return on_host(q) ? gmacs : 1e-3 * gmacs; }

static int column(const ax_baseline *b) { return strlen(b->name) > 8 ? (int)strlen(b->name) : 8; }

void ax_bench_shape_print(const ax_bench_shape *s, const ax_bench_request *q)
{
    if (s->pass == AX_BENCH_MATMUL) printf("\n%s\n", s->name);
    else printf("\n%s: %lldx%lldx%lld\n", s->name, (long long)s->m, (long long)s->n, (long long)s->k);
    printf("  %-*s %-22s %8s", q->name_width, "multiplier", "kernel", on_host(q) ? "GMAC/s" : "TMAC/s");
    if (q->backend->phases) printf(" %8s", "multiply");
    for (const ax_baseline *b = q->backend->baselines; b->name; b++) printf(" %*s %7s", column(b), b->name, "ratio");
    if (q->check) printf("   %-*s %7s %12s %8s\n", QUARTILES, "quartiles", "bits", "relative L2", "largest");
    else printf("   quartiles\n");
}

void ax_bench_row_print(const ax_bench_row *r, const ax_bench_request *q)
{
    const int n = (int)q->rounds;
    printf("  %-*s %-22s", q->name_width, r->name, r->kernel);
    number_print(rate(q, ax_spread_of(r->with[0].gmacs, n).median), 8);
    if (r->multiply) number_print(rate(q, ax_spread_of(r->multiply, n).median), 8);
    else if (q->backend->phases) printf(" %8s", "-");
    ax_spread first = {0};
    for (const ax_baseline *b = q->backend->baselines; b->name; b++) {
        const int i = 1 + (int)(b - q->backend->baselines);
        if (i >= r->n) {
            printf(" %*s %7s", column(b), "-", "-");
            continue;
        }
        ax_spread ratio = ax_spread_of(r->with[i].ratio, n);
        if (i == 1) first = ratio;
        number_print(rate(q, ax_spread_of(r->with[i].gmacs, n).median), column(b));
        number_print(ratio.median, 7);
    }
    quartiles_print(&first, q->check ? QUARTILES : 0);
    if (q->check) printf(" %7s %12.1e %8.1e", r->error.different ? "other" : "strict", r->error.l2, r->error.largest);
    putchar('\n');
    fflush(stdout);
}

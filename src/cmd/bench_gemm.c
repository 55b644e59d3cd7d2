/* approxrun bench gemm: products of the engine beside OpenBLAS's sgemm on the same numbers. Invariant: each round times sgemm and
 * then the product, so whatever slows the machine down meets both; a ratio is of one round, and medians are over rounds. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "cmd/bench.h"
#include "cmd/machine.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/threads.h"
#include "engine/mult.h"
#include "engine/tensor.h"
#include "kernels/kernels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double least_sample_s = 2e-3;       /* a short product is repeated until a sample takes this long */
enum { ROUNDS_MAX = 1001, REPEATS_MAX = 1 << 20, CHECKED = 16, SIDE_MAX = 1 << 24 };

/* A multiplier for each kind of kernel: sgemm; additive; tables of at most 4, 6 and 7 live bits; wide ones. */
static const char *const default_multipliers[] = {"fp32", "mit:7", "mbm:3", "exact:4", "mbm:5", "mbm:7", "exact:7",
                                                  "mit:16", "exact:23", "exact:16", "mbm:16"};
/* Square ones, a batch of images or a dense layer's few columns, LeNet-300-100's layers, LeNet-5's convolutions as products. */
static const char *const default_shapes[] = {"1024x1024x1024", "512x512x512", "64x4096x576", "4096x64x576", "128x300x784",
                                             "128x100x300", "6x100352x25", "16x12800x150"};

typedef struct {
    ax_texts multipliers, shapes;
    int64_t rounds;
    const char *device, *blas;
    bool json;
    int threads;
} request;

/* One shape: its operands, one product after another into c. */
typedef struct {
    const char *name;
    int64_t m, n, k;
    ax_tensor *a, *b, *c;        /* (m, k), (k, n), (m, n) */
    int threads;
} product;

typedef struct {
    const ax_mult *mult;
    int repeats, blas_repeats;
    double *gmacs, *blas, *ratio;      /* (rounds) */
} row;

/* ---- shapes and operands ---- */

static int parse_shape(product *p, const char *text)
{
    long long m = 0, n = 0, k = 0;
    int used = 0;
    bool plain = strspn(text, "0123456789x") == strlen(text);
    if (!plain || sscanf(text, "%9lldx%9lldx%9lld%n", &m, &n, &k, &used) != 3 || text[used] || m < 1 || n < 1 || k < 1 ||
        m > SIDE_MAX || n > SIDE_MAX || k > SIDE_MAX)
        return ax_fail(AX_EARG, "bench gemm: shape '%s', wanted MxNxK, each from 1 to %d, as in 128x300x784", text, SIDE_MAX);
    *p = (product){.name = text, .m = m, .n = n, .k = k};
    return AX_OK;
}

/* Uniform numbers without structure: about half negative, no zeros to speak of, so no kernel can save work on them. */
static int make_operands(product *p, ax_engine *e)
{
    p->a = ax_tensor_new(e, AX_F32, 2, (int64_t[]){p->m, p->k});
    p->b = p->a ? ax_tensor_new(e, AX_F32, 2, (int64_t[]){p->k, p->n}) : NULL;
    p->c = p->b ? ax_tensor_new(e, AX_F32, 2, (int64_t[]){p->m, p->n}) : NULL;
    if (!p->c) return ax_errstatus();
    AX_TRY(ax_fill_uniform(p->a, -1, 1, 1, 1));
    return ax_fill_uniform(p->b, -0.1, 0.1, 1, 2);
}

/* ---- one product, timed and checked ---- */

/* On one thread its CPU time, which other programs cannot lengthen; on several, the time that passed. */
static double now(const product *p) { return p->threads == 1 ? ax_cpu_now() : ax_now(); }

/* Multiplies under m, or by BLAS if that is NULL; *seconds of one of `repeats`. */
static int multiply(double *seconds, const product *p, const ax_mult *m, int repeats)
{
    double start = now(p);
    for (int i = 0; i < repeats; i++) {
        if (m) AX_TRY(ax_matmul(p->c, p->a, p->b, NULL, 0, 0, m));
        else ax_cpu_blas_product(ax_f32(p->c), ax_f32(p->a), ax_f32(p->b), p->m, p->n, p->k, p->threads);
    }
    *seconds = (now(p) - start) / repeats;
    return AX_OK;
}

/* A few elements against sums in double of products by the definition: far looser than the tests, to catch a broken build. */
static int check(const product *p, const ax_mult *m)
{
    const ax_lut_view *lut = &ax_mult_lut(m)->view;
    const float *a = ax_f32(p->a), *b = ax_f32(p->b), *c = ax_f32(p->c);
    for (int64_t t = 0; t < CHECKED; t++) {
        int64_t i = t * (p->m - 1) / (CHECKED - 1), j = t * 7919 % p->n;
        double sum = 0, magnitude = 0, found = c[i * p->n + j];
        for (int64_t k = 0; k < p->k; k++) {
            float x = a[i * p->k + k], y = b[k * p->n + j];
            double term = lut->native ? (double)x * y : (double)ax_product(lut, x, y);
            sum += term;
            magnitude += fabs(term);
        }
        if (!(fabs(found - sum) <= 0x1p-23 * (double)(p->k + 2) * magnitude))
            return ax_fail(AX_EDEVICE, "bench gemm: %s %s: element (%lld, %lld) is %.9g, but its products sum to %.9g: this build is broken",
                           ax_mult_spec(m), p->name, (long long)i, (long long)j, found, sum);
    }
    return AX_OK;
}

/* ---- rounds ---- */

static int repeats_for(double seconds)
{
    double n = ceil(least_sample_s / (seconds > 1e-9 ? seconds : 1e-9));
    return n < 1 ? 1 : n > REPEATS_MAX ? REPEATS_MAX : (int)n;
}

/* The first products load tables and code and wake threads; the second ones tell how often a sample repeats them. */
static int warm(row *r, const product *p)
{
    double seconds;
    for (int i = 0; i < 2; i++) AX_TRY(multiply(&seconds, p, NULL, 1));
    r->blas_repeats = repeats_for(seconds);
    for (int i = 0; i < 2; i++) AX_TRY(multiply(&seconds, p, r->mult, 1));
    r->repeats = repeats_for(seconds);
    return check(p, r->mult);
}

static int round_of(row *r, const product *p, int round)
{
    double blas, ours, gmac = 1e-9 * (double)p->m * (double)p->n * (double)p->k;
    AX_TRY(multiply(&blas, p, NULL, r->blas_repeats));
    AX_TRY(multiply(&ours, p, r->mult, r->repeats));
    r->blas[round] = gmac / blas;
    r->gmacs[round] = gmac / ours;
    r->ratio[round] = blas / ours;
    return AX_OK;
}

static int run_rounds(row *rows, int n, const product *p, int rounds)
{
    for (int i = 0; i < n; i++) AX_TRY(warm(&rows[i], p));
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < n; i++) AX_TRY(round_of(&rows[i], p, round));
    return AX_OK;
}

/* ---- output ---- */

/* The kernel by name; both where the shape decides which operand lies in lanes and that decides the kernel. */
static void kernel_name(char *out, size_t size, const ax_mult *m)
{
    const char *one = ax_plan_kernel(ax_mult_plan(m), 0), *other = ax_plan_kernel(ax_mult_plan(m), 1);
    snprintf(out, size, strcmp(one, other) ? "%s or %s" : "%s", one, other);
}

static void samples_json(cJSON *object, const char *key, const double *v, int n)
{
    cJSON *list = ax_json_set_array(object, key);
    for (int i = 0; i < n; i++) cJSON_AddItemToArray(list, ax_json_number(v[i]));
}

static void row_json(cJSON *results, row *r, const product *p, int rounds)
{
    char kernel[64];
    cJSON *o = cJSON_CreateObject(), *samples = cJSON_CreateObject();
    kernel_name(kernel, sizeof kernel, r->mult);
    samples_json(samples, "gmacs", r->gmacs, rounds);
    samples_json(samples, "baseline_gmacs", r->blas, rounds);
    ax_spread gmacs = ax_spread_of(r->gmacs, rounds), blas = ax_spread_of(r->blas, rounds), ratio = ax_spread_of(r->ratio, rounds);
    ax_json_set_string(o, "multiplier", ax_mult_spec(r->mult));
    ax_json_set_string(o, "shape", p->name);
    ax_json_set_string(o, "device", "cpu");
    ax_json_set_string(o, "kernel", kernel);
    ax_json_set_number(o, "gmacs", gmacs.median);
    ax_json_set_number(o, "baseline_gmacs", blas.median);
    ax_json_set_number(o, "ratio", ratio.median);
    cJSON *spread = ax_json_set_object(o, "spread");
    ax_spread_json(spread, "gmacs", &gmacs);
    ax_spread_json(spread, "baseline_gmacs", &blas);
    ax_spread_json(spread, "ratio", &ratio);
    cJSON_AddItemToObject(o, "samples", samples);
    cJSON_AddItemToArray(results, o);
}

static void row_print(row *r, int rounds)
{
    char name[AX_SPEC_MAX + 32], kernel[64];
    ax_lut_format(name, sizeof name, ax_mult_lut(r->mult));
    kernel_name(kernel, sizeof kernel, r->mult);
    ax_spread gmacs = ax_spread_of(r->gmacs, rounds), blas = ax_spread_of(r->blas, rounds), ratio = ax_spread_of(r->ratio, rounds);
    printf("  %-26s %-26s %8.2f %8.2f %7.2f   %.2f .. %.2f\n", name, kernel, gmacs.median, blas.median, ratio.median, ratio.q1, ratio.q3);
}

static void head_print(const request *q, const ax_machine *m)
{
    printf("%s: %s, OpenBLAS %s; %d thread%s, %d rounds, %s\n", m->cpu, m->isa, m->blas, q->threads, q->threads == 1 ? "" : "s", (int)q->rounds,
           q->threads == 1 ? "time of the thread" : "time that passed");
}

static void shape_print(const product *p)
{
    printf("\n%s\n  %-26s %-26s %8s %8s %7s   %s\n", p->name, "multiplier", "kernel", "GMAC/s", "sgemm", "ratio", "quartiles");
}

static cJSON *tree_new(const request *q, const ax_machine *m)
{
    cJSON *tree = cJSON_CreateObject();
    ax_json_set_number(tree, "schema", 1);
    ax_machine_json(ax_json_set_object(tree, "machine"), m, q->threads);
    ax_json_set_number(tree, "rounds", (double)q->rounds);
    ax_json_set_string(tree, "clock", q->threads == 1 ? "thread" : "wall");
    ax_json_set_string(tree, "baseline", "OpenBLAS sgemm");
    return tree;
}

/* ---- the run ---- */

/* The rows of one shape, measured together. */
static int bench_shape(product *p, row *rows, const request *q, cJSON *results)
{
    ax_engine *e = ax_engine_new("cpu", q->threads, 0);
    if (!e) return ax_errstatus();
    int status = make_operands(p, e);
    if (status == AX_OK) status = run_rounds(rows, q->multipliers.n, p, (int)q->rounds);
    ax_engine_free(e);
    if (status != AX_OK) return status;
    if (!results) shape_print(p);
    for (int i = 0; i < q->multipliers.n; i++) {
        if (results) row_json(results, &rows[i], p, (int)q->rounds);
        else row_print(&rows[i], (int)q->rounds);
    }
    fflush(stdout);
    return AX_OK;
}

/* Rows without samples and shapes without operands, so that a wrong word ends the run before it begins. */
static int prepare(row *rows, product *products, double *samples, const request *q)
{
    for (int i = 0; i < q->multipliers.n; i++, samples += 3 * q->rounds) {
        rows[i] = (row){.gmacs = samples, .blas = samples + q->rounds, .ratio = samples + 2 * q->rounds};
        if (!(rows[i].mult = ax_mult_get(q->multipliers.items[i]))) return ax_errstatus();
    }
    for (int i = 0; i < q->shapes.n; i++) {
        AX_TRY(parse_shape(&products[i], q->shapes.items[i]));
        products[i].threads = q->threads;
    }
    return AX_OK;
}

static int run(const request *q)
{
    ax_machine machine;
    cJSON *tree = NULL;
    row *rows = ax_alloc((size_t)q->multipliers.n, sizeof *rows);
    product *products = ax_alloc((size_t)q->shapes.n, sizeof *products);
    double *samples = ax_alloc((size_t)q->multipliers.n * 3 * (size_t)q->rounds, sizeof *samples);
    int status = rows && products && samples ? prepare(rows, products, samples, q) : AX_ENOMEM;
    if (status != AX_OK) goto out;
    ax_machine_get(&machine);
    if (q->json) tree = tree_new(q, &machine);
    else head_print(q, &machine);
    cJSON *results = tree ? ax_json_set_array(tree, "results") : NULL;
    for (int i = 0; status == AX_OK && i < q->shapes.n; i++) status = bench_shape(&products[i], rows, q, results);
    if (status == AX_OK && tree) {
        status = ax_output_json(tree);
        tree = NULL;
    }
out:
    cJSON_Delete(tree);
    ax_free(samples);
    ax_free(products);
    ax_free(rows);
    return status;
}

int ax_bench_gemm(int argc, char **argv)
{
    request q = {.rounds = 11, .device = "cpu"};
    const ax_option options[] = {
        {"multiplier", 'm', AX_OPT_LIST, &q.multipliers, "SPEC", "may be repeated (default: one for each kind of kernel)", 0, 0},
        {"shape", 0, AX_OPT_LIST, &q.shapes, "MxNxK", "may be repeated (default: square ones, and those of LeNet-5 and LeNet-300-100)", 0, 0},
        {"rounds", 0, AX_OPT_INT, &q.rounds, "N", "samples of each product (default 11)", 1, ROUNDS_MAX},
        {"device", 0, AX_OPT_TEXT, &q.device, "cpu", "what computes (default cpu)", 0, 0},
        {"blas", 0, AX_OPT_TEXT, &q.blas, "CORE", "the OpenBLAS kernel to compare with, such as Haswell (default: its own choice)", 0, 0},
        {"json", 0, AX_OPT_FLAG, &q.json, NULL, "JSON with every sample instead of a table", 0, 0},
        {0},
    };
    const ax_usage usage = {
        "bench gemm", "", "Matrix products beside the machine's BLAS.",
        "C (M, N) = A (M, K) x B (K, N). A is uniform in [-1, 1), B in [-0.1, 0.1). A round times OpenBLAS's sgemm, then the product\n"
        "under the multiplier, packing included; a ratio above 1 means faster than sgemm. Shown are medians over rounds. One\n"
        "thread is timed by its CPU time, several by the clock on the wall; sgemm runs on as many threads, a slice each.", 0, 0};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (ax_common_options.help) return AX_OK;
    if (strcmp(q.device, "cpu")) return ax_fail(AX_EARG, "bench gemm: --device is '%s', wanted cpu", q.device);
    AX_TRY(ax_bench_blas(q.blas, argc, argv));
    if (!q.multipliers.n) q.multipliers = (ax_texts){(const char **)default_multipliers, sizeof default_multipliers / sizeof *default_multipliers};
    if (!q.shapes.n) q.shapes = (ax_texts){(const char **)default_shapes, sizeof default_shapes / sizeof *default_shapes};
    q.threads = ax_threads_each(1);
    return run(&q);
}

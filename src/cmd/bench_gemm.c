/* approxrun bench gemm: products of the engine beside others' on the same numbers. Invariant: each round times the baselines and then
 * the product, so whatever slows the machine down meets all of them; a ratio is of one round, and medians are over rounds. */
#include "cmd/bench_gemm.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "cmd/bench.h"
#include "cmd/output.h"
#include "cmd/threads.h"
#include "engine/backend.h"
#include "engine/engine.h"
#include "engine/mult.h"
#include "engine/tensor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROUNDS_MAX = 1001, REPEATS_MAX = 1 << 20, CHUNK = 64, PHASES_CHUNK = 32, SAMPLED = 4, CHECKED = 64 };

/* A multiplier for each kind of kernel: sgemm; additive; tables of at most 4, 6 and 7 live bits; wide ones. */
static const char *const host_multipliers[] = {"fp32", "mit:7", "mbm:3", "exact:4", "mbm:5", "mbm:7", "exact:7",
                                               "mit:16", "exact:23", "exact:16", "mbm:16"};
/* Square ones, a batch of images or a dense layer's few columns, LeNet-300-100's layers, LeNet-5's convolutions as products. */
static const char *const host_shapes[] = {"1024x1024x1024", "512x512x512", "64x4096x576", "4096x64x576", "128x300x784",
                                          "128x100x300", "6x100352x25", "16x12800x150"};

/* cuBLAS; tables of 1, 2, 4, 8, 16 and 32 rows; additive; a sum and a correction; any table of 7 bits; wide ones. */
static const char *const device_multipliers[] = {"fp32", "mbm:1", "exact:1", "mbm:3", "exact:3", "exact:4", "mbm:5", "exact:5",
                                                 "mit:7", "mbm:7", "exact:7", "mit:16", "exact:16", "mbm:16"};
/* Square ones, a convolution as a matrix and as one, a dense layer, layers of ResNet-18 on 32x32 and of ResNet-50 on 224x224. */
static const char *const device_shapes[] = {"4096x4096x4096", "1024x1024x1024", "65536x64x576", "128x1024x3136",
                                            "conv:64x32x32x64,3x3,64", "conv:128x4x4x512,3x3,512", "conv:32x14x14x256,3x3,256"};

#define LIST_OF(a) (ax_texts){(const char **)(a), (int)(sizeof(a) / sizeof *(a))}

/* ---- one sample ---- */

/* On one thread of the host its CPU time, which other programs cannot lengthen; else the time that passed. */
static double now(const ax_bench_request *q) { return q->backend->host_memory && q->threads == 1 ? ax_cpu_now() : ax_now(); }

static int multiply(const ax_bench_contender *c, const ax_bench_shape *s, const ax_mult *m, int threads)
{
    if (!c->method) return ax_bench_shape_multiply(s, m);
    c->method->product(ax_f32(s->c), ax_f32(s->matrix_a), ax_f32(s->matrix_b), s->m, s->n, s->k, ax_mult_plan(m), threads);
    return AX_OK;
}

/* `runs` segments of `chunk` products, which a device replays from the third run on; *seconds of one product. */
static int time_sample(double *seconds, const ax_bench_contender *c, int key, const ax_bench_shape *s, const ax_mult *m, const ax_bench_request *q)
{
    ax_engine *e = s->c->engine;
    AX_TRY(ax_engine_wait(e));
    double start = now(q);
    for (int run = 0; run < c->runs; run++) {
        AX_TRY(ax_engine_segment(e, key));
        for (int i = 0; i < c->chunk; i++) AX_TRY(multiply(c, s, m, q->threads));
        AX_TRY(ax_engine_segment(e, -1));
    }
    AX_TRY(ax_engine_wait(e));
    *seconds = (now(q) - start) / c->runs / c->chunk;
    return AX_OK;
}

/* Rates of the multiplication alone, by the device's own clock. */
static int time_phases(double *gmacs, const ax_bench_row *r, const ax_bench_shape *s, const ax_mult *m, const ax_bench_request *q)
{
    double seconds[AX_PHASES];
    const int n = r->with[0].chunk < PHASES_CHUNK ? r->with[0].chunk : PHASES_CHUNK;
    if (q->backend->phases(seconds)) return ax_backend_status(q->backend);
    for (int i = 0; i < n; i++) AX_TRY(multiply(&r->with[0], s, m, q->threads));
    if (q->backend->phases(seconds)) return ax_backend_status(q->backend);
    *gmacs = 1e-9 * (double)s->m * (double)s->n * (double)s->k * n / seconds[AX_PHASE_MULTIPLY];
    return AX_OK;
}

/* ---- one row ---- */

/* Products outside a segment load tables and code and wake threads; then as many as a sample needs to last long enough. */
static int calibrate(ax_bench_contender *c, const ax_bench_shape *s, const ax_mult *m, const ax_bench_request *q)
{
    const double least = q->backend->host_memory ? 2e-3 : 20e-3;
    ax_engine *e = s->c->engine;
    for (int i = 0; i < 2; i++) AX_TRY(multiply(c, s, m, q->threads));
    for (int n = 1;;) {
        AX_TRY(ax_engine_wait(e));
        double start = now(q);
        for (int i = 0; i < n; i++) AX_TRY(multiply(c, s, m, q->threads));
        AX_TRY(ax_engine_wait(e));
        double passed = now(q) - start, more = passed > 1e-9 ? least / passed : 8;
        if (more <= 2 || n >= REPEATS_MAX) {
            n = more > 1 ? (int)ceil(n * more) : n;
            c->chunk = n < CHUNK ? n : CHUNK;
            c->runs = (n + c->chunk - 1) / c->chunk;
            return AX_OK;
        }
        n = (int)ceil(n * fmin(more, 8));
    }
}

/* The kernel by name; on the host both where the shape decides which operand lies in lanes and that decides the kernel. */
static void kernel_name(char *out, size_t size, const ax_mult *m, const ax_bench_request *q)
{
    const char *one = q->backend->kernel ? q->backend->kernel() : ax_plan_kernel(ax_mult_plan(m), 0);
    const char *other = q->backend->kernel ? one : ax_plan_kernel(ax_mult_plan(m), 1);
    snprintf(out, size, strcmp(one, other) ? "%s or %s" : "%s", one, other);
}

/* The bound on a faster order is that of docs/multipliers.md, or the strict order's own error where a long sum exceeds it; a few
 * samples, as every row has them, only catch a broken build. */
static int check(ax_bench_row *r, const ax_bench_shape *s, const ax_mult *m, const ax_bench_request *q)
{
    ax_bench_error *e = &r->error;
    AX_TRY(ax_bench_measure_error(e, s, r->spec, q->check ? CHECKED : SAMPLED));
    double bound = fmax(1.5e-6, e->strict_l2) * (q->check ? 1 : 8);
    if (q->strict && !ax_mult_lut(m)->view.native && e->different)
        return ax_fail(AX_EDEVICE, "bench gemm: %s %s: %d of %d elements are not those of the strict order on the CPU: this build is broken", r->spec,
                       s->name, e->different, e->samples);
    if (!(e->l2 <= bound))
        return ax_fail(AX_EDEVICE, "bench gemm: %s %s: the relative L2 error of %d elements is %.3g, at most %.3g expected: this build is broken",
                       r->spec, s->name, e->samples, e->l2, bound);
    return AX_OK;
}

static int run_round(ax_bench_row *r, const ax_bench_shape *s, const ax_mult *m, const ax_bench_request *q, int round)
{
    double seconds[1 + AX_BENCH_BASELINES], gmac = 1e-9 * (double)s->m * (double)s->n * (double)s->k;
    for (int i = r->n - 1; i >= 0; i--) {
        AX_TRY(time_sample(&seconds[i], &r->with[i], i, s, m, q));
        r->with[i].gmacs[round] = gmac / seconds[i];
    }
    for (int i = 1; i < r->n; i++) r->with[i].ratio[round] = seconds[i] / seconds[0];
    return AX_OK;
}

/* The baselines that can make this product, the row's samples laid out, everything warm: segments are recorded. */
static int prepare_row(ax_bench_row *r, const ax_bench_shape *s, const ax_mult *m, const ax_bench_request *q, double *samples)
{
    const ax_lut_view *lut = &ax_mult_lut(m)->view;
    r->n = 0;
    r->with[r->n++] = (ax_bench_contender){0};
    for (const ax_baseline *b = q->backend->baselines; b->name; b++)
        if (!b->widest || (!lut->native && lut->words && lut->width <= b->widest)) r->with[r->n++] = (ax_bench_contender){.method = b};
    for (int i = 0; i < r->n; i++, samples += 2 * q->rounds) r->with[i].gmacs = samples, r->with[i].ratio = samples + q->rounds;
    r->multiply = q->backend->phases ? samples : NULL;
    for (int i = r->n - 1; i >= 0; i--) AX_TRY(calibrate(&r->with[i], s, m, q));
    kernel_name(r->kernel, sizeof r->kernel, m, q);
    AX_TRY(check(r, s, m, q));
    double seconds;
    for (int i = 0; i < r->n; i++) {
        const ax_bench_contender twice = {.method = r->with[i].method, .chunk = r->with[i].chunk, .runs = 2};
        if (!q->backend->host_memory) AX_TRY(time_sample(&seconds, &twice, i, s, m, q));
    }
    return AX_OK;
}

static int measure_row(ax_bench_row *r, const ax_bench_shape *s, const ax_bench_request *q, double *samples)
{
    const ax_mult *m = ax_mult_get(r->spec);
    if (!m) return ax_errstatus();
    AX_TRY(prepare_row(r, s, m, q, samples));
    for (int round = 0; round < q->rounds; round++) AX_TRY(run_round(r, s, m, q, round));
    q->backend->segments_forget();   /* their keys are the next row's; so are tables and work memory */
    if (r->multiply) AX_TRY(multiply(&r->with[0], s, m, q->threads));
    for (int round = 0; r->multiply && round < q->rounds; round++) AX_TRY(time_phases(&r->multiply[round], r, s, m, q));
    if (q->backend->phases_end) q->backend->phases_end();
    if (r->multiply && !isfinite(r->multiply[0])) r->multiply = NULL;
    return AX_OK;
}

/* ---- the run ---- */

static int bench_shape(ax_bench_shape *s, ax_bench_row *rows, const ax_bench_request *q, double *samples, cJSON *results)
{
    ax_engine *e = ax_engine_new(q->device, q->threads, q->strict);
    if (!e) return ax_errstatus();
    int status = ax_bench_shape_make(s, e);
    if (status == AX_OK && !results) ax_bench_shape_print(s, q);
    for (int i = 0; status == AX_OK && i < q->multipliers.n; i++) {
        status = measure_row(&rows[i], s, q, samples);
        if (status == AX_OK && results) ax_bench_row_json(results, &rows[i], s, q);
        else if (status == AX_OK) ax_bench_row_print(&rows[i], q);
    }
    ax_engine_free(e);
    return status;
}

/* Rows without samples and shapes without operands, so that a wrong word ends the run before it begins. */
static int prepare(ax_bench_row *rows, ax_bench_shape *shapes, int *nshapes, ax_bench_request *q)
{
    q->name_width = (int)strlen("multiplier");
    for (int i = 0; i < q->multipliers.n; i++) {
        const ax_mult *m = ax_mult_get(q->multipliers.items[i]);
        if (!m) return ax_errstatus();
        rows[i].spec = ax_mult_spec(m);
        ax_lut_format(rows[i].name, sizeof rows[i].name, ax_mult_lut(m));
        if ((int)strlen(rows[i].name) > q->name_width) q->name_width = (int)strlen(rows[i].name);
    }
    for (int i = 0; i < q->shapes.n; i++) AX_TRY(ax_bench_shape_parse(shapes, nshapes, q->shapes.items[i]));
    return AX_OK;
}

static int run(ax_bench_request *q)
{
    ax_machine machine;
    cJSON *tree = NULL;
    int nshapes = 0;
    ax_bench_row *rows = ax_alloc((size_t)q->multipliers.n, sizeof *rows);
    ax_bench_shape *shapes = ax_alloc((size_t)q->shapes.n * (AX_BENCH_PASSES - 1), sizeof *shapes);
    double *samples = ax_alloc((2 * (1 + AX_BENCH_BASELINES) + 1) * (size_t)q->rounds, sizeof *samples);
    int status = rows && shapes && samples ? prepare(rows, shapes, &nshapes, q) : AX_ENOMEM;
    ax_machine_get(&machine);
    if (status == AX_OK) status = ax_machine_add_device(&machine, q->device);
    if (status != AX_OK) goto out;
    if (q->json) tree = ax_bench_tree(q, &machine);
    else ax_bench_head_print(q, &machine);
    cJSON *results = tree ? ax_json_set_array(tree, "results") : NULL;
    for (int i = 0; status == AX_OK && i < nshapes; i++) status = bench_shape(&shapes[i], rows, q, samples, results);
    if (status == AX_OK && tree) {
        status = ax_output_json(tree);
        tree = NULL;
    }
out:
    cJSON_Delete(tree);
    ax_free(samples);
    ax_free(shapes);
    ax_free(rows);
    return status;
}

static int start(ax_bench_request *q, int argc, char **argv)
{
    q->backend = ax_backend_open(q->device);
    if (!q->backend) return ax_errstatus();
    const bool host = q->backend->host_memory;
    if (host) AX_TRY(ax_bench_blas(q->blas, argc, argv));
    else if (q->blas) return ax_fail(AX_EARG, "bench gemm: --blas names a kernel of OpenBLAS, which device %s is not compared with", q->device);
    if (!q->multipliers.n) q->multipliers = host ? LIST_OF(host_multipliers) : LIST_OF(device_multipliers);
    if (!q->shapes.n) q->shapes = host ? LIST_OF(host_shapes) : LIST_OF(device_shapes);
    q->threads = ax_threads_each(1);
    return run(q);
}

int ax_bench_gemm(int argc, char **argv)
{
    ax_bench_request q = {.rounds = 11, .device = "cpu"};
    const ax_option options[] = {
        {"multiplier", 'm', AX_OPT_LIST, &q.multipliers, "SPEC", "may be repeated (default: one for each kind of kernel)", 0, 0},
        {"shape", 0, AX_OPT_LIST, &q.shapes, "SHAPE", "MxNxK or conv:..., may be repeated (default: square ones, and layers of known nets)", 0, 0},
        {"rounds", 0, AX_OPT_INT, &q.rounds, "N", "samples of each product (default 11)", 1, ROUNDS_MAX},
        {"device", 0, AX_OPT_TEXT, &q.device, "NAME", "cpu (default), or the number of a CUDA device", 0, 0},
        {"strict", 0, AX_OPT_FLAG, &q.strict, NULL, "sum in ascending order: the same bits on every machine", 0, 0},
        {"check", 0, AX_OPT_FLAG, &q.check, NULL, "show the error of each product, and fail if it is larger than documented", 0, 0},
        {"blas", 0, AX_OPT_TEXT, &q.blas, "CORE", "the OpenBLAS kernel to compare with, such as Haswell (default: its own choice)", 0, 0},
        {"json", 0, AX_OPT_FLAG, &q.json, NULL, "JSON with every sample instead of a table", 0, 0},
        {0},
    };
    const ax_usage usage = {
        "bench gemm", "", "Matrix products beside others' on the same machine.",
        "C (M, N) = A (M, K) x B (K, N). A is uniform in [-1, 1), B in [-0.1, 0.1). A shape conv:NxHxWxC,KHxKW,FILTERS[,sSTRIDE] is a\n"
        "convolution of N images, padded to \"same\", and its two gradients, read from their tensors as a layer does. A round times\n"
        "the baselines, then the product under the multiplier, encoding or packing included; a ratio above 1 means faster.\n"
        "Baselines are OpenBLAS's sgemm on the cpu; on a device cuBLAS's (FP32 without TF32) and ApproxTrain's method, a texture\n"
        "look-up a product. Both multiply plain matrices of the same M, N and K. Shown are medians over rounds, and quartiles of\n"
        "the first ratio; `multiply` is the product without encoding. One thread of the cpu is timed by its CPU time, all else by\n"
        "the clock on the wall.", 0, 0};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (ax_common_options.help) return AX_OK;
    return start(&q, argc, argv);
}

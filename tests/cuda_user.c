/* A user's C functions above width 11, compiled for the device at run time: strict products against the cpu's, which calls the same
 * functions, and others against sums in parts as docs/gpu.md has them, bit for bit. `cuda_user time` says how fast they are. */
#include "cuda_convolutions.h"
#include "cuda_products.h"
#include "user_models.h"

#include "kernels/sum.h"

/* --- sums in parts --- */

static int64_t along(int64_t n, int64_t size) { return (n + size - 1) / size; }
static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* As many as fill 132 processors twice with blocks of 16384 outputs, none shorter than 256. */
static int64_t parts_of(const ax_gemm *g)
{
    const int64_t square = along(g->m, 128) * along(g->n, 128), tall = along(g->m, 256) * along(g->n, 64),
                  broad = along(g->m, 64) * along(g->n, 256);
    return least(264 / (least(square, least(tall, broad)) * g->batch), g->k / 256);
}

/* In their order; 32 parts or more of at most 16384 outputs by 32 lanes, of which the halves are added to each other. */
static float sum_of(const float *parts, int64_t n, int by_lanes)
{
    volatile float sums[32] = {0};
    for (int64_t i = 0; i < n; i++) sums[by_lanes ? i % 32 : 0] += parts[i];
    for (int apart = by_lanes ? 16 : 0; apart; apart /= 2)
        for (int lane = 0; lane < apart; lane++) sums[lane] += sums[lane + apart];
    return sums[0];
}

static float sum_in_parts(const ax_gemm *g, int64_t batch, int64_t row, int64_t column)
{
    const int64_t n = parts_of(g), ks = along(along(g->k, n), 8) * 8;
    float parts[264] = {0};
    for (int64_t k = 0; k < g->k; k++)
        parts[k / ks] = step(g->plan, parts[k / ks], element(&g->a, batch * g->a_batch, row, k), element(&g->b, batch * g->b_batch, column, k));
    return sum_of(parts, n, n >= 32 && g->batch * g->m * g->n <= 16384);
}

static void define_in_parts(const ax_gemm *g, float *c)
{
    if (cuda_watched()) return;
    unsigned csr = ax_cpu_flush();
    for (int64_t b = 0; b < g->batch; b++)
        for (int64_t i = 0; i < g->m; i++)
            for (int64_t j = 0; j < g->n; j++)
                c[b * g->c_batch + i * g->ldc + j] =
                    ax_sum_end(sum_in_parts(g, b, i, j), g->bias ? g->bias[j] : 0.0f, g->bias != NULL, g->activation);
    ax_cpu_unflush(csr);
}

/* The relative L2 error of such a product against double, where docs/gpu.md gives a limit. */
static void check_error(const char *spec)
{
    enum { M = 40, N = 24, K = 4096 };
    char text[160];
    ax_lut *lut = open_model(spec);
    mult t = of_lut(lut);
    float *a = numbers(M * K, 118, 133), *b = numbers(N * K, 118, 133), *c = malloc(M * N * sizeof *c);
    ax_gemm g = {.a = matrix(a, K, 1, K), .b = matrix(b, 1, N, K), .m = M, .n = N, .k = K, .ldc = N, .batch = 1, .plan = &t.plan};
    double off = 0, size = 0;
    define_in_parts(&g, c);
    for (int i = 0; i < M * N; i++) {
        double sum = 0;
        for (int k = 0; k < K; k++) sum += (double)ax_product(&t.view, element(&g.a, 0, i / N, k), element(&g.b, 0, i % N, k));
        off += (c[i] - sum) * (c[i] - sum), size += sum * sum;
    }
    snprintf(text, sizeof text, "%s: %.3g", t.name, sqrt(off / size));
    cuda_report(sqrt(off / size) <= 7.5e-7, "the error of sums in parts is no larger than the strict order's", text);
    free(a), free(b), free(c), free(t.memory);
    ax_lut_close(lut);
}

/* --- comparison --- */

/* Twice on the device: the second finds what the first left in work memory. Between the rows of C nothing may change. */
static void compare(const ax_gemm *g, int64_t a_floats, int64_t b_floats, void (*define_c)(const ax_gemm *, float *), const char *what,
                    const char *name)
{
    char text[200];
    const int64_t floats = (g->batch - 1) * g->c_batch + g->m * g->ldc;
    if (!cuda_turn()) return;
    float *want = malloc((size_t)floats * sizeof *want), *got = malloc((size_t)floats * sizeof *got);
    for (int64_t e = 0; e < floats; e++) want[e] = got[e] = 77.0f;
    define_c(g, want);
    ax_gemm device = on_device(g, a_floats, b_floats, got, floats);
    int64_t bad = 0, first = -1;
    int failed = 0;
    for (int run = 0; run < 2; run++) {
        cuda->kernels->gemm(&device);
        failed |= cuda->get(got, device.c, (size_t)floats * 4);
        for (int64_t e = 0; e < floats; e++)
            if (ax_bits(got[e]) != ax_bits(want[e]) && bad++ == 0) first = e;
    }
    int own = !strcmp(cuda->kernel(), g->strict ? "cuda-user" : "cuda-user-parts");
    snprintf(text, sizeof text, "%s, %lldx%lldx%lld: %lld differ, the first at %lld%s%.60s", name, (long long)g->m, (long long)g->n, (long long)g->k,
             (long long)bad, (long long)first, failed ? "; " : "", failed && cuda->error() ? cuda->error() : "");
    cuda_report(!failed && !bad && own, what, text);
    off_device(&device);
    free(want);
    free(got);
}

static void check(ax_gemm g, int64_t a_floats, int64_t b_floats, const char *what, const char *name)
{
    g.strict = 1;
    compare(&g, a_floats, b_floats, run_on_cpu, what, name);
}

/* Layout 1: A lies along its rows; 2: B along k. */
static void compare_shape(const mult *t, int64_t m, int64_t n, int64_t k, uint32_t low, uint32_t high, int layout, const char *what)
{
    float *a = numbers(m * k, low, high), *b = numbers(n * k, low, high);
    ax_gemm g = {.a = layout & 1 ? matrix(a, 1, m, k) : matrix(a, k, 1, k), .b = layout & 2 ? matrix(b, k, 1, k) : matrix(b, 1, n, k),
                 .m = m, .n = n, .k = k, .ldc = n + 3, .batch = 1, .plan = &t->plan};
    check(g, m * k, n * k, what, t->name);
    free(a);
    free(b);
}

static void compare_shapes(const mult *t)
{
    compare_shape(t, 1, 1, 1, 119, 135, 0, "products");
    compare_shape(t, 130, 70, 37, 119, 135, 0, "products");
    compare_shape(t, 57, 33, 131, 119, 135, 1, "products");
    compare_shape(t, 1000, 10, 65, 119, 135, 2, "few columns");
    compare_shape(t, 777, 1030, 41, 119, 135, 3, "large blocks");
    compare_shape(t, 70, 66, 17, 1, 130, 0, "below the range");
    compare_shape(t, 70, 66, 65, 55, 70, 0, "near the least product");
    compare_shape(t, 70, 66, 1, 1, 254, 0, "over the range");
    compare_shape(t, 70, 66, 9, 100, 254, 3, "over the range");
}

/* Bias, activation and batch; with `special`, infinities and NaNs. */
static void check_batches(const mult *t, int special)
{
    static const enum ax_activation ends[] = {AX_LINEAR, AX_RELU, AX_TANH, AX_SIGMOID};
    const int64_t m = 67, n = 40, k = 30, batch = 3;
    float *a = numbers(batch * m * k, 115, 135), *b = numbers(batch * n * k, 115, 135), *bias = numbers(n, 120, 130);
    bias[3] = INFINITY, bias[4] = -0.0f;
    if (special) a[5] = INFINITY, a[3 * k + 2] = NAN, b[7 * k] = -INFINITY, b[8 * k + 4] = ax_float(0xffc00001u), a[9 * k] = ax_float(0x00400000u);
    for (int i = 0; i < 4; i++) {
        ax_gemm g = {.a = matrix(a, k, 1, k), .b = matrix(b, k, 1, k), .m = m, .n = n, .k = k, .ldc = n + 9, .batch = batch,
                     .a_batch = i == 1 ? 0 : m * k, .b_batch = i == 2 ? 0 : n * k, .c_batch = m * (n + 9) + 5, .plan = &t->plan, .bias = bias,
                     .activation = ends[i]};
        check(g, batch * m * k, batch * n * k, special ? "infinities and NaNs" : "bias, activation and batch", t->name);
    }
    free(a);
    free(b);
    free(bias);
}

/* --- convolutions --- */

static void check_convolution(const conv *v, const mult *t)
{
    const int64_t oh = out_of(v, v->h), ow = out_of(v, v->w), taps = v->kernel * v->kernel * v->c, positions = v->n * oh * ow,
                  inputs = v->n * v->h * v->w;
    float *x = numbers(inputs * v->c, 110, 140), *w = numbers(taps * v->oc, 110, 140), *dy = numbers(positions * v->oc, 110, 140);
    ax_gemm g = {.a = patches_of(v, x, oh, ow), .b = matrix(w, 1, v->oc, taps), .m = positions, .n = v->oc, .k = taps, .ldc = v->oc + 3,
                 .batch = 1, .plan = &t->plan};
    check(g, inputs * v->c, taps * v->oc, "convolution", t->name);
    g.a.transposed = 1, g.b = matrix(dy, 1, v->oc, positions), g.m = taps, g.k = positions;
    check(g, inputs * v->c, positions * v->oc, "weight gradient", t->name);
    g.a = spread_of(v, dy, oh, ow);
    g.b = matrix(w, v->oc, 1, v->oc);
    g.b.k_outer_stride = v->c * v->oc;
    g.m = inputs, g.n = v->c, g.k = v->kernel * v->kernel * v->oc, g.ldc = v->c + 1;
    check(g, positions * v->oc, taps * v->oc, "input gradient", t->name);
    free(x);
    free(w);
    free(dy);
}

static void check_convolutions(const mult *t)
{
    static const conv cases[] = {{3, 12, 11, 8, 20, 3, 1, 1}, {2, 9, 10, 3, 6, 5, 2, 1}, {1, 7, 7, 33, 70, 2, 1, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_convolution(&cases[i], t);
}

/* --- products in parts --- */

/* Operands over the range are summed by the literal rule, which has no parts. */
static void compare_cut(const mult *t, int64_t m, int64_t n, int64_t k, uint32_t high, const char *what)
{
    float *a = numbers(m * k, 119, high), *b = numbers(n * k, 119, high);
    ax_gemm g = {.a = matrix(a, 1, m, k), .b = matrix(b, 1, n, k), .m = m, .n = n, .k = k, .ldc = n + 3, .batch = 1, .plan = &t->plan};
    compare(&g, m * k, n * k, high < 200 ? define_in_parts : run_on_cpu, what, t->name);
    free(a);
    free(b);
}

static void check_cut_batch(const mult *t)
{
    const int64_t m = 37, n = 19, k = 777, batch = 3;
    float *a = numbers(batch * m * k, 119, 135), *b = numbers(n * k, 119, 135), *bias = numbers(n, 120, 130);
    ax_gemm g = {.a = matrix(a, k, 1, k), .b = matrix(b, k, 1, k), .m = m, .n = n, .k = k, .ldc = n + 2, .batch = batch, .a_batch = m * k,
                 .c_batch = m * (n + 2) + 5, .plan = &t->plan, .bias = bias, .activation = AX_TANH};
    compare(&g, batch * m * k, n * k, define_in_parts, "in parts: bias, activation and batch", t->name);
    free(a);
    free(b);
    free(bias);
}

static void check_cut_gradient(const conv *v, const mult *t)
{
    const int64_t oh = out_of(v, v->h), ow = out_of(v, v->w), taps = v->kernel * v->kernel * v->c, positions = v->n * oh * ow,
                  inputs = v->n * v->h * v->w * v->c;
    float *x = numbers(inputs, 110, 140), *dy = numbers(positions * v->oc, 110, 140);
    ax_gemm g = {.a = patches_of(v, x, oh, ow), .b = matrix(dy, 1, v->oc, positions), .m = taps, .n = v->oc, .k = positions, .ldc = v->oc + 1,
                 .batch = 1, .plan = &t->plan};
    g.a.transposed = 1;
    compare(&g, inputs, positions * v->oc, define_in_parts, "in parts: weight gradient", t->name);
    free(x);
    free(dy);
}

static void check_parts(const mult *t)
{
    static const conv cases[] = {{4, 28, 28, 1, 6, 5, 1, 2}, {5, 15, 17, 8, 40, 3, 1, 1}, {2, 33, 41, 3, 20, 3, 2, 1}};
    compare_cut(t, 25, 6, 5003, 135, "in parts: few outputs");
    compare_cut(t, 7, 16, 10007, 135, "in parts: 39, by lanes");
    compare_cut(t, 2, 3, 67600, 135, "in parts: the last ones empty");
    compare_cut(t, 70, 66, 1000, 135, "in parts: ragged");
    compare_cut(t, 31, 130, 517, 135, "in parts: few rows");
    compare_cut(t, 70, 66, 600, 254, "in parts: over the range");
    check_cut_batch(t);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_cut_gradient(&cases[i], t);
}

/* So many that the larger blocks of outputs take them. */
static void check_many_parts(const char *spec)
{
    ax_lut *lut = open_model(spec);
    mult t = of_lut(lut);
    compare_cut(&t, 70, 10, 34000, 135, "in parts: 132, tall blocks");
    compare_cut(&t, 129, 127, 9000, 135, "in parts: 35, large blocks");
    free(t.memory);
    ax_lut_close(lut);
}

/* --- recorded segments --- */

/* A segment runs `first` once, then is recorded and replayed with `second`, on other numbers each time. */
static void check_segment(const mult *first, const mult *second, int key, int strict, const char *what)
{
    enum { M = 66, N = 40, K = 521, RUNS = 4 };
    float *b = numbers(N * K, 119, 135), *c = calloc(M * N, sizeof *c), *want = malloc(M * N * sizeof *want);
    float *a = numbers(M * K, 119, 135);
    ax_gemm g = {.a = matrix(a, K, 1, K), .b = matrix(b, 1, N, K), .m = M, .n = N, .k = K, .ldc = N, .batch = 1, .strict = strict};
    ax_gemm device = on_device(&g, M * K, N * K, c, M * N);
    int64_t bad = 0;
    for (int run = 0; run < RUNS; run++) {
        float *other = numbers(M * K, 119, run == 3 ? 254 : 135);
        g.a.data = other, g.plan = device.plan = run ? &second->plan : &first->plan;
        cuda->put((void *)(uintptr_t)device.a.data, other, M * K * 4);
        cuda->segment_begin(key);
        cuda->kernels->gemm(&device);
        cuda->segment_end();
        bad += cuda->get(c, device.c, M * N * 4) != 0;
        (strict || run == 3 ? run_on_cpu : define_in_parts)(&g, want);
        for (int e = 0; e < M * N; e++) bad += ax_bits(c[e]) != ax_bits(want[e]);
        free(other);
    }
    cuda_report(!bad, what, second->name);
    off_device(&device);
    free(a);
    free(b);
    free(c);
    free(want);
}

/* The last was not compiled before. */
static void check_segments(void)
{
    ax_lut *luts[] = {open_model(specs[0]), open_model(specs[2]), open_model(MODEL("words.c,symbol=with_width,width=13"))};
    mult t[] = {of_lut(luts[0]), of_lut(luts[1]), of_lut(luts[2])};
    check_segment(&t[0], &t[0], 0, 1, "a recorded segment");
    check_segment(&t[0], &t[1], 1, 1, "another function when it is recorded");
    check_segment(&t[1], &t[2], 2, 1, "a function compiled when it is recorded");
    check_segment(&t[0], &t[0], 3, 0, "a recorded segment, in parts");
    for (int i = 0; i < 3; i++) free(t[i].memory), ax_lut_close(luts[i]);
}

/* --- speed --- */

static void time_shape(const mult *t, int64_t m, int64_t n, int64_t k)
{
    enum { ROUNDS = 4 };
    double phases[AX_PHASES], least = INFINITY;
    float *a = numbers(m * k, 120, 132), *b = numbers(n * k, 120, 132), *c = calloc((size_t)(m * n), sizeof *c);
    ax_gemm g = {.a = matrix(a, k, 1, k), .b = matrix(b, 1, n, k), .m = m, .n = n, .k = k, .ldc = n, .batch = 1, .plan = &t->plan};
    ax_gemm device = on_device(&g, m * k, n * k, c, m * n);
    for (int i = 0; i < ROUNDS && cuda->phases; i++) {
        cuda->phases(phases);
        cuda->kernels->gemm(&device);
        cuda->wait();
        cuda->phases(phases);
        double all = phases[AX_PHASE_ENCODE] + phases[AX_PHASE_MULTIPLY];
        if (i && all < least) least = all;
    }
    if (cuda->phases) cuda->phases_end();
    printf("time %-32s %6lldx%5lldx%5lld: %9.3f ms; %6.3f TMAC/s\n", t->name, (long long)m, (long long)n, (long long)k, 1e3 * least,
           1e-12 * (double)m * (double)n * (double)k / least);
    off_device(&device);
    free(a);
    free(b);
    free(c);
}

static void check_model(const char *spec, int timed)
{
    ax_lut *lut = open_model(spec);
    mult t = of_lut(lut);
    if (timed) {
        time_shape(&t, 2048, 2048, 2048);
        time_shape(&t, 65536, 64, 576);
        time_shape(&t, 25, 6, 100352);
        time_shape(&t, 576, 64, 65536);
    } else {
        compare_shapes(&t);
        check_parts(&t);
        check_batches(&t, 0);
        check_batches(&t, 1);
        check_convolutions(&t);
    }
    free(t.memory);
    ax_lut_close(lut);
}

int main(int argc, char **argv)
{
    const int timed = argc > 1 && !strcmp(argv[1], "time");
    rng_state = 20241124;
    begin_cache();
    for (int s = 0; s < SPECS && !timed; s++) check_error(specs[s]);
    if (cuda_failed) return cuda_summary();
    cuda = cuda_backend();
    for (int s = 0; s < SPECS; s++) check_model(specs[s], timed);
    if (timed) return 0;
    check_many_parts(specs[0]);
    check_many_parts(specs[2]);
    check_segments();
    return cuda_summary();
}

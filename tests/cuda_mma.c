/* The module's products in an order of their own, against sums in double and, where operands are patches, against the cpu's. Says
 * how fast they are. */
#include "cuda.h"
#include "cuda_convolutions.h"

#include "kernels/sum.h"

#include <time.h>

static const ax_backend *cuda;
static const double bound = 1.5e-6;      /* the relative L2 error allowed */

/* Random signs and fractions, exponents of [low, high], one in ten a zero. */
static float *recipe(int64_t n, uint32_t low, uint32_t high)
{
    float *x = malloc((size_t)n * sizeof *x);
    for (int64_t e = 0; e < n; e++) {
        uint32_t bits = (draw() & 0x80000000u) | (low + draw() % (high - low + 1)) << 23 | (draw() & 0x7fffffu);
        x[e] = draw() % 10 == 0 ? 0.0f : ax_float(bits);
    }
    return x;
}

/* --- products on the device --- */

static int64_t floats_of(const ax_gemm *g) { return (g->batch - 1) * g->c_batch + g->m * g->ldc; }

/* Runs g, whose operands hold a_floats and b_floats and lie on the host; NaN where nothing is written. */
static void on_device(float *got, ax_gemm g, int64_t a_floats, int64_t b_floats)
{
    int64_t floats = floats_of(&g);
    size_t bytes;
    for (int64_t e = 0; e < floats; e++) got[e] = NAN;
    float *c = cuda_copy(cuda, got, (size_t)floats * 4), *a = cuda_copy(cuda, g.a.data, (size_t)a_floats * 4), *b = cuda_copy(cuda, g.b.data, (size_t)b_floats * 4);
    float *bias = g.bias ? cuda_copy(cuda, g.bias, (size_t)g.n * 4) : NULL;
    cuda->kernels->gemm_work_bytes(&bytes, 1);
    g.c = c, g.a.data = a, g.b.data = b, g.bias = bias, g.threads = 1, g.work = cuda->memory_new(bytes);
    cuda->kernels->gemm(&g);
    if (cuda->get(got, c, (size_t)floats * 4)) printf("     %s\n", cuda->error());
    cuda->memory_free(c), cuda->memory_free(a), cuda->memory_free(b), cuda->memory_free(g.work);
    if (bias) cuda->memory_free(bias);
}

/* --- products in double --- */

/* f by its definition, but for results below 2^-126, which are kept. */
static double exact_product(const ax_lut_view *lut, float x, float y)
{
    uint32_t a = ax_bits(x), b = ax_bits(y);
    if (!(a >> 23 & 255) || !(b >> 23 & 255)) return 0.0;
    uint32_t word = ax_word(lut, a, b);
    double u = ldexp(1.0 + (word & 0x7fffffu) * 0x1p-23, (int)(word >> 23) + (int)(a >> 23 & 255) + (int)(b >> 23 & 255) - 254);
    return (a ^ b) >> 31 ? -u : u;
}

/* The relative L2 error of g's outputs, or infinity if an output is missing, written outside, or no zero where all products are. */
static double error_of(const ax_gemm *g, const float *got)
{
    double distance = 0.0, norm = 0.0;
    int wrong = 0;
    if (cuda_watched()) return 0.0;
#pragma omp parallel for reduction(+ : distance, norm, wrong)
    for (int64_t e = 0; e < g->batch * g->m * g->ldc; e++) {
        int64_t b = e / (g->m * g->ldc), i = e / g->ldc % g->m, j = e % g->ldc;
        float c = got[b * g->c_batch + i * g->ldc + j];
        if (j >= g->n) {
            wrong += !isnan(c);
            continue;
        }
        double sum = 0.0;
        int any = 0;
        for (int64_t k = 0; k < g->k; k++) {
            double p = exact_product(&g->plan->lut, element(&g->a, b * g->a_batch, i, k), element(&g->b, b * g->b_batch, j, k));
            any |= p != 0.0;
            sum += p;
        }
        if (!any && !g->bias && g->activation != AX_SIGMOID) wrong += c != 0.0f;
        if (g->bias || g->activation) sum = ax_sum_end((float)sum, g->bias ? g->bias[j] : 0.0f, g->bias != NULL, g->activation);
        wrong += isnan(c);
        distance += (c - sum) * (c - sum);
        norm += sum * sum;
    }
    return wrong ? INFINITY : norm > 0.0 ? sqrt(distance / norm) : sqrt(distance);
}

static int is_close(const ax_gemm *g, int64_t a_floats, int64_t b_floats, const char *name)
{
    if (!cuda_turn()) return 1;
    float *got = malloc((size_t)floats_of(g) * sizeof *got);
    on_device(got, *g, a_floats, b_floats);
    double error = error_of(g, got);
    printf("     %s, %lldx%lldx%lld by %s: relative L2 %.2e\n", name, (long long)g->m, (long long)g->n, (long long)g->k,
           cuda->kernel() ? cuda->kernel() : "another", error);
    free(got);
    return error <= bound;
}

static ax_gemm plain(const mult *t, const float *a, const float *b, int64_t m, int64_t n, int64_t k)
{
    return (ax_gemm){.a = matrix(a, k, 1, k), .b = matrix(b, 1, n, k), .m = m, .n = n, .k = k, .ldc = n, .batch = 1, .plan = &t->plan};
}

static int near_at_shape(const mult *t, int64_t m, int64_t n, int64_t k, int turned)
{
    float *a = recipe(m * k, 118, 133), *b = recipe(n * k, 118, 133);
    ax_gemm g = plain(t, a, b, m, n, k);
    g.ldc = n + 3;
    if (turned) g.a = matrix(a, 1, m, k), g.b = matrix(b, k, 1, k);
    for (int64_t e = 0; e < k; e++) {      /* a row of zeros, a column of zeros, a row far below the rest */
        a[5 * g.a.row_stride + e * g.a.k_stride] = 0.0f;
        b[7 * g.b.row_stride + e * g.b.k_stride] = -0.0f;
        a[9 * g.a.row_stride + e * g.a.k_stride] *= 0x1p-60f;
    }
    int good = is_close(&g, m * k, n * k, t->name);
    free(a);
    free(b);
    return good;
}

static int check_exponents(const mult *t, uint32_t a_low, uint32_t a_high, uint32_t b_low, uint32_t b_high)
{
    int64_t m = 150, n = 90, k = 400;
    float *a = recipe(m * k, a_low, a_high), *b = recipe(n * k, b_low, b_high);
    for (int64_t e = 0; e < k; e++) a[5 * k + e] = 0.0f;
    ax_gemm g = plain(t, a, b, m, n, k);
    int good = is_close(&g, m * k, n * k, t->name);
    free(a);
    free(b);
    return good;
}

static void check_mult(const mult *t)
{
    static const int64_t shapes[][3] = {{70, 67, 1031}, {129, 257, 333}, {2000, 33, 100}, {4000, 31, 40}, {64, 1000, 97}, {40, 130, 3000},
                                        {300, 64, 577}, {513, 300, 64}};
    float *a = recipe(200 * 4096, 118, 133), *b = recipe(136 * 4096, 118, 133);
    ax_gemm g = plain(t, a, b, 200, 136, 4096);
    cuda_report(is_close(&g, 200 * 4096, 136 * 4096, t->name), "error at K = 4096", t->name);
    free(a);
    free(b);
    int good = 1;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        good &= near_at_shape(t, shapes[s][0], shapes[s][1], shapes[s][2], s % 2);
    cuda_report(good, "ragged shapes, zero rows and columns", t->name);
    good = check_exponents(t, 1, 60, 190, 253) & check_exponents(t, 190, 253, 60, 100) & check_exponents(t, 60, 160, 70, 160);
    cuda_report(good, "exponents far apart", t->name);
}

/* --- what follows the sum, batches, repetition, the literal rule --- */

static void check_ends(const mult *t)
{
    int64_t m = 90, n = 100, k = 300, batch = 3;
    float *a = recipe(batch * m * k, 118, 124), *b = recipe(batch * n * k, 118, 124), *bias = recipe(n, 118, 126);
    int good = 1;
    for (int activation = AX_LINEAR; activation <= AX_SIGMOID; activation++) {
        ax_gemm g = plain(t, a, b, m, n, k);
        g.batch = batch, g.a_batch = m * k, g.b_batch = activation % 2 ? n * k : 0, g.c_batch = m * n;
        g.bias = activation == AX_TANH ? NULL : bias, g.activation = (enum ax_activation)activation;
        good &= is_close(&g, batch * m * k, batch * n * k, t->name);
    }
    cuda_report(good, "bias, activations and batches", t->name);
    free(a);
    free(b);
    free(bias);
}

static void check_repetition(const mult *t)
{
    static const int64_t shapes[][3] = {{128, 1024, 3136}, {700, 300, 900}};
    int good = 1;
    for (int s = 0; s < 2; s++) {
        int64_t m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
        float *a = recipe(m * k, 118, 133), *b = recipe(n * k, 118, 133), *c[2];
        ax_gemm g = plain(t, a, b, m, n, k);
        for (int turn = 0; turn < 2; turn++) on_device(c[turn] = malloc((size_t)(m * n) * 4), g, m * k, n * k);
        good &= cuda_first_difference(c[0], c[1], m * n, 0) < 0;
        free(a), free(b), free(c[0]), free(c[1]);
    }
    cuda_report(good, "the same bits again", t->name);
}

/* The cpu's product in the strict order. */
static void on_host(float *want, ax_gemm g)
{
    size_t bytes;
    ax_kernels_cpu.gemm_work_bytes(&bytes, 2);
    for (int64_t e = 0; e < floats_of(&g); e++) want[e] = NAN;
    g.c = want, g.strict = 1, g.threads = 2, g.work = aligned_alloc(64, bytes);
    if (!cuda_watched()) ax_kernels_cpu.gemm(&g);
    free(g.work);
}

static void check_out_of_range(const mult *t)
{
    int64_t m = 200, n = 100, k = 250;
    float *a = recipe(m * k, 118, 133), *b = recipe(n * k, 118, 133);
    float *got = malloc((size_t)(m * n) * 4), *want = malloc((size_t)(m * n) * 4);
    a[17] = INFINITY, b[300] = ax_float(0xfe812345u);
    ax_gemm g = plain(t, a, b, m, n, k);
    on_device(got, g, m * k, n * k);
    on_host(want, g);
    cuda_report(cuda_first_difference(got, want, m * n, 1) < 0, "the literal rule beyond the range", t->name);
    free(a), free(b), free(got), free(want);
}

static int near_host(const ax_gemm *g, int64_t a_floats, int64_t b_floats, const char *what)
{
    int64_t floats = floats_of(g);
    float *got = malloc((size_t)floats * 4), *want = malloc((size_t)floats * 4);
    double distance = 0.0, norm = 0.0;
    on_device(got, *g, a_floats, b_floats);
    on_host(want, *g);
    int wrong = 0;
    for (int64_t e = 0; e < floats; e++) {
        wrong += isnan(got[e]) != isnan(want[e]);
        if (isnan(want[e])) continue;
        distance += ((double)got[e] - want[e]) * ((double)got[e] - want[e]);
        norm += (double)want[e] * want[e];
    }
    printf("     %s: relative L2 %.2e\n", what, sqrt(distance / norm));
    free(got);
    free(want);
    return !wrong && sqrt(distance / norm) <= bound;
}

static void check_convolution(const conv *v, const mult *t)
{
    int64_t oh = out_of(v, v->h), ow = out_of(v, v->w);
    int64_t taps = v->kernel * v->kernel * v->c, positions = v->n * oh * ow, inputs = v->n * v->h * v->w;
    float *x = recipe(inputs * v->c, 118, 133), *w = recipe(taps * v->oc, 118, 133), *dy = recipe(positions * v->oc, 118, 133);
    ax_gemm g = {.a = patches_of(v, x, oh, ow), .b = matrix(w, 1, v->oc, taps), .m = positions, .n = v->oc, .k = taps, .ldc = v->oc + 3, .batch = 1,
                 .plan = &t->plan};
    cuda_report(near_host(&g, inputs * v->c, taps * v->oc, "forward"), "convolution, forward", t->name);
    g.a.transposed = 1, g.b = matrix(dy, 1, v->oc, positions), g.m = taps, g.k = positions;
    cuda_report(near_host(&g, inputs * v->c, positions * v->oc, "weight gradient"), "convolution, weight gradient", t->name);
    g.a = spread_of(v, dy, oh, ow), g.b = matrix(w, v->oc, 1, v->oc);
    g.b.k_outer_stride = v->c * v->oc;
    g.m = inputs, g.n = v->c, g.k = v->kernel * v->kernel * v->oc, g.ldc = v->c + 1;
    cuda_report(near_host(&g, positions * v->oc, taps * v->oc, "input gradient"), "convolution, input gradient", t->name);
    free(x), free(w), free(dy);
}

/* --- convolutions whose tensor is encoded as it lies, against the definition --- */

/* `batch` convolutions of different tensors, weights and gradients. The first channels of an image's first row are zeros. */
static int near_definition(const conv *v, int64_t batch, const mult *t)
{
    int64_t oh = out_of(v, v->h), ow = out_of(v, v->w);
    int64_t taps = v->kernel * v->kernel * v->c, positions = v->n * oh * ow, inputs = v->n * v->h * v->w;
    int64_t xs = inputs * v->c, ws = taps * v->oc, dys = positions * v->oc;
    float *x = recipe(batch * xs, 118, 133), *w = recipe(batch * ws, 118, 133), *dy = recipe(batch * dys, 118, 133);
    memset(x, 0, (size_t)(v->w * v->c) * sizeof *x);
    memset(dy, 0, (size_t)(ow * v->oc) * sizeof *dy);
    ax_gemm g = {.a = patches_of(v, x, oh, ow), .b = matrix(w, 1, v->oc, taps), .m = positions, .n = v->oc, .k = taps, .ldc = v->oc + 3,
                 .batch = batch, .a_batch = xs, .b_batch = ws, .plan = &t->plan};
    g.c_batch = g.m * g.ldc;
    int good = is_close(&g, batch * xs, batch * ws, "forward");
    g.a.transposed = 1, g.b = matrix(dy, 1, v->oc, positions), g.b_batch = dys, g.m = taps, g.k = positions, g.c_batch = g.m * g.ldc;
    good &= is_close(&g, batch * xs, batch * dys, "weight gradient");
    g.a = spread_of(v, dy, oh, ow), g.b = matrix(w, v->oc, 1, v->oc), g.b.k_outer_stride = v->c * v->oc;
    g.a_batch = dys, g.b_batch = ws, g.m = inputs, g.n = v->c, g.k = v->kernel * v->kernel * v->oc, g.ldc = v->c + 1, g.c_batch = g.m * g.ldc;
    good &= is_close(&g, batch * dys, batch * ws, "input gradient");
    free(x), free(w), free(dy);
    return good;
}

static void check_definition(const mult *t)
{
    static const conv cases[] = {{16, 13, 11, 8, 48, 3, 1, 1}, {20, 13, 14, 16, 40, 3, 2, 1}, {9, 17, 15, 24, 65, 3, 1, 1},
                                 {8, 9, 9, 64, 96, 1, 1, 0},   {12, 15, 13, 64, 24, 3, 2, 1}, {24, 12, 12, 40, 8, 3, 1, 1},
                                 {10, 9, 10, 48, 16, 5, 2, 2}, {6, 11, 13, 32, 136, 3, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[128];
        snprintf(name, sizeof name, "%.31s, %lld channels to %lld, kernel %lld, stride %lld", t->name, (long long)cases[i].c, (long long)cases[i].oc,
                 (long long)cases[i].kernel, (long long)cases[i].stride);
        cuda_report(near_definition(&cases[i], 1, t), "convolution by its definition", name);
    }
    cuda_report(near_definition(&cases[1], 3, t), "convolutions in a batch", t->name);
}

/* --- speed --- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The median of 5 rounds of launches that follow one another, everything a product needs included. */
static double seconds_of(const ax_gemm *g)
{
    double best[5], guess = (double)g->m * (double)g->n * (double)g->k / 10e12;
    int turns = (int)(20e-3 / guess) + 1, rounds = 5;
    for (int i = 0; i < 3; i++) cuda->kernels->gemm(g);
    for (int r = 0; r < rounds; r++) {
        cuda->wait();
        double start = now();
        for (int i = 0; i < turns; i++) cuda->kernels->gemm(g);
        cuda->wait();
        double took = (now() - start) / turns;
        int place = r;
        for (; place && best[place - 1] > took; place--) best[place] = best[place - 1];
        best[place] = took;
    }
    return best[rounds / 2];
}

static void time_shape(const mult *t, int64_t m, int64_t n, int64_t k)
{
    size_t bytes;
    float *a = recipe(m * k, 118, 133), *b = recipe(n * k, 118, 133);
    cuda->kernels->gemm_work_bytes(&bytes, 1);
    ax_gemm g = plain(t, cuda_copy(cuda, a, (size_t)(m * k) * 4), cuda_copy(cuda, b, (size_t)(n * k) * 4), m, n, k);
    g.c = cuda->memory_new((size_t)(m * n) * 4), g.threads = 1, g.work = cuda->memory_new(bytes);
    double seconds[2], products = (double)m * (double)n * (double)k;
    for (g.strict = 0; g.strict < 2; g.strict++) seconds[g.strict] = seconds_of(&g);
    printf("time %s, %lldx%lldx%lld: %.4f ms, %.2f TMAC/s; strict %.2f TMAC/s\n", t->name, (long long)m, (long long)n, (long long)k,
           seconds[0] * 1e3, products / seconds[0] * 1e-12, products / seconds[1] * 1e-12);
    fflush(stdout);
    cuda->memory_free((void *)g.a.data), cuda->memory_free((void *)g.b.data), cuda->memory_free(g.c), cuda->memory_free(g.work);
    free(a);
    free(b);
}

static void time_product(ax_gemm g, const mult *t, const char *what)
{
    size_t bytes;
    cuda->kernels->gemm_work_bytes(&bytes, 1);
    g.c = cuda->memory_new((size_t)(g.m * g.ldc) * 4), g.threads = 1, g.work = cuda->memory_new(bytes);
    double seconds = seconds_of(&g);
    printf("time %s, %s %lldx%lldx%lld: %.4f ms, %.2f TMAC/s\n", t->name, what, (long long)g.m, (long long)g.n, (long long)g.k,
           seconds * 1e3, (double)g.m * (double)g.n * (double)g.k / seconds * 1e-12);
    fflush(stdout);
    cuda->memory_free(g.c), cuda->memory_free(g.work);
}

static void time_convolution(const mult *t, const conv *v)
{
    int64_t positions = v->n * v->h * v->w, taps = v->kernel * v->kernel * v->c;      /* the outputs are as many as the inputs */
    float *x = recipe(positions * v->c, 118, 133), *w = recipe(taps * v->oc, 118, 133), *dy = recipe(positions * v->oc, 118, 133);
    float *on_x = cuda_copy(cuda, x, (size_t)(positions * v->c) * 4), *on_w = cuda_copy(cuda, w, (size_t)(taps * v->oc) * 4);
    float *on_dy = cuda_copy(cuda, dy, (size_t)(positions * v->oc) * 4);
    ax_gemm g = {.a = patches_of(v, on_x, v->h, v->w), .b = matrix(on_w, 1, v->oc, taps), .m = positions, .n = v->oc, .k = taps, .ldc = v->oc,
                 .batch = 1, .plan = &t->plan};
    time_product(g, t, "convolution, forward");
    g.a.transposed = 1, g.b = matrix(on_dy, 1, v->oc, positions), g.m = taps, g.k = positions;
    time_product(g, t, "convolution, weight gradient");
    g.a = spread_of(v, on_dy, v->h, v->w), g.b = matrix(on_w, v->oc, 1, v->oc), g.b.k_outer_stride = v->c * v->oc;
    g.m = positions, g.n = v->c, g.k = v->kernel * v->kernel * v->oc, g.ldc = v->c;
    time_product(g, t, "convolution, input gradient");
    cuda->memory_free(on_x), cuda->memory_free(on_w), cuda->memory_free(on_dy);
    free(x), free(w), free(dy);
}

/* With `time`: how long large products take as well. */
int main(int argc, char **argv)
{
    int timed_too = argc > 1 && !strcmp(argv[1], "time");
    rng_state = 20250311;
    cuda = cuda_backend();
    mult tables[] = {ready(from_model(ax_model_mit, -1, 7)), ready(from_model(ax_model_mit, -1, 5)), ready(from_model(ax_model_mit, -1, 4)),
                     ready(from_model(ax_model_mit, -1, 2)), ready(from_model(ax_model_mbm, -1, 3)), ready(from_model(ax_model_mbm, -1, 1)),
                     ready(from_model(ax_model_mbm, -1, 5)), ready(from_model(ax_model_mbm, -1, 7)), ready(from_random_sum(7))};
    static const conv cases[] = {{9, 17, 15, 40, 48, 3, 1, 1}, {20, 13, 14, 36, 65, 3, 2, 1}, {30, 9, 9, 33, 96, 1, 1, 0}};
    static const int64_t shapes[][3] = {{4096, 4096, 4096}, {1024, 1024, 1024}, {65536, 64, 576}, {131072, 32, 288}, {128, 1024, 3136}};
    static const conv timed[] = {{64, 32, 32, 64, 64, 3, 1, 1}, {128, 16, 16, 128, 128, 3, 1, 1}};
    int count = sizeof tables / sizeof *tables;
    for (int t = 0; t < count; t++) check_mult(&tables[t]);
    for (int t = 0; t < count; t += 7) {      /* a sum, and a sum with products behind it */
        check_ends(&tables[t]);
        check_repetition(&tables[t]);
        check_out_of_range(&tables[t]);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_convolution(&cases[i], &tables[t]);
        check_definition(&tables[t]);
        for (size_t i = 0; timed_too && i < sizeof timed / sizeof *timed; i++) time_convolution(&tables[t], &timed[i]);
        for (size_t s = 0; timed_too && s < sizeof shapes / sizeof *shapes; s++) time_shape(&tables[t], shapes[s][0], shapes[s][1], shapes[s][2]);
    }
    for (int t = 0; t < count; t++) release(&tables[t]);
    return cuda_summary();
}

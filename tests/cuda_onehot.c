/* Products by one-hot expansion, not in the strict order: against double, and, where a sum has one term, the definition's bits.
 * Shapes are large enough for these kernels to serve them. */
#include "cuda.h"
#include "gemm.h"

#include "kernels/math.h"

#include <time.h>

static const double MOST = 1.5e-6;      /* relative L2 that docs/multipliers.md allows */
static const ax_backend *cuda;

/* --- multipliers --- */

enum { TABLES = 14 };

typedef struct {
    char name[24];
    mult t;
} named;

static ax_model family(const char *name)
{
    for (int i = 0; i < FAMILIES; i++)
        if (!strcmp(families[i].name, name)) return families[i].model;
    abort();
}

/* Random bytes in `rows` different rows of 2^m, in a random order; each row is there. */
static mult few_rows(int m, uint32_t rows)
{
    uint32_t *words = new_words(m), side = 1u << m;
    for (uint32_t i = 0; i < side; i++) {
        uint32_t like = i < rows ? i : draw() % rows;
        for (uint32_t j = 0; j < side; j++) words[i << m | j] = like == i ? (draw() & 255) << 16 : words[like << m | j];
    }
    for (uint32_t i = side - 1; i > 0; i--) {
        uint32_t other = draw() % (i + 1);
        for (uint32_t j = 0; j < side; j++) {
            uint32_t w = words[i << m | j];
            words[i << m | j] = words[other << m | j];
            words[other << m | j] = w;
        }
    }
    return from_words(m, words);
}

static void make_tables(named *all)
{
    static const int rows[][2] = {{1, 2}, {2, 4}, {3, 8}, {4, 16}, {5, 32}, {7, 1}, {5, 3}, {4, 6}, {7, 20}, {6, 29}};
    int n = 0;
    for (int m = 1; m <= 5; m += 2, n++) {
        snprintf(all[n].name, sizeof all[n].name, "mbm:%d", m);
        all[n].t = from_model(family("mbm"), -1, m);
    }
    snprintf(all[n].name, sizeof all[n].name, "mit:4");
    all[n++].t = from_model(family("mit"), -1, 4);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++, n++) {
        snprintf(all[n].name, sizeof all[n].name, "m = %d, %d rows", rows[i][0], rows[i][1]);
        all[n].t = few_rows(rows[i][0], (uint32_t)rows[i][1]);
    }
    for (int i = 0; i < n; i++) analyse(&all[i].t);
}

/* --- operands and results on the device --- */

static int64_t floats_of(const ax_gemm *g) { return (g->batch - 1) * g->c_batch + g->m * g->ldc; }

/* g with its operands (a_floats, b_floats) on the device and poisoned results there. */
static ax_gemm on_device(const ax_gemm *host, int64_t a_floats, int64_t b_floats)
{
    ax_gemm g = *host;
    size_t bytes;
    int64_t floats = floats_of(host);
    float *poison = malloc((size_t)floats * 4);
    for (int64_t e = 0; e < floats; e++) poison[e] = 77.0f;
    cuda->kernels->gemm_work_bytes(&bytes, 1);
    g.c = cuda_copy(cuda, poison, (size_t)floats * 4);
    g.a.data = cuda_copy(cuda, host->a.data, (size_t)a_floats * 4), g.b.data = cuda_copy(cuda, host->b.data, (size_t)b_floats * 4);
    g.bias = host->bias ? cuda_copy(cuda, host->bias, (size_t)host->n * 4) : NULL;
    g.work = cuda->memory_new(bytes), g.strict = 0, g.threads = 1;
    free(poison);
    return g;
}

static void forget(const ax_gemm *g)
{
    cuda->memory_free(g->c), cuda->memory_free((void *)g->a.data), cuda->memory_free((void *)g->b.data), cuda->memory_free(g->work);
    if (g->bias) cuda->memory_free((void *)g->bias);
}

/* Runs g twice; 0 if the bits differ. */
static int run_twice(const ax_gemm *host, int64_t a_floats, int64_t b_floats, float *got)
{
    size_t bytes = (size_t)floats_of(host) * 4;
    float *again = malloc(bytes);
    ax_gemm g = on_device(host, a_floats, b_floats);
    cuda->kernels->gemm(&g);
    cuda->get(got, g.c, bytes);
    cuda->kernels->gemm(&g);
    cuda->get(again, g.c, bytes);
    forget(&g);
    int same = !memcmp(got, again, bytes);
    free(again);
    if (cuda->error()) {
        printf("     %s\n", cuda->error());
        exit(1);
    }
    return same;
}

/* --- against double --- */

static double exact_product(const ax_plan *p, float x, float y)
{
    uint32_t a = ax_bits(x), b = ax_bits(y), word = ax_word(&p->lut, a, b);
    int e = (int)(a >> 23 & 255) + (int)(b >> 23 & 255) - 254 + (int)(word >> 23);
    if (!(a & 0x7f800000u) || !(b & 0x7f800000u)) return 0.0;
    double value = ldexp(1.0 + (word & 0x7fffffu) * 0x1p-23, e);
    return (a ^ b) >> 31 ? -value : value;
}

static float activated(float x, enum ax_activation activation)
{
    return activation == AX_RELU ? ax_reluf(x) : activation == AX_TANH ? ax_tanhf(x) : activation == AX_SIGMOID ? ax_sigmoidf(x) : x;
}

/* Relative L2 over all outputs of g, which `plan` defines; NaN if what lies between rows changed. */
static double error_of(const ax_gemm *g, const ax_plan *plan, const float *got)
{
    double off = 0.0, all = 0.0;
    for (int64_t e = 0; e < g->m * g->batch; e++)
        for (int64_t j = g->n; j < g->ldc && e / g->m * g->c_batch + (e % g->m) * g->ldc + j < floats_of(g); j++)
            if (got[e / g->m * g->c_batch + (e % g->m) * g->ldc + j] != 77.0f) return NAN;
#pragma omp parallel for reduction(+ : off, all)
    for (int64_t e = 0; e < g->m * g->batch; e++) {
        int64_t b = e / g->m, i = e % g->m;
        float *row = malloc((size_t)g->k * sizeof *row);
        for (int64_t k = 0; k < g->k; k++) row[k] = element(&g->a, b * g->a_batch, i, k);
        for (int64_t j = 0; j < g->n; j++) {
            double sum = 0.0;
            for (int64_t k = 0; k < g->k; k++) sum += exact_product(plan, row[k], element(&g->b, b * g->b_batch, j, k));
            if (g->bias) sum += (double)g->bias[j];
            if (g->activation != AX_LINEAR) sum = (double)activated((float)sum, g->activation);
            double d = sum - (double)got[b * g->c_batch + i * g->ldc + j];
            off += d * d, all += sum * sum;
        }
        free(row);
    }
    return sqrt(off / (all > 0.0 ? all : 1.0));
}

/* The precision rule's numbers: random signs, uniform fractions, exponents 118..133, one in ten zero. */
static float recipe(void)
{
    uint32_t bits = draw(), kind = draw();
    return kind % 10 ? ax_float((bits & 0x807fffffu) | (118 + (kind >> 8) % 16) << 23) : 0.0f;
}

static float *recipes(int64_t n)
{
    float *x = malloc((size_t)n * sizeof *x);
    for (int64_t e = 0; e < n; e++) x[e] = recipe();
    return x;
}

static int check_error(const ax_gemm *g, int64_t a_floats, int64_t b_floats, double most, const char *what)
{
    char text[128];
    float *got = malloc((size_t)floats_of(g) * sizeof *got);
    int same = run_twice(g, a_floats, b_floats, got);
    double error = error_of(g, g->plan, got);
    snprintf(text, sizeof text, "%s, %lldx%lldx%lld: relative L2 %.2e%s", what, (long long)g->m, (long long)g->n, (long long)g->k, error,
             same ? "" : ", and two runs differ");
    free(got);
    return cuda_report(same && error <= most, "sums", text);
}

static void check_shapes(const named *x)
{
    static const int64_t shapes[][3] = {{300, 280, 512}, {129, 257, 130}, {65, 1000, 65}, {1000, 63, 70}, {517, 190, 77}, {4097, 17, 61}, {16, 300, 900}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int64_t m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
        float *a = recipes(m * k), *b = recipes(n * k);
        for (int64_t e = 0; e < k; e++) a[(m / 2) * k + e] = 0.0f;
        ax_gemm g = product(&x->t, a, b, m, n, k);
        if (s % 2) g.a = matrix(a, 1, m, k), g.b = matrix(b, k, 1, k), g.ldc = n + 3;
        check_error(&g, m * k, n * k, MOST, x->name);
        free(a);
        free(b);
    }
}

/* One product a sum: the definition's bits, and +0 where a row or column is zero. */
static void check_single_terms(const named *x)
{
    enum { M = 512, N = 512, K = 64 };
    float *a = calloc(M * K, sizeof *a), *b = malloc(N * K * sizeof *b), *got = malloc(M * N * sizeof *got);
    for (int i = 0; i < M; i++)
        if (i % 50 != 49) a[i * K + i * 7 % K] = number(90, 160);
    for (int e = 0; e < N * K; e++) b[e] = number(90, 160);
    ax_gemm g = product(&x->t, a, b, M, N, K);
    g.b = matrix(b, K, 1, K);
    int same = run_twice(&g, M * K, N * K, got);
    int64_t bad = 0;
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            float want = ax_product(&x->t.plan.lut, a[i * K + i * 7 % K], b[j * K + i * 7 % K]);
            bad += ax_bits(got[i * N + j]) != ax_bits(want);
        }
    char text[64];
    snprintf(text, sizeof text, "%s, %lld of %d differ", x->name, (long long)bad, M * N);
    cuda_report(same && !bad, "sums of one term", text);
    free(a);
    free(b);
    free(got);
}

/* The error shows one wrong entry of the table. */
static void check_detection(const named *x)
{
    enum { SIZE = 192 };
    float *a = recipes(SIZE * SIZE), *b = recipes(SIZE * SIZE), *got = malloc(SIZE * SIZE * sizeof *got);
    ax_gemm g = product(&x->t, a, b, SIZE, SIZE, SIZE);
    run_twice(&g, SIZE * SIZE, SIZE * SIZE, got);
    int m = x->t.plan.lut.width;
    uint32_t at = draw() & ((1u << 2 * m) - 1);
    x->t.words[at] ^= 1u << (23 - (m < 3 ? m : 3));
    double error = error_of(&g, &x->t.plan, got);
    x->t.words[at] ^= 1u << (23 - (m < 3 ? m : 3));
    char text[64];
    snprintf(text, sizeof text, "%s, relative L2 %.2e", x->name, error);
    cuda_report(error > 1e-5, "a flipped entry is seen", text);
    free(a);
    free(b);
    free(got);
}

/* Exponents that leave the range send the product to the literal rule: the strict bits. */
static void check_edges(const named *x)
{
    enum { M = 160, N = 192, K = 144 };
    static const uint32_t ranges[][4] = {{1, 253, 60, 70}, {60, 70, 1, 253}, {254, 254, 1, 100}, {1, 100, 254, 254}, {180, 200, 170, 185}};
    size_t bytes;
    for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++) {
        float *a = numbers(M * K, ranges[r][0], ranges[r][1]), *b = numbers(N * K, ranges[r][2], ranges[r][3]);
        float *got = malloc(M * N * sizeof *got), *want = malloc(M * N * sizeof *want);
        ax_gemm g = product(&x->t, a, b, M, N, K), host = g;
        run_twice(&g, M * K, N * K, got);
        ax_kernels_cpu.gemm_work_bytes(&bytes, 1);
        host.c = want, host.strict = 1, host.threads = 1, host.work = aligned_alloc(64, bytes);
        ax_kernels_cpu.gemm(&host);
        char text[96];
        if (r < 2) {
            double error = error_of(&g, &x->t.plan, got);
            snprintf(text, sizeof text, "%s, exponents %u..%u, %u..%u: relative L2 %.2e", x->name, ranges[r][0], ranges[r][1], ranges[r][2],
                     ranges[r][3], error);
            cuda_report(error < 1e-6, "wide operands", text);
        } else {
            snprintf(text, sizeof text, "%s, exponents %u..%u, %u..%u", x->name, ranges[r][0], ranges[r][1], ranges[r][2], ranges[r][3]);
            cuda_report(cuda_first_difference(got, want, M * N, 1) < 0, "operands out of range are summed literally", text);
        }
        free(host.work);
        free(a), free(b), free(got), free(want);
    }
}

/* tanh and the logistic function magnify what a sum of large terms is off. */
static void check_bias_and_batches(const named *x)
{
    static const char *const names[] = {"linear", "relu", "tanh", "sigmoid"};
    enum { M = 100, N = 150, K = 120, BATCH = 3 };
    float *a = recipes(BATCH * M * K), *b = recipes(BATCH * N * K), *bias = recipes(N);
    for (int activation = AX_LINEAR; activation <= AX_SIGMOID; activation++) {
        ax_gemm g = product(&x->t, a, b, M, N, K);
        g.b = matrix(b, K, 1, K), g.ldc = N + 1, g.bias = bias, g.activation = (enum ax_activation)activation;
        g.batch = BATCH, g.a_batch = M * K, g.c_batch = M * (N + 1) + 5;
        double most = activation <= AX_RELU ? MOST : 1e-4;
        char what[64];
        for (int shared = 0; shared < 2; shared++) {
            g.b_batch = shared ? 0 : N * K;
            snprintf(what, sizeof what, "%s, bias, %s, %s", x->name, names[activation], shared ? "shared operand" : "batch");
            check_error(&g, BATCH * M * K, BATCH * N * K, most, what);
        }
    }
    free(a);
    free(b);
    free(bias);
}

static void check_convolution(const named *x)
{
    enum { IMAGES = 12, SIDE = 15, C = 24, OC = 40, KERNEL = 3, STRIDE = 2, PAD = 1, OUT = 8, TAPS = KERNEL * KERNEL * C };
    int64_t positions = IMAGES * OUT * OUT, inputs = IMAGES * SIDE * SIDE;
    float *in = recipes(inputs * C), *w = recipes(TAPS * OC), *dy = recipes(positions * OC);
    ax_gemm g = product(&x->t, in, w, positions, OC, TAPS);
    g.a = (ax_operand){.kind = AX_OPERAND_PATCHES, .data = in, .n = IMAGES, .h = SIDE, .w = SIDE, .c = C, .out_h = OUT, .out_w = OUT,
                       .kernel_h = KERNEL, .kernel_w = KERNEL, .stride_h = STRIDE, .stride_w = STRIDE, .pad_h = PAD, .pad_w = PAD,
                       .dilation_h = 1, .dilation_w = 1, .step = 1};
    g.b = matrix(w, 1, OC, TAPS);
    g.n = OC, g.ldc = OC;
    check_error(&g, inputs * C, TAPS * OC, MOST, "convolution");
    g.a.transposed = 1, g.b = matrix(dy, 1, OC, positions), g.m = TAPS, g.k = positions;
    check_error(&g, inputs * C, positions * OC, MOST, "weight gradient");
    g.a = (ax_operand){.kind = AX_OPERAND_PATCHES, .data = dy, .n = IMAGES, .h = OUT, .w = OUT, .c = OC, .out_h = SIDE, .out_w = SIDE,
                       .kernel_h = KERNEL, .kernel_w = KERNEL, .stride_h = 1, .stride_w = 1, .pad_h = -PAD, .pad_w = -PAD,
                       .dilation_h = STRIDE, .dilation_w = STRIDE, .step = -1};
    g.b = matrix(w, OC, 1, OC);
    g.b.k_outer_stride = C * OC;
    g.m = inputs, g.n = C, g.k = KERNEL * KERNEL * OC, g.ldc = C + 1;
    check_error(&g, positions * OC, TAPS * OC, MOST, "input gradient");
    free(in), free(w), free(dy);
}

/* --- large products: precision over a whole K, and time (twice the rows less once: the product with B encoded before) --- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Seconds a product, encoding included: the least of five rounds. */
static double time_of(const ax_gemm *g)
{
    enum { ROUNDS = 5 };
    double least = 1e9, work = (double)g->m * (double)g->n * (double)g->k;
    int launches = work > 1e10 ? 4 : 20;
    cuda->kernels->gemm(g);
    cuda->wait();
    for (int r = 0; r < ROUNDS; r++) {
        double start = seconds();
        for (int i = 0; i < launches; i++) cuda->kernels->gemm(g);
        cuda->wait();
        double took = (seconds() - start) / launches;
        if (took < least) least = took;
    }
    return least;
}

/* Relative L2 over a sample of g's outputs. */
static double sampled_error(const ax_gemm *g, const float *a, const float *b, const float *got)
{
    enum { SAMPLE = 4096 };
    double off = 0.0, all = 0.0;
#pragma omp parallel for reduction(+ : off, all)
    for (int s = 0; s < SAMPLE; s++) {
        uint32_t mixed = (uint32_t)s * 2654435761u;
        int64_t i = (int64_t)(mixed >> 4) % g->m, j = (int64_t)((mixed * 2246822519u) >> 4) % g->n;
        double sum = 0.0;
        for (int64_t k = 0; k < g->k; k++) sum += exact_product(g->plan, a[i * g->k + k], b[k * g->n + j]);
        double d = sum - (double)got[i * g->ldc + j];
        off += d * d, all += sum * sum;
    }
    return sqrt(off / all);
}

static void check_large(const named *all, int64_t m, int64_t n, int64_t k)
{
    float *a = recipes(m * k), *b = recipes(n * k), *got = malloc((size_t)(m * n) * sizeof *got);
    ax_gemm host = product(&all[0].t, a, b, m, n, k), g = on_device(&host, m * k, n * k);
    for (int i = 0; i < TABLES; i++) {
        g.plan = &all[i].t.plan;
        memset(got, 0xff, (size_t)(m * n) * 4);
        cuda->put(g.c, got, (size_t)(m * n) * 4);
        double took = time_of(&g);
        cuda->get(got, g.c, (size_t)(m * n) * 4);
        double error = sampled_error(&g, a, b, got);
        char text[256];
        snprintf(text, sizeof text, "%.64s, %lldx%lldx%lld: %.4f ms, %.2f TMAC/s with encoding, relative L2 %.2e", all[i].name, (long long)m,
                 (long long)n, (long long)k, took * 1e3, (double)m * (double)n * (double)k / took * 1e-12, error);
        cuda_report(error <= MOST, "large", text);
    }
    forget(&g);
    free(a), free(b), free(got);
}

int main(void)
{
    cuda = cuda_backend();
    rng_state = 20240229;
    named all[TABLES];
    make_tables(all);
    for (int i = 0; i < TABLES; i++) {
        check_single_terms(&all[i]);
        check_shapes(&all[i]);
        check_detection(&all[i]);
        check_edges(&all[i]);
    }
    for (int i = 0; i < TABLES; i += 2) {
        check_bias_and_batches(&all[i]);
        check_convolution(&all[i]);
    }
    static const int64_t large[][3] = {{4096, 4096, 4096}, {8192, 4096, 4096}, {1024, 1024, 1024}, {65536, 64, 576}, {128, 1024, 3136}};
    for (size_t s = 0; s < sizeof large / sizeof *large; s++) check_large(all, large[s][0], large[s][1], large[s][2]);
    for (int i = 0; i < TABLES; i++) release(&all[i].t);
    return cuda_summary();
}

/* Products by one-hot expansion, not in the strict order: against double, and, where a sum has one term, the definition's bits.
 * Shapes are large enough for these kernels to serve them. */
#include "cuda.h"
#include "gemm.h"

#include "kernels/math.h"

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
    if (cuda_watched()) return 0.0;
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
    if (!cuda_turn()) return 1;
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
    if (!cuda_turn()) return;
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
    if (!cuda_turn()) return;
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
        if (!cuda_turn()) continue;
        float *a = numbers(M * K, ranges[r][0], ranges[r][1]), *b = numbers(N * K, ranges[r][2], ranges[r][3]);
        float *got = malloc(M * N * sizeof *got), *want = malloc(M * N * sizeof *want);
        ax_gemm g = product(&x->t, a, b, M, N, K), host = g;
        run_twice(&g, M * K, N * K, got);
        ax_kernels_cpu.gemm_work_bytes(&bytes, 1);
        host.c = want, host.strict = 1, host.threads = 1, host.work = aligned_alloc(64, bytes);
        if (!cuda_watched()) ax_kernels_cpu.gemm(&host);
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
    enum { IMAGES = 12, SIDE = 15, C = 24, OC = 48, KERNEL = 3, STRIDE = 2, PAD = 1, OUT = 8, TAPS = KERNEL * KERNEL * C };
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

/* --- patches whose channels are a multiple of 16: the product fetches them from the tensor --- */

typedef struct {
    int64_t images, side, channels, kernel, stride, pad, columns;
    enum { FORWARD, BY_INPUT, BY_WEIGHTS } what;      /* `side` is the input's in all; `channels` the tensor's that is read */
    int64_t batch;
} geometry;

static int64_t out_side(const geometry *g) { return (g->side + 2 * g->pad - g->kernel) / g->stride + 1; }

/* Height and width of the tensor. */
static int64_t tensor_side(const geometry *g) { return g->what == BY_INPUT ? out_side(g) : g->side; }

static ax_operand patches_of(const geometry *g, const float *tensor)
{
    int back = g->what == BY_INPUT;
    int64_t in = tensor_side(g), out = back ? g->side : out_side(g), stride = back ? 1 : g->stride;
    int64_t pad = back ? -g->pad : g->pad, dilation = back ? g->stride : 1;
    return (ax_operand){.kind = AX_OPERAND_PATCHES, .data = tensor, .n = g->images, .h = in, .w = in, .c = g->channels, .out_h = out, .out_w = out,
                        .kernel_h = g->kernel, .kernel_w = g->kernel, .stride_h = stride, .stride_w = stride, .pad_h = pad, .pad_w = pad,
                        .dilation_h = dilation, .dilation_w = dilation, .step = back ? -1 : 1, .transposed = g->what == BY_WEIGHTS};
}

/* The patches of g's operand a, written out: (batch, m, k). */
static float *unfolded(const ax_gemm *g)
{
    float *x = malloc((size_t)(g->batch * g->m * g->k) * sizeof *x);
#pragma omp parallel for
    for (int64_t r = 0; r < g->batch * g->m; r++)
        for (int64_t k = 0; k < g->k; k++) x[r * g->k + k] = element(&g->a, r / g->m * g->a_batch, r % g->m, k);
    return x;
}

/* The definition; the bits of the same product with its patches written out (cuBLAS makes those of one row); one element that
 * differs is seen. */
static void check_patches(const named *x, const geometry *shape)
{
    static const char *const names[] = {"", ", by the input", ", by the weights"};
    int64_t side = tensor_side(shape), floats = shape->images * side * side * shape->channels, taps = shape->kernel * shape->kernel * shape->channels;
    int64_t out = shape->what == BY_INPUT ? shape->side : out_side(shape), positions = shape->images * out * out;
    int64_t m = shape->what == BY_WEIGHTS ? taps : positions, k = shape->what == BY_WEIGHTS ? positions : taps;
    float *tensor = recipes(shape->batch * floats), *b = recipes(k * shape->columns);
    memset(tensor + side * shape->channels, 0, (size_t)shape->channels * sizeof *tensor);
    ax_gemm g = product(&x->t, tensor, b, m, shape->columns, k);
    g.a = patches_of(shape, tensor), g.b = matrix(b, 1, shape->columns, k);
    g.batch = shape->batch, g.a_batch = g.batch > 1 ? floats : 0, g.c_batch = m * g.ldc;
    ax_gemm written = g;
    float *matrix_a = unfolded(&g), *got = malloc((size_t)floats_of(&g) * 4), *want = malloc((size_t)floats_of(&g) * 4);
    written.a = matrix(matrix_a, k, 1, k), written.a_batch = g.batch > 1 ? m * k : 0;
    int same = run_twice(&g, g.batch * floats, k * shape->columns, got);
    run_twice(&written, g.batch * m * k, k * shape->columns, want);
    double error = error_of(&g, g.plan, got);
    int64_t first = x->t.plan.distinct_rows > 1 ? cuda_first_difference(got, want, floats_of(&g), 1) : -1;
    tensor[shape->channels / 2] = tensor[shape->channels / 2] > 0.0f ? -64.0f : 64.0f;
    double seen = error_of(&g, g.plan, got);
    char text[256];
    snprintf(text, sizeof text, "%.64s, %lld channels, kernel %lld, stride %lld%s, batch %lld, %lldx%lldx%lld: relative L2 %.2e, changed %.0e%s%s", x->name,
             (long long)shape->channels, (long long)shape->kernel, (long long)shape->stride, names[shape->what],
             (long long)shape->batch, (long long)m, (long long)shape->columns, (long long)k, error, seen, first < 0 ? "" : ", not the written patches' bits",
             same ? "" : ", and two runs differ");
    cuda_report(same && error <= MOST && first < 0 && seen > 1e-4, "patches", text);
    free(tensor), free(b), free(matrix_a), free(got), free(want);
}

static void check_all_patches(const named *all)
{
    static const geometry shapes[] = {
        {12, 15, 16, 3, 2, 1, 40, FORWARD, 1},    {5, 16, 32, 3, 1, 1, 24, FORWARD, 3},     {9, 9, 48, 3, 1, 1, 20, FORWARD, 1},
        {7, 11, 64, 1, 1, 0, 96, FORWARD, 1},     {3, 19, 64, 5, 2, 2, 20, FORWARD, 2},     {1, 33, 16, 3, 1, 1, 130, FORWARD, 1},
        {6, 15, 48, 3, 2, 1, 24, BY_INPUT, 1},    {20, 15, 16, 3, 3, 0, 17, BY_INPUT, 2},   {4, 17, 32, 1, 2, 0, 200, BY_INPUT, 1},
        {160, 15, 16, 3, 1, 1, 17, FORWARD, 1},   {100, 15, 32, 1, 1, 0, 20, FORWARD, 2},
        {7, 15, 48, 3, 2, 1, 24, BY_WEIGHTS, 1},  {3, 13, 16, 5, 1, 2, 33, BY_WEIGHTS, 3},  {6, 9, 64, 1, 1, 0, 150, BY_WEIGHTS, 1},
    };
    for (int i = 0; i < TABLES; i++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            if (cuda_turn()) check_patches(&all[i], &shapes[s]);
}

/* --- large products: precision over a whole K --- */

/* Relative L2 over a sample of the outputs; g is the host's. */
static double sampled_error(const ax_gemm *g, const float *got)
{
    int64_t sample = (1 << 24) / g->k < 4096 ? (1 << 24) / g->k : 4096;
    double off = 0.0, all = 0.0;
    if (cuda_watched()) return 0.0;
#pragma omp parallel for reduction(+ : off, all)
    for (int64_t s = 0; s < sample; s++) {
        uint32_t mixed = (uint32_t)s * 2654435761u;
        int64_t i = (int64_t)(mixed >> 4) % g->m, j = (int64_t)((mixed * 2246822519u) >> 4) % g->n;
        double sum = 0.0;
        for (int64_t k = 0; k < g->k; k++) sum += exact_product(g->plan, element(&g->a, 0, i, k), element(&g->b, 0, j, k));
        double d = sum - (double)got[i * g->n + j];
        off += d * d, all += sum * sum;
    }
    return sqrt(off / all);
}

static void check_large(const named *all, ax_gemm *host, int64_t a_floats, const char *what)
{
    int64_t outputs = host->m * host->n;
    float *got = malloc((size_t)outputs * sizeof *got);
    ax_gemm g = on_device(host, a_floats, host->n * host->k);
    for (int i = 0; i < TABLES; i++) {
        if (!cuda_turn()) continue;
        g.plan = host->plan = &all[i].t.plan;
        memset(got, 0xff, (size_t)outputs * 4);
        cuda->put(g.c, got, (size_t)outputs * 4);
        cuda->kernels->gemm(&g);
        cuda->get(got, g.c, (size_t)outputs * 4);
        double error = sampled_error(host, got);
        char text[160];
        snprintf(text, sizeof text, "%.64s, %lldx%lldx%lld: relative L2 %.2e", all[i].name, (long long)host->m, (long long)host->n, (long long)host->k,
                 error);
        cuda_report(error <= MOST, what, text);
    }
    forget(&g);
    free(got);
}

static void check_large_matrices(const named *all)
{
    static const int64_t shapes[][3] = {{4096, 4096, 4096}, {8192, 4096, 4096}, {1024, 1024, 1024}, {65536, 64, 576}, {128, 1024, 3136}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int64_t m = shapes[s][0], n = shapes[s][1], k = cuda_cut(shapes[s][2], 256);
        float *a = recipes(m * k), *b = recipes(n * k);
        ax_gemm g = product(&all[0].t, a, b, m, n, k);
        check_large(all, &g, m * k, "large");
        free(a), free(b);
    }
}

/* A convolution of 64 channels to 64: forward and both gradients. */
static void check_large_convolution(const named *all)
{
    geometry shape = {64, 32, 64, 3, 1, 1, 64, FORWARD, 1};
    int64_t m = 65536, n = 64, k = 576;
    float *tensor = recipes(m * n), *weights = recipes(n * k), *dy = recipes(m * n);
    ax_gemm g = product(&all[0].t, tensor, weights, m, n, k);
    g.a = patches_of(&shape, tensor);
    check_large(all, &g, m * n, "large convolution");
    shape.what = BY_INPUT;
    g.a = patches_of(&shape, tensor), g.b = matrix(weights, n, 1, n), g.b.k_outer_stride = n * n;
    check_large(all, &g, m * n, "large input gradient");
    shape.what = BY_WEIGHTS;
    g = product(&all[0].t, tensor, dy, k, n, m);
    g.a = patches_of(&shape, tensor);
    check_large(all, &g, m * n, "large weight gradient");
    free(tensor), free(weights), free(dy);
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
    check_all_patches(all);
    check_large_matrices(all);
    check_large_convolution(all);
    for (int i = 0; i < TABLES; i++) release(&all[i].t);
    return cuda_summary();
}

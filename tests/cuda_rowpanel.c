/* Products of any narrow table that are not in the strict order, against double over all outputs; products cut into parts; how fast
 * every kind of product is. Shapes are large enough for these kernels to serve them. */
#include "cuda_products.h"
#include "gemm.h"

#include <time.h>

/* What a sum of 4096 products that is not in the strict order may be off by (docs/multipliers.md). */
static const double ALLOWED = 1.5e-6;

/* Where compute-sanitizer looks on: products a sum, as few as leave the shapes below to the row panel. */
enum { WATCHED_K = 160, WATCHED_BATCH_K = 61 };

static int asked, served;      /* products; by the row panel */

/* --- multipliers --- */

typedef struct {
    char name[32];
    mult t;
} named;

static named family(const char *name, int m)
{
    named n;
    for (int i = 0; i < FAMILIES; i++)
        if (!strcmp(families[i].name, name)) n.t = from_model(families[i].model, i, m);
    snprintf(n.name, sizeof n.name, "%s:%d", name, m);
    return n;
}

static named noise(int m, int bits)
{
    named n = {.t = from_noise(m, bits)};
    snprintf(n.name, sizeof n.name, "random:%d/%d", m, bits);
    return n;
}

static named fp32(void)
{
    named n = {.name = "fp32", .t = {.view = {.width = 23, .native = 1, .direct = -1}}};
    return n;
}

/* --- operands --- */

typedef struct {
    float *data;
    int64_t floats;
} array;

/* The recipe: random signs, uniform mantissas, exponents low..high, 10 % zeros. */
static array recipe(int64_t n, uint32_t low, uint32_t high)
{
    array x = {malloc((size_t)n * sizeof(float)), n};
    for (int64_t e = 0; e < n; e++) {
        uint32_t bits = draw(), kind = draw();
        x.data[e] = kind % 10 ? ax_float((bits & 0x807fffffu) | (low + (kind >> 8) % (high - low + 1)) << 23) : 0.0f;
    }
    return x;
}

static int64_t floats_of(const ax_gemm *g) { return (g->batch - 1) * g->c_batch + g->m * g->ldc; }

/* g, whose operands lie in host memory, with everything on the device and poison for results. */
static ax_gemm poisoned(const ax_gemm *host, const array *a, const array *b, int strict)
{
    const int64_t floats = floats_of(host);
    float *poison = malloc((size_t)floats * sizeof *poison);
    memset(poison, 0xff, (size_t)floats * sizeof *poison);
    ax_gemm g = on_device(host, a->floats, b->floats, poison, floats);
    g.strict = strict;
    free(poison);
    return g;
}

static float *results(const ax_gemm *g)
{
    float *c = malloc((size_t)floats_of(g) * sizeof *c);
    cuda->kernels->gemm(g);
    asked++, served += strstr(cuda->kernel(), "rowpanel") != NULL;
    if (cuda->get(c, g->c, (size_t)floats_of(g) * sizeof *c)) printf("     %s\n", cuda->error());
    return c;
}

/* --- against double --- */

/* An operand as (rows, ks). */
static float *gathered(const ax_operand *o, int64_t offset, int64_t rows, int64_t ks)
{
    float *x = malloc((size_t)(rows * ks) * sizeof *x);
#pragma omp parallel for
    for (int64_t r = 0; r < rows; r++)
        for (int64_t k = 0; k < ks; k++) x[r * ks + k] = element(o, offset, r, k);
    return x;
}

static double sum_of(const ax_lut_view *view, const float *x, const float *y, int64_t ks)
{
    double sum = 0;
    for (int64_t k = 0; k < ks; k++) sum += view->native ? (double)x[k] * (double)y[k] : (double)ax_product(view, x[k], y[k]);
    return sum;
}

static double activated(enum ax_activation activation, double x)
{
    switch (activation) {
    case AX_LINEAR: return x;
    case AX_RELU: return x > 0 ? x : 0;
    case AX_TANH: return tanh(x);
    case AX_SIGMOID: return 1 / (1 + exp(-x));
    }
    return x;
}

/* Relative L2 over all outputs; NaN if one is. */
static double error_of(const ax_gemm *g, const float *c)
{
    double off = 0, all = 0;
    if (cuda_watched()) return 0;
    for (int64_t batch = 0; batch < g->batch; batch++) {
        float *a = gathered(&g->a, batch * g->a_batch, g->m, g->k), *b = gathered(&g->b, batch * g->b_batch, g->n, g->k);
#pragma omp parallel for reduction(+ : off, all)
        for (int64_t i = 0; i < g->m; i++)
            for (int64_t j = 0; j < g->n; j++) {
                double want = activated(g->activation, sum_of(&g->plan->lut, a + i * g->k, b + j * g->k, g->k) + (g->bias ? (double)g->bias[j] : 0));
                double got = (double)c[batch * g->c_batch + i * g->ldc + j];
                off += (got - want) * (got - want), all += want * want;
            }
        free(a);
        free(b);
    }
    return sqrt(off / all);
}

static int gaps_are_untouched(const ax_gemm *g, const float *c)
{
    for (int64_t i = 0; i + 1 < g->m * g->batch; i++)
        for (int64_t j = g->n; j < g->ldc; j++)
            if (ax_bits(c[i * g->ldc + j]) != ~0u) return 0;
    return 1;
}

/* The error is small, the same bits come twice, nothing lands between the rows of C. */
static void check(const ax_gemm *host, const array *a, const array *b, double allowed, const char *name, const char *what)
{
    char text[160];
    if (!cuda_turn()) return;
    ax_gemm g = poisoned(host, a, b, 0);
    float *c = results(&g), *again = cuda_watched() ? NULL : results(&g);
    int same = !again || cuda_first_difference(c, again, floats_of(host), 1) < 0, gaps = gaps_are_untouched(host, c);
    double error = error_of(host, c);
    snprintf(text, sizeof text, "%s, %lldx%lldx%lld: by %s, relative L2 %.2e of %.1e%s%s", name, (long long)g.m, (long long)g.n, (long long)g.k,
             cuda->kernel(), error, allowed, same ? "" : "; a second run differs", gaps ? "" : "; the gaps of C changed");
    cuda_report(error <= allowed && same && gaps, what, text);
    off_device(&g);
    free(c);
    free(again);
}

static ax_gemm plain(const named *t, const array *a, const array *b, int64_t m, int64_t n, int64_t k)
{
    ax_gemm g = {.a = matrix(a->data, k, 1, k), .b = matrix(b->data, 1, n, k), .m = m, .n = n, .k = k, .ldc = n, .batch = 1, .plan = &t->t.plan};
    return g;
}

static void check_error(const named *t, int64_t m, int64_t n, int64_t whole_k)
{
    const int64_t k = cuda_cut(whole_k, WATCHED_K);
    array a = recipe(m * k, 118, 133), b = recipe(n * k, 118, 133);
    ax_gemm g = plain(t, &a, &b, m, n, k);
    check(&g, &a, &b, ALLOWED, t->name, "error");
    free(a.data);
    free(b.data);
}

static void check_errors(void)
{
    named tables[] = {noise(5, 5), noise(6, 6), noise(7, 7), family("exact", 7), family("exact", 6), family("mbm", 7), noise(3, 7)};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        analyse(&tables[i].t);
        check_error(&tables[i], 4090, 250, 4096);
        if (i < 4) check_error(&tables[i], 251, 4089, 1001);
        if (i == 2) check_error(&tables[i], 2049, 2050, 333);
        if (i == 2) check_error(&tables[i], 130, 1030, 3136);
        release(&tables[i].t);
    }
}

/* --- edges --- */

static void check_zeros(const named *t)
{
    const int64_t m = 4091, n = 249, k = cuda_cut(1500, WATCHED_K);
    if (!cuda_turn()) return;
    array a = recipe(m * k, 118, 133), b = recipe(n * k, 118, 133);
    for (int64_t e = 0; e < k; e++) a.data[17 * k + e] = 0.0f, a.data[(m - 1) * k + e] = -0.0f, b.data[e * n + 5] = ax_float(0x00400000u);
    ax_gemm g = plain(t, &a, &b, m, n, k), device = poisoned(&g, &a, &b, 0);
    float *c = results(&device);
    int zero = 1;
    for (int64_t j = 0; j < n; j++) zero &= ax_bits(c[17 * n + j]) == 0 && ax_bits(c[(m - 1) * n + j]) == 0;
    for (int64_t i = 0; i < m; i++) zero &= ax_bits(c[i * n + 5]) == 0;
    cuda_report(zero, "rows of zeros and subnormals give +0", t->name);
    off_device(&device);
    free(c);
    free(a.data);
    free(b.data);
}

static void check_ends(const named *t)
{
    const int64_t m = 1020, n = 1050, k = cuda_cut(700, WATCHED_BATCH_K), batch = 2;
    array a = recipe(batch * m * k, 116, 124), b = recipe(batch * n * k, 116, 124), bias = recipe(n, 116, 124);
    for (int activation = AX_LINEAR; activation <= AX_SIGMOID; activation++)
        for (int shared = 0; shared < 2; shared++) {
            ax_gemm g = {.a = matrix(a.data, 1, m, k), .b = matrix(b.data, k, 1, k), .m = m, .n = n, .k = k, .ldc = n + 5, .batch = batch,
                         .a_batch = m * k, .b_batch = shared ? 0 : n * k, .c_batch = m * (n + 5), .plan = &t->t.plan, .bias = bias.data,
                         .activation = (enum ax_activation)activation};
            check(&g, &a, &b, ALLOWED, t->name, "bias, activation and batch");
        }
    free(a.data);
    free(b.data);
    free(bias.data);
}

/* Operands out of the range give the literal rule's bits, as in the strict order. */
static void check_range(const named *t, const char *what, float odd_a, float odd_b)
{
    const int64_t m = 16380, n = 62, k = cuda_cut(280, WATCHED_K);
    if (!cuda_turn()) return;
    array a = recipe(m * k, 110, 120), b = recipe(n * k, 110, 120);
    a.data[12345] = odd_a, b.data[777] = odd_b;
    ax_gemm g = plain(t, &a, &b, m, n, k), loose = poisoned(&g, &a, &b, 0), strict = poisoned(&g, &a, &b, 1);
    float *x = results(&loose);
    int by_panel = strstr(cuda->kernel(), "rowpanel") != NULL;
    float *y = results(&strict);
    cuda_report(by_panel && cuda_first_difference(x, y, m * n, 1) < 0, "out of range", what);
    off_device(&loose), off_device(&strict);
    free(x);
    free(y);
    free(a.data);
    free(b.data);
}

/* --- convolutions --- */

typedef struct {
    int64_t images, h, w, c, oc, kernel, stride, pad, dilation;
} filter;

static int64_t out_of(const filter *f, int64_t side) { return (side + 2 * f->pad - f->dilation * (f->kernel - 1) - 1) / f->stride + 1; }

static ax_operand patches_of(const filter *f, const float *x)
{
    return (ax_operand){.kind = AX_OPERAND_PATCHES, .data = x, .n = f->images, .h = f->h, .w = f->w, .c = f->c, .out_h = out_of(f, f->h),
                        .out_w = out_of(f, f->w), .kernel_h = f->kernel, .kernel_w = f->kernel, .stride_h = f->stride, .stride_w = f->stride,
                        .pad_h = f->pad, .pad_w = f->pad, .dilation_h = 1, .dilation_w = 1, .step = (int)f->dilation};
}

static ax_operand gradient_patches_of(const filter *f, const float *dy)
{
    return (ax_operand){.kind = AX_OPERAND_PATCHES, .data = dy, .n = f->images, .h = out_of(f, f->h), .w = out_of(f, f->w), .c = f->oc,
                        .out_h = f->h, .out_w = f->w, .kernel_h = f->kernel, .kernel_w = f->kernel, .stride_h = 1, .stride_w = 1,
                        .pad_h = -f->pad, .pad_w = -f->pad, .dilation_h = f->stride, .dilation_w = f->stride, .step = -(int)f->dilation};
}

static void check_convolution(const named *t, const filter *f)
{
    int64_t cells = f->kernel * f->kernel, taps = cells * f->c, positions = f->images * out_of(f, f->h) * out_of(f, f->w);
    int64_t inputs = f->images * f->h * f->w;
    array x = recipe(inputs * f->c, 118, 133), w = recipe(taps * f->oc, 118, 133), dy = recipe(positions * f->oc, 118, 133);
    ax_gemm g = {.a = patches_of(f, x.data), .b = matrix(w.data, 1, f->oc, taps), .m = positions, .n = f->oc, .k = taps, .ldc = f->oc,
                 .batch = 1, .plan = &t->t.plan};
    check(&g, &x, &w, ALLOWED, t->name, "convolution");
    g.a.transposed = 1, g.b = matrix(dy.data, 1, f->oc, positions), g.m = taps, g.k = positions;
    check(&g, &x, &dy, ALLOWED, t->name, "weight gradient");
    g.a = gradient_patches_of(f, dy.data), g.b = matrix(w.data, f->oc, 1, f->oc);
    g.b.k_outer_stride = f->c * f->oc;
    g.m = inputs, g.n = f->c, g.k = cells * f->oc, g.ldc = f->c;
    check(&g, &dy, &w, ALLOWED, t->name, "input gradient");
    free(x.data);
    free(w.data);
    free(dy.data);
}

static void check_convolutions(const named *t)
{
    static const filter filters[] = {
        {16, 32, 32, 32, 64, 3, 1, 1, 1},  {8, 30, 30, 40, 50, 3, 2, 1, 1},  {16, 32, 32, 16, 64, 3, 1, 1, 1}, {9, 24, 40, 48, 40, 5, 1, 2, 1},
        {32, 16, 16, 64, 64, 3, 1, 2, 2},  {64, 8, 8, 64, 64, 3, 1, 1, 1},   {32, 32, 32, 8, 64, 3, 1, 1, 1},  {32, 32, 24, 128, 64, 1, 1, 0, 1},
        {60, 14, 14, 32, 48, 3, 1, 1, 1},  {16, 30, 32, 32, 64, 3, 1, 0, 1}, {16, 32, 32, 64, 64, 1, 2, 0, 1}, {40, 16, 24, 9, 80, 3, 1, 1, 1},
        {20, 24, 24, 16, 64, 3, 1, 3, 1},  {16, 32, 16, 32, 80, 3, 1, 3, 3},
    };
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) check_convolution(t, &filters[i]);
}

/* Few outputs of long sums are cut into parts, whatever the kind. */
static void check_parts(void)
{
    named tables[] = {noise(7, 7), family("mit", 12), family("exact", 12), family("mbm", 12), noise(9, 23), noise(8, 7), fp32()};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        analyse(&tables[i].t);
        check_error(&tables[i], 25, 6, 4096);
        release(&tables[i].t);
    }
}

/* --- speed --- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double time_of(const ax_gemm *g, int runs)
{
    cuda->wait();
    double start = seconds();
    for (int i = 0; i < runs; i++) cuda->kernels->gemm(g);
    cuda->wait();
    return (seconds() - start) / runs;
}

/* Alone, and all of a product. */
static void time_phases(const ax_gemm *host, const array *a, const array *b, const char *name, const char *what)
{
    enum { RUNS = 20 };
    double phases[AX_PHASES], all, alone = 1e9;
    ax_gemm g = poisoned(host, a, b, 0);
    time_of(&g, 2);
    all = time_of(&g, RUNS);
    for (int i = 0; i < 3 && cuda->phases && !cuda->phases(phases); i++) {
        for (int run = 0; run < RUNS; run++) cuda->kernels->gemm(&g);
        if (!cuda->phases(phases)) alone = fmin(alone, phases[AX_PHASE_MULTIPLY] / RUNS);
    }
    if (cuda->phases) cuda->phases_end();
    const double products = (double)g.m * (double)g.n * (double)g.k * 1e-12;
    printf("     %-12s %-16s %6lldx%lldx%lld: %9.1f us %6.2f TMAC/s, multiplying alone %9.1f us %6.2f\n", name, what, (long long)g.m,
           (long long)g.n, (long long)g.k, all * 1e6, products / all, alone * 1e6, products / alone);
    fflush(stdout);
    off_device(&g);
}

static void time_matrices(const named *t, int64_t m, int64_t n, int64_t k)
{
    array a = recipe(m * k, 118, 133), b = recipe(n * k, 118, 133);
    ax_gemm g = plain(t, &a, &b, m, n, k);
    time_phases(&g, &a, &b, t->name, "matrices");
    free(a.data);
    free(b.data);
}

static void time_convolution(const named *t, const filter *f)
{
    int64_t taps = f->kernel * f->kernel * f->c, inputs = f->images * f->h * f->w, positions = f->images * out_of(f, f->h) * out_of(f, f->w);
    array x = recipe(inputs * f->c, 118, 133), w = recipe(taps * f->oc, 118, 133), dy = recipe(positions * f->oc, 118, 133);
    ax_gemm g = {.a = patches_of(f, x.data), .b = matrix(w.data, 1, f->oc, taps), .m = positions, .n = f->oc, .k = taps, .ldc = f->oc,
                 .batch = 1, .plan = &t->t.plan};
    time_phases(&g, &x, &w, t->name, "convolution");
    g.a.transposed = 1, g.b = matrix(dy.data, 1, f->oc, positions), g.m = taps, g.k = positions;
    time_phases(&g, &x, &dy, t->name, "weight gradient");
    free(x.data);
    free(w.data);
    free(dy.data);
}

static void time_narrow(void)
{
    static const filter filters[] = {{64, 32, 32, 64, 64, 3, 1, 1, 1}, {64, 33, 33, 64, 64, 3, 1, 1, 1}, {128, 56, 56, 64, 64, 3, 1, 1, 1},
                                     {128, 28, 28, 128, 128, 3, 1, 1, 1}};
    named t = noise(7, 7);
    analyse(&t.t);
    time_matrices(&t, 4096, 4096, 4096);
    time_matrices(&t, 128, 1024, 3136);
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) time_convolution(&t, &filters[i]);
    release(&t.t);
}

static void time_shape(const named *t, int strict, int64_t m, int64_t n, int64_t k, const array *a, const array *b)
{
    ax_gemm host = plain(t, a, b, m, n, k), g = poisoned(&host, a, b, strict);
    double once = (time_of(&g, 1), time_of(&g, 1)), runs = 0.03 / once, best = 1e9;
    for (int i = 0; i < 3; i++) {
        double s = time_of(&g, runs < 1 ? 1 : runs > 200 ? 200 : (int)runs);
        best = s < best ? s : best;
    }
    printf("     %-12s %-7s %6lldx%lldx%lld: %9.1f us %7.2f TMAC/s\n", t->name, strict ? "strict" : "", (long long)m, (long long)n, (long long)k,
           best * 1e6, (double)m * (double)n * (double)k / best * 1e-12);
    fflush(stdout);
    off_device(&g);
}

static void time_all(void)
{
    static const int64_t shapes[][3] = {{4096, 4096, 4096}, {1024, 1024, 1024}, {65536, 64, 576}, {128, 1024, 3136}};
    named tables[] = {fp32(), family("mit", 7), family("mit", 23), family("exact", 7), family("exact", 12), family("exact", 23),
                      family("mbm", 12), family("mbm", 23), noise(7, 7), noise(6, 6), noise(8, 8), noise(9, 23), noise(11, 23)};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) analyse(&tables[i].t);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const int64_t m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
        array a = recipe(m * k, 118, 133), b = recipe(n * k, 118, 133);
        for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
            time_shape(&tables[i], 1, m, n, k, &a, &b);
            if (tables[i].t.plan.narrow) time_shape(&tables[i], 0, m, n, k, &a, &b);
        }
        free(a.data);
        free(b.data);
    }
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) release(&tables[i].t);
}

int main(int argc, char **argv)
{
    rng_state = 20240301;
    cuda = cuda_backend();
    if (argc > 1 && !strcmp(argv[1], "time")) {
        time_narrow();
        return 0;
    }
    check_errors();
    named t = noise(7, 7);
    analyse(&t.t);
    check_zeros(&t);
    check_ends(&t);
    check_range(&t, "2^127 among A", ax_float(254u << 23), 1.0f);
    check_range(&t, "2^127 among B", 1.0f, ax_float(254u << 23));
    check_range(&t, "Inf among A", INFINITY, 1.0f);
    check_range(&t, "an overflow", 0x1p100f, -0x1p30f);
    check_convolutions(&t);
    release(&t.t);
    check_parts();
    char text[64];
    snprintf(text, sizeof text, "%d of %d", served, asked);
    cuda_report(3 * served >= asked, "products that the row panel served", text);
    if (argc > 1) time_all();
    return cuda_summary();
}

/* Strict products of any table of 8 to 11 bits, large enough that the kernel of table rows serves them, against the cpu's: the same
 * bits. `cuda_tablerows time` says how fast they are. */
#include "cuda_convolutions.h"
#include "cuda_products.h"

/* Where compute-sanitizer looks on: sizes that leave each of an H100's processors a block or two, for fewer go to other kernels. */
enum { WATCHED_M = 1056, WATCHED_N = 2043, WATCHED_K = 40, WATCHED_LONG = 16500, WATCHED_IMAGES = 5 };

static int asked, served;        /* products; by the kernel of table rows */

/* --- comparison --- */

/* The operands of g hold a_floats and b_floats and lie in host memory. Reports whether both backends' bits are the same, between the
 * rows of C too. */
static void check(const ax_gemm *g, int64_t a_floats, int64_t b_floats, const char *what, const char *name)
{
    char text[160];
    const int64_t floats = (g->batch - 1) * g->c_batch + g->m * g->ldc;
    if (!cuda_turn()) return;
    float *want = malloc((size_t)floats * sizeof *want), *got = malloc((size_t)floats * sizeof *got);
    for (int64_t e = 0; e < floats; e++) want[e] = got[e] = 77.0f;
    ax_gemm device = on_device(g, a_floats, b_floats, got, floats);
    cuda->kernels->gemm(&device);
    const char *kernel = cuda->kernel();
    asked++, served += strstr(kernel, "tablerows") != NULL;
    int failed = cuda->get(got, device.c, (size_t)floats * 4);
    run_on_cpu(g, want);
    int64_t bad = 0, first = -1;
    for (int64_t e = 0; e < floats; e++)
        if (ax_bits(got[e]) != ax_bits(want[e]) && bad++ == 0) first = e;
    snprintf(text, sizeof text, "%s, %lldx%lldx%lld: by %s, %lld differ, the first at %lld", name, (long long)g->m, (long long)g->n,
             (long long)g->k, kernel, (long long)bad, (long long)first);
    cuda_report(!failed && !bad, what, text);
    off_device(&device);
    free(want);
    free(got);
}

/* --- matrices --- */

/* Layout 1: A lies along its rows; 2: B along k. */
static void compare_shape(const mult *t, int64_t rows, int64_t columns, int64_t ks, uint32_t low, uint32_t high, int layout, const char *what)
{
    const int thin = rows < 200 || columns < 200;
    const int64_t m = cuda_cut(rows, thin ? WATCHED_LONG : WATCHED_M), n = cuda_cut(columns, thin ? WATCHED_LONG : WATCHED_N),
                  k = thin ? ks : cuda_cut(ks, WATCHED_K);
    float *a = numbers(m * k, low, high), *b = numbers(n * k, low, high);
    ax_gemm g = {.a = layout & 1 ? matrix(a, 1, m, k) : matrix(a, k, 1, k), .b = layout & 2 ? matrix(b, k, 1, k) : matrix(b, 1, n, k),
                 .m = m, .n = n, .k = k, .ldc = n + 3, .batch = 1, .strict = 1, .plan = &t->plan};
    check(&g, m * k, n * k, what, t->name);
    free(a);
    free(b);
}

/* The rows of the table are those of the shorter side of C. */
static void compare_shapes(const mult *t)
{
    compare_shape(t, 4101, 2043, 37, 119, 135, 0, "strict products");
    compare_shape(t, 2051, 4090, 66, 119, 135, 1, "strict products");
    compare_shape(t, 16390, 130, 131, 119, 135, 2, "strict products, few columns");
    compare_shape(t, 70, 33000, 64, 119, 135, 3, "strict products, few rows");
    compare_shape(t, 4096, 2048, 9, 1, 130, 0, "below the range");
    compare_shape(t, 4096, 2048, 65, 55, 70, 0, "near the least product");
    compare_shape(t, 4096, 2048, 1, 1, 254, 0, "over the range");
}

static void check_batches(const mult *t)
{
    static const enum ax_activation ends[] = {AX_LINEAR, AX_RELU, AX_TANH, AX_SIGMOID};
    const int64_t m = 1027, n = 2040, k = cuda_cut(70, WATCHED_K), batch = cuda_cut(3, 2);
    float *a = numbers(batch * m * k, 115, 135), *b = numbers(batch * n * k, 115, 135), *bias = numbers(n, 120, 130);
    bias[3] = INFINITY, bias[4] = -0.0f;
    for (int i = 0; i < 4; i++) {
        ax_gemm g = {.a = matrix(a, 1, m, k), .b = matrix(b, k, 1, k), .m = m, .n = n, .k = k, .ldc = n + 9, .batch = batch,
                     .a_batch = i == 1 ? 0 : m * k, .b_batch = i == 2 ? 0 : n * k, .c_batch = m * (n + 9) + 5, .strict = 1, .plan = &t->plan,
                     .bias = bias, .activation = ends[i]};
        check(&g, batch * m * k, batch * n * k, i == 1 || i == 2 ? "bias, a shared operand" : "bias, activation and batch", t->name);
    }
    free(a);
    free(b);
    free(bias);
}

/* Rows and columns of zeros give +0, whatever the table has for a fraction of 0. */
static void check_zeros(const mult *t)
{
    const int64_t m = cuda_cut(4096, WATCHED_M), n = cuda_cut(2048, WATCHED_N), k = 40;
    if (!cuda_turn()) return;
    float *a = numbers(m * k, 119, 135), *b = numbers(n * k, 119, 135), *c = calloc((size_t)(m * n), sizeof *c);
    for (int64_t e = 0; e < k; e++) a[17 * k + e] = 0.0f, a[(m - 1) * k + e] = ax_float(0x80400000u), b[e * n + 5] = -0.0f;
    ax_gemm g = {.a = matrix(a, k, 1, k), .b = matrix(b, 1, n, k), .m = m, .n = n, .k = k, .ldc = n, .batch = 1, .strict = 1, .plan = &t->plan};
    ax_gemm device = on_device(&g, m * k, n * k, c, m * n);
    cuda->kernels->gemm(&device);
    int zero = !cuda->get(c, device.c, (size_t)(m * n) * 4) && ax_bits(c[1]) != 0;
    for (int64_t j = 0; j < n; j++) zero &= ax_bits(c[17 * n + j]) == 0 && ax_bits(c[(m - 1) * n + j]) == 0;
    for (int64_t i = 0; i < m; i++) zero &= ax_bits(c[i * n + 5]) == 0;
    cuda_report(zero, "rows and columns of zeros", t->name);
    off_device(&device);
    free(a);
    free(b);
    free(c);
}

/* --- convolutions --- */

static void check_convolution(const conv *v, const mult *t)
{
    const int64_t oh = out_of(v, v->h), ow = out_of(v, v->w), taps = v->kernel * v->kernel * v->c, positions = v->n * oh * ow,
                  inputs = v->n * v->h * v->w;
    float *x = numbers(inputs * v->c, 110, 140), *w = numbers(taps * v->oc, 110, 140), *dy = numbers(positions * v->oc, 110, 140);
    ax_gemm g = {.a = patches_of(v, x, oh, ow), .b = matrix(w, 1, v->oc, taps), .m = positions, .n = v->oc, .k = taps, .ldc = v->oc + 3,
                 .batch = 1, .strict = 1, .plan = &t->plan};
    check(&g, inputs * v->c, taps * v->oc, "convolution", t->name);
    g.a.transposed = 1, g.b = matrix(dy, 1, v->oc, positions), g.m = taps, g.k = positions;
    if (taps >= 1024) check(&g, inputs * v->c, positions * v->oc, "weight gradient", t->name);
    g.a = spread_of(v, dy, oh, ow);
    g.b = matrix(w, v->oc, 1, v->oc);
    g.b.k_outer_stride = v->c * v->oc;
    g.m = inputs, g.n = v->c, g.k = v->kernel * v->kernel * v->oc, g.ldc = v->c + 1;
    check(&g, positions * v->oc, taps * v->oc, "input gradient", t->name);
    free(x);
    free(w);
    free(dy);
}

static void check_convolutions(const mult *t)
{
    static const conv cases[] = {{20, 28, 29, 64, 128, 3, 1, 1}, {65, 31, 30, 65, 66, 3, 2, 1}, {2, 20, 20, 260, 1030, 2, 1, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        conv v = cases[i];
        v.n = cuda_cut(v.n, v.stride * v.stride * WATCHED_IMAGES);
        check_convolution(&v, t);
    }
}

/* --- multipliers --- */

/* A sum whose carries go further than one bit: its step is an FMA. Fractions of A's upper half add 1.5. */
static mult from_large_sum(int m)
{
    mult t = from_random_sum(m);
    const uint32_t side = 1u << m, bits = ~0u << (23 - m);
    for (uint32_t i = 0; i < side; i++)
        for (uint32_t j = 0; j < side; j++)
            t.words[i << m | j] = (i < side / 2 ? 0 : 0xc00000u) + ((i * 2654435761u >> 11) & 0x1fffffu & bits) +
                                  ((j * 40503u << 9) & 0x1fffffu & bits);
    snprintf(t.name, sizeof t.name, "large sum:%d", m);
    return t;
}

static void check_width(int m)
{
    mult tables[] = {ready(from_noise(m, m)), ready(from_noise(m, 15)), ready(from_noise(m, 16)), ready(from_noise(m, 23)), ready(from_large_sum(m))};
    cuda_report(tables[4].plan.lut.fused && !tables[0].plan.lut.fused, "both steps", tables[4].name);
    for (int i = 0; i < 5; i++) {
        compare_shapes(&tables[i]);
        if (i == 1 || i == 3) check_zeros(&tables[i]);
    }
    if (m > 8) check_batches(&tables[0]), check_batches(&tables[3]);
    if (m > 8) check_convolutions(&tables[m == 10 ? 2 : 1]);
    for (int i = 0; i < 5; i++) release(&tables[i]);
}

/* --- speed --- */

static void time_shape(const mult *t, int64_t m, int64_t n, int64_t k)
{
    enum { ROUNDS = 4 };
    double phases[AX_PHASES], best[AX_PHASES] = {0}, least = INFINITY;
    float *a = numbers(m * k, 120, 132), *b = numbers(n * k, 120, 132), *c = calloc((size_t)(m * n), sizeof *c);
    ax_gemm g = {.a = matrix(a, k, 1, k), .b = matrix(b, 1, n, k), .m = m, .n = n, .k = k, .ldc = n, .batch = 1, .strict = 1, .plan = &t->plan};
    ax_gemm device = on_device(&g, m * k, n * k, c, m * n);
    for (int i = 0; i < ROUNDS && cuda->phases; i++) {
        cuda->phases(phases);
        cuda->kernels->gemm(&device);
        cuda->wait();
        cuda->phases(phases);
        double all = phases[AX_PHASE_ENCODE] + phases[AX_PHASE_MULTIPLY];
        if (i && all < least) least = all, memcpy(best, phases, sizeof best);
    }
    if (cuda->phases) cuda->phases_end();
    printf("time %-14s %-22s %6lldx%5lldx%5lld: %9.3f ms, encoding %7.3f; %6.3f TMAC/s\n", t->name, cuda->kernel(), (long long)m, (long long)n,
           (long long)k, 1e3 * least, 1e3 * best[AX_PHASE_ENCODE], 1e-12 * (double)m * (double)n * (double)k / least);
    fflush(stdout);
    off_device(&device);
    free(a);
    free(b);
    free(c);
}

static void time_all(void)
{
    static const int64_t shapes[][3] = {{4096, 4096, 4096}, {1024, 1024, 1024}, {512, 512, 2048}, {65536, 64, 576}, {65536, 128, 576},
                                        {4096, 256, 2048}, {128, 1024, 3136}};
    for (int m = 8; m <= 11; m++)
        for (int wide = 0; wide < 2; wide++) {
            mult t = ready(from_noise(m, wide ? 23 : m));
            for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) time_shape(&t, shapes[s][0], shapes[s][1], shapes[s][2]);
            release(&t);
        }
}

int main(int argc, char **argv)
{
    rng_state = 20240817;
    cuda = cuda_backend();
    if (argc > 1 && !strcmp(argv[1], "time")) {
        time_all();
        return 0;
    }
    for (int m = 8; m <= 11; m++) check_width(m);
    char text[64];
    snprintf(text, sizeof text, "%d of %d", served, asked);
    cuda_report(2 * served >= asked, "products that the kernel of table rows served", text);
    return cuda_summary();
}

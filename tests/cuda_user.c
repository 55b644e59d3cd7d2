/* A user's C functions above width 11 (tests/models/), compiled for the device at run time. Without a device: that what is C compiles.
 * With one: strict products against the cpu's, which calls the same functions, bit for bit. `cuda_user time` says how fast they are. */
#include "cuda.h"
#include "gemm.h"

#include "lut/lut.h"

#define MODEL(name) "c:tests/models/" name

static const char *const specs[] = {MODEL("mitchell_7.c,width=23"), MODEL("mitchell_7.c,width=12"), MODEL("wide.c"),
                                    MODEL("words.c,symbol=with_width,width=16"), MODEL("biased.inl,width=14"), MODEL("rare.c,width=20"),
                                    MODEL("dialect.c,width=14")};
enum { SPECS = sizeof specs / sizeof *specs };

static const ax_backend *cuda;

static ax_lut *open_model(const char *spec)
{
    ax_lut *lut = ax_lut_open(spec);
    if (!lut) printf("FAIL %s: %s\n", spec, ax_errmsg());
    if (!lut) exit(1);
    return lut;
}

static mult of_lut(const ax_lut *lut)
{
    mult t = {.view = lut->view};
    snprintf(t.name, sizeof t.name, "%.31s", strrchr(lut->spec, '/') + 1);
    return ready(t);
}

/* --- compiling, which needs no device --- */

typedef void *(*compiler)(const ax_lut_code *code, int capability, char *message, size_t size);

/* The module's compiler; leaves where there is none. */
static compiler find_compiler(void)
{
    char message[1024];
    const ax_lut_code empty = {"unsigned approxrun_word(unsigned i, unsigned j) { return 0; }", 1};
    void *module = cuda_module();
    compiler compile = NULL;
    if (module) *(void **)&compile = dlsym(module, "ax_cuda_user_compile");
    void *image = compile ? compile(&empty, 90, message, sizeof message) : NULL;
    if (compile && !image) printf("skipped: %s\n", message);
    if (!image) exit(CUDA_SKIP);
    free(image);
    return compile;
}

static int compiles(compiler compile, const ax_lut_code *code, int capability, char *message, size_t size)
{
    *message = 0;
    char *image = compile(code, capability, message, size);
    int good = image && (!memcmp(image, "\177ELF", 4) || strstr(image, ".version"));
    free(image);
    return good;
}

static void check_compiling(compiler compile)
{
    char message[1024];
    for (int s = 0; s < SPECS; s++) {
        ax_lut *lut = open_model(specs[s]);
        int good = compiles(compile, lut->view.code, 90, message, sizeof message);
        cuda_report(good, "compiles for capability 90", good ? specs[s] : message);
        ax_lut_close(lut);
    }
    ax_lut *lut = open_model(specs[0]), *other = open_model(specs[1]), *host = open_model(MODEL("tells_7.c,width=12"));
    cuda_report(compiles(compile, lut->view.code, 999, message, sizeof message), "capabilities beyond the compiler's get PTX", message);
    cuda_report(!compiles(compile, lut->view.code, 10, message, sizeof message) && strstr(message, "capability 10"), "capability 10", message);
    cuda_report(lut->view.code->hash != other->view.code->hash, "widths are told apart", "");
    int good = compiles(compile, host->view.code, 90, message, sizeof message);
    cuda_report(!good && strstr(message, "tests/models/tells_7.c(11): error:") && strlen(message) < sizeof message - 1,
                "what no device has is an error of the file's line", "");
    ax_lut_close(lut);
    ax_lut_close(other);
    ax_lut_close(host);
}

/* --- products --- */

static ax_gemm on_device(const ax_gemm *host, int64_t a_floats, int64_t b_floats, const float *c, int64_t c_floats)
{
    size_t bytes;
    ax_gemm g = *host;
    cuda->kernels->gemm_work_bytes(&bytes, 1);
    g.c = cuda_copy(cuda, c, (size_t)c_floats * 4), g.work = cuda->memory_new(bytes), g.strict = 1, g.threads = 1;
    g.a.data = cuda_copy(cuda, host->a.data, (size_t)a_floats * 4), g.b.data = cuda_copy(cuda, host->b.data, (size_t)b_floats * 4);
    g.bias = host->bias ? cuda_copy(cuda, host->bias, (size_t)host->n * 4) : NULL;
    return g;
}

static void off_device(const ax_gemm *g)
{
    cuda->memory_free(g->c), cuda->memory_free(g->work);
    cuda->memory_free((void *)(uintptr_t)g->a.data), cuda->memory_free((void *)(uintptr_t)g->b.data);
    if (g->bias) cuda->memory_free((void *)(uintptr_t)g->bias);
}

static void run_on_cpu(const ax_gemm *g, float *c)
{
    enum { THREADS = 8 };
    size_t bytes;
    ax_gemm host = *g;
    ax_kernels_cpu.gemm_work_bytes(&bytes, THREADS);
    host.c = c, host.strict = 1, host.threads = THREADS, host.work = aligned_alloc(64, (bytes + 63) / 64 * 64);
    ax_kernels_cpu.gemm(&host);
    free(host.work);
}

/* Twice on the device: the second finds what the first left in work memory. Between the rows of C nothing may change. */
static void check(const ax_gemm *g, int64_t a_floats, int64_t b_floats, const char *what, const char *name)
{
    char text[200];
    const int64_t floats = (g->batch - 1) * g->c_batch + g->m * g->ldc;
    float *want = malloc((size_t)floats * sizeof *want), *got = malloc((size_t)floats * sizeof *got);
    for (int64_t e = 0; e < floats; e++) want[e] = got[e] = 77.0f;
    ax_gemm device = on_device(g, a_floats, b_floats, got, floats);
    cuda->kernels->gemm(&device);
    cuda->kernels->gemm(&device);
    int failed = cuda->get(got, device.c, (size_t)floats * 4), own = !strcmp(cuda->kernel(), "cuda-user");
    run_on_cpu(g, want);
    int64_t bad = 0, first = -1;
    for (int64_t e = 0; e < floats; e++)
        if (ax_bits(got[e]) != ax_bits(want[e]) && bad++ == 0) first = e;
    snprintf(text, sizeof text, "%s, %lldx%lldx%lld: %lld differ, the first at %lld%s%.60s", name, (long long)g->m, (long long)g->n, (long long)g->k,
             (long long)bad, (long long)first, failed ? "; " : "", failed && cuda->error() ? cuda->error() : "");
    cuda_report(!failed && !bad && own, what, text);
    off_device(&device);
    free(want);
    free(got);
}

/* Layout 1: A lies along its rows; 2: B along k. */
static void compare_shape(const mult *t, int64_t m, int64_t n, int64_t k, uint32_t low, uint32_t high, int layout, const char *what)
{
    float *a = numbers(m * k, low, high), *b = numbers(n * k, low, high);
    ax_gemm g = {.a = layout & 1 ? matrix(a, 1, m, k) : matrix(a, k, 1, k), .b = layout & 2 ? matrix(b, k, 1, k) : matrix(b, 1, n, k),
                 .m = m, .n = n, .k = k, .ldc = n + 3, .batch = 1, .plan = &t->plan};
    check(&g, m * k, n * k, what, t->name);
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
        check(&g, batch * m * k, batch * n * k, special ? "infinities and NaNs" : "bias, activation and batch", t->name);
    }
    free(a);
    free(b);
    free(bias);
}

/* --- convolutions --- */

typedef struct {
    int64_t n, h, w, c, oc, kernel, stride, pad;
} conv;

static int64_t out_of(const conv *v, int64_t side) { return (side + 2 * v->pad - v->kernel) / v->stride + 1; }

static void check_convolution(const conv *v, const mult *t)
{
    const int64_t oh = out_of(v, v->h), ow = out_of(v, v->w), taps = v->kernel * v->kernel * v->c, positions = v->n * oh * ow,
                  inputs = v->n * v->h * v->w;
    float *x = numbers(inputs * v->c, 110, 140), *w = numbers(taps * v->oc, 110, 140), *dy = numbers(positions * v->oc, 110, 140);
    ax_gemm g = {.a = {.kind = AX_OPERAND_PATCHES, .data = x, .n = v->n, .h = v->h, .w = v->w, .c = v->c, .out_h = oh, .out_w = ow,
                       .kernel_h = v->kernel, .kernel_w = v->kernel, .stride_h = v->stride, .stride_w = v->stride, .pad_h = v->pad,
                       .pad_w = v->pad, .dilation_h = 1, .dilation_w = 1, .step = 1},
                 .b = matrix(w, 1, v->oc, taps), .m = positions, .n = v->oc, .k = taps, .ldc = v->oc + 3, .batch = 1, .plan = &t->plan};
    check(&g, inputs * v->c, taps * v->oc, "convolution", t->name);
    g.a.transposed = 1, g.b = matrix(dy, 1, v->oc, positions), g.m = taps, g.k = positions;
    check(&g, inputs * v->c, positions * v->oc, "weight gradient", t->name);
    g.a = (ax_operand){.kind = AX_OPERAND_PATCHES, .data = dy, .n = v->n, .h = oh, .w = ow, .c = v->oc, .out_h = v->h, .out_w = v->w,
                       .kernel_h = v->kernel, .kernel_w = v->kernel, .stride_h = 1, .stride_w = 1, .pad_h = -v->pad, .pad_w = -v->pad,
                       .dilation_h = v->stride, .dilation_w = v->stride, .step = -1};
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
    static const conv cases[] = {{3, 12, 11, 8, 20, 3, 1, 1}, {2, 9, 10, 3, 6, 5, 2, 1}, {1, 7, 7, 33, 70, 2, 1, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_convolution(&cases[i], t);
}

/* --- recorded segments --- */

/* A segment runs `first` once, then is recorded and replayed with `second`, on other numbers each time. */
static void check_segment(const mult *first, const mult *second, int key, const char *what)
{
    enum { M = 66, N = 40, K = 21, RUNS = 4 };
    float *b = numbers(N * K, 119, 135), *c = calloc(M * N, sizeof *c), *want = malloc(M * N * sizeof *want);
    float *a = numbers(M * K, 119, 135);
    ax_gemm g = {.a = matrix(a, K, 1, K), .b = matrix(b, 1, N, K), .m = M, .n = N, .k = K, .ldc = N, .batch = 1};
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
        run_on_cpu(&g, want);
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
    check_segment(&t[0], &t[0], 0, "a recorded segment");
    check_segment(&t[0], &t[1], 1, "another function when it is recorded");
    check_segment(&t[1], &t[2], 2, "a function compiled when it is recorded");
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
    } else {
        compare_shapes(&t);
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
    if (!timed) check_compiling(find_compiler());
    if (cuda_failed) return cuda_summary();
    cuda = cuda_backend();
    for (int s = 0; s < SPECS; s++) check_model(specs[s], timed);
    if (!timed) check_segments();
    return timed ? 0 : cuda_summary();
}

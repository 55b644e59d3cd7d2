/* The module's products against the cpu's, whose own proof is op_gemm.c. Strict: the same bits, whatever the operands. */
#include "cuda.h"
#include "gemm.h"

/* --- comparison --- */

static const ax_backend *cuda;

/* Runs g, whose operands hold a_floats and b_floats and point to host memory, on both backends. */
static int same_bits(ax_gemm g, int64_t a_floats, int64_t b_floats, const char *what, const char *name)
{
    size_t bytes;
    if (!cuda_turn()) return 1;
    int64_t floats = (g.batch - 1) * g.c_batch + g.m * g.ldc;
    float *want = malloc((size_t)floats * sizeof *want), *got = malloc((size_t)floats * sizeof *got);
    for (int64_t e = 0; e < floats; e++) want[e] = 77.0f;
    ax_kernels_cpu.gemm_work_bytes(&bytes, 2);
    ax_gemm host = g;
    host.c = want, host.strict = 1, host.threads = 2, host.work = aligned_alloc(64, bytes);
    if (!cuda_watched()) ax_kernels_cpu.gemm(&host);
    free(host.work);

    for (int64_t e = 0; e < floats; e++) got[e] = 77.0f;
    float *c = cuda_copy(cuda, got, (size_t)floats * 4), *a = cuda_copy(cuda, g.a.data, (size_t)a_floats * 4), *b = cuda_copy(cuda, g.b.data, (size_t)b_floats * 4);
    float *bias = g.bias ? cuda_copy(cuda, g.bias, (size_t)g.n * 4) : NULL;
    cuda->kernels->gemm_work_bytes(&bytes, 1);
    g.c = c, g.a.data = a, g.b.data = b, g.bias = bias, g.strict = 1, g.threads = 1, g.work = cuda->memory_new(bytes);
    cuda->kernels->gemm(&g);
    cuda->get(got, c, (size_t)floats * 4);
    int64_t bad = 0, first = -1;
    for (int64_t e = 0; e < floats; e++)
        if (ax_bits(got[e]) != ax_bits(want[e]) && bad++ == 0) first = e;
    if (bad && !cuda_watched())
        printf("     %s, %s, %lldx%lldx%lld: %lld of %lld differ, the first at %lld: %a for %a\n", what, name, (long long)g.m,
               (long long)g.n, (long long)g.k, (long long)bad, (long long)floats, (long long)first, (double)got[first],
               (double)want[first]);
    cuda->memory_free(c), cuda->memory_free(a), cuda->memory_free(b), cuda->memory_free(g.work);
    if (bias) cuda->memory_free(bias);
    free(want);
    free(got);
    return bad == 0;
}

static int same_at_shape(const mult *t, int64_t m, int64_t n, int64_t k, uint32_t low, uint32_t high, const char *what)
{
    float *a = numbers(m * k, low, high), *b = numbers(n * k, low, high);
    ax_gemm g = {.a = matrix(a, k, 1, k), .b = matrix(b, 1, n, k), .m = m, .n = n, .k = k, .ldc = n, .batch = 1, .plan = &t->plan};
    int good = same_bits(g, m * k, n * k, what, t->name);
    free(a);
    free(b);
    return good;
}

static void check_mult(const mult *t)
{
    static const int64_t shapes[][3] = {{1, 1, 1}, {3, 65, 2}, {65, 3, 131}, {37, 31, 70}, {129, 140, 33}, {300, 280, 60}, {7, 35, 577},
                                        {6, 1000, 25}, {1000, 6, 25}, {25, 6, 900}, {9, 8, 96}, {8, 17, 97}, {2, 3, 4001}};
    int good = 1;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        good &= same_at_shape(t, shapes[s][0], shapes[s][1], shapes[s][2], 119, 135, "shape");
    good &= same_at_shape(t, 40, 50, 9, 1, 130, "below the range");
    good &= same_at_shape(t, 20, 70, 5, 1, 254, "over the range");
    good &= same_at_shape(t, 20, 70, 2, 126, 128, "near one");
    float a[16], b[16];
    for (int i = 0; i < 16; i++) a[i] = number(1, 254), b[i] = number(1, 254);
    a[3] = INFINITY, a[5] = ax_float(0xffc12345u), b[2] = -INFINITY, b[9] = 0.0f;
    ax_gemm g = {.a = matrix(a, 1, 1, 1), .b = matrix(b, 1, 1, 1), .m = 16, .n = 16, .k = 1, .ldc = 16, .batch = 1, .plan = &t->plan};
    good &= same_bits(g, 16, 16, "Inf and NaN", t->name);
    cuda_report(good, "strict products", t->name);
}

static void check_multipliers(void)
{
    static const int widths[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 16, 22, 23};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        int m = widths[w], row = 0;
#define AX_FAMILY(name, widest, form, title, reference)                                                                \
    {                                                                                                                  \
        mult t = ready(from_model(ax_model_##name, row++, m));                                                             \
        check_mult(&t);                                                                                                \
        release(&t);                                                                                                   \
    }
#include "lut/models.def"
        if (m > AX_TABLE_MAX_WIDTH) continue;
        mult compat = from_noise(m, m);
        compat.view.compat = 1;
        snprintf(compat.name, sizeof compat.name, "compat=approxtrain:%d", m);
        mult tables[] = {ready(from_noise(m, m)), ready(from_noise(m, 23)), ready(from_random_sum(m)), ready(compat)};
        for (int i = 0; i < 4; i++) check_mult(&tables[i]), release(&tables[i]);
    }
    mult native = ready((mult){.name = "fp32", .view = {.width = 23, .native = 1, .direct = -1}});
    check_mult(&native);
    release(&native);
}

/* --- operands --- */

typedef struct {
    int64_t n, h, w, c, oc, kernel_h, kernel_w, stride, pad;
} conv;

static void check_convolution(const conv *v, const mult *t)
{
    int64_t oh = (v->h + 2 * v->pad - v->kernel_h) / v->stride + 1, ow = (v->w + 2 * v->pad - v->kernel_w) / v->stride + 1;
    int64_t taps = v->kernel_h * v->kernel_w * v->c, positions = v->n * oh * ow, inputs = v->n * v->h * v->w;
    float *x = numbers(inputs * v->c, 110, 140), *w = numbers(taps * v->oc, 110, 140), *dy = numbers(positions * v->oc, 110, 140);
    ax_operand patches = {.kind = AX_OPERAND_PATCHES, .data = x, .n = v->n, .h = v->h, .w = v->w, .c = v->c, .out_h = oh,
                          .out_w = ow, .kernel_h = v->kernel_h, .kernel_w = v->kernel_w, .stride_h = v->stride,
                          .stride_w = v->stride, .pad_h = v->pad, .pad_w = v->pad, .dilation_h = 1, .dilation_w = 1, .step = 1};
    ax_gemm g = {.a = patches, .b = matrix(w, 1, v->oc, taps), .m = positions, .n = v->oc, .k = taps, .ldc = v->oc + 3, .batch = 1,
                 .plan = &t->plan};
    cuda_report(same_bits(g, inputs * v->c, taps * v->oc, "forward", t->name), "convolution", "forward");
    g.a.transposed = 1, g.b = matrix(dy, 1, v->oc, positions), g.m = taps, g.k = positions;
    cuda_report(same_bits(g, inputs * v->c, positions * v->oc, "weight gradient", t->name), "convolution", "weight gradient");
    g.a = (ax_operand){.kind = AX_OPERAND_PATCHES, .data = dy, .n = v->n, .h = oh, .w = ow, .c = v->oc, .out_h = v->h, .out_w = v->w,
                       .kernel_h = v->kernel_h, .kernel_w = v->kernel_w, .stride_h = 1, .stride_w = 1, .pad_h = -v->pad,
                       .pad_w = -v->pad, .dilation_h = v->stride, .dilation_w = v->stride, .step = -1};
    g.b = matrix(w, v->oc, 1, v->oc);
    g.b.k_outer_stride = v->c * v->oc;
    g.m = inputs, g.n = v->c, g.k = v->kernel_h * v->kernel_w * v->oc, g.ldc = v->c + 1;
    cuda_report(same_bits(g, positions * v->oc, taps * v->oc, "input gradient", t->name), "convolution", "input gradient");
    free(x);
    free(w);
    free(dy);
}

static void check_convolutions(void)
{
    static const conv cases[] = {
        {2, 9, 8, 1, 6, 5, 5, 1, 2}, {2, 7, 9, 6, 5, 5, 5, 1, 0}, {1, 9, 11, 3, 4, 3, 2, 2, 1},  {1, 8, 8, 5, 17, 3, 3, 3, 2},
        {3, 2, 2, 2, 3, 3, 3, 1, 1}, {1, 4, 30, 16, 3, 1, 1, 1, 0}, {2, 6, 5, 4, 2, 2, 5, 2, 3}, {5, 12, 12, 8, 40, 3, 3, 1, 1},
    };
    mult tables[] = {ready(from_model(ax_model_mit, 1, 5)), ready(from_noise(7, 7))};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int t = 0; t < 2; t++) check_convolution(&cases[i], &tables[t]);
    release(&tables[0]);
    release(&tables[1]);
}

/* Products large enough that every tile of the ordinary kernels is used, of every kind: patches whose channels are fetched by fours
 * and alone, and matrices, with tiles that are full and ragged. */
static void check_large_tiles(void)
{
    static const conv cases[] = {
        {8, 66, 65, 4, 40, 3, 3, 1, 1},  {4, 66, 65, 6, 70, 3, 3, 1, 1},  {1, 66, 65, 8, 66, 3, 3, 1, 1},
        {1, 40, 40, 8, 100, 3, 3, 1, 1}, {2, 66, 65, 16, 24, 3, 3, 2, 1}, {4, 65, 66, 64, 20, 2, 2, 1, 1},
    };
    static const int64_t shapes[][3] = {{33792, 64, 24}, {34000, 40, 21}, {64, 33792, 24}, {40, 34000, 21}};
    mult kinds[] = {ready((mult){.name = "fp32", .view = {.width = 23, .native = 1, .direct = -1}}), ready(from_model(ax_model_mit, 1, 16)),
                    ready(from_random_sum(9)), ready(from_model(ax_model_exact, 0, 16)), ready(from_model(ax_model_mbm, 2, 16)),
                    ready(from_noise(6, 7)), ready(from_noise(7, 23)), ready(from_noise(9, 23))};
    for (size_t t = 0; t < sizeof kinds / sizeof *kinds; t++) {
        int good = 1;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_convolution(&cases[i], &kinds[t]);
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            good &= same_at_shape(&kinds[t], shapes[i][0], shapes[i][1], shapes[i][2], 115, 135, "large tiles");
        cuda_report(good, "large tiles", kinds[t].name);
        release(&kinds[t]);
    }
}

static void check_batches(void)
{
    mult t = ready(from_noise(7, 7));
    int64_t m = 21, n = 33, k = 40, batch = 3;
    float *a = numbers(batch * m * k, 115, 135), *b = numbers(batch * n * k, 115, 135), *bias = numbers(n, 120, 130);
    bias[3] = INFINITY, bias[4] = -0.0f;
    for (int activation = AX_LINEAR; activation <= AX_SIGMOID; activation++) {
        ax_gemm g = {.a = matrix(a, 1, m, k), .b = matrix(b, k, 1, k), .m = m, .n = n, .k = k, .ldc = n + 9, .batch = batch,
                     .a_batch = m * k, .b_batch = n * k, .c_batch = m * (n + 9), .plan = &t.plan, .bias = bias,
                     .activation = (enum ax_activation)activation};
        cuda_report(same_bits(g, batch * m * k, batch * n * k, "bias and batch", t.name), "batches", "bias and batch");
        g.b_batch = 0;
        cuda_report(same_bits(g, batch * m * k, batch * n * k, "shared operand", t.name), "batches", "shared operand");
        g.k = 0;
        cuda_report(same_bits(g, batch * m * k, batch * n * k, "empty sum", t.name), "batches", "empty sum");
    }
    free(a);
    free(b);
    free(bias);
    release(&t);
}

/* --- fp32 where the order is free: the error, against double --- */

/* C of g made in any order, whose operands hold a_floats and b_floats and point to host memory. */
static float *free_product(ax_gemm g, int64_t a_floats, int64_t b_floats)
{
    size_t bytes;
    int64_t floats = (g.batch - 1) * g.c_batch + g.m * g.ldc;
    float *got = malloc((size_t)floats * sizeof *got), *c = cuda->memory_new((size_t)floats * 4);
    ax_gemm on = g;
    cuda->kernels->gemm_work_bytes(&bytes, 1);
    on.a.data = cuda_copy(cuda, g.a.data, (size_t)a_floats * 4), on.b.data = cuda_copy(cuda, g.b.data, (size_t)b_floats * 4);
    on.bias = g.bias ? cuda_copy(cuda, g.bias, (size_t)g.n * 4) : NULL;
    on.c = c, on.strict = 0, on.threads = 1, on.work = cuda->memory_new(bytes);
    cuda->kernels->gemm(&on);
    cuda->get(got, c, (size_t)floats * 4);
    cuda->memory_free(c), cuda->memory_free((void *)(uintptr_t)on.a.data), cuda->memory_free((void *)(uintptr_t)on.b.data), cuda->memory_free(on.work);
    if (g.bias) cuda->memory_free((void *)(uintptr_t)on.bias);
    return got;
}

/* The relative error of the whole of C in the L2 norm, against double; infinite where a NaN or an infinity is. */
static double error_of(const ax_gemm *g, const float *got)
{
    double off = 0, size = 0;
    if (cuda_watched()) return 0;
    for (int64_t b = 0; b < g->batch; b++)
        for (int64_t i = 0; i < g->m; i++)
            for (int64_t j = 0; j < g->n; j++) {
                double sum = 0;
                for (int64_t k = 0; k < g->k; k++) sum += (double)element(&g->a, b * g->a_batch, i, k) * (double)element(&g->b, b * g->b_batch, j, k);
                if (g->bias) sum += (double)g->bias[j];
                if (g->activation == AX_RELU && sum < 0) sum = 0;
                double d = (double)got[b * g->c_batch + i * g->ldc + j] - sum;
                off += d * d, size += sum * sum;
            }
    double error = off == 0 ? 0 : sqrt(off / size);      /* a ReLU may leave nothing */
    return isfinite(error) ? error : INFINITY;
}

static int small_error(ax_gemm g, int64_t a_floats, int64_t b_floats, const char *what)
{
    if (!cuda_turn()) return 1;
    float *got = free_product(g, a_floats, b_floats);
    double error = error_of(&g, got);
    free(got);
    if (error > 1.5e-6) printf("     %s, %lldx%lldx%lld: %.3g\n", what, (long long)g.m, (long long)g.n, (long long)g.k, error);
    return error <= 1.5e-6;
}

/* Every layout of both operands, with rows that lie apart or together; batches; sums of one product. */
static int check_free_layouts(const ax_plan *plan, int64_t m, int64_t n, int64_t k, int64_t gap)
{
    int good = 1;
    const int64_t batch = 2, lda[] = {k + gap, m + gap}, ldb[] = {k + gap, n + gap}, a_floats = m > k ? (m + gap) * m : (k + gap) * k,
                  b_floats = n > k ? (n + gap) * n : (k + gap) * k;
    float *a = numbers(batch * a_floats, 120, 132), *b = numbers(batch * b_floats, 120, 132), *bias = numbers(n, 120, 130);
    for (int layout = 0; layout < 4; layout++) {
        int ta = layout & 1, tb = layout >> 1;
        ax_gemm g = {.a = matrix(a, ta ? 1 : lda[0], ta ? lda[1] : 1, k), .b = matrix(b, tb ? 1 : ldb[0], tb ? ldb[1] : 1, k), .m = m,
                     .n = n, .k = k, .ldc = n + gap, .batch = batch, .a_batch = a_floats, .b_batch = b_floats, .c_batch = m * (n + gap) + 5,
                     .plan = plan};
        good &= small_error(g, batch * a_floats, batch * b_floats, "fp32");
        g.bias = bias, g.activation = AX_RELU, g.b_batch = 0;
        good &= small_error(g, batch * a_floats, batch * b_floats, "fp32, bias, relu, shared operand");
    }
    free(a);
    free(b);
    free(bias);
    return good;
}

/* The weight gradient of a 3 x 3 convolution of n images of 66 x 65, small enough that its sum is cut into n * 4290 / 256 parts; from
 * 32 on another kernel adds them. Its bytes are the same every time. */
static int check_parts(const ax_plan *plan, int64_t n, int64_t c, int64_t oc)
{
    const int64_t h = 66, w = 65, positions = n * h * w, taps = 9 * c;
    float *x = numbers(positions * c, 120, 132), *dy = numbers(positions * oc, 120, 132);
    ax_operand patches = {.kind = AX_OPERAND_PATCHES, .data = x, .n = n, .h = h, .w = w, .c = c, .out_h = h, .out_w = w, .kernel_h = 3,
                          .kernel_w = 3, .stride_h = 1, .stride_w = 1, .pad_h = 1, .pad_w = 1, .dilation_h = 1, .dilation_w = 1, .step = 1,
                          .transposed = 1};
    ax_gemm g = {.a = patches, .b = matrix(dy, 1, oc, positions), .m = taps, .n = oc, .k = positions, .ldc = oc, .batch = 1, .plan = plan};
    int good = small_error(g, positions * c, positions * oc, "a sum in parts") && strstr(cuda->kernel(), "-parts");
    float *first = free_product(g, positions * c, positions * oc), *second = free_product(g, positions * c, positions * oc);
    good &= !memcmp(first, second, (size_t)(taps * oc) * 4);
    free(first), free(second);
    free(x), free(dy);
    return good;
}

static void check_free_fp32(void)
{
    static const int64_t shapes[][3] = {{1, 1, 1}, {1, 70, 33}, {70, 1, 33}, {64, 65, 1}, {37, 41, 129}, {130, 100, 40}, {12, 9, 3000}};
    mult t = ready((mult){.name = "fp32", .view = {.width = 23, .native = 1, .direct = -1}});
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        char what[64];
        snprintf(what, sizeof what, "%dx%dx%d", (int)shapes[s][0], (int)shapes[s][1], (int)shapes[s][2]);
        int good = check_free_layouts(&t.plan, shapes[s][0], shapes[s][1], shapes[s][2], 0);
        good &= check_free_layouts(&t.plan, shapes[s][0], shapes[s][1], shapes[s][2], 3);
        cuda_report(good, "fp32, any order", what);
    }
    cuda_report(check_parts(&t.plan, 1, 40, 70), "fp32, any order", "16 parts");
    cuda_report(check_parts(&t.plan, 1, 3, 40), "fp32, any order", "16 parts, few rows");
    cuda_report(check_parts(&t.plan, 3, 3, 17), "fp32, any order", "50 parts, few outputs");
    cuda_report(check_parts(&t.plan, 8, 24, 33), "fp32, any order", "134 parts, few outputs");
    int64_t n = 3, h = 7, w = 9, c = 20, oc = 13;
    float *x = numbers(n * h * w * c, 120, 132), *y = numbers(n * h * w * oc, 120, 132);
    ax_operand pixels = {.kind = AX_OPERAND_PATCHES, .data = x, .n = n, .h = h, .w = w, .c = c, .out_h = h, .out_w = w, .kernel_h = 1,
                         .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1, .step = 1};
    ax_gemm g = {.a = pixels, .b = matrix(y, 1, oc, c), .m = n * h * w, .n = oc, .k = c, .ldc = oc, .batch = 1, .plan = &t.plan};
    cuda_report(small_error(g, n * h * w * c, c * oc, "forward"), "fp32, any order", "1 x 1 convolution");
    g.a.transposed = 1, g.b = matrix(y, 1, oc, n * h * w), g.m = c, g.k = n * h * w;
    cuda_report(small_error(g, n * h * w * c, n * h * w * oc, "weight gradient"), "fp32, any order", "1 x 1 weight gradient");
    free(x);
    free(y);
    release(&t);
}

/* --- `cuda_gemm time`: the device's time of some products, once warm --- */

static void time_product(ax_gemm g, const char *what, const char *name, int rounds)
{
    double seconds[AX_PHASES], best[AX_PHASES] = {0, 0}, least = INFINITY;
    for (int i = 0; i < rounds + 1; i++) {
        cuda->phases(seconds);
        cuda->kernels->gemm(&g);
        cuda->wait();
        cuda->phases(seconds);
        double all = seconds[AX_PHASE_ENCODE] + seconds[AX_PHASE_MULTIPLY];
        if (i && all < least) least = all, best[0] = seconds[0], best[1] = seconds[1];
    }
    printf("time %-26s %-12s %-20s %9.3f ms, encoding %7.3f; %7.3f TMAC/s\n", what, name, cuda->kernel(), 1e3 * least, 1e3 * best[AX_PHASE_ENCODE],
           1e-12 * (double)(g.m * g.n * g.k * g.batch) / least);
    fflush(stdout);
}

static void time_matrices(const mult *t, int64_t m, int64_t n, int64_t k, int strict, int rounds)
{
    char what[64];
    size_t bytes;
    float *a = numbers(m * k, 120, 132), *b = numbers(n * k, 120, 132);
    cuda->kernels->gemm_work_bytes(&bytes, 1);
    ax_gemm g = {.a = matrix(cuda_copy(cuda, a, (size_t)(m * k) * 4), k, 1, k), .b = matrix(cuda_copy(cuda, b, (size_t)(n * k) * 4), 1, n, k),
                 .m = m, .n = n, .k = k, .ldc = n, .batch = 1, .plan = &t->plan, .strict = strict, .threads = 1,
                 .c = cuda->memory_new((size_t)(m * n) * 4), .work = cuda->memory_new(bytes)};
    snprintf(what, sizeof what, "%lldx%lldx%lld%s", (long long)m, (long long)n, (long long)k, strict ? " strict" : "");
    time_product(g, what, t->name, rounds);
    cuda->memory_free((void *)(uintptr_t)g.a.data), cuda->memory_free((void *)(uintptr_t)g.b.data);
    cuda->memory_free(g.c), cuda->memory_free(g.work);
    free(a);
    free(b);
}

/* The weight gradient of a convolution of `n` square images, stride 1. */
static void time_weight_gradient(const mult *t, int64_t n, int64_t side, int64_t c, int64_t oc, int64_t kernel, int64_t pad)
{
    char what[64];
    size_t bytes;
    int64_t out = side + 2 * pad - kernel + 1, positions = n * out * out, taps = kernel * kernel * c, inputs = n * side * side * c;
    float *x = numbers(inputs, 120, 132), *dy = numbers(positions * oc, 120, 132);
    cuda->kernels->gemm_work_bytes(&bytes, 1);
    ax_operand patches = {.kind = AX_OPERAND_PATCHES, .data = cuda_copy(cuda, x, (size_t)inputs * 4), .n = n, .h = side, .w = side, .c = c,
                          .out_h = out, .out_w = out, .kernel_h = kernel, .kernel_w = kernel, .stride_h = 1, .stride_w = 1, .pad_h = pad,
                          .pad_w = pad, .dilation_h = 1, .dilation_w = 1, .step = 1, .transposed = 1};
    ax_gemm g = {.a = patches, .b = matrix(cuda_copy(cuda, dy, (size_t)(positions * oc) * 4), 1, oc, positions), .m = taps, .n = oc,
                 .k = positions, .ldc = oc, .batch = 1, .plan = &t->plan, .strict = 1, .threads = 1,
                 .c = cuda->memory_new((size_t)(taps * oc) * 4), .work = cuda->memory_new(bytes)};
    snprintf(what, sizeof what, "gradient %lldx%lldx%lld", (long long)taps, (long long)oc, (long long)positions);
    time_product(g, what, t->name, 3);
    cuda->memory_free((void *)(uintptr_t)g.a.data), cuda->memory_free((void *)(uintptr_t)g.b.data);
    cuda->memory_free(g.c), cuda->memory_free(g.work);
    free(x);
    free(dy);
}

static int time_all(void)
{
    mult kinds[] = {ready((mult){.name = "fp32", .view = {.width = 23, .native = 1, .direct = -1}}), ready(from_model(ax_model_mit, 1, 7)),
                    ready(from_model(ax_model_mbm, 2, 16)), ready(from_model(ax_model_exact, 0, 16)), ready(from_model(ax_model_mbm, 2, 7)),
                    ready(from_noise(7, 23)), ready(from_noise(9, 23))};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        int slow = i >= 4;
        time_matrices(&kinds[i], slow ? 2048 : 4096, slow ? 2048 : 4096, slow ? 2048 : 4096, 1, 2);
        time_matrices(&kinds[i], 128, 120, 400, 1, 5);
        time_matrices(&kinds[i], 128, 10, 84, 1, 5);
        time_weight_gradient(&kinds[i], 128, 28, 1, 6, 5, 2);
        time_weight_gradient(&kinds[i], 128, 14, 6, 16, 5, 0);
    }
    time_matrices(&kinds[0], 4096, 4096, 4096, 0, 5);
    time_matrices(&kinds[0], 128, 1024, 3136, 0, 5);
    time_matrices(&kinds[0], 128, 120, 400, 0, 5);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) release(&kinds[i]);
    return cuda->error() ? 1 : 0;
}

int main(int argc, char **argv)
{
    rng_state = 20240229;
    cuda = cuda_backend();
    if (argc > 1 && !strcmp(argv[1], "time")) return time_all();
    check_multipliers();
    check_convolutions();
    check_large_tiles();
    check_batches();
    check_free_fp32();
    return cuda_summary();
}

/* The module's products against the cpu's, whose own proof is op_gemm.c. Strict: the same bits, whatever the operands. */
#include "cuda.h"
#include "gemm.h"

/* --- comparison --- */

static const ax_backend *cuda;

/* Runs g, whose operands hold a_floats and b_floats and point to host memory, on both backends. */
static int same_bits(ax_gemm g, int64_t a_floats, int64_t b_floats, const char *what, const char *name)
{
    size_t bytes;
    int64_t floats = (g.batch - 1) * g.c_batch + g.m * g.ldc;
    float *want = malloc((size_t)floats * sizeof *want), *got = malloc((size_t)floats * sizeof *got);
    for (int64_t e = 0; e < floats; e++) want[e] = 77.0f;
    ax_kernels_cpu.gemm_work_bytes(&bytes, 2);
    ax_gemm host = g;
    host.c = want, host.strict = 1, host.threads = 2, host.work = aligned_alloc(64, bytes);
    ax_kernels_cpu.gemm(&host);
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
    if (bad)
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
                                        {6, 1000, 25}, {1000, 6, 25}, {25, 6, 900}};
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
#undef AX_FAMILY
        if (m > AX_TABLE_MAX_WIDTH) continue;
        mult tables[] = {ready(from_noise(m, m)), ready(from_noise(m, 23)), ready(from_random_sum(m))};
        for (int i = 0; i < 3; i++) check_mult(&tables[i]), release(&tables[i]);
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

int main(void)
{
    rng_state = 20240229;
    cuda = cuda_backend();
    check_multipliers();
    check_convolutions();
    check_batches();
    return cuda_summary();
}

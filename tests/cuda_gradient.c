/* Sums with estimated gradients and their LUT-1D on the device against the cpu backend: equal bits, at once and in recorded segments. */
#include "cuda.h"

#include "base/alloc.h"
#include "engine/mult.h"

#include <math.h>

enum { STEPS = 3 };

typedef struct {
    const char *name;
    ax_operand a, b;                     /* without data */
    int64_t a_size, b_size, m, n, k;
    int by;
} test;

static const ax_backend *cuda;
static uint64_t random_state = 7;

/* Splitmix64 (Steele, Lea and Flood, OOPSLA 2014). */
static uint64_t random_bits(void)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Numbers near 1, and in one of `odd` any bits: all kinds of zeros, subnormals, infinities and NaNs among them. */
static void fill(float *x, int64_t n, unsigned odd)
{
    static const uint32_t special[] = {0, 0x80000000u, 1, 0x80000123u, 0x7f800000u, 0xff800000u, 0x7fc00000u, 0x00800000u};
    for (int64_t i = 0; i < n; i++) {
        uint64_t r = random_bits();
        x[i] = ((float)(r >> 40) * 0x1p-23f - 1) * ldexpf(1, (int)(r & 7) - 4);
        if (odd && (r >> 8 & 0xffff) % odd == 0) x[i] = ax_float(r & 8 ? special[r >> 4 & 7] : (uint32_t)random_bits());
    }
}

static void need(int good, const char *what)
{
    if (good) return;
    printf("FAIL %s: %s\n", what, cuda->error() ? cuda->error() : "no memory");
    exit(1);
}

typedef struct { float *host, *device; int64_t n; } buffer;

static buffer buffer_new(int64_t n)
{
    size_t bytes = (size_t)n * sizeof(float);
    buffer b = {ax_alloc((size_t)n, sizeof(float)), cuda->memory_new(bytes), n};
    need(b.host && b.device, "memory");
    return b;
}

static void refill(buffer *b, unsigned odd)
{
    fill(b->host, b->n, odd);
    need(!cuda->put(b->device, b->host, (size_t)b->n * sizeof(float)), "put");
}

static void buffer_free(buffer *b)
{
    ax_free(b->host);
    cuda->memory_free(b->device);
}

static int64_t difference(const buffer *b, float *back)
{
    need(!cuda->get(back, b->device, (size_t)b->n * sizeof(float)), "get");
    return cuda_first_difference(b->host, back, b->n, 1);
}

/* buffers: a, b, s, c */
static ax_gradient_sum sum_of(const test *t, const ax_gradient *g, const buffer *v, int device)
{
    ax_gradient_sum sum = {.a = t->a, .b = t->b, .m = t->m, .n = t->n, .k = t->k, .by = t->by, .gradient = g, .threads = 2};
    sum.a.data = device ? v[0].device : v[0].host;
    sum.b.data = device ? v[1].device : v[1].host;
    sum.s = device ? v[2].device : v[2].host;
    sum.c = device ? v[3].device : v[3].host;
    return sum;
}

static void check_sum(const test *t, const char *spec, unsigned odd)
{
    const ax_gradient *g = ax_mult_gradient("test", ax_mult_get(spec));
    buffer v[] = {buffer_new(t->a_size), buffer_new(t->b_size), buffer_new(t->m * t->n), buffer_new(t->m * t->n)};
    float *back = ax_alloc((size_t)(t->m * t->n), sizeof *back);
    char name[160], what[160] = "";
    need(g && back, spec);
    snprintf(name, sizeof name, "gradient_sum %s by %d, %lld x %lld x %lld, %s%s", t->name, t->by, (long long)t->m, (long long)t->n,
             (long long)t->k, spec, odd ? ", any bits" : "");
    int64_t at = -1;
    for (int step = 0; at < 0 && step < STEPS + 1; step++) {
        for (int i = 0; i < 4; i++) refill(&v[i], odd);
        ax_gradient_sum here = sum_of(t, g, v, 0), there = sum_of(t, g, v, 1);
        ax_cpu_gradient_sum(&here);
        if (step) cuda->segment_begin(0);
        cuda->kernels->gradient_sum(&there);
        need(!step || !cuda->segment_end(), name);
        if ((at = difference(&v[3], back)) >= 0)
            snprintf(what, sizeof what, "step %d: output %lld of %lld is %08x on the device, wanted %08x", step, (long long)at,
                     (long long)v[3].n, ax_bits(back[at]), ax_bits(v[3].host[at]));
    }
    cuda_report(at < 0, name, what);
    cuda->segments_forget();
    for (int i = 0; i < 4; i++) buffer_free(&v[i]);
    ax_free(back);
}

static void check_map(int64_t n, const char *spec, int by)
{
    const ax_gradient *g = ax_mult_gradient("test", ax_mult_get(spec));
    buffer x = buffer_new(n), y = buffer_new(n);
    float *back = ax_alloc((size_t)n, sizeof *back);
    char name[160], what[160] = "";
    need(g && back, spec);
    refill(&x, 5);
    refill(&y, 0);
    ax_cpu_gradient_map(y.host, x.host, g, by, n);
    cuda->kernels->gradient_map(y.device, x.device, g, by, n);
    int64_t at = difference(&y, back);
    if (at >= 0) snprintf(what, sizeof what, "number %lld of %lld is %08x on the device, wanted %08x", (long long)at, (long long)n,
                          ax_bits(back[at]), ax_bits(y.host[at]));
    snprintf(name, sizeof name, "gradient_map by %d, %lld, %s", by, (long long)n, spec);
    cuda_report(at < 0, name, what);
    buffer_free(&x);
    buffer_free(&y);
    ax_free(back);
}

/* ---- shapes ---- */

static ax_operand matrix(int64_t row_stride, int64_t k_stride, int64_t k_inner, int64_t k_outer_stride)
{
    return (ax_operand){.kind = AX_OPERAND_MATRIX, .row_stride = row_stride, .k_stride = k_stride, .k_inner = k_inner,
                        .k_outer_stride = k_outer_stride};
}

static void check_dense(int64_t batch, int64_t k, int64_t n, const char *spec, unsigned odd)
{
    check_sum(&(test){"dense", matrix(n, 1, n, 0), matrix(n, 1, n, 0), batch * n, k * n, batch, k, n, 0}, spec, odd);
    check_sum(&(test){"dense", matrix(1, k, batch, 0), matrix(1, n, batch, 0), batch * k, batch * n, k, n, batch, 1}, spec, odd);
}

/* As src/engine/conv.c makes them. */
static void check_conv(const int64_t *v /* n h w c oh ow oc kh kw stride pad */, const char *spec, unsigned odd)
{
    int64_t n = v[0], h = v[1], w = v[2], c = v[3], oh = v[4], ow = v[5], oc = v[6], kh = v[7], kw = v[8], stride = v[9], pad = v[10];
    ax_operand back = {.kind = AX_OPERAND_PATCHES, .n = n, .h = oh, .w = ow, .c = oc, .out_h = h, .out_w = w, .kernel_h = kh, .kernel_w = kw,
                       .stride_h = 1, .stride_w = 1, .pad_h = -pad, .pad_w = -pad, .dilation_h = stride, .dilation_w = stride, .step = -1};
    ax_operand x = {.kind = AX_OPERAND_PATCHES, .n = n, .h = h, .w = w, .c = c, .out_h = oh, .out_w = ow, .kernel_h = kh, .kernel_w = kw,
                    .stride_h = stride, .stride_w = stride, .pad_h = pad, .pad_w = pad, .dilation_h = 1, .dilation_w = 1, .step = 1,
                    .transposed = 1};
    int64_t positions = n * oh * ow, taps = kh * kw * c;
    check_sum(&(test){"conv", back, matrix(oc, 1, oc, c * oc), positions * oc, taps * oc, n * h * w, c, kh * kw * oc, 0}, spec, odd);
    check_sum(&(test){"conv", x, matrix(1, oc, positions, 0), n * h * w * c, positions * oc, taps, oc, positions, 1}, spec, odd);
}

int main(void)
{
    static const char *const specs[] = {"exact:1", "mbm:3", "exact:7", "mbm:8", "mit:11"};
    static const int64_t dense[][3] = {{1, 1, 1}, {17, 33, 10}, {130, 70, 129}, {64, 300, 31}, {3, 16, 32}};
    static const int64_t convs[][11] = {{2, 6, 7, 3, 4, 5, 4, 3, 3, 1, 0}, {2, 6, 7, 1, 6, 7, 6, 5, 5, 1, 2}, {3, 9, 8, 17, 5, 4, 20, 3, 3, 2, 1},
                                        {1, 9, 9, 4, 3, 3, 17, 2, 3, 3, 0}, {3, 5, 5, 3, 3, 3, 2, 1, 1, 2, 0}};
    cuda = cuda_backend();
    for (size_t s = 0; s < sizeof specs / sizeof *specs; s++)
        for (unsigned odd = 0; odd < 100; odd += 60) {
            for (size_t i = 0; i < sizeof dense / sizeof *dense; i++) check_dense(dense[i][0], dense[i][1], dense[i][2], specs[s], odd);
            for (size_t i = 0; i < sizeof convs / sizeof *convs; i++) check_conv(convs[i], specs[s], odd);
        }
    for (size_t s = 0; s < sizeof specs / sizeof *specs; s++)
        for (int by = 0; by < 2; by++) check_map(70001, specs[s], by), check_map(1, specs[s], by);
    return cuda_summary();
}

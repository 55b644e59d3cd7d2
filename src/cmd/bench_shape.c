/* Shapes of `bench gemm`, MxNxK or a convolution's, and their tensors. */
#include "base/error.h"
#include "cmd/bench_gemm.h"
#include "engine/tensor.h"

#include <stdio.h>
#include <string.h>

enum { SIDE_MAX = 1 << 24 };

static const char *const pass_names[AX_BENCH_PASSES] = {"", "forward", "grad_input", "grad_weight"};

/* ---- words ---- */

static int wrong(const char *text)
{
    return ax_fail(AX_EARG, "bench gemm: shape '%s', wanted MxNxK, each from 1 to %d, as in 128x300x784, or conv:NxHxWxC,KHxKW,FILTERS[,sSTRIDE], "
                   "as in conv:128x32x32x64,3x3,64", text, SIDE_MAX);
}

/* A word of whole numbers 1 to SIDE_MAX, in the places of a pattern's '#': "#x#x#" takes 128x300x784. */
static bool take(int64_t *const *out, const char *text, const char *pattern)
{
    for (; *pattern; pattern++) {
        if (*pattern != '#') {
            if (*text++ != *pattern) return false;
            continue;
        }
        int64_t v = 0;
        int digits = 0;
        for (; *text >= '0' && *text <= '9' && digits < 9; text++, digits++) v = 10 * v + (*text - '0');
        if (!digits || v < 1 || v > SIDE_MAX) return false;
        **out++ = v;
    }
    return !*text;
}

/* The size of "same" windows along one axis, and what lies before the first: as much as behind the last, or one less. */
static int64_t windows(int64_t *pad, int64_t in, int64_t kernel, int64_t stride)
{
    int64_t out = (in + stride - 1) / stride, around = (out - 1) * stride + kernel - in;
    *pad = around > 0 ? around / 2 : 0;
    return out;
}

static void set_pass(ax_bench_shape *s, enum ax_bench_pass pass, const char *text)
{
    int64_t positions = s->images * s->oh * s->ow, cells = s->images * s->h * s->w, window = s->kh * s->kw;
    snprintf(s->name, sizeof s->name, "%.80s %s", text, pass_names[pass]);
    s->pass = pass;
    if (pass == AX_BENCH_FORWARD) s->m = positions, s->n = s->filters, s->k = window * s->channels;
    else if (pass == AX_BENCH_GRAD_INPUT) s->m = cells, s->n = s->channels, s->k = window * s->filters;
    else s->m = window * s->channels, s->n = s->filters, s->k = positions;
}

static int parse_convolution(ax_bench_shape *list, int *n, const char *text)
{
    ax_bench_shape s = {.stride = 1};
    int64_t *const to[] = {&s.images, &s.h, &s.w, &s.channels, &s.kh, &s.kw, &s.filters, &s.stride};
    if (strlen(text) > 80 || (!take(to, text, "conv:#x#x#x#,#x#,#") && !take(to, text, "conv:#x#x#x#,#x#,#,s#"))) return wrong(text);
    s.oh = windows(&s.pad_h, s.h, s.kh, s.stride);
    s.ow = windows(&s.pad_w, s.w, s.kw, s.stride);
    if (s.kh > s.h || s.kw > s.w) return ax_fail(AX_EARG, "bench gemm: shape '%s': wanted windows no larger than the image", text);
    for (int pass = AX_BENCH_FORWARD; pass < AX_BENCH_PASSES; pass++) {
        set_pass(&s, (enum ax_bench_pass)pass, text);
        list[(*n)++] = s;
    }
    return AX_OK;
}

int ax_bench_shape_parse(ax_bench_shape *list, int *n, const char *text)
{
    ax_bench_shape s = {.pass = AX_BENCH_MATMUL};
    int64_t *const to[] = {&s.m, &s.n, &s.k};
    if (!strncmp(text, "conv:", 5)) return parse_convolution(list, n, text);
    if (!take(to, text, "#x#x#")) return wrong(text);
    snprintf(s.name, sizeof s.name, "%s", text);
    list[(*n)++] = s;
    return AX_OK;
}

/* ---- tensors ---- */

/* Uniform numbers without structure: about half negative, no zeros to speak of, so no kernel can save work on them. */
static ax_tensor *filled(ax_engine *e, int rank, const int64_t *shape, double most, int stream)
{
    ax_tensor *t = ax_tensor_new(e, AX_F32, rank, shape);
    return t && ax_fill_uniform(t, -most, most, 1, stream) == AX_OK ? t : NULL;
}

static ax_tensor *matrix(ax_engine *e, int64_t rows, int64_t columns, double most, int stream)
{
    return filled(e, 2, (int64_t[]){rows, columns}, most, stream);
}

static int make_convolution(ax_bench_shape *s, ax_engine *e)
{
    const int64_t x[] = {s->images, s->h, s->w, s->channels}, w[] = {s->kh, s->kw, s->channels, s->filters},
                  y[] = {s->images, s->oh, s->ow, s->filters};
    const int64_t *const shapes[AX_BENCH_PASSES][3] = {[AX_BENCH_FORWARD] = {x, w, y}, [AX_BENCH_GRAD_INPUT] = {y, w, x},
                                                       [AX_BENCH_GRAD_WEIGHT] = {x, y, w}};
    s->a = filled(e, 4, shapes[s->pass][0], 1, 1);
    s->b = s->a ? filled(e, 4, shapes[s->pass][1], 0.1, 2) : NULL;
    s->c = s->b ? ax_tensor_new(e, AX_F32, 4, shapes[s->pass][2]) : NULL;
    s->matrix_a = s->c ? matrix(e, s->m, s->k, 1, 1) : NULL;
    s->matrix_b = s->matrix_a ? matrix(e, s->k, s->n, 0.1, 2) : NULL;
    return s->matrix_b ? AX_OK : ax_errstatus();
}

int ax_bench_shape_make(ax_bench_shape *s, ax_engine *e)
{
    if (s->pass != AX_BENCH_MATMUL) return make_convolution(s, e);
    s->a = s->matrix_a = matrix(e, s->m, s->k, 1, 1);
    s->b = s->matrix_b = s->a ? matrix(e, s->k, s->n, 0.1, 2) : NULL;
    s->c = s->b ? ax_tensor_new(e, AX_F32, 2, (int64_t[]){s->m, s->n}) : NULL;
    return s->c ? AX_OK : ax_errstatus();
}

int ax_bench_shape_multiply(const ax_bench_shape *s, const ax_mult *m)
{
    const int stride = (int)s->stride, pad_h = (int)s->pad_h, pad_w = (int)s->pad_w;
    switch (s->pass) {
    case AX_BENCH_FORWARD: return ax_conv2d(s->c, s->a, s->b, NULL, 0, stride, stride, pad_h, pad_w, m);
    case AX_BENCH_GRAD_INPUT: return ax_conv2d_grad_input(s->c, s->a, s->b, stride, stride, pad_h, pad_w, m);
    case AX_BENCH_GRAD_WEIGHT: return ax_conv2d_grad_weight(s->c, s->a, s->b, stride, stride, pad_h, pad_w, m);
    default: return ax_matmul(s->c, s->a, s->b, NULL, 0, 0, m);
    }
}

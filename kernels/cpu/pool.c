/* Pooling over NHWC tensors. Windows never leave their image, so threads take whole images and backward scatters without
 * races, in ascending output order. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/split.h"
#include "kernels/math.h"

#include <string.h>

typedef struct { int64_t y0, y1, x0, x1; } window;     /* the cells inside the image: [y0, y1) x [x0, x1) */

static int64_t at_least(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }

static window window_at(const ax_pool *p, int64_t oh, int64_t ow)
{
    int64_t top = oh * p->stride_h - p->pad_h, left = ow * p->stride_w - p->pad_w;
    return (window){at_least(top, 0), at_most(top + p->kernel_h, p->h), at_least(left, 0), at_most(left + p->kernel_w, p->w)};
}

static int64_t image_in(const ax_pool *p) { return p->h * p->w * p->c; }
static int64_t image_out(const ax_pool *p) { return p->out_h * p->out_w * p->c; }

/* One cell (c) against the maxima so far. A NaN wins, so that it is seen downstream. */
static inline void take_larger(float *y, int32_t *arg, const float *x, int32_t index, int64_t c)
{
    for (int64_t i = 0; i < c; i++) {
        int take = (x[i] > y[i]) | ax_is_nan(x[i]);
        y[i] = take ? x[i] : y[i];
        arg[i] = take ? index + (int32_t)i : arg[i];
    }
}

/* y, arg (out_h, out_w, c); x (n, h, w, c) */
AX_CLONES static void max_image(float *y, int32_t *arg, const float *x, int64_t image, const ax_pool *p)
{
    for (int64_t oh = 0; oh < p->out_h; oh++)
        for (int64_t ow = 0; ow < p->out_w; ow++, y += p->c, arg += p->c) {
            window v = window_at(p, oh, ow);
            int64_t first = ((image * p->h + v.y0) * p->w + v.x0) * p->c;
            for (int64_t i = 0; i < p->c; i++) {
                y[i] = x[first + i];
                arg[i] = (int32_t)(first + i);
            }
            for (int64_t row = v.y0; row < v.y1; row++)
                for (int64_t col = v.x0; col < v.x1; col++) {
                    int64_t cell = ((image * p->h + row) * p->w + col) * p->c;
                    take_larger(y, arg, x + cell, (int32_t)cell, p->c);
                }
        }
}

static void max_scatter(float *dx, const float *dy, const int32_t *arg, const ax_pool *p, int64_t lo, int64_t hi)
{
    memset(dx + lo * image_in(p), 0, (size_t)((hi - lo) * image_in(p)) * sizeof *dx);
    for (int64_t i = lo * image_out(p); i < hi * image_out(p); i++) dx[arg[i]] += dy[i];
}

/* y (out_h, out_w, c); x (h, w, c) */
AX_CLONES static void average_image(float *y, const float *x, const ax_pool *p)
{
    for (int64_t oh = 0; oh < p->out_h; oh++)
        for (int64_t ow = 0; ow < p->out_w; ow++, y += p->c) {
            window v = window_at(p, oh, ow);
            float scale = 1.0f / (float)((v.y1 - v.y0) * (v.x1 - v.x0));
            for (int64_t i = 0; i < p->c; i++) y[i] = 0.0f;
            for (int64_t row = v.y0; row < v.y1; row++)
                for (int64_t col = v.x0; col < v.x1; col++)
                    for (int64_t i = 0; i < p->c; i++) y[i] += x[(row * p->w + col) * p->c + i];
            for (int64_t i = 0; i < p->c; i++) y[i] *= scale;
        }
}

/* dx (h, w, c); dy (out_h, out_w, c) */
AX_CLONES static void average_scatter(float *dx, const float *dy, const ax_pool *p)
{
    memset(dx, 0, (size_t)image_in(p) * sizeof *dx);
    for (int64_t oh = 0; oh < p->out_h; oh++)
        for (int64_t ow = 0; ow < p->out_w; ow++, dy += p->c) {
            window v = window_at(p, oh, ow);
            float scale = 1.0f / (float)((v.y1 - v.y0) * (v.x1 - v.x0));
            for (int64_t row = v.y0; row < v.y1; row++)
                for (int64_t col = v.x0; col < v.x1; col++)
                    for (int64_t i = 0; i < p->c; i++) dx[(row * p->w + col) * p->c + i] += dy[i] * scale;
        }
}

void ax_cpu_maxpool_fwd(float *y, int32_t *arg, const float *x, const ax_pool *p)
{
    AX_CPU_SPLIT(p->n, image_in(p), 1, for (int64_t i = lo; i < hi; i++)
        max_image(y + i * image_out(p), arg + i * image_out(p), x, i, p));
}

void ax_cpu_maxpool_bwd(float *dx, const float *dy, const int32_t *arg, const ax_pool *p)
{
    AX_CPU_SPLIT(p->n, image_in(p), 1, max_scatter(dx, dy, arg, p, lo, hi));
}

void ax_cpu_avgpool_fwd(float *y, const float *x, const ax_pool *p)
{
    AX_CPU_SPLIT(p->n, image_in(p), 1, for (int64_t i = lo; i < hi; i++)
        average_image(y + i * image_out(p), x + i * image_in(p), p));
}

void ax_cpu_avgpool_bwd(float *dx, const float *dy, const ax_pool *p)
{
    AX_CPU_SPLIT(p->n, image_in(p), 1, for (int64_t i = lo; i < hi; i++)
        average_scatter(dx + i * image_in(p), dy + i * image_out(p), p));
}

/* Pooling over NHWC tensors. Windows never leave their image, so threads take whole images and backward scatters without
 * races, in ascending output order. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/split.h"
#include "kernels/math.h"

#include <string.h>

typedef struct { int64_t y0, y1, x0, x1; } window;     /* the cells inside the image: [y0, y1) x [x0, x1) */

static inline int64_t at_least(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }

static inline window window_at(const ax_pool *p, int64_t oh, int64_t ow)
{
    int64_t top = oh * p->stride_h - p->pad_h, left = ow * p->stride_w - p->pad_w;
    return (window){at_least(top, 0), at_most(top + p->kernel_h, p->h), at_least(left, 0), at_most(left + p->kernel_w, p->w)};
}

static int64_t image_in(const ax_pool *p) { return p->h * p->w * p->c; }
static int64_t image_out(const ax_pool *p) { return p->out_h * p->out_w * p->c; }

/* ---- forward ----
 *
 * Elements that lie together are the lanes of a vector, and a lane's window has the same cells as its neighbour's, one element
 * further. Where a pixel has VECTOR channels or more, the lanes are the channels of one place; fewer would leave registers half
 * empty, so there they are all elements of a row, LANES at a time, and the lanes on which a place begins are picked out. */

enum { VECTOR = 16, LANES = 256 };

/* Two rows are read at once, in jumps that hardware does not foresee beyond a page: asking for what comes AHEAD elements later
 * made pooling of large tensors two to three times as fast. */
enum { AHEAD = 2048 };

/* The cells of a lane's window: cell (i, j) lies i * row_step + j * c behind the first, which is element `first` of x. */
typedef struct { int64_t first, rows, columns, row_step, c; } cells;

static inline cells cells_of(const ax_pool *p, int64_t image, const window *v)
{
    return (cells){((image * p->h + v->y0) * p->w + v->x0) * p->c, v->y1 - v->y0, v->x1 - v->x0, p->w * p->c, p->c};
}

/* The maximum of a lane and the first element that has it. A NaN wins, so that it is seen downstream. */
static inline void max_lane(float *y, int32_t *arg, const float *x, const cells *s)
{
    int64_t best = 0;
    for (int64_t i = 0; i < s->rows; i++)
        for (int64_t j = 0; j < s->columns; j++) {
            int64_t at = i * s->row_step + j * s->c;
            if (x[at] > x[best] || ax_is_nan(x[at])) best = at;
        }
    *y = x[best];
    *arg = (int32_t)(s->first + best);
}

/* VECTOR lanes at once; loops of constant length become single instructions. */
static inline void max_vector(float *restrict y, int32_t *restrict arg, const float *restrict x, const cells *s, int64_t lane)
{
    float best[VECTOR];
    int32_t from[VECTOR];
#pragma omp simd
    for (int l = 0; l < VECTOR; l++) best[l] = x[l], from[l] = 0;
    for (int64_t i = 0; i < s->rows; i++)
        for (int64_t j = 0; j < s->columns; j++) {
            const int32_t at = (int32_t)(i * s->row_step + j * s->c);
            __builtin_prefetch(x + at + AHEAD);
#pragma omp simd
            for (int l = 0; l < VECTOR; l++) {
                float cell = x[at + l];
                int take = (cell > best[l]) | ax_is_nan(cell);
                best[l] = take ? cell : best[l];
                from[l] = take ? at : from[l];
            }
        }
#pragma omp simd
    for (int l = 0; l < VECTOR; l++) y[l] = best[l], arg[l] = from[l] + (int32_t)(s->first + lane) + l;
}

/* y, arg (n): lanes that begin at element s->first of x. */
static inline void max_lanes(float *y, int32_t *arg, const float *x, const cells *s, int64_t n)
{
    x += s->first;
    for (int64_t i = 0; n >= VECTOR && i < n; i += VECTOR) {
        int64_t lane = at_most(i, n - VECTOR);         /* the last vector may overlap the one before */
        max_vector(y + lane, arg + lane, x + lane, s, lane);
    }
    for (int64_t i = 0; n < VECTOR && i < n; i++) {
        cells one = *s;
        one.first += i;
        max_lane(y + i, arg + i, x + i, &one);
    }
}

/* Places of an output row, side by side. */
typedef struct { cells s; int64_t places, lanes; } run;

/* From place (oh, ow) on as many as LANES hold, if their windows have their full width and pixels are narrow. */
static inline run run_at(const ax_pool *p, int64_t image, int64_t oh, int64_t ow)
{
    window v = window_at(p, oh, ow);
    int64_t left = ow * p->stride_w - p->pad_w, room = p->w - left - p->kernel_w, places = 1;
    if (p->c < VECTOR && left >= 0 && room >= 0) {
        places = at_most(room / p->stride_w + 1, p->out_w - ow);
        places = at_most(places, (LANES / p->c - 1) / p->stride_w + 1);
    }
    return (run){cells_of(p, image, &v), places, ((places - 1) * p->stride_w + 1) * p->c};
}

/* y (r->places, c) = the lanes on which the run's places begin; `left`: elements from y on that are not final yet and may be
 * overwritten, as whole vectors are moved while there is room. */
static inline void pick(void *y, const void *lanes /* (LANES + VECTOR) */, const run *r, const ax_pool *p, int64_t left)
{
    size_t bytes = (size_t)p->c * sizeof(float), step = bytes * (size_t)p->stride_w;
    char *to = y;
    const char *from = lanes;
    for (int64_t i = 0; i < r->places; i++, to += bytes, from += step)
        if (i * p->c + VECTOR <= left) memcpy(to, from, VECTOR * sizeof(float));
        else memcpy(to, from, bytes);
}

/* y, arg (out_h, out_w, c) of one image; x (n, h, w, c) */
AX_CLONES static void max_image(float *y, int32_t *arg, const float *x, int64_t image, const ax_pool *p)
{
    float lanes[LANES + VECTOR];
    int32_t lanes_arg[LANES + VECTOR];
    int64_t left = image_out(p);
    for (int64_t oh = 0; oh < p->out_h; oh++)
        for (int64_t ow = 0; ow < p->out_w;) {
            run r = run_at(p, image, oh, ow);
            if (r.places == 1) {
                max_lanes(y, arg, x, &r.s, r.lanes);
            } else {
                max_lanes(lanes, lanes_arg, x, &r.s, r.lanes);
                pick(y, lanes, &r, p, left);
                pick(arg, lanes_arg, &r, p, left);
            }
            ow += r.places, left -= r.places * p->c, y += r.places * p->c, arg += r.places * p->c;
        }
}

static inline float average_lane(const float *x, const cells *s, float scale)
{
    float sum = 0.0f;
    for (int64_t i = 0; i < s->rows; i++)
        for (int64_t j = 0; j < s->columns; j++) sum += x[i * s->row_step + j * s->c];
    return sum * scale;
}

static inline void average_vector(float *restrict y, const float *restrict x, const cells *s, float scale)
{
    float sum[VECTOR];
#pragma omp simd
    for (int l = 0; l < VECTOR; l++) sum[l] = 0.0f;
    for (int64_t i = 0; i < s->rows; i++)
        for (int64_t j = 0; j < s->columns; j++) {
            int64_t at = i * s->row_step + j * s->c;
            __builtin_prefetch(x + at + AHEAD);
#pragma omp simd
            for (int l = 0; l < VECTOR; l++) sum[l] += x[at + l];
        }
#pragma omp simd
    for (int l = 0; l < VECTOR; l++) y[l] = sum[l] * scale;
}

/* y (n): lanes that begin at element s->first of x. */
static inline void average_lanes(float *y, const float *x, const cells *s, int64_t n)
{
    const float scale = 1.0f / (float)(s->rows * s->columns);
    x += s->first;
    for (int64_t i = 0; n >= VECTOR && i < n; i += VECTOR) {
        int64_t lane = at_most(i, n - VECTOR);
        average_vector(y + lane, x + lane, s, scale);
    }
    for (int64_t i = 0; n < VECTOR && i < n; i++) y[i] = average_lane(x + i, s, scale);
}

/* y (out_h, out_w, c) of one image; x (n, h, w, c) */
AX_CLONES static void average_image(float *y, const float *x, int64_t image, const ax_pool *p)
{
    float lanes[LANES + VECTOR];
    int64_t left = image_out(p);
    for (int64_t oh = 0; oh < p->out_h; oh++)
        for (int64_t ow = 0; ow < p->out_w;) {
            run r = run_at(p, image, oh, ow);
            average_lanes(r.places == 1 ? y : lanes, x, &r.s, r.lanes);
            if (r.places > 1) pick(y, lanes, &r, p, left);
            ow += r.places, left -= r.places * p->c, y += r.places * p->c;
        }
}

/* ---- backward ---- */

static int windows_overlap(const ax_pool *p) { return p->stride_h < p->kernel_h || p->stride_w < p->kernel_w; }

/* Every cell lies in a window. */
static int windows_cover(const ax_pool *p)
{
    return p->stride_h <= p->kernel_h && p->stride_w <= p->kernel_w && p->out_h * p->stride_h - p->pad_h >= p->h &&
           p->out_w * p->stride_w - p->pad_w >= p->w;
}

/* VECTOR channels of all cells of a window that shares none with others: dy where arg is the cell, else zero. */
static inline void spread_vector(float *restrict dx, const float *restrict dy, const int32_t *restrict arg, const cells *s, int64_t lane)
{
    for (int64_t i = 0; i < s->rows; i++)
        for (int64_t j = 0; j < s->columns; j++) {
            int64_t at = i * s->row_step + j * s->c;
            int32_t cell = (int32_t)(s->first + lane + at);
            __builtin_prefetch(dx + at + AHEAD, 1);
#pragma omp simd
            for (int l = 0; l < VECTOR; l++) dx[at + l] = arg[l] == cell + l ? dy[l] + 0.0f : 0.0f;      /* a sum from +0 */
        }
}

/* dx (n, h, w, c); dy, arg (out_h, out_w, c) of one image; c >= VECTOR */
AX_CLONES static void max_spread(float *dx, const float *dy, const int32_t *arg, int64_t image, const ax_pool *p)
{
    for (int64_t oh = 0; oh < p->out_h; oh++)
        for (int64_t ow = 0; ow < p->out_w; ow++, dy += p->c, arg += p->c) {
            window v = window_at(p, oh, ow);
            cells s = cells_of(p, image, &v);
            for (int64_t i = 0; i < p->c; i += VECTOR) {
                int64_t lane = at_most(i, p->c - VECTOR);
                spread_vector(dx + s.first + lane, dy + lane, arg + lane, &s, lane);
            }
        }
}

/* Images [lo, hi) of dx (n, h, w, c) from dy, arg (n, out_h, out_w, c). */
static void max_back(float *dx, const float *dy, const int32_t *arg, const ax_pool *p, int64_t lo, int64_t hi)
{
    int spread = p->c >= VECTOR && !windows_overlap(p);
    if (!spread || !windows_cover(p)) memset(dx + lo * image_in(p), 0, (size_t)((hi - lo) * image_in(p)) * sizeof *dx);
    if (spread)
        for (int64_t i = lo; i < hi; i++) max_spread(dx, dy + i * image_out(p), arg + i * image_out(p), i, p);
    else
        for (int64_t i = lo * image_out(p); i < hi * image_out(p); i++) dx[arg[i]] += dy[i];
}

/* dx (h, w, c); dy (out_h, out_w, c) */
AX_CLONES static void average_scatter(float *restrict dx, const float *restrict dy, const ax_pool *p)
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

/* ---- all images ---- */

void ax_cpu_maxpool_fwd(float *y, int32_t *arg, const float *x, const ax_pool *p)
{
    AX_CPU_SPLIT(p->n, image_in(p), 1, for (int64_t i = lo; i < hi; i++)
        max_image(y + i * image_out(p), arg + i * image_out(p), x, i, p));
}

void ax_cpu_maxpool_bwd(float *dx, const float *dy, const int32_t *arg, const ax_pool *p)
{
    AX_CPU_SPLIT(p->n, image_in(p), 1, max_back(dx, dy, arg, p, lo, hi));
}

void ax_cpu_avgpool_fwd(float *y, const float *x, const ax_pool *p)
{
    AX_CPU_SPLIT(p->n, image_in(p), 1, for (int64_t i = lo; i < hi; i++) average_image(y + i * image_out(p), x, i, p));
}

void ax_cpu_avgpool_bwd(float *dx, const float *dy, const ax_pool *p)
{
    AX_CPU_SPLIT(p->n, image_in(p), 1, for (int64_t i = lo; i < hi; i++)
        average_scatter(dx + i * image_in(p), dy + i * image_out(p), p));
}

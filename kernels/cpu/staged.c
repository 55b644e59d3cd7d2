/* Staged rows have w = (out_w - 1) * stride_w + kernel_w cells and an image h = (out_h - 1) * stride_h + kernel_h rows: all that
 * windows reach, row g of the whole being row g % h of image g / h. Cells go backwards where taps do, so that the taps of a
 * position always ascend. Few channels are staged as planes, (channels, cells) a row: then a tap of neighbouring positions is
 * contiguous; otherwise (cells, channels): then the taps of a position are. */
#include "kernels/cpu/staged.h"

#include <string.h>

enum { POSITIONS = 64, TAPS = 64 };      /* moved at a time */

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* Are taps, not positions, contiguous in blocks? */
static int taps_inner(const ax_operand *o, int k_major) { return o->transposed == k_major; }

/* Few channels whose windows are a cell apart, in the order of the cells; with one, both kinds of block suit planes. */
static int suits_planes(const ax_operand *o, int inner_taps)
{
    return o->stride_w == 1 && o->dilation_w == 1 && o->step == 1 && (o->c == 1 || (o->c <= 4 && !inner_taps));
}

/* ---- staging ---- */

/* The coordinate of row or cell 0 in the tensor as its dilation spreads it. */
static int64_t origin(int64_t pad, int64_t kernel, int step) { return -pad - (step < 0 ? kernel - 1 : 0); }

/* out (cells, channels), backwards if taps go backwards, = a row of the tensor whose cell 0 is cell -x; the rest is zero. */
static void stage_cells(float *out, const ax_operand *o, const float *row, int64_t w, int64_t x, const ax_moves *moves)
{
    int64_t c = o->c, d = o->dilation_w, from = most(-x, 0), to = least((o->w - 1) * d + 1 - x, w);
    while (from < to && (x + from) % d) from++;
    if (from >= to) return;
    const float *in = row + (x + from) / d * c;
    int64_t count = (to - from + d - 1) / d;
    if (o->planes && c > 1) moves->transpose(out + from, w, in, c, count, c);
    else if (d == 1 && o->step > 0) memcpy(out + from * c, in, (size_t)(count * c) * sizeof *out);
    else if (o->step > 0) moves->copy(out + from * c, d * c, in, c, count, c);
    else moves->copy(out + (w - 1 - from) * c, -d * c, in, c, count, c);
}

static void stage_row(float *out, const ax_operand *o, int64_t image, int64_t y, int64_t w, const ax_moves *moves)
{
    int64_t d = o->dilation_h, x = origin(o->pad_w, o->kernel_w, o->step);
    memset(out, 0, (size_t)(o->c * w) * sizeof *out);
    if (y >= 0 && y <= (o->h - 1) * d && y % d == 0)
        stage_cells(out, o, o->data + (image * o->h + y / d) * o->w * o->c, w, x, moves);
}

/* The first row that position p's window reaches. */
static int64_t row_of(const ax_operand *o, int64_t h, int64_t p)
{
    int64_t row = p / o->out_w;
    return row / o->out_h * h + row % o->out_h * o->stride_h;
}

/* Is the tensor already as staging would leave it? */
static int is_bare(const ax_operand *o, int64_t h, int64_t w)
{
    return !o->planes && o->step == 1 && o->dilation_h == 1 && o->dilation_w == 1 && o->pad_h == 0 && o->pad_w == 0 &&
           h <= o->h && w <= o->w;
}

void ax_staged_init(ax_operand *o, float *buffer, int64_t floats, int k_major, ax_range positions, const ax_moves *moves)
{
    if (o->kind != AX_OPERAND_PATCHES) return;
    o->planes = suits_planes(o, taps_inner(o, k_major));
    int64_t h = (o->out_h - 1) * o->stride_h + o->kernel_h, w = (o->out_w - 1) * o->stride_w + o->kernel_w;
    if (is_bare(o, h, w)) {
        o->kind = AX_OPERAND_STAGED;
        o->first_row = 0;
        return;
    }
    int64_t first = row_of(o, h, positions.first);
    int64_t rows = row_of(o, h, positions.first + positions.count - 1) + o->kernel_h - first;
    if (rows * w * o->c > floats) return;
    for (int64_t g = 0, image = first / h, y = first % h; g < rows; g++) {
        stage_row(buffer + g * w * o->c, o, image, y + origin(o->pad_h, o->kernel_h, o->step), w, moves);
        if (++y == h) y = 0, image++;
    }
    o->kind = AX_OPERAND_STAGED;
    o->data = buffer;
    o->first_row = first;
    o->h = h;
    o->w = w;
}

/* ---- fetching ---- */

/* Runs of positions of one output row each, from the first cell of the first one's window. */
static int64_t find_rows(ax_run *runs, const ax_operand *o, ax_range positions)
{
    int64_t row = positions.first / o->out_w, ow = positions.first % o->out_w, image = row / o->out_h, oh = row % o->out_h;
    int64_t cell = o->planes ? 1 : o->c, n = 0;
    for (int64_t left = positions.count; left > 0; ow = 0) {
        int64_t g = image * o->h + oh * o->stride_h - o->first_row, x = o->step > 0 ? ow : o->out_w - 1 - ow;
        runs[n] = (ax_run){o->data + g * o->w * o->c + x * o->stride_w * cell, least(o->out_w - ow, left)};
        left -= runs[n++].count;
        if (++oh == o->out_h) oh = 0, image++;
    }
    return n;
}

/* Planes, (taps, positions): from the first cell of a window to its taps. */
static void find_offsets(int64_t *offset, const ax_operand *o, ax_range taps)
{
    int64_t channel = taps.first % o->c, kw = taps.first / o->c % o->kernel_w, kh = taps.first / o->c / o->kernel_w;
    for (int64_t t = 0; t < taps.count; t++) {
        offset[t] = (kh * o->c + channel) * o->w + kw;
        if (++channel < o->c) continue;
        channel = 0;
        if (++kw == o->kernel_w) kw = 0, kh++;
    }
}

static void fetch_planes(float *out, int64_t ld, const ax_operand *o, const ax_run *runs, int64_t n, ax_range taps,
                         const ax_moves *moves)
{
    int64_t offset[TAPS];
    for (int64_t t = 0; t < taps.count; t += TAPS) {
        ax_range some = {taps.first + t, least(TAPS, taps.count - t)};
        find_offsets(offset, o, some);
        moves->slide(out + t * ld, ld, runs, n, offset, some.count);
    }
}

/* The taps of a window of one plane, as runs of kernel rows. */
static int64_t find_taps(ax_run *runs, const ax_operand *o, const float *window, ax_range taps)
{
    int64_t kh = taps.first / o->kernel_w, kw = taps.first % o->kernel_w, n = 0;
    for (int64_t left = taps.count; left > 0; kw = 0, kh++) {
        runs[n] = (ax_run){window + kh * o->w + kw, least(o->kernel_w - kw, left)};
        left -= runs[n++].count;
    }
    return n;
}

/* One plane, (positions, taps): the neighbour of a window lies a float further. */
static void fetch_plane_windows(float *out, int64_t ld, const ax_operand *o, const ax_run *rows, int64_t n, ax_range taps,
                                const ax_moves *moves)
{
    ax_run runs[TAPS];
    for (const ax_run *row = rows; row < rows + n; out += row->count * ld, row++)
        for (int64_t t = 0; t < taps.count; t += TAPS) {
            ax_range some = {taps.first + t, least(TAPS, taps.count - t)};
            moves->slide_on(out + t, ld, runs, find_taps(runs, o, row->at, some), row->count);
        }
}

/* Where tap 0 of each position lies, those of the first kernel row if taps go forwards. */
static int64_t find_windows(const float **at, const ax_operand *o, const ax_run *rows, int64_t n)
{
    int64_t step = o->step * o->stride_w * o->c, positions = 0;
    for (const ax_run *row = rows; row < rows + n; row++)
        for (int64_t i = 0; i < row->count; i++) at[positions++] = row->at + i * step;
    return positions;
}

/* How far tap t of a window lies from there; *count: taps contiguous with it, at most. */
static int64_t find_tap(int64_t *count, const ax_operand *o, int64_t t)
{
    int64_t row_taps = o->kernel_w * o->c, kh = t / row_taps, within = t % row_taps;
    *count = least(row_taps - within, *count);
    return (o->step > 0 ? kh : o->kernel_h - 1 - kh) * o->w * o->c + within;
}

/* Windows, (positions, taps) or (taps, positions): the taps of a kernel row are contiguous. */
static void fetch_windows(float *out, int64_t ld, int inner_taps, const ax_operand *o, const ax_run *rows, int64_t n,
                          ax_range taps, const ax_moves *moves)
{
    const float *at[POSITIONS];
    int64_t positions = find_windows(at, o, rows, n), step = o->step * o->stride_w * o->c;
    for (int64_t t = 0, count; t < taps.count; t += count) {
        count = taps.count - t;
        int64_t offset = find_tap(&count, o, taps.first + t);
        float *to = out + (inner_taps ? t : t * ld);
        if (!inner_taps) moves->transpose_at(to, ld, at, offset, positions, count);
        for (const ax_run *row = rows; row < rows + n && inner_taps; to += row->count * ld, row++)
            moves->copy(to, ld, row->at + offset, step, row->count, count);
    }
}

int64_t ax_staged_rows(const float **at, const ax_operand *o, ax_range rows, ax_range ks)
{
    if (o->transposed || o->planes) return 0;
    int64_t count = ks.count, offset = find_tap(&count, o, ks.first);
    ax_run runs[POSITIONS];
    for (int64_t i = 0; i < rows.count; i += POSITIONS) {
        int64_t n = find_rows(runs, o, (ax_range){rows.first + i, least(POSITIONS, rows.count - i)});
        find_windows(at + i, o, runs, n);
    }
    for (int64_t r = 0; r < rows.count; r++) at[r] += offset;
    return count;
}

void ax_staged_fetch(float *out, int64_t ld, int k_major, const ax_operand *o, ax_range rows, ax_range ks, const ax_moves *moves)
{
    ax_range positions = o->transposed ? ks : rows, taps = o->transposed ? rows : ks;
    int inner_taps = taps_inner(o, k_major);
    ax_run runs[POSITIONS];
    for (int64_t i = 0; i < positions.count; i += POSITIONS) {
        int64_t n = find_rows(runs, o, (ax_range){positions.first + i, least(POSITIONS, positions.count - i)});
        float *to = out + (inner_taps ? i * ld : i);
        if (!o->planes) fetch_windows(to, ld, inner_taps, o, runs, n, taps, moves);
        else if (inner_taps) fetch_plane_windows(to, ld, o, runs, n, taps, moves);
        else fetch_planes(to, ld, o, runs, n, taps, moves);
    }
}

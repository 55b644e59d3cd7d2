/* Blocks of operands. A block is cut into pieces with constant strides (a run of output columns by a run of taps); pieces are
 * copied, transposed or gathered by one function, and everything outside the tensor is +0. */
#include "kernels/cpu/source.h"

#include <string.h>

/* A piece of (p, t) elements: strides in floats, in the source and in the block. One block stride is 1. */
typedef struct {
    int64_t in_p, in_t, out_p, out_t;
} strides;

static void copy_rows(float *out, int64_t out_ld, const float *in, int64_t in_ld, int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; r++, out += out_ld, in += in_ld)
        for (int64_t c = 0; c < cols; c++) out[c] = in[c];
}

/* In bands of 8 output rows, so that a cache line read once serves all of them. */
static void transpose_rows(float *out, int64_t out_ld, const float *in, int64_t in_ld, int64_t rows, int64_t cols)
{
    for (int64_t c0 = 0; c0 < cols; c0 += 8) {
        int64_t c1 = c0 + 8 < cols ? c0 + 8 : cols;
        for (int64_t r = 0; r < rows; r++)
            for (int64_t c = c0; c < c1; c++) out[c * out_ld + r] = in[r * in_ld + c];
    }
}

static void slide(float *out, int64_t out_ld, const float *row, int64_t w, int64_t x, int step, int64_t count, int64_t taps)
{
    for (int64_t t = 0; t < taps; t++, x += step)
        for (int64_t i = 0; i < count; i++) out[t * out_ld + i] = x + i >= 0 && x + i < w ? row[x + i] : 0.0f;
}

const ax_moves ax_moves_c = {copy_rows, transpose_rows, slide};

static void move(float *out, const float *in, const strides *s, int64_t ps, int64_t ts, const ax_moves *moves)
{
    int t_inner = s->out_t == 1;
    int64_t rows = t_inner ? ps : ts, cols = t_inner ? ts : ps;
    int64_t out_row = t_inner ? s->out_p : s->out_t, out_col = t_inner ? s->out_t : s->out_p;
    int64_t in_row = t_inner ? s->in_p : s->in_t, in_col = t_inner ? s->in_t : s->in_p;
    if (in_col == 1 && out_col == 1) moves->copy(out, out_row, in, in_row, rows, cols);
    else if (in_row == 1 && out_col == 1) moves->transpose(out, out_row, in, in_col, cols, rows);
    else
        for (int64_t r = 0; r < rows; r++)
            for (int64_t c = 0; c < cols; c++) out[r * out_row + c * out_col] = in[r * in_row + c * in_col];
}

static void fetch_matrix(float *out, int64_t out_r, int64_t out_k, const ax_operand *o, ax_range rows, ax_range ks,
                         const ax_moves *moves)
{
    strides s = {o->row_stride, o->k_stride, out_r, out_k};
    int64_t outer = ks.first / o->k_inner, inner = ks.first % o->k_inner;
    for (int64_t done = 0; done < ks.count; outer++, inner = 0) {
        int64_t run = o->k_inner - inner < ks.count - done ? o->k_inner - inner : ks.count - done;
        const float *in = o->data + rows.first * o->row_stride + outer * o->k_outer_stride + inner * o->k_stride;
        move(out + done * out_k, in, &s, rows.count, run, moves);
        done += run;
    }
}

/* One row of output positions (ow0 <= ow < ow1 of one image and oh) by the taps [tap0, tap1) of one kernel row kh. */
typedef struct {
    const float *row;         /* (w, c): the row of the tensor that kh reaches */
    float *out;               /* element (ow0, tap0) */
    int64_t ow0, ow1;
    int64_t tap0, tap1;       /* within (kernel_w, c) */
} segment;

static int64_t ceil_div(int64_t x, int64_t d) { return d == 1 ? x : x > 0 ? (x + d - 1) / d : -(-x / d); }

static int64_t gcd(int64_t a, int64_t b) { return b ? gcd(b, a % b) : a; }

/* Positions from `from` to `to` by the channels [c0, c1) of tap kw: those whose x is a cell of the tensor. */
static void move_tap(const ax_operand *o, const segment *g, const strides *s, int64_t from, int64_t to, int64_t kw, int64_t c0,
                     int64_t c1, const ax_moves *moves)
{
    int64_t stride = o->stride_w, dilation = o->dilation_w, shift = kw * o->step - o->pad_w;
    int64_t common = dilation == 1 ? 1 : gcd(stride, dilation), ow_step = dilation / common, x_step = stride / common;
    int64_t lo = ceil_div(-shift, stride), hi = ceil_div(o->w * dilation - shift, stride);
    if (lo < from) lo = from;
    if (hi > to) hi = to;
    int64_t tried = 0;
    if (dilation > 1)
        for (; tried < ow_step && (lo * stride + shift) % dilation; tried++) lo++;
    if (lo >= hi || (tried == ow_step && dilation > 1)) return;
    int64_t x = (lo * stride + shift) / dilation, count = ow_step == 1 ? hi - lo : (hi - lo + ow_step - 1) / ow_step;
    strides piece = {x_step * o->c, 1, s->out_p * ow_step, s->out_t};
    float *out = g->out + (lo - g->ow0) * s->out_p + (kw * o->c + c0 - g->tap0) * s->out_t;
    move(out, g->row + x * o->c + c0, &piece, count, c1 - c0, moves);
}

static void move_taps(const ax_operand *o, const segment *g, const strides *s, int64_t from, int64_t to, const ax_moves *moves)
{
    if (from >= to) return;
    int64_t kw = g->tap0 / o->c;
    for (int64_t tap = g->tap0; tap < g->tap1; kw++) {
        int64_t end = (kw + 1) * o->c < g->tap1 ? (kw + 1) * o->c : g->tap1;
        move_tap(o, g, s, from, to, kw, tap - kw * o->c, end - kw * o->c, moves);
        tap = end;
    }
}

/* With few channels, runs of positions are longer than runs of taps. */
static int few_channels(const ax_operand *o) { return o->c < 4 && o->stride_w == 1 && o->dilation_w == 1; }

/* Inside the tensor the taps (kw, c) of a position are one run of memory; the borders go tap by tap. */
static void move_segment(const ax_operand *o, const segment *g, const strides *s, const ax_moves *moves)
{
    if (o->c == 1 && few_channels(o) && s->out_p == 1) {
        int64_t x = g->ow0 - o->pad_w + g->tap0 * o->step;
        moves->slide(g->out, s->out_t, g->row, o->w, x, o->step, g->ow1 - g->ow0, g->tap1 - g->tap0);
        return;
    }
    if (o->step != 1 || o->dilation_w != 1 || few_channels(o)) {
        move_taps(o, g, s, g->ow0, g->ow1, moves);
        return;
    }
    int64_t kw0 = g->tap0 / o->c, kw1 = (g->tap1 - 1) / o->c;
    int64_t lo = ceil_div(o->pad_w - kw0, o->stride_w), hi = ceil_div(o->w + o->pad_w - kw1, o->stride_w);
    if (lo < g->ow0) lo = g->ow0;
    if (hi > g->ow1) hi = g->ow1;
    if (lo >= hi) {
        move_taps(o, g, s, g->ow0, g->ow1, moves);
        return;
    }
    strides run = {o->stride_w * o->c, 1, s->out_p, s->out_t};
    const float *in = g->row + (lo * o->stride_w - o->pad_w) * o->c + g->tap0;
    move(g->out + (lo - g->ow0) * s->out_p, in, &run, hi - lo, g->tap1 - g->tap0, moves);
    move_taps(o, g, s, g->ow0, lo, moves);
    move_taps(o, g, s, hi, g->ow1, moves);
}

/* Some tap of some position lies outside the tensor or between its cells. */
static int has_holes(const ax_operand *o)
{
    int64_t reach_h = (o->kernel_h - 1) * o->step, reach_w = (o->kernel_w - 1) * o->step;
    int64_t low_h = -o->pad_h + (reach_h < 0 ? reach_h : 0), low_w = -o->pad_w + (reach_w < 0 ? reach_w : 0);
    int64_t high_h = (o->out_h - 1) * o->stride_h - o->pad_h + (reach_h > 0 ? reach_h : 0);
    int64_t high_w = (o->out_w - 1) * o->stride_w - o->pad_w + (reach_w > 0 ? reach_w : 0);
    return o->dilation_h > 1 || o->dilation_w > 1 || low_h < 0 || low_w < 0 || high_h >= o->h || high_w >= o->w;
}

static void clear(float *out, int64_t ld, int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; r++) memset(out + r * ld, 0, (size_t)cols * sizeof *out);
}

/* All kernel rows of one run of positions of one output row; `out` is its first position at tap ts.first. */
static void fetch_output_row(float *out, const strides *s, const ax_operand *o, int64_t image, int64_t oh, int64_t ow0,
                             int64_t ow1, ax_range ts, const ax_moves *moves)
{
    int64_t row_taps = o->kernel_w * o->c, end = ts.first + ts.count, kh = ts.first / row_taps;
    for (int64_t tap = ts.first; tap < end; kh++) {
        int64_t next = (kh + 1) * row_taps < end ? (kh + 1) * row_taps : end;
        int64_t y = oh * o->stride_h - o->pad_h + kh * o->step;
        int inside = y >= 0 && (o->dilation_h == 1 || y % o->dilation_h == 0);
        if (o->dilation_h > 1) y /= o->dilation_h;
        if (inside && y < o->h) {
            segment g = {o->data + (image * o->h + y) * o->w * o->c, out + (tap - ts.first) * s->out_t, ow0, ow1,
                         tap - kh * row_taps, next - kh * row_taps};
            move_segment(o, &g, s, moves);
        }
        tap = next;
    }
}

static void fetch_patches(float *out, int64_t out_p, int64_t out_t, const ax_operand *o, ax_range ps, ax_range ts,
                          const ax_moves *moves)
{
    strides s = {0, 0, out_p, out_t};
    int64_t row = ps.first / o->out_w, ow = ps.first % o->out_w, image = row / o->out_h, oh = row % o->out_h;
    for (int64_t done = 0; done < ps.count; ow = 0) {
        int64_t run = o->out_w - ow < ps.count - done ? o->out_w - ow : ps.count - done;
        fetch_output_row(out + done * out_p, &s, o, image, oh, ow, ow + run, ts, moves);
        done += run;
        if (++oh == o->out_h) oh = 0, image++;
    }
}

/* Taps contiguous in a block of few channels: runs of positions first, transposed in pieces. */
static void fetch_turned(float *out, int64_t out_p, const ax_operand *o, ax_range ps, ax_range ts, const ax_moves *moves)
{
    enum { POSITIONS = 128, TAPS = 32 };
    float piece[TAPS * POSITIONS];      /* (taps, positions) */
    int holes = has_holes(o);
    for (int64_t p = 0; p < ps.count; p += POSITIONS)
        for (int64_t t = 0; t < ts.count; t += TAPS) {
            ax_range some = {ps.first + p, ps.count - p < POSITIONS ? ps.count - p : POSITIONS};
            ax_range taps = {ts.first + t, ts.count - t < TAPS ? ts.count - t : TAPS};
            if (holes) clear(piece, POSITIONS, taps.count, some.count);
            fetch_patches(piece, 1, POSITIONS, o, some, taps, moves);
            moves->transpose(out + p * out_p + t, out_p, piece, POSITIONS, taps.count, some.count);
        }
}

void ax_source_fetch(float *out, int64_t ld, int k_major, const ax_operand *o, ax_range rows, ax_range ks,
                     const ax_moves *moves)
{
    int64_t out_r = k_major ? 1 : ld, out_k = k_major ? ld : 1;
    if (o->kind == AX_OPERAND_MATRIX) {
        fetch_matrix(out, out_r, out_k, o, rows, ks, moves);
        return;
    }
    if (few_channels(o) && k_major == o->transposed) {
        fetch_turned(out, ld, o, k_major ? ks : rows, k_major ? rows : ks, moves);
        return;
    }
    if (has_holes(o)) clear(out, ld, k_major ? ks.count : rows.count, k_major ? rows.count : ks.count);
    if (o->transposed) fetch_patches(out, out_k, out_r, o, ks, rows, moves);
    else fetch_patches(out, out_r, out_k, o, rows, ks, moves);
}

int ax_source_view(ax_block *block, int k_major, const ax_operand *o, ax_range rows, ax_range ks)
{
    if (o->kind != AX_OPERAND_MATRIX || ks.first / o->k_inner != (ks.first + ks.count - 1) / o->k_inner) return 0;
    int64_t inner = k_major ? o->row_stride : o->k_stride, outer = k_major ? o->k_stride : o->row_stride;
    if (inner != 1 || outer < (k_major ? rows.count : ks.count)) return 0;
    const float *data = o->data + rows.first * o->row_stride + ks.first / o->k_inner * o->k_outer_stride +
                        ks.first % o->k_inner * o->k_stride;
    *block = (ax_block){data, outer};
    return 1;
}

ax_block ax_source_block(float *buffer, int k_major, const ax_operand *o, ax_range rows, ax_range ks, const ax_moves *moves)
{
    ax_block block = {buffer, k_major ? rows.count : ks.count};
    if (!ax_source_view(&block, k_major, o, rows, ks)) ax_source_fetch(buffer, block.ld, k_major, o, rows, ks, moves);
    return block;
}

int ax_source_prefers_k_major(const ax_operand *o)
{
    if (o->kind == AX_OPERAND_MATRIX) return o->row_stride == 1;
    int taps_in_runs = !few_channels(o);
    return o->transposed ? taps_in_runs : !taps_in_runs;
}

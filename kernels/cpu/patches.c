/* Blocks of patches, one tap of the kernel at a time. Of a row of positions those whose tap lies before, inside and behind the
 * tensor are runs, and a run of zeros stands for what lies outside. */
#include "kernels/cpu/patches.h"

enum { POSITIONS = 64, CHANNELS = 64 };      /* of a piece, at most */

/* Channels of a tap of `count` positions: those of position i from at + i * step on. */
typedef struct {
    const float *at;
    int64_t step, count;
} run;

/* Channels [channel, channel + channels) of tap (kh, kw), for some positions. */
typedef struct {
    const ax_operand *o;
    int64_t kh, kw, channel, channels;
    int64_t runs;
    run run[POSITIONS];
} piece;

static const float zeros[CHANNELS];

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* ceil(x / d), clamped to [0, n] */
static int64_t first_at(int64_t x, int64_t d, int64_t n) { return x <= 0 ? 0 : least((x + d - 1) / d, n); }

static void push(piece *p, const float *at, int64_t step, int64_t count)
{
    if (count > 0) p->run[p->runs++] = (run){at, step, count};
}

/* Positions [ow, ow + count) of an output row; `row` is the row of the tensor that kh reaches, or NULL. Between the cells of
 * a dilated tensor positions go one by one. */
static void locate_row(piece *p, const float *row, int64_t ow, int64_t count)
{
    int64_t stride = p->o->stride_w, d = p->o->dilation_w, span = (p->o->w - 1) * d, c = p->o->c;
    int64_t x = ow * stride - p->o->pad_w + p->kw * p->o->step;
    int64_t from = row ? first_at(-x, stride, count) : count, to = row ? first_at(span + 1 - x, stride, count) : count;
    push(p, zeros, 0, from);
    if (d == 1 && from < to) push(p, row + (x + from * stride) * c + p->channel, stride * c, to - from);
    for (int64_t i = from; d > 1 && i < to; i++)
        push(p, (x + i * stride) % d ? zeros : row + (x + i * stride) / d * c + p->channel, 0, 1);
    push(p, zeros, 0, count - to);
}

/* The row of the tensor that kernel row kh reaches from output row oh. */
static const float *tensor_row(const ax_operand *o, int64_t image, int64_t oh, int64_t kh)
{
    int64_t y = oh * o->stride_h - o->pad_h + kh * o->step, d = o->dilation_h;
    if (y < 0 || y > (o->h - 1) * d || y % d) return NULL;
    return o->data + (image * o->h + y / d) * o->w * o->c;
}

static void locate(piece *p, ax_range positions)
{
    const ax_operand *o = p->o;
    int64_t row = positions.first / o->out_w, ow = positions.first % o->out_w, image = row / o->out_h, oh = row % o->out_h;
    p->runs = 0;
    for (int64_t left = positions.count; left > 0; ow = 0) {
        int64_t count = least(o->out_w - ow, left);
        locate_row(p, tensor_row(o, image, oh, p->kh), ow, count);
        left -= count;
        if (++oh == o->out_h) oh = 0, image++;
    }
}

/* (positions, channels) */
static void copy_runs(const piece *p, float *out, int64_t ld, const ax_moves *moves)
{
    for (const run *r = p->run; r < p->run + p->runs; out += r->count * ld, r++)
        moves->copy(out, ld, r->at, r->step, r->count, p->channels);
}

/* (channels, positions): vectors of positions cross the ends of runs. */
static void transpose_runs(const piece *p, float *out, int64_t ld, const ax_moves *moves)
{
    const float *at[POSITIONS];
    int64_t n = 0;
    for (const run *r = p->run; r < p->run + p->runs; r++)
        for (int64_t i = 0; i < r->count; i++) at[n++] = r->at + i * r->step;
    moves->transpose_at(out, ld, at, 0, n, p->channels);
}

void ax_patches_fetch(float *out, int64_t ld, int taps_inner, const ax_operand *o, ax_range positions, ax_range taps,
                      const ax_moves *moves)
{
    piece p = {.o = o};
    for (int64_t t = 0; t < taps.count; t += p.channels) {
        int64_t tap = (taps.first + t) / o->c;
        p.kh = tap / o->kernel_w;
        p.kw = tap % o->kernel_w;
        p.channel = (taps.first + t) % o->c;
        p.channels = least(least(o->c - p.channel, taps.count - t), CHANNELS);
        for (int64_t i = 0; i < positions.count; i += POSITIONS) {
            locate(&p, (ax_range){positions.first + i, least(POSITIONS, positions.count - i)});
            if (taps_inner) copy_runs(&p, out + i * ld + t, ld, moves);
            else transpose_runs(&p, out + t * ld + i, ld, moves);
        }
    }
}

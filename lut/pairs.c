/* Pairs of operands. Invariant: pairs come in ascending order of the first operand, then of the second, or in the order they are
 * drawn, so that a sum over them has the same digits wherever it is taken. */
#include "lut/pairs.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/rng.h"
#include "lut/view.h"

static void add_number(ax_operands *o, float value, uint64_t times)
{
    uint32_t bits = ax_bits(value), exponent = bits >> 23 & 255, fraction = bits & 0x7fffffu;
    if (exponent == 255 && fraction) o->nans++;
    else if (exponent == 255) o->infinities++;
    else if (exponent == 0 && fraction) o->subnormals++;
    else if (exponent == 0) o->zeros++;
    else {
        if (o->upto) o->upto[o->n] = times + (o->n ? o->upto[o->n - 1] : 0);
        o->fraction[o->n++] = fraction;
    }
}

int ax_operands_init(ax_operands *o, const float *values, const float *times, int64_t count)
{
    size_t room = count ? (size_t)count : 1;
    *o = (ax_operands){.fraction = ax_alloc(room, sizeof *o->fraction), .upto = times ? ax_alloc(room, sizeof *o->upto) : NULL};
    if (!o->fraction || (times && !o->upto)) {
        ax_operands_release(o);
        return AX_ENOMEM;
    }
    for (int64_t k = 0; k < count; k++)
        if (!times || times[k] > 0) add_number(o, values[k], times ? (uint64_t)times[k] : 1);
    return AX_OK;
}

static uint64_t times_of(const ax_operands *o, int64_t k)
{
    return o->upto ? o->upto[k] - (k ? o->upto[k - 1] : 0) : 1;
}

void ax_operands_release(ax_operands *o)
{
    ax_free(o->fraction);
    ax_free(o->upto);
    *o = (ax_operands){0};
}

void ax_operands_count(uint64_t *count, const ax_operands *o, int width)
{
    for (int64_t k = 0; k < o->n; k++) count[o->fraction[k] >> (23 - width)] += times_of(o, k);
}

static uint64_t common_factor(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Without their common factor counts of equal shares are equal, however many numbers they come from. */
static int significands_of_counts(ax_significands *s, const uint64_t *count, int width)
{
    uint64_t factor = 0;
    for (uint32_t i = 0; i < 1u << width; i++) {
        factor = common_factor(factor, count[i]);
        s->n += count[i] > 0;
    }
    s->fraction = ax_alloc(s->n, sizeof *s->fraction);
    s->weight = ax_alloc(s->n, sizeof *s->weight);
    if (!s->fraction || !s->weight) return AX_ENOMEM;
    uint32_t k = 0;
    for (uint32_t i = 0; i < 1u << width; i++) {
        if (!count[i]) continue;
        s->fraction[k] = i << (23 - width);
        s->weight[k++] = (double)(count[i] / factor);
    }
    return AX_OK;
}

static int significands_init(ax_significands *s, const ax_operands *o, int width)
{
    *s = (ax_significands){0};
    if (!o) {
        s->n = 1u << width;
        return AX_OK;
    }
    uint64_t *count = ax_alloc((size_t)1 << width, sizeof *count);
    if (!count) return AX_ENOMEM;
    ax_operands_count(count, o, width);
    int status = significands_of_counts(s, count, width);
    ax_free(count);
    return status;
}

int ax_pairs_init(ax_pairs *p, int width, const ax_operands *a, const ax_operands *b)
{
    *p = (ax_pairs){.width = width, .from = {a, b}};
    int status = significands_init(&p->a, a, width);
    if (status == AX_OK) status = significands_init(&p->b, b, width);
    if (status != AX_OK) {
        ax_pairs_release(p);
        return status;
    }
    p->count = (double)p->a.n * p->b.n;
    p->sampled = width > AX_TABLE_MAX_WIDTH && (!a || !b || p->count > AX_ERRORS_SAMPLES);
    if (p->sampled) p->count = AX_ERRORS_SAMPLES;
    return AX_OK;
}

void ax_pairs_release(ax_pairs *p)
{
    ax_free(p->a.fraction);
    ax_free(p->a.weight);
    ax_free(p->b.fraction);
    ax_free(p->b.weight);
    *p = (ax_pairs){0};
}

/* An operand's bits cut to m of its 23 fraction bits. */
static float truncated(uint32_t fraction, int m)
{
    return ax_float(ax_bits(1.0f) | (fraction & ~0u << (23 - m)));
}

static float operand_at(const ax_significands *s, uint32_t k, int width)
{
    return truncated(s->fraction ? s->fraction[k] : k << (23 - width), width);
}

static bool next_of_all(ax_pair_row *row, ax_pairs *p)
{
    uint32_t i = (uint32_t)(p->at / p->b.n), j = (uint32_t)(p->at % p->b.n);
    if (i >= p->a.n) return false;
    float a = operand_at(&p->a, i, p->width);
    double weight = p->a.weight ? p->a.weight[i] : 1;
    for (row->n = 0; row->n < AX_PAIR_ROW && j < p->b.n; row->n++, j++) {
        row->a[row->n] = a;
        row->b[row->n] = operand_at(&p->b, j, p->width);
        row->weight[row->n] = weight * (p->b.weight ? p->b.weight[j] : 1);
    }
    p->at += (uint64_t)row->n;
    return true;
}

/* The number that the occurrence `at` of all, from 0, is one of: the first whose `upto` is above it. */
static int64_t number_at(const ax_operands *o, uint64_t at)
{
    int64_t lo = 0, hi = o->n - 1;
    while (lo < hi) {
        int64_t middle = lo + (hi - lo) / 2;
        if (o->upto[middle] > at) hi = middle;
        else lo = middle + 1;
    }
    return lo;
}

/* 32 random bits choose a fraction, or one of the numbers given. */
static uint32_t drawn(const ax_operands *from, uint32_t random)
{
    if (!from) return random >> 9;
    double share = random * 0x1p-32;
    if (!from->upto) return from->fraction[(int64_t)(share * (double)from->n)];
    return from->fraction[number_at(from, (uint64_t)(share * (double)from->upto[from->n - 1]))];
}

static bool next_drawn(ax_pair_row *row, ax_pairs *p)
{
    enum { PAIRS_A_BLOCK = 2 };
    if (p->at >= AX_ERRORS_SAMPLES) return false;
    for (row->n = 0; row->n < AX_PAIR_ROW;) {
        ax_rng_block block = ax_rng(AX_ERRORS_SEED, AX_RNG_TEST, 0, (p->at + (uint64_t)row->n) / PAIRS_A_BLOCK);
        for (int half = 0; half < PAIRS_A_BLOCK; half++, row->n++) {
            row->a[row->n] = truncated(drawn(p->from[0], block.v[2 * half]), p->width);
            row->b[row->n] = truncated(drawn(p->from[1], block.v[2 * half + 1]), p->width);
            row->weight[row->n] = 1;
        }
    }
    p->at += AX_PAIR_ROW;
    return true;
}

bool ax_pairs_next(ax_pair_row *row, ax_pairs *p)
{
    return p->sampled ? next_drawn(row, p) : next_of_all(row, p);
}

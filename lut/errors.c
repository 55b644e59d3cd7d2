/* Error metrics. Invariant: sums run row by row in a fixed order, so the same build prints the same digits. */
#include "lut/errors.h"

#include "base/rng.h"

#include <math.h>

typedef struct {
    double n, distance, relative, squares, magnitude, wrong;      /* sums: |d|, d / r, (d / r)^2, |d / r|, d != 0 */
    double worst, lowest, highest, largest;                       /* max |d|, min and max d / r, max r */
} tally;

double ax_significand_product(const ax_lut *lut, float a, float b)
{
    if (lut->view.native) return (double)(a * b);
    uint32_t word = ax_word(&lut->view, ax_bits(a), ax_bits(b));
    return (double)ax_float(word + ax_bits(1.0f));
}

/* An operand's bits cut to m of its 23 fraction bits. */
static float truncated(uint32_t fraction, int m)
{
    return ax_float(ax_bits(1.0f) | (fraction & ~0u << (23 - m)));
}

static void count(tally *t, double p, double r)
{
    double d = p - r, q = d / r;                     /* d is exact: both have at most 46 fraction bits and are below 4 */
    t->n += 1;
    t->distance += fabs(d);
    t->relative += q;
    t->squares += q * q;
    t->magnitude += fabs(q);
    t->wrong += d != 0;
    if (fabs(d) > t->worst) t->worst = fabs(d);
    if (q < t->lowest) t->lowest = q;
    if (q > t->highest) t->highest = q;
    if (r > t->largest) t->largest = r;
}

static void add(tally *sum, const tally *row)
{
    sum->n += row->n;
    sum->distance += row->distance;
    sum->relative += row->relative;
    sum->squares += row->squares;
    sum->magnitude += row->magnitude;
    sum->wrong += row->wrong;
    sum->worst = fmax(sum->worst, row->worst);
    sum->lowest = fmin(sum->lowest, row->lowest);
    sum->highest = fmax(sum->highest, row->highest);
    sum->largest = fmax(sum->largest, row->largest);
}

static const tally nothing = {.lowest = INFINITY, .highest = -INFINITY};

/* The reference for operands a and b: exact in double, as 48 bits fit. */
static double reference(const ax_lut *against, float a, float b)
{
    return against ? ax_significand_product(against, a, b) : (double)a * (double)b;
}

static tally all_pairs(const ax_lut *lut, const ax_lut *against, int width)
{
    tally sum = nothing;
    for (uint32_t i = 0; i < 1u << width; i++) {
        tally row = nothing;
        float a = truncated(i << (23 - width), width);
        for (uint32_t j = 0; j < 1u << width; j++) {
            float b = truncated(j << (23 - width), width);
            count(&row, ax_significand_product(lut, a, b), reference(against, a, b));
        }
        add(&sum, &row);
    }
    return sum;
}

static tally sampled_pairs(const ax_lut *lut, const ax_lut *against, int width)
{
    enum { PAIRS_A_BLOCK = 2, ROW = 1 << 12 };
    tally sum = nothing;
    for (uint64_t start = 0; start < AX_ERRORS_SAMPLES / PAIRS_A_BLOCK; start += ROW) {
        tally row = nothing;
        for (uint64_t k = start; k < start + ROW; k++) {
            ax_rng_block block = ax_rng(AX_ERRORS_SEED, AX_RNG_TEST, 0, k);
            for (int p = 0; p < PAIRS_A_BLOCK; p++) {
                float a = truncated(block.v[2 * p] >> 9, width), b = truncated(block.v[2 * p + 1] >> 9, width);
                count(&row, ax_significand_product(lut, a, b), reference(against, a, b));
            }
        }
        add(&sum, &row);
    }
    return sum;
}

void ax_errors_measure(ax_errors *e, const ax_lut *lut, const ax_lut *against)
{
    int width = against && against->width > lut->width ? against->width : lut->width;
    bool sampled = width > AX_TABLE_MAX_WIDTH;
    tally t = sampled ? sampled_pairs(lut, against, width) : all_pairs(lut, against, width);
    double bias = t.relative / t.n, top = 2 - ldexp(1, -width);
    double variance = fmax(t.squares / t.n - bias * bias, 0);
    *e = (ax_errors){
        .width = width, .sampled = sampled, .pairs = t.n,
        .med = t.distance / t.n, .nmed = t.distance / t.n / (against ? t.largest : top * top), .mred = t.magnitude / t.n,
        .wce = t.worst, .wcre = fmax(-t.lowest, t.highest), .bias = bias, .variance = variance, .sd = sqrt(variance),
        .min = t.lowest, .max = t.highest, .error_rate = t.wrong / t.n,
    };
}

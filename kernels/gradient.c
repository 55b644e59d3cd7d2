/* Tables of estimated gradients (gradient.h), made one line of the multiplier's table at a time: the values p along one operand.
 * Differences, extremes and least squares are sums of integers, hence exact: only the last division rounds. */
#include "kernels/gradient.h"

enum { LINE = 1 << AX_TABLE_MAX_WIDTH };

static const double UNIT = 0x1p-23;      /* of the values of a line */

/* line[t] = p(t, other) if `by` is 0, else p(other, t) */
static void read_line(int64_t *line, const ax_lut_view *lut, int by, size_t other)
{
    unsigned m = (unsigned)lut->width;
    for (size_t t = 0; t < (size_t)1 << m; t++) {
        uint32_t word = lut->words[by ? other << m | t : t << m | other];
        line[t] = (int64_t)(1u << 23 | (word & 0x7fffffu)) << (word >> 23);
    }
}

/* (max p - min p) / 2^m a fraction, times 2^m */
static double mean_slope(const int64_t *line, int64_t n)
{
    int64_t least = line[0], most = line[0];
    for (int64_t t = 1; t < n; t++) {
        if (line[t] < least) least = line[t];
        if (line[t] > most) most = line[t];
    }
    return (double)(most - least) * UNIT;
}

/* All but the ends of two neighbouring windows cancel. */
static double difference(const int64_t *line, int64_t n, int64_t t, int64_t h)
{
    int64_t rise = line[t + h + 1] + line[t + h] - line[t - h] - line[t - h - 1];
    return (double)rise * UNIT * (double)n / (double)(2 * (2 * h + 1));
}

/* sum of u p over sum of u^2, u = t less its mean, both doubled; the sum of (2u)^2 is n (n^2 - 1) / 3. */
static double least_squares(const int64_t *line, int64_t n)
{
    int64_t sum = 0;
    for (int64_t t = 0; t < n; t++) sum += (2 * t - (n - 1)) * line[t];
    return (double)sum * UNIT * (double)n * 2.0 / (double)(n * (n * n - 1) / 3);
}

static void estimate(float *table, float *slope, const ax_lut_view *lut, int by)
{
    int64_t line[LINE], n = INT64_C(1) << lut->width, h = ax_gradient_half_window(lut->width);
    for (int64_t j = 0; j < n; j++) {
        read_line(line, lut, by, (size_t)j);
        float ends = (float)mean_slope(line, n);
        for (int64_t t = 0; t < n; t++)
            table[t * n + j] = t > h && t < n - 1 - h ? (float)difference(line, n, t, h) : ends;
        table[n * n + j] = 1.0f + (float)j / (float)n;
        slope[j] = (float)least_squares(line, n);
    }
}

/* Floats of a table and its slopes. */
static size_t floats(int width) { return ((((size_t)1 << width) + 2) << width); }

size_t ax_gradient_bytes(int width) { return 2 * floats(width) * sizeof(float); }

void ax_gradient_init(ax_gradient *g, const ax_plan *plan, void *memory)
{
    int m = plan->lut.width;
    *g = (ax_gradient){.width = m, .hash = plan->hash};
    for (int by = 0; by < 2; by++) {
        float *table = (float *)memory + (size_t)by * floats(m), *slope = table + floats(m) - ((size_t)1 << m);
        estimate(table, slope, &plan->lut, by);
        g->table[by] = table;
        g->slope[by] = slope;
    }
}

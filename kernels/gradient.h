/* Gradients of a multiplier, estimated from its table: LUT-2D of Meng, Burleson and De Micheli, arXiv:2509.10519 (with Qian, DATE
 * 2025), and a LUT-1D.
 *
 * The product of two floats is +-2^(ea + eb) p(i, j), p in [1, 4) the significand product of their fractions. Its derivative by the
 * first operand is then +-2^eb times d p / d xi, where xi = 1 + i / 2^m, with the sign of the second operand; by the second likewise.
 * p is a staircase, so its own differences are zeros and jumps. For a fixed other operand:
 *
 * LUT-2D: p is smoothed, S(t) = the mean of p(t - h .. t + h), and differenced, g(t) = (S(t + 1) - S(t - 1)) / 2, where both windows
 *   lie within the 2^m fractions; nearer to the ends g is (max p - min p) / 2^m, the mean slope. h is half the window.
 * LUT-1D: one slope for all t, so that the gradient depends on the other operand alone.
 *
 * Both are then multiplied by 2^m, the fractions in 1 of xi. The papers smooth tables of integers from 0 on, choose h for each
 * multiplier by trial among powers of two and keep gradients in sixteenths. Here the tables are of significands, h is 2^m / 16, or 1
 * (their choices for 6 to 8 bits lie around it), and gradients are FP32. The slope of LUT-1D is here that of the least-squares line. */
#ifndef AX_GRADIENT_H
#define AX_GRADIENT_H

#include "kernels/plan.h"

typedef struct {
    int width;               /* m, 1..AX_TABLE_MAX_WIDTH */
    uint64_t hash;           /* the plan's: with the width, what a device keeps copies by */
    const float *table[2];   /* LUT-2D by the first and by the second operand, (2^m + 1, 2^m): in rows the operand it is the gradient
                              * by, in columns the other. The last row is 1 + j / 2^m, the exact gradient */
    const float *slope[2];   /* LUT-1D, (2^m) */
} ax_gradient;

/* Half of the smoothing window at width m. */
static inline int ax_gradient_half_window(int m) { return m > 4 ? 1 << (m - 4) : 1; }

/* Bytes of memory, 64-byte aligned, that ax_gradient_init wants; it lives as long as the tables. */
size_t ax_gradient_bytes(int width);

/* Estimates the gradients of a plan with a table of words. Cannot fail. */
void ax_gradient_init(ax_gradient *g, const ax_plan *plan, void *memory);

/* The gradient by s where the other operand is o is ax_gradient_scale(o) times the table's number at ax_gradient_row(s) and
 * ax_gradient_column(o). A zero, a subnormal, an infinity or a NaN has no fraction to look up: the gradient by it is the exact one,
 * o truncated. */
static inline AX_HD uint32_t ax_gradient_row(float s, int width)
{
    const uint32_t u = ax_bits(s), exponent = u >> 23 & 255;
    return exponent == 0 || exponent == 255 ? 1u << width : (u & 0x7fffffu) >> (23 - width);
}

static inline AX_HD uint32_t ax_gradient_column(float o, int width) { return (ax_bits(o) & 0x7fffffu) >> (23 - width); }

/* Sign and power of two of o; 0 for a zero or a subnormal; an infinity or a NaN as it is. */
static inline AX_HD float ax_gradient_scale(float o)
{
    const uint32_t u = ax_bits(o);
    return ax_float((u & 0x7f800000u) == 0x7f800000u ? u : u & 0xff800000u);
}

#endif

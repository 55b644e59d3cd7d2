/* How far a multiplier is from the exact one (or from another), over the significands of its operands.
 *
 * Operands are 1 + i/2^m and 1 + j/2^m; p is the multiplier's product, r the reference: the exact product of the same
 * (truncated) operands, itself not truncated, or another multiplier's product of them. With d = p - r, over all N pairs:
 *
 *   MED   sum |d| / N                      mean error distance (Liang, Han, Lombardi, IEEE TC 62(9), 2013)
 *   NMED  MED / max r                      normalised; max r = (2 - 2^-m)^2 for the exact reference (ibid.)
 *   MRED  sum |d / r| / N                  mean relative error distance
 *   WCE   max |d|                          worst-case error
 *   WCRE  max |d / r|                      worst-case relative error
 *   bias  sum (d / r) / N                  mean relative error; "error bias" of Saadat et al., IEEE TCAD 37(11), 2018
 *   var   sum (d / r - bias)^2 / N, sd = sqrt(var)
 *   min, max of d / r
 *   rate  share of pairs with d != 0       error rate
 * The survey Jiang et al., Proceedings of the IEEE 108(12), 2020, has them all. Signs and exponents do not matter to d / r,
 * underflow and overflow aside; d is in units of the operands' scale 2^(ea + eb). */
#ifndef AX_LUT_ERRORS_H
#define AX_LUT_ERRORS_H

#include "lut/lut.h"

enum {
    AX_ERRORS_SAMPLES = 1 << 24,      /* pairs drawn (Philox, seed 1) where both widths exceed AX_TABLE_MAX_WIDTH */
    AX_ERRORS_SEED = 1,
};

typedef struct {
    int width;              /* fraction bits of the operands that were tried: the wider multiplier's */
    bool sampled;           /* false: all 4^width pairs */
    double pairs;
    double med, nmed, mred, wce, wcre, bias, variance, sd, min, max, error_rate;     /* relative ones as fractions, not % */
} ax_errors;

/* `against` NULL: the exact product. Two multipliers of different width see operands of the wider one. */
void ax_errors_measure(ax_errors *e, const ax_lut *lut, const ax_lut *against);

/* The significand product of two operands in [1, 2), in [1, 4): what is measured. */
double ax_significand_product(const ax_lut *lut, float a, float b);

#endif

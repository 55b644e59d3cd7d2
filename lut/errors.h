/* How far a multiplier is from the exact one (or from another), over the significands of its operands.
 *
 * Operands are 1 + i/2^m and 1 + j/2^m; p is the multiplier's product, r the reference: the exact product of the same
 * (truncated) operands, itself not truncated, or another multiplier's product of them. A pair has the weight w: 1, or, for the
 * operands of given numbers, how often i occurs times how often j does. With d = p - r and W = sum w over all pairs:
 *
 *   MED   sum w |d| / W                    mean error distance (Liang, Han, Lombardi, IEEE TC 62(9), 2013)
 *   NMED  MED / max r                      normalised; max r = (2 - 2^-m)^2 for the exact reference (ibid.), whatever the weights
 *   MRED  sum w |d / r| / W                mean relative error distance
 *   WCE   max |d|                          worst-case error
 *   WCRE  max |d / r|                      worst-case relative error
 *   bias  sum w (d / r) / W                mean relative error; "error bias" of Saadat et al., IEEE TCAD 37(11), 2018
 *   var   sum w (d / r - bias)^2 / W, sd = sqrt(var)
 *   min, max of d / r
 *   rate  share of pairs with d != 0       error rate
 * The survey Jiang et al., Proceedings of the IEEE 108(12), 2020, has them all. Extremes are those of pairs of positive weight.
 * Signs and exponents do not matter to d / r, underflow and overflow aside; d is in units of the operands' scale 2^(ea + eb). */
#ifndef AX_LUT_ERRORS_H
#define AX_LUT_ERRORS_H

#include "lut/lut.h"
#include "lut/pairs.h"

typedef struct {
    int width;              /* fraction bits of the operands that were tried: the wider multiplier's */
    bool sampled;           /* false: all pairs there are */
    double pairs;           /* tried: of all 4^width, or of the different pairs among the operands given */
    double med, nmed, mred, wce, wcre, bias, variance, sd, min, max, error_rate;     /* relative ones as fractions, not % */
} ax_errors;

/* `against` NULL: the exact product. Two multipliers of different width see operands of the wider one. */
void ax_errors_measure(ax_errors *e, const ax_lut *lut, const ax_lut *against);

/* The same, weighted by the significands of given numbers; `a` are first operands. AX_ENOMEM; neither may be empty. */
int ax_errors_measure_over(ax_errors *e, const ax_lut *lut, const ax_lut *against, const ax_operands *a, const ax_operands *b);

/* Two multipliers on the same operands, of the wider one's width. */
enum { AX_DIFFERENCES_SHOWN = 5 };
typedef struct {
    ax_errors first, second;             /* each against the exact product of these operands */
    ax_errors between;                   /* the first against the second: its error rate is the share of pairs that differ */
    double smaller, equal, larger;       /* shares of pairs: the first's |d| is smaller than, equal to, larger than the second's */
    int differences;                     /* shown: the first few pairs that differ */
    struct {
        float a, b;
        double first, second;            /* products */
    } difference[AX_DIFFERENCES_SHOWN];
} ax_errors_pair;

/* NULL operands: all fractions alike. AX_ENOMEM, never so with both NULL. */
int ax_errors_compare(ax_errors_pair *c, const ax_lut *first, const ax_lut *second, const ax_operands *a, const ax_operands *b);

/* The significand product of two operands in [1, 2), in [1, 4), or 4 where operands are rounded: what is measured. */
double ax_significand_product(const ax_lut *lut, float a, float b);

#endif

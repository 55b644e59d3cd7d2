/* Which pairs of operands an error metric runs over, and how much each counts: all significands of a width alike, or those of
 * numbers given, the first operand independent of the second. */
#ifndef AX_LUT_PAIRS_H
#define AX_LUT_PAIRS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    AX_ERRORS_SAMPLES = 1 << 24,      /* pairs drawn by Philox where all would be too many */
    AX_ERRORS_SEED = 1,
    AX_PAIR_ROW = 1 << 13,
};

/* Numbers as operands: finite ones other than zero have a significand. Zeros, subnormals (zeros to a multiplier), NaNs and
 * infinities are counted and left out, as their products do not depend on the multiplier. */
typedef struct {
    uint32_t *fraction;            /* (n) 23 fraction bits each, in the order given; owned */
    uint64_t *upto;                /* (n) how often this one and those before it occur, in all; NULL: once each; owned */
    int64_t n, zeros, subnormals, nans, infinities;
} ax_operands;

/* times: (count) whole numbers, how often each value occurs; a value of none is not counted either. NULL: once each. AX_ENOMEM. n may
 * be 0. */
int ax_operands_init(ax_operands *o, const float *values, const float *times, int64_t count);
void ax_operands_release(ax_operands *o);

/* Adds to count (2^width) how often each significand of `width` bits occurs. */
void ax_operands_count(uint64_t *count, const ax_operands *o, int width);

/* The different significands of one side, ascending, truncated to a width. */
typedef struct {
    uint32_t n;
    uint32_t *fraction;            /* (n) 23 bits; NULL: all 2^width */
    double *weight;                /* (n) how often each occurs, without a common factor; NULL: all alike */
} ax_significands;

typedef struct {
    int width;
    bool sampled;                  /* pairs are drawn; else every pair of `a` and `b` comes once, weighted */
    double count;                  /* of pairs to come in all */
    const ax_operands *from[2];    /* whence pairs are drawn; NULL: all fractions alike */
    ax_significands a, b;
    uint64_t at;                   /* the next pair */
} ax_pairs;

/* Pairs of `width` bits. NULL operands: all fractions alike. All pairs are tried up to AX_TABLE_MAX_WIDTH bits, and where the
 * numbers given have at most AX_ERRORS_SAMPLES different pairs. AX_ENOMEM (never with both NULL). Neither may be empty. */
int ax_pairs_init(ax_pairs *p, int width, const ax_operands *a, const ax_operands *b);
void ax_pairs_release(ax_pairs *p);

/* Some pairs, in an order that depends on nothing but the operands. */
typedef struct {
    int n;
    float a[AX_PAIR_ROW], b[AX_PAIR_ROW];      /* significands, in [1, 2) */
    double weight[AX_PAIR_ROW];                /* above 0 */
} ax_pair_row;
bool ax_pairs_next(ax_pair_row *row, ax_pairs *p);      /* false: there are no more */

#endif

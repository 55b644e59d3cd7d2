/* What a table is, found once when a multiplier is loaded: which operand bits matter, which rows and columns differ, whether
 * it is a sum or little more than one, how wide its products are. A kernel is chosen from these facts and never from a name.
 * The same analysis serves CPU and GPU. */
#ifndef AX_PLAN_H
#define AX_PLAN_H

#include "lut/view.h"

#include <stddef.h>
#include <stdint.h>

/* Tables of at most 7 fraction bits (operands and products) in the forms the narrow kernels read. A product kernel keeps one
 * operand in rows and runs vector lanes over the other: index [0] has the first operand in rows, [1] the second (transposed).
 * A product of 7 fraction bits is a bfloat16, so a word is kept as carry << 7 | fraction. */
enum { AX_NARROW_BITS = 7, AX_NARROW = 1 << AX_NARROW_BITS };

typedef struct {
    int row_bits[2];          /* leading fraction bits of the row operand that select a row, 0..7 */
    int lane_bits[2];         /* of the lane operand: 4, 6 or 7, at least as many as matter; row 1 << row_bits is all zero */
    AX_ALIGNED(64) uint16_t row_word[2][AX_NARROW];        /* additive: word = row_word + lane_word, by 7 bits of each operand */
    AX_ALIGNED(64) uint16_t lane_word[2][AX_NARROW];
    AX_ALIGNED(64) uint32_t words4[2][AX_NARROW + 1][2][16]; /* lane_bits = 4: (row, {word << 16, word}, lane) */
    AX_ALIGNED(64) uint8_t bytes[2][AX_NARROW + 1][AX_NARROW]; /* lane_bits = 6 or 7: (row, lane) */
    /* For machines without bfloat16 instructions: rows of 2^lane_live lanes, at least 16, one after another. */
    int lane_live[2];         /* leading fraction bits of the lane operand that matter, 0..7 */
    AX_ALIGNED(64) uint32_t dwords[2][(AX_NARROW + 1) * 32];        /* lane_live <= 5: (row, lane), word << 16 */
    AX_ALIGNED(64) uint16_t words[2][(AX_NARROW + 1) * AX_NARROW];  /* lane_live >= 6: (row, lane) */
    AX_ALIGNED(64) uint8_t steps[2][(AX_NARROW + 1) * AX_NARROW];   /* (row, lane), bytes; lanes from 16 on are XORed with those
                                                                     * 16 before */
} ax_narrow;

/* Tables that are neither narrow nor a small sum nor of another known form, as planes of bytes: bits 23..16 of the words (carry and
 * 7 fraction bits), 15..8, 7..0. Index [role] as above. */
typedef struct {
    int count;                /* 1..3: planes that hold anything */
    int row_bits[2];          /* leading fraction bits of the row operand that select a row, 0..11 */
    int lane_bits[2];         /* of the lane operand, 7..11 */
    const uint8_t *bytes[2];  /* (row, plane, lane); row 1 << row_bits is all zero */
} ax_planes;

/* A rank is that of the matrix of significand values v(i, j) = (1 + fraction) * 2^carry, integers in units of 2^-23: at most
 * r if and only if v(i, j) = sum of r products s_r(i) * t_r(j). More than AX_TABLE_RANK_MAX is not told apart. */
enum { AX_TABLE_RANK_MAX = 8 };

typedef struct ax_plan {
    ax_lut_view lut;          /* lut.fused is decided here: 1 for m <= 7 and for additive tables of any width */
    uint64_t hash;            /* of the width, the words and lut.compat: what a device keeps copies by */
    enum ax_form form;        /* found from the words; the family's above m = 11 */
    int live_a, live_b;       /* leading fraction bits of each operand that change a product (0..m; m itself above m = 11) */
    uint32_t mask_a, mask_b;  /* the same as masks of the m-bit fraction, where a bit between live ones may be dead */
    int out_bits;             /* fraction bits a product can have (0..23) */
    int additive;             /* word(i, j) = alpha(i) + beta(j) for all pairs; the least beta is 0 */
    const uint32_t *alpha;    /* (2^m) and (2^m) words if additive and m <= 11; NULL for additive families above, */
    const uint32_t *beta;     /*   where alpha(i) = i << (23 - m), beta(j) = j << (23 - m) */
    int small_sum;            /* additive, beta and alpha - alpha_min below 2^23: a word carries no further than one bit */
    int linear;               /* additive with alpha(i) = i << (23 - m), beta(j) = j << (23 - m) */
    uint32_t alpha_min, alpha_max, beta_max;     /* extremes of alpha and beta */
    int distinct_rows;        /* different rows of the table, 1..2^m; 0 above m = 11 */
    int distinct_columns;
    int rank;                 /* 1..AX_TABLE_RANK_MAX, AX_TABLE_RANK_MAX + 1: more; 0: unknown, there is no table */
    int sum_rank;             /* the least r found such that v is an additive table's values plus a matrix of rank r; 0:
                               * additive; AX_TABLE_RANK_MAX + 1: more, or unknown. The additive table, unless the table itself, is
                               * Mitchell's sum of the operands' live bits; if sum_centred, with the bit below them set. */
    int sum_centred;
    const ax_narrow *narrow;  /* or NULL: an operand or a product has more than 7 live bits, or the step is not fused */
    const ax_planes *planes;  /* or NULL: narrow, a small sum, of a known form, or without a table */
} ax_plan;

/* Bytes of work memory that ax_plan_init wants for a multiplier (64-byte aligned); it lives as long as the plan. */
size_t ax_plan_bytes(const ax_lut_view *lut);

/* Analyses `lut`, whose words must outlive the plan. Cannot fail. */
void ax_plan_init(ax_plan *plan, const ax_lut_view *lut, void *memory);

/* Which kernel serves this plan on this machine, as `mult list -v` and `lut info` print it. role 0: with the first operand in
 * rows and the second in vector lanes; role 1: the reverse (kernels/cpu/gemm.h). */
const char *ax_plan_kernel(const ax_plan *plan, int role);

#endif

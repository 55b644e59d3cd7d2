/* What a table is, found once when a multiplier is loaded: which operand bits matter, whether it is additive, how wide its
 * products are. A kernel is chosen from these facts and never from a name. The same analysis serves CPU and GPU. */
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
    _Alignas(64) uint16_t row_word[2][AX_NARROW];        /* additive: word = row_word + lane_word, by 7 bits of each operand */
    _Alignas(64) uint16_t lane_word[2][AX_NARROW];
    _Alignas(64) uint32_t words4[2][AX_NARROW + 1][2][16]; /* lane_bits = 4: (row, {word << 16, word}, lane) */
    _Alignas(64) uint8_t bytes[2][AX_NARROW + 1][AX_NARROW]; /* lane_bits = 6 or 7: (row, lane) */
} ax_narrow;

typedef struct ax_plan {
    ax_lut_view lut;          /* lut.fused is the plan's own: additive tables of any width are fused too */
    int live_a, live_b;       /* leading fraction bits of each operand that change a product (0..m; m itself above m = 11) */
    int out_bits;             /* fraction bits a product can have (0..23) */
    int additive;             /* word(i, j) = alpha(i) + beta(j) for all pairs; the least beta is 0 */
    const uint32_t *alpha;    /* (2^m) and (2^m) words if additive and m <= 11; NULL for additive families above, */
    const uint32_t *beta;     /*   where alpha(i) = i << (23 - m), beta(j) = j << (23 - m) */
    int linear;               /* additive with alpha(i) = i << (23 - m), beta(j) = j << (23 - m) */
    uint32_t alpha_min, alpha_max, beta_max;     /* extremes of alpha and beta */
    int distinct_rows;        /* different rows of the table, 1..2^m; 0 above m = 11 */
    const ax_narrow *narrow;  /* or NULL: an operand or a product has more than 7 live bits, or the step is not fused */
} ax_plan;

/* Bytes of work memory that ax_plan_init wants for a multiplier (64-byte aligned); it lives as long as the plan. */
size_t ax_plan_bytes(const ax_lut_view *lut);

/* Analyses `lut`, whose words must outlive the plan. Cannot fail. */
void ax_plan_init(ax_plan *plan, const ax_lut_view *lut, void *memory);

/* Which kernel serves this plan on this machine, as `mult list -v` and `lut info` print it. */
const char *ax_plan_kernel(const ax_plan *plan);

#endif

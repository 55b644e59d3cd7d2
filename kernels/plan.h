/* What a table is, found once when a multiplier is loaded: which operand bits matter, whether it is additive, how wide its
 * products are. A kernel is chosen from these facts and never from a name. The same analysis serves CPU and GPU. */
#ifndef AX_PLAN_H
#define AX_PLAN_H

#include "lut/view.h"

#include <stddef.h>
#include <stdint.h>

typedef struct ax_plan {
    ax_lut_view lut;
    int live_a, live_b;       /* leading fraction bits of each operand that change a product (0..m) */
    int out_bits;             /* fraction bits a product can have (0..23) */
    int additive;             /* word(i, j) = alpha(i) + beta(j) for all pairs */
    const uint32_t *alpha;    /* (2^m) and (2^m) words if additive and m <= 11; NULL for additive families above, */
    const uint32_t *beta;     /*   where alpha(i) = i << (23 - m), beta(j) = j << (23 - m) */
    int distinct_rows;        /* different rows of the table, 1..2^m; 0 above m = 11 */
    const void *packed;       /* tables in the forms the fast kernels read, or NULL */
} ax_plan;

/* Bytes of work memory that ax_plan_init wants for a multiplier (64-byte aligned); it lives as long as the plan. */
size_t ax_plan_bytes(const ax_lut_view *lut);

/* Analyses `lut`, which must outlive the plan. Cannot fail. */
void ax_plan_init(ax_plan *plan, const ax_lut_view *lut, void *memory);

/* Which kernel serves this plan on this machine, as `mult list -v` and `lut info` print it. */
const char *ax_plan_kernel(const ax_plan *plan);

#endif

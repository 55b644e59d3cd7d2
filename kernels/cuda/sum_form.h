/* Narrow tables seen as a sum: word(i, j) = row(i) + lane(j), plus `rank` products of values, v(i, j) += s_r(i) * t_r(j).
 * Operands are known by 7 fraction bits, whatever the table's width. */
#ifndef AX_CUDA_SUM_FORM_H
#define AX_CUDA_SUM_FORM_H

#include "kernels/cuda/device.h"

enum { AX_SUM_RANK_MAX = 3, AX_SUM_SIDE = AX_NARROW };

/* One operand's half. A word is carry << 7 | fraction. Factors are bfloat16. */
struct ax_sum_side {
    uint16_t word[AX_SUM_SIDE];
    float factor[AX_SUM_RANK_MAX][AX_SUM_SIDE];
};

struct ax_sum_form {
    int rank;                        /* -1: the table is not of this form */
    ax_sum_side side[2];             /* the first operand's, the second's */
};

struct ax_sum_forms {
    uint64_t hash;
    ax_sum_form host;
    const ax_sum_form *device;       /* NULL where rank is -1 */
    unsigned generation;             /* of ax_cuda, when it was sent */
    ax_sum_forms *next;
};

/* Found when a plan is first asked for, and kept. NULL: no memory is left (the failure is recorded). */
const ax_sum_forms *ax_sum_forms_of(const ax_plan *plan);

#endif

/* The part of the analysis that compares rows and columns; kernels/plan.c calls it. */
#ifndef AX_PLAN_RANK_H
#define AX_PLAN_RANK_H

#include "kernels/plan.h"

/* Equal rows, or equal columns, of a table. */
typedef struct {
    int count;
    uint16_t of[1 << AX_TABLE_MAX_WIDTH];       /* (2^m) the class of each */
    uint16_t first[1 << AX_TABLE_MAX_WIDTH];    /* (count) the first of each class */
} ax_classes;

void ax_classes_find(ax_classes *rows, ax_classes *columns, const ax_lut_view *lut);

/* The bits of an index that ever change its class. */
uint32_t ax_classes_mask(const ax_classes *classes, int width);

/* Fills rank, sum_rank and sum_centred from the words, the masks and `additive`. */
void ax_plan_find_ranks(ax_plan *plan, const ax_classes *rows, const ax_classes *columns);

#endif

/* Positions of patches, staged: the rows of the tensor that their windows reach, copied once with the zeros of the borders and
 * between cells, so that fetching a block needs no look at borders. */
#ifndef AX_CPU_STAGED_H
#define AX_CPU_STAGED_H

#include "kernels/cpu/source.h"

/* Makes an AX_OPERAND_PATCHES an AX_OPERAND_STAGED of these positions, in `buffer`, from which blocks are to be fetched as
 * (k, rows) if k_major, else as (rows, k). Leaves it as it is if its rows do not fit. */
void ax_staged_init(ax_operand *o, float *buffer, int64_t floats, int k_major, ax_range positions, const ax_moves *moves);

/* As ax_source_fetch, of staged positions. */
void ax_staged_fetch(float *out, int64_t ld, int k_major, const ax_operand *o, ax_range rows, ax_range ks, const ax_moves *moves);

/* As ax_source_rows, of staged positions. */
int64_t ax_staged_rows(const float **at, const ax_operand *o, ax_range rows, ax_range ks);

#endif

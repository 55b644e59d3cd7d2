/* Im2col from the tensor as it lies: for positions that see more of it than can be staged (staged.h). */
#ifndef AX_CPU_PATCHES_H
#define AX_CPU_PATCHES_H

#include "kernels/cpu/source.h"

/* out = positions by taps of an AX_OPERAND_PATCHES, ld apart: (positions, taps) if taps_inner, else (taps, positions). */
void ax_patches_fetch(float *out, int64_t ld, int taps_inner, const ax_operand *o, ax_range positions, ax_range taps,
                      const ax_moves *moves);

#endif

/* Tables as planes of bytes: what kernels that select bytes, or build small tables of some columns, read of a table that is
 * neither a sum nor narrow. kernels/plan.c calls this. */
#ifndef AX_PLAN_PLANES_H
#define AX_PLAN_PLANES_H

#include "kernels/plan.h"

/* Bytes of memory for the planes of any table of lut's width and output bits (64-byte aligned); 0 without a table. */
size_t ax_planes_bytes(const ax_lut_view *lut, int out_bits);

/* Fills plan->planes from the words, the live bits and out_bits. */
void ax_planes_init(ax_plan *plan, void *memory);

#endif

/* What kernels of narrow tables share where there are no bfloat16 instructions: which tables they serve, and packed rows.
 * Products are floats: those of a row by 16 to 128 lanes stand in a table, to which the row's sign and exponent are added, and
 * the FMA multiplies by the lane's. */
#ifndef AX_CPU_NARROW_TABLE_H
#define AX_CPU_NARROW_TABLE_H

#include "kernels/cpu/wide/tile.h"

/* Live bits of the lane operand, as tables are kept: 4 to 7; 0 if the table is not narrow, or a sum that needs no table. */
static int narrow_bits(const ax_plan *plan, int role)
{
    if (!plan->narrow || plan->small_sum) return 0;
    return plan->narrow->lane_live[role] < 4 ? 4 : plan->narrow->lane_live[role];
}

/* A k of a packed row. */
typedef struct {
    uint32_t offset;      /* of the row's products, in bytes */
    uint32_t power;       /* sign and exponent, in both halves if products are added to as words; 0 for a zero */
} table_row;

INLINE const table_row *row_at(const tile *t, int i, int k)
{
    return (const table_row *)(const void *)(t->rows + i * t->row_stride) + k;
}

/* Rows of 2^row_shift bytes; the one after the last is all zero. */
INLINE ax_extent pack_table_rows(void *out, int64_t stride, const float *x, int64_t ld, int rows, int ks, int bits,
                                 int row_shift, const int halves)
{
    extremes e = no_extremes();
    for (int r = 0; r < rows; r++) {
        char *row = (char *)out + r * stride;
        for (int k = 0; k < ks; k += VL) {
            vu v = load_part(first_lanes(ks - k), x + r * ld + k), live = nonzero(v);
            note_largest(&e, v);
            vu index = (v & 0x7fffffu) >> (23 - bits), power = v & 0xff800000u & live;
            index = (index & live) | (~live & (1u << bits));
            if (halves) power |= power >> 16;
            store_interleaved(row + sizeof(table_row) * k, index << row_shift, power);
        }
    }
    return extent_of(&e);
}

#endif

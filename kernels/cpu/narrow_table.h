/* What kernels of narrow tables share where there are no bfloat16 instructions: which tables they serve, and packed rows.
 * Products are floats: those of a row by 16 to 128 lanes stand in a table, to which the row's sign and exponent are added, and
 * the FMA multiplies by the lane's. */
#ifndef AX_CPU_NARROW_TABLE_H
#define AX_CPU_NARROW_TABLE_H

#include "kernels/cpu/wide/tile.h"

/* Live bits of the lane operand, as tables are kept: 4 to 7; 0 if the table is not narrow, or a sum that needs no table. */
static int narrow_bits(const ax_plan *plan, int role)
{
    int sum = plan->additive && plan->beta_max < 1u << 23 && plan->alpha_max - plan->alpha_min < 1u << 23;
    if (!plan->narrow || sum) return 0;
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

/* first[0], second[0], first[1], ... */
INLINE void store_interleaved(char *out, vu first, vu second)
{
#ifdef __AVX512F__
    const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const __m512i high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
    store(out, (vu)_mm512_permutex2var_epi32((__m512i)first, low, (__m512i)second));
    store(out + 64, (vu)_mm512_permutex2var_epi32((__m512i)first, high, (__m512i)second));
#else
    __m256i low = _mm256_unpacklo_epi32((__m256i)first, (__m256i)second);
    __m256i high = _mm256_unpackhi_epi32((__m256i)first, (__m256i)second);
    store(out, (vu)_mm256_permute2x128_si256(low, high, 0x20));
    store(out + 32, (vu)_mm256_permute2x128_si256(low, high, 0x31));
#endif
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

/* Any table whose lane operand has at most 4 live bits: a row of 16 words fits a register, and vpermw selects 32 products.
 * The rows of k0 and k1 interleave as the high and low words of 32 bits, signs and exponents added once a row. */
#ifdef __AVX512BF16__
#include "kernels/cpu/avx512bf16/narrow.h"

enum { WIDE_PANEL = 96, ENTRY = 768 };      /* bytes of a k pair of a panel: 6 vectors of indices, 6 of scales */

static int serves(const ax_plan *plan, int role) { return plan->narrow && plan->narrow->lane_bits[role] == 4; }

/* 16 lanes of a pair: indices 2i of k1 and 2i + 1 of k0 into the interleaved words, then scales. */
INLINE void store_pairs(char *entry, __m512i h)
{
    __m512i index = _mm512_and_si512(_mm512_srli_epi16(h, 2), _mm512_set1_epi16(0x1e));
    _mm512_store_si512(entry, _mm512_or_si512(index, splat(0x00010000u)));
    _mm512_store_si512(entry + ENTRY / 2, _mm512_and_si512(h, _mm512_set1_epi16((short)0xff80)));
}

static ax_extent pack_lanes(void *out, const float *x, int64_t ld, int lanes, int ks, ax_gemm_side side)
{
    __m512i largest = _mm512_setzero_si512();
    (void)side;
    for (int k = 0; k < ks; k += 2)
        UNROLL for (int j = 0; j < 6; j++) {
            if (16 * j >= lanes) break;
            __m512i h = lane_pairs(x, ld, lanes, ks, k, j);
            largest = larger_pair(largest, h);
            store_pairs((char *)out + k / 2 * ENTRY + 64 * j, h);
        }
    return extent_of_pairs(largest);
}

static ax_extent pack_turned(void *out, const float *const *at, int lanes, int ks, ax_gemm_side side)
{
    __m512i largest = _mm512_setzero_si512();
    turned_pairs turned;
    (void)side;
    for (int k = 0; k < ks; k += 2) {
        if (k % TURNED == 0) turn(&turned, at, k, lanes, ks);
        UNROLL for (int j = 0; j < 6; j++) {
            if (16 * j >= lanes) break;
            __m512i h = _mm512_load_si512(turned.pair[k % TURNED / 2] + 16 * j);
            largest = larger_pair(largest, h);
            store_pairs((char *)out + k / 2 * ENTRY + 64 * j, h);
        }
    }
    return extent_of_pairs(largest);
}

/* The words of a k pair's two rows, with their signs and exponents. Opaque, else each permutation makes them again. */
INLINE __m512i row_words(const char *words, const char *entry)
{
    row_entry e = read_entry(entry);
    __m512i row = _mm512_or_si512(_mm512_load_si512(words + e.row0), _mm512_load_si512(words + e.row1 + 64));
    row = _mm512_add_epi16(row, splat(e.power));
    __asm__("" : "+v"(row));
    return row;
}

INLINE void body(const tile *t, const int mr, const int nv)
{
    const char *words = (const char *)t->side.plan->narrow->words4[t->side.role];
    const char *rows = t->rows, *lanes = t->lanes;
    sums acc;
    load_sums(acc, t, mr, nv);
    for (int p = pairs_of(t); p > 0; p--, rows += 16, lanes += ENTRY) {
        __m512i row[MOST_ROWS];
        UNROLL for (int i = 0; i < mr; i++) row[i] = row_words(words, rows + i * t->row_stride);
        UNROLL for (int j = 0; j < nv; j++) {
            __m512i index = _mm512_load_si512(lanes + 64 * j), scale = _mm512_load_si512(lanes + ENTRY / 2 + 64 * j);
            __asm__("" : "+v"(index), "+v"(scale));      /* loaded once, not for each row */
            UNROLL for (int i = 0; i < mr; i++)
                acc[i][j] = add_pairs(acc[i][j], _mm512_permutexvar_epi16(index, row[i]), scale);
        }
    }
    store_sums(acc, t, mr, nv);
}

static const int most[] = {0, 8, 8, 6, 5, 4, 4};

DEFINE_ADD(add, 6, most, 0, CASES8(body, 1) CASES8(body, 2) CASES6(body, 3) CASES5(body, 4) CASES4(body, 5) CASES4(body, 6))

const ax_gemm_kernel ax_gemm_bf16_table4[] = {
    {"bf16-table4", AX_ISA_AVX512BF16, serves, ax_gemm_in_range, WIDE_PANEL, 96, 160, 8, ENTRY / 2, ax_narrow_pack_table_rows,
     pack_lanes, pack_turned, add},
    {0},
};
#endif

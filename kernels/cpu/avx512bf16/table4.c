/* Any table whose lane operand has at most 4 live bits: a row of 16 words fits a register, and vpermw selects 32 products.
 * The rows of k0 and k1 interleave as the high and low words of 32 bits, signs and exponents added once a row. */
#ifdef __AVX512BF16__
#include "kernels/cpu/avx512bf16/narrow.h"

enum { ENTRY = 512 };      /* bytes of a k pair of a panel: 4 vectors of indices, 4 of scales */

static int serves(const ax_plan *plan, int role) { return plan->narrow && plan->narrow->lane_bits[role] == 4; }

/* A panel: indices 2i of k1 and 2i + 1 of k0 into the interleaved words, then scales. */
static ax_extent pack_lanes(void *out, const float *x, int64_t ld, int lanes, int ks, ax_gemm_side side)
{
    __m512i largest = _mm512_setzero_si512();
    int nv = (lanes + 15) / 16;
    (void)side;
    for (int k = 0; k < ks; k += 2) {
        char *entry = (char *)out + (size_t)(k / 2) * ENTRY;
        for (int j = 0; j < nv; j++) {
            __m512i v0 = lane_vector(x, ld, lanes, ks, k, j), v1 = lane_vector(x, ld, lanes, ks, k + 1, j);
            largest = larger(larger(largest, v0), v1);
            __m512i h = pair_up(v0, v1);
            __m512i index = _mm512_and_si512(_mm512_srli_epi16(h, 2), _mm512_set1_epi16(0x1e));
            _mm512_store_si512(entry + 64 * j, _mm512_or_si512(index, splat(0x00010000u)));
            _mm512_store_si512(entry + 256 + 64 * j, _mm512_and_si512(h, _mm512_set1_epi16((short)0xff80)));
        }
    }
    return extent_of(largest);
}

INLINE void body(const tile *t, const int mr, const int nv)
{
    const char *words = (const char *)t->side.plan->narrow->words4[t->side.role];
    const char *rows = t->rows, *lanes = t->lanes;
    __m512 acc[8][4];
    load_sums(acc, t, mr, nv);
    for (int p = pairs_of(t); p > 0; p--, rows += 16, lanes += ENTRY) {
        __m512i index[4], scale[4];
        UNROLL for (int j = 0; j < nv; j++) {
            index[j] = _mm512_load_si512(lanes + 64 * j);
            scale[j] = _mm512_load_si512(lanes + 256 + 64 * j);
        }
        UNROLL for (int i = 0; i < mr; i++) {
            const uint32_t *entry = (const uint32_t *)(const void *)(rows + i * t->row_stride);
            __m512i row = _mm512_or_si512(_mm512_load_si512(words + entry[0]), _mm512_load_si512(words + entry[1] + 64));
            row = _mm512_add_epi16(row, splat(entry[2]));
            __asm__("" : "+v"(row));      /* else each permutation loads and adds it again */
            UNROLL for (int j = 0; j < nv; j++)
                acc[i][j] = add_pairs(acc[i][j], _mm512_permutexvar_epi16(index[j], row), scale[j]);
        }
    }
    store_sums(acc, t, mr, nv);
}

DEFINE_ADD(add, body)

const ax_gemm_kernel ax_gemm_bf16_table4[] = {
    {"bf16-table4", AX_ISA_AVX512BF16, serves, ax_gemm_in_range, PANEL, 128, 160, 8, ENTRY / 2, ax_narrow_pack_table_rows, pack_lanes, add},
    {0},
};
#endif

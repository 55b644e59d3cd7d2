/* Additive tables of at most 7 bits: a product's bits are one 16-bit sum, row_word plus sign and exponent from the row side,
 * lane_word from the lane side. A zero row operand packs as 0, so that the sum is a subnormal bfloat16: a zero. */
#ifdef __AVX512BF16__
#include "kernels/cpu/avx512bf16/narrow.h"

enum { ENTRY = 512 };      /* bytes of a k pair of a panel: 4 vectors of lane words, 4 of scales */

static int serves(const ax_plan *plan, int role) { return (void)role, plan->narrow && plan->small_sum; }

/* A row: 4 bytes a pair, bfloat16 of k0 above that of k1. */
static ax_extent pack_rows(void *out, int64_t stride, const float *x, int64_t ld, int rows, int ks, ax_gemm_side side)
{
    const words128 words = load_words(side.plan->narrow->row_word[side.role]);
    __m512i largest = _mm512_setzero_si512();
    for (int r = 0; r < rows; r++) {
        uint32_t *row = (uint32_t *)(void *)((char *)out + r * stride);
        for (int k = 0; k < ks; k += 16) {
            __m512i v = row_vector(x, ld, ks, r, k);
            largest = larger(largest, v);
            __m512i h = _mm512_or_si512(_mm512_and_si512(v, _mm512_set1_epi64(0xffff0000)), _mm512_srli_epi64(v, 48));
            __mmask32 nonzero = _mm512_test_epi16_mask(h, _mm512_set1_epi16(0x7f80));
            __m512i word = look_up(&words, _mm512_and_si512(h, _mm512_set1_epi16(0x7f)));
            h = _mm512_maskz_add_epi16(nonzero, word, _mm512_and_si512(h, _mm512_set1_epi16((short)0xff80)));
            _mm256_storeu_si256((__m256i *)(void *)(row + k / 2), _mm512_cvtepi64_epi32(h));
        }
    }
    return extent_of(largest);
}

/* 16 lanes of a pair: words, then scales. */
INLINE void store_pairs(char *entry, __m512i h, const words128 *words)
{
    _mm512_store_si512(entry, look_up(words, _mm512_and_si512(h, _mm512_set1_epi16(0x7f))));
    _mm512_store_si512(entry + ENTRY / 2, _mm512_and_si512(h, _mm512_set1_epi16((short)0xff80)));
}

static ax_extent pack_lanes(void *out, const float *x, int64_t ld, int lanes, int ks, ax_gemm_side side)
{
    const words128 words = load_words(side.plan->narrow->lane_word[side.role]);
    __m512i largest = _mm512_setzero_si512();
    for (int k = 0; k < ks; k += 2)
        UNROLL for (int j = 0; j < 4; j++) {
            if (16 * j >= lanes) break;
            __m512i h = lane_pairs(x, ld, lanes, ks, k, j);
            largest = larger_pair(largest, h);
            store_pairs((char *)out + k / 2 * ENTRY + 64 * j, h, &words);
        }
    return extent_of_pairs(largest);
}

static ax_extent pack_turned(void *out, const float *const *at, int lanes, int ks, ax_gemm_side side)
{
    const words128 words = load_words(side.plan->narrow->lane_word[side.role]);
    __m512i largest = _mm512_setzero_si512();
    turned_pairs turned;
    for (int k = 0; k < ks; k += 2) {
        if (k % TURNED == 0) turn(&turned, at, k, lanes, ks);
        UNROLL for (int j = 0; j < 4; j++) {
            if (16 * j >= lanes) break;
            __m512i h = _mm512_load_si512(turned.pair[k % TURNED / 2] + 16 * j);
            largest = larger_pair(largest, h);
            store_pairs((char *)out + k / 2 * ENTRY + 64 * j, h, &words);
        }
    }
    return extent_of_pairs(largest);
}

/* A step of a sum waits for the one before, so that few sums take as long as many. With 24 the scales are read again for each
 * row. */
INLINE void body(const tile *t, const int mr, const int nv)
{
    const char *rows = t->rows, *lanes = t->lanes;
    sums acc;
    load_sums(acc, t, mr, nv);
    for (int p = pairs_of(t); p > 0; p--, rows += 4, lanes += ENTRY) {
        __m512i word[4];
        UNROLL for (int j = 0; j < nv; j++) word[j] = _mm512_load_si512(lanes + 64 * j);
        UNROLL for (int i = 0; i < mr; i++) {
            const char *scales = lanes + ENTRY / 2;
            if (mr * nv > 20) __asm__("" : "+r"(scales));
            __m512i row = splat(*(const uint32_t *)(const void *)(rows + i * t->row_stride));
            UNROLL for (int j = 0; j < nv; j++)
                acc[i][j] = add_pairs(acc[i][j], _mm512_add_epi16(row, word[j]), _mm512_load_si512(scales + 64 * j));
        }
    }
    store_sums(acc, t, mr, nv);
}

static const int most[] = {0, 8, 8, 6, 5};

DEFINE_ADD(add, 4, most, 6, CASES8(body, 1) CASES8(body, 2) CASES6(body, 3) CASES6(body, 4))

const ax_gemm_kernel ax_gemm_bf16_additive[] = {
    {"bf16-additive", AX_ISA_AVX512BF16, serves, ax_gemm_in_range, PANEL, 128, 160, 2, ENTRY / 2, pack_rows, pack_lanes,
     pack_turned, add},
    {0},
};
#endif

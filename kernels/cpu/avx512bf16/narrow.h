/* What the kernels for tables of at most 7 live bits share. A product of 7 fraction bits is a bfloat16, so vdpbf16ps adds two
 * products a lane: acc + u1 * 2^e1, then + u0 * 2^e0, each rounded, the high half of a pair first. The lower k of a pair
 * therefore lies in the high half, which makes the strict order. */
#ifndef AX_CPU_NARROW_H
#define AX_CPU_NARROW_H

#include "kernels/cpu/gemm.h"

#include <immintrin.h>

enum { PANEL = 64 };            /* lanes of a panel: 4 vectors of sums */

INLINE __m512i splat(uint32_t x) { return _mm512_set1_epi32((int)x); }

INLINE __mmask16 first_lanes(int n) { return n >= 16 ? 0xffff : n <= 0 ? 0 : (__mmask16)((1u << n) - 1); }

/* 16 pairs as bfloat16: the upper halves of v0 above those of v1. */
INLINE __m512i pair_up(__m512i v0, __m512i v1)
{
    return _mm512_ternarylogic_epi32(splat(0xffff0000u), v0, _mm512_srli_epi32(v1, 16), 0xca);
}

INLINE __m512i larger(__m512i largest, __m512i v)
{
    return _mm512_max_epu32(largest, _mm512_and_si512(v, splat(0x7fffffffu)));
}

/* words[index] for 32 indices of 7 bits. */
typedef struct {
    __m512i part[4];
} words128;

INLINE words128 load_words(const uint16_t *words)
{
    return (words128){{_mm512_load_si512(words), _mm512_load_si512(words + 32), _mm512_load_si512(words + 64),
                       _mm512_load_si512(words + 96)}};
}

INLINE __m512i look_up(const words128 *w, __m512i index)
{
    __m512i low = _mm512_permutex2var_epi16(w->part[0], index, w->part[1]);
    __m512i high = _mm512_permutex2var_epi16(w->part[2], index, w->part[3]);
    return _mm512_mask_blend_epi16(_mm512_test_epi16_mask(index, _mm512_set1_epi16(64)), low, high);
}

/* Vector j of rows k and k + 1 of a fetched panel (ks, lanes); zeros past the ends. */
INLINE __m512i lane_vector(const float *x, int64_t ld, int lanes, int ks, int k, int j)
{
    return _mm512_maskz_loadu_epi32(k < ks ? first_lanes(lanes - 16 * j) : 0, x + k * ld + 16 * j);
}

/* How many rows a kernel takes at once, by the vectors of a panel: as many sums as registers allow. */
INLINE int row_step(int nrows, int nv)
{
    static const int most[] = {0, 8, 8, 6, 5};
    int steps = (nrows + most[nv] - 1) / most[nv];
    return (nrows + steps - 1) / steps;
}

/* Some rows of one panel. */
typedef struct {
    float *sums;
    int64_t ld, row_stride;
    const char *rows, *lanes;
    int ks, first;
    ax_gemm_side side;
} tile;

/* Defines NAME(block): body(tile, mr, nv) inlined for every mr rows by nv vectors. */
#define CASE(body, mr, nv)                                                                                             \
    case (nv) * 16 + (mr): body(&t, mr, nv); break;
#define DEFINE_ADD(name, body)                                                                                         \
    static void name##_panel(const ax_gemm_block *b, int panel)                                                        \
    {                                                                                                                  \
        int left = b->nlanes - panel * PANEL, nv = left >= PANEL ? 4 : (left + 15) / 16, step = row_step(b->nrows, nv); \
        for (int r = 0; r < b->nrows; r += step) {                                                                     \
            tile t = {b->sums + r * b->ld + panel * PANEL, b->ld, b->row_stride, (const char *)b->rows + r * b->row_stride, \
                      (const char *)b->lanes + panel * b->panel_stride, b->ks, b->first, b->side};                     \
            switch (nv * 16 + (b->nrows - r < step ? b->nrows - r : step)) {                                           \
                CASE(body, 1, 4) CASE(body, 2, 4) CASE(body, 3, 4) CASE(body, 4, 4) CASE(body, 5, 4)                   \
                CASE(body, 1, 3) CASE(body, 2, 3) CASE(body, 3, 3) CASE(body, 4, 3) CASE(body, 5, 3) CASE(body, 6, 3)  \
                CASE(body, 1, 2) CASE(body, 2, 2) CASE(body, 3, 2) CASE(body, 4, 2) CASE(body, 5, 2) CASE(body, 6, 2)  \
                CASE(body, 7, 2) CASE(body, 8, 2)                                                                      \
                CASE(body, 1, 1) CASE(body, 2, 1) CASE(body, 3, 1) CASE(body, 4, 1) CASE(body, 5, 1) CASE(body, 6, 1)  \
                CASE(body, 7, 1) CASE(body, 8, 1)                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void name(const ax_gemm_block *b)                                                                           \
    {                                                                                                                  \
        for (int p = 0; p * PANEL < b->nlanes; p++) name##_panel(b, p);                                                \
    }

INLINE int pairs_of(const tile *t) { return (t->ks + 1) / 2; }

INLINE void load_sums(__m512 acc[8][4], const tile *t, const int mr, const int nv)
{
    if (t->first) {
        UNROLL for (int i = 0; i < mr; i++) UNROLL for (int j = 0; j < nv; j++) acc[i][j] = _mm512_setzero_ps();
    } else {
        UNROLL for (int i = 0; i < mr; i++)
            UNROLL for (int j = 0; j < nv; j++) acc[i][j] = _mm512_loadu_ps(t->sums + i * t->ld + 16 * j);
    }
}

INLINE void store_sums(__m512 acc[8][4], const tile *t, const int mr, const int nv)
{
    UNROLL for (int i = 0; i < mr; i++)
        UNROLL for (int j = 0; j < nv; j++) _mm512_storeu_ps(t->sums + i * t->ld + 16 * j, acc[i][j]);
}

INLINE __m512 add_pairs(__m512 acc, __m512i u, __m512i scale) { return _mm512_dpbf16_ps(acc, (__m512bh)u, (__m512bh)scale); }

/* Table kernels: a row's entry of a k pair is 16 bytes {offset of k0's row, of k1's, their signs and exponents, unused}. */
ax_extent ax_narrow_pack_table_rows(void *out, int64_t stride, const float *x, int64_t ld, int rows, int ks, ax_gemm_side side);

INLINE ax_extent extent_of(__m512i largest) { return (ax_extent){_mm512_reduce_max_epu32(largest), 0}; }

#endif

/* What the kernels for tables of at most 7 live bits share. A product of 7 fraction bits is a bfloat16, so vdpbf16ps adds two
 * products a lane: acc + u1 * 2^e1, then + u0 * 2^e0, each rounded, the high half of a pair first. The lower k of a pair
 * therefore lies in the high half, which makes the strict order. */
#ifndef AX_CPU_NARROW_H
#define AX_CPU_NARROW_H

#include "kernels/cpu/avx512/turn.h"
#include "kernels/cpu/gemm.h"

enum { PANEL = 64 };            /* lanes of a panel, unless a kernel says otherwise: 4 vectors of sums */

INLINE __m512i splat(uint32_t x) { return _mm512_set1_epi32((int)x); }

INLINE __mmask16 first_lanes(int n) { return n >= 16 ? 0xffff : n <= 0 ? 0 : (__mmask16)((1u << n) - 1); }

/* Asks for the cache line of x[at]. Rows of operands lie pages apart, where the hardware does not look ahead. Past the end of
 * an operand the address may be anything: nothing is read. */
INLINE void prefetch(const float *x, int64_t at)
{
    _mm_prefetch((const char *)((uintptr_t)x + (uintptr_t)at * sizeof *x), _MM_HINT_T0);
}

enum { ROWS_AHEAD = 6, KS_AHEAD = 8 };

/* 16 pairs as bfloat16: the upper halves of v0 above those of v1. */
INLINE __m512i pair_up(__m512i v0, __m512i v1)
{
    return _mm512_ternarylogic_epi32(splat(0xffff0000u), v0, _mm512_srli_epi32(v1, 16), 0xca);
}

INLINE __m512i larger(__m512i largest, __m512i v)
{
    return _mm512_max_epu32(largest, _mm512_and_si512(v, splat(0x7fffffffu)));
}

/* The same of what pair_up makes: exponents are all that these kernels ask of an extent. */
INLINE __m512i larger_pair(__m512i largest, __m512i h)
{
    return _mm512_max_epu16(largest, _mm512_and_si512(h, splat(0x7fff7fffu)));
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

/* 16 elements of a row of (rows, ks); zeros past the end. */
INLINE __m512i row_vector(const float *x, int64_t ld, int ks, int r, int k)
{
    prefetch(x, (r + ROWS_AHEAD) * ld + k);
    return _mm512_maskz_loadu_epi32(first_lanes(ks - k), x + r * ld + k);
}

/* Vector j of row k of a panel (ks, lanes); zeros past the ends. After a panel's last rows come the first of the next panel. */
INLINE __m512i lane_vector(const float *x, int64_t ld, int lanes, int ks, int k, int j)
{
    int ahead = k + KS_AHEAD;
    prefetch(x, (ahead < ks ? ahead * ld : (ahead - ks) * ld + lanes) + 16 * j);
    return _mm512_maskz_loadu_epi32(k < ks ? first_lanes(lanes - 16 * j) : 0, x + k * ld + 16 * j);
}

/* Vector j of the pair of k, k + 1 of a panel (ks, lanes); zeros past the ends. After a panel's last rows come the first of
 * the next panel. */
INLINE __m512i lane_pairs(const float *x, int64_t ld, int lanes, int ks, int k, int j)
{
    static const float zeros[AX_PANEL_MAX];
    const float *x0 = x + k * ld, *x1 = k + 1 < ks ? x0 + ld : zeros;
    int64_t ahead = k + KS_AHEAD < ks ? (k + KS_AHEAD) * ld : (k + KS_AHEAD - ks) * ld + lanes;
    __mmask16 mask = first_lanes(lanes - 16 * j);
    prefetch(x, ahead + 16 * j);
    prefetch(x, ahead + ld + 16 * j);
    return pair_up(_mm512_maskz_loadu_epi32(mask, x0 + 16 * j), _mm512_maskz_loadu_epi32(mask, x1 + 16 * j));
}

/* Pairs of at most TURNED k of a panel whose lanes are rows in memory. */
enum { TURNED = 32, TURNED_LANES = 96 };
typedef struct {
    _Alignas(64) uint32_t pair[TURNED / 2][TURNED_LANES];
} turned_pairs;

/* Of lanes that are rows: as halves, elements take half the shuffles. */
INLINE void turn(turned_pairs *out, const float *const *at, int k, int lanes, int ks)
{
    const __m512i lane_of = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    /* upper halves of floats 2 i, above, and 2 i + 1 */
    const __m512i halves = _mm512_add_epi32(_mm512_mullo_epi32(lane_of, splat(0x00040004)), splat(0x00010003));
    __mmask16 low = first_lanes(ks - k), high = first_lanes(ks - k - 16);
    for (int lane = 0; lane < lanes; lane += 16) {
        __m512 v[16];
        UNROLL for (int i = 0; i < 16; i++) {
            const float *x = at[lane + i] + k;
            prefetch(x, TURNED);
            v[i] = _mm512_castsi512_ps(_mm512_permutex2var_epi16(_mm512_maskz_loadu_epi32(low, x), halves,
                                                                 _mm512_maskz_loadu_epi32(high, x + 16)));
        }
        transpose16(v);
        UNROLL for (int p = 0; p < 16; p++) _mm512_store_ps(out->pair[p] + lane, v[p]);
    }
}

/* Rows are added in equal steps, of at most `most` rows. */
INLINE int row_step(int nrows, int most)
{
    int steps = (nrows + most - 1) / most;
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

/* Defines NAME(block) for panels of 16 * widest lanes: body(tile, mr, nv) inlined for the cases listed, mr rows by nv vectors:
 * for each nv 1..widest, mr 1..most[nv], as many as registers allow, and up to `alone` rows where there are no more. */
#define CASE(body, mr, nv)                                                                                             \
    case (nv) * 16 + (mr): body(&t, mr, nv); break;
#define CASES4(body, nv) CASE(body, 1, nv) CASE(body, 2, nv) CASE(body, 3, nv) CASE(body, 4, nv)
#define CASES5(body, nv) CASES4(body, nv) CASE(body, 5, nv)
#define CASES6(body, nv) CASES5(body, nv) CASE(body, 6, nv)
#define CASES8(body, nv) CASES6(body, nv) CASE(body, 7, nv) CASE(body, 8, nv)
#define DEFINE_ADD(name, widest, most, alone, cases)                                                                   \
    static void name##_panel(const ax_gemm_block *b, int panel)                                                        \
    {                                                                                                                  \
        enum { LANES = 16 * (widest) };                                                                                \
        int left = b->nlanes - panel * LANES, nv = left >= LANES ? (widest) : (left + 15) / 16;                        \
        int step = b->nrows <= (alone) ? b->nrows : row_step(b->nrows, most[nv]);                                      \
        for (int r = 0; r < b->nrows; r += step) {                                                                     \
            tile t = {b->sums + r * b->ld + panel * LANES, b->ld, b->row_stride, (const char *)b->rows + r * b->row_stride, \
                      (const char *)b->lanes + panel * b->panel_stride, b->ks, b->first, b->side};                     \
            switch (nv * 16 + (b->nrows - r < step ? b->nrows - r : step)) { cases }                                   \
        }                                                                                                              \
    }                                                                                                                  \
    static void name(const ax_gemm_block *b)                                                                           \
    {                                                                                                                  \
        for (int p = 0; p * 16 * (widest) < b->nlanes; p++) name##_panel(b, p);                                        \
    }

INLINE int pairs_of(const tile *t) { return (t->ks + 1) / 2; }

/* A tile's sums in registers. */
enum { MOST_ROWS = 8, MOST_VECTORS = 6 };
typedef __m512 sums[MOST_ROWS][MOST_VECTORS];

INLINE void load_sums(sums acc, const tile *t, const int mr, const int nv)
{
    UNROLL for (int i = 0; i < mr; i++) UNROLL for (int j = 0; j < nv; j++) acc[i][j] = _mm512_setzero_ps();
    if (t->first) return;
    UNROLL for (int i = 0; i < mr; i++)
        UNROLL for (int j = 0; j < nv; j++) acc[i][j] = _mm512_loadu_ps(t->sums + i * t->ld + 16 * j);
}

INLINE void store_sums(sums acc, const tile *t, const int mr, const int nv)
{
    UNROLL for (int i = 0; i < mr; i++)
        UNROLL for (int j = 0; j < nv; j++) _mm512_storeu_ps(t->sums + i * t->ld + 16 * j, acc[i][j]);
}

INLINE __m512 add_pairs(__m512 acc, __m512i u, __m512i scale) { return _mm512_dpbf16_ps(acc, (__m512bh)u, (__m512bh)scale); }

/* Table kernels: a row's entry of a k pair is 16 bytes {offset of k0's row, of k1's, their signs and exponents, unused}. */
typedef struct {
    uint32_t row0, row1, power;
} row_entry;

/* Both offsets by one load: loads are what these kernels have too many of. */
INLINE row_entry read_entry(const char *entry)
{
    uint64_t offsets;
    uint32_t power;
    memcpy(&offsets, entry, sizeof offsets);
    memcpy(&power, entry + 8, sizeof power);
    return (row_entry){(uint32_t)offsets, (uint32_t)(offsets >> 32), power};
}

ax_extent ax_narrow_pack_table_rows(void *out, int64_t stride, const float *x, int64_t ld, int rows, int ks, ax_gemm_side side);

INLINE ax_extent extent_of(__m512i largest) { return (ax_extent){_mm512_reduce_max_epu32(largest), 0}; }

INLINE ax_extent extent_of_pairs(__m512i largest)
{
    return extent_of(_mm512_max_epu32(_mm512_and_si512(largest, splat(0xffff0000u)), _mm512_slli_epi32(largest, 16)));
}

#endif

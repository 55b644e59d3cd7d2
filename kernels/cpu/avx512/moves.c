/* Blocks of floats by whole vectors with masked ends: short rows are the rule in convolutions. */
#ifdef __AVX512F__
#include "kernels/cpu/avx512/turn.h"
#include "kernels/cpu/source.h"

#define UNROLL _Pragma("GCC unroll 16")

static inline __mmask16 first_lanes(int64_t n) { return n >= 16 ? 0xffff : (__mmask16)((1u << n) - 1); }

static void copy_rows(float *out, int64_t out_ld, const float *in, int64_t in_ld, int64_t rows, int64_t cols)
{
    __mmask16 last = first_lanes((cols - 1) % 16 + 1);
    for (int64_t r = 0; r < rows; r++, out += out_ld, in += in_ld) {
        int64_t c = 0;
        for (; c + 16 < cols; c += 16) _mm512_storeu_ps(out + c, _mm512_loadu_ps(in + c));
        _mm512_mask_storeu_ps(out + c, last, _mm512_maskz_loadu_ps(last, in + c));
    }
}

/* The columns v of a block, transposed, to rows of `out`. */
static inline void store_transposed(float *out, int64_t out_ld, __m512 *v, __mmask16 mask, int64_t cols)
{
    transpose16(v);
    if (cols >= 16) {
        UNROLL for (int i = 0; i < 16; i++) _mm512_mask_storeu_ps(out + i * out_ld, mask, v[i]);
    } else {
        UNROLL for (int i = 0; i < 16; i++) if (i < cols) _mm512_mask_storeu_ps(out + i * out_ld, mask, v[i]);
    }
}

static void transpose_blocks(float *out, int64_t out_ld, const float *in, int64_t in_ld, int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; r += 16)
        for (int64_t c = 0; c < cols; c += 16) {
            int64_t last = rows - r < 16 ? rows - r - 1 : 15;
            __mmask16 in_mask = first_lanes(cols - c), out_mask = first_lanes(rows - r);
            const float *from = in + r * in_ld + c;
            __m512 v[16];
            UNROLL for (int i = 0; i < 16; i++) v[i] = _mm512_maskz_loadu_ps(in_mask, from + (i < last ? i : last) * in_ld);
            store_transposed(out + c * out_ld + r, out_ld, v, out_mask, cols - c);
        }
}

static inline __m512 pick(__m512 a, __m512i index, __m512 b)
{
    return _mm512_castpd_ps(_mm512_permutex2var_pd(_mm512_castps_pd(a), index, _mm512_castps_pd(b)));
}

/* At most 8 rows: 16 columns at a time. */
static void transpose_few_rows(float *out, int64_t out_ld, const float *in, int64_t in_ld, int64_t rows, int64_t cols)
{
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    __mmask8 mask = (__mmask8)first_lanes(rows);
    for (int64_t c = 0; c < cols; c += 16, in += 16, out += 16 * out_ld) {
        __mmask16 in_mask = first_lanes(cols - c);
        __m512 v[8];
        UNROLL for (int i = 0; i < 8; i++) v[i] = _mm512_maskz_loadu_ps(in_mask, in + (i < rows ? i : 0) * in_ld);
        turn_quads(v, 8);
        UNROLL for (int i = 0; i < 8; i++) {      /* columns a and a + 4 */
            int a = i / 4 * 8 + i % 4;
            if (c + a >= cols) continue;
            __m512 pair = pick(v[i % 4], i < 4 ? first : second, v[4 + i % 4]);
            _mm256_mask_storeu_ps(out + a * out_ld, mask, _mm512_castps512_ps256(pair));
            if (c + a + 4 < cols) _mm256_mask_storeu_ps(out + (a + 4) * out_ld, mask, _mm512_extractf32x8_ps(pair, 1));
        }
    }
}

enum { AHEAD = 256 };      /* floats: long matrices of few columns come from beyond the second cache */

/* At most 8 columns: 16 rows at a time, rows i and i + 8 in one vector. */
static void transpose_few_cols(float *out, int64_t out_ld, const float *in, int64_t in_ld, int64_t rows, int64_t cols)
{
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13), second = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
    __mmask16 low = first_lanes(cols), high = (__mmask16)(low << 8);
    for (int64_t r = 0; r < rows; r += 16, in += 16 * in_ld, out += 16) {
        int64_t last = rows - r < 16 ? rows - r - 1 : 15;
        __m512 v[8];
        UNROLL for (int i = 0; i < 8; i++) {
            _mm_prefetch((const char *)((uintptr_t)in + (size_t)(AHEAD + i * 16) * sizeof *in), _MM_HINT_T0);
            v[i] = _mm512_maskz_loadu_ps(low, in + (i < last ? i : last) * in_ld);
            v[i] = _mm512_mask_loadu_ps(v[i], high, in + (i + 8 < last ? i + 8 : last) * in_ld - 8);
        }
        turn_quads(v, 8);
        UNROLL for (int i = 0; i < 8; i++) {
            if (i >= cols) break;
            __m512 col = pick(v[i % 4], i < 4 ? first : second, v[4 + i % 4]);
            _mm512_mask_storeu_ps(out + i * out_ld, first_lanes(rows - r), col);
        }
    }
}

/* Sums of few filters, and their gradients, are the thin blocks. */
static void transpose_rows(float *out, int64_t out_ld, const float *in, int64_t in_ld, int64_t rows, int64_t cols)
{
    if (rows <= 8) transpose_few_rows(out, out_ld, in, in_ld, rows, cols);
    else if (cols <= 8) transpose_few_cols(out, out_ld, in, in_ld, rows, cols);
    else transpose_blocks(out, out_ld, in, in_ld, rows, cols);
}

static void transpose_at(float *out, int64_t out_ld, const float *const *at, int64_t offset, int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; r += 16, at += 16)
        for (int64_t c = 0; c < cols; c += 16) {
            int64_t last = rows - r < 16 ? rows - r - 1 : 15;
            __mmask16 in_mask = first_lanes(cols - c), out_mask = first_lanes(rows - r);
            __m512 v[16];
            if (last == 15) {
                UNROLL for (int i = 0; i < 16; i++) v[i] = _mm512_maskz_loadu_ps(in_mask, at[i] + offset + c);
            } else {
                UNROLL for (int i = 0; i < 16; i++) v[i] = _mm512_maskz_loadu_ps(in_mask, at[i < last ? i : last] + offset + c);
            }
            store_transposed(out + c * out_ld + r, out_ld, v, out_mask, cols - c);
        }
}

/* Runs that meet in a vector of the output: lanes of each, and where lane 0 would lie. */
typedef struct {
    const float *at[16];
    __mmask16 lanes[16];
} meeting;

static inline __attribute__((always_inline)) void slide_vector(float *out, int64_t out_ld, const meeting *m, const int n,
                                                               __mmask16 all, const int64_t *offset, int64_t rows)
{
    for (int64_t r = 0; r < rows; r++, out += out_ld) {
        int64_t by = offset ? offset[r] : r;
        __m512 v = _mm512_maskz_loadu_ps(m->lanes[0], m->at[0] + by);
        UNROLL for (int i = 1; i < n; i++) v = _mm512_mask_loadu_ps(v, m->lanes[i], m->at[i] + by);
        _mm512_mask_storeu_ps(out, all, v);
    }
}

/* At most 4 runs, row r moved on by r: each is loaded once for as many rows as a vector holds, and its lanes permuted. */
static inline __attribute__((always_inline)) void shift_vector(float *out, int64_t out_ld, const meeting *m, const int n,
                                                               __mmask16 all, int64_t rows)
{
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512i start = lane;
    int longest = 0;
    for (int i = 0; i < n; i++) {
        int count = __builtin_popcount(m->lanes[i]);
        start = _mm512_mask_sub_epi32(start, m->lanes[i], lane, _mm512_set1_epi32(__builtin_ctz(m->lanes[i])));
        longest = count > longest ? count : longest;
    }
    for (int64_t r = 0, some; r < rows; r += some) {
        __m512i index = start;
        __m512 run[4];
        some = rows - r < 17 - longest ? rows - r : 17 - longest;
        UNROLL for (int i = 0; i < n; i++) {
            __mmask16 lanes = first_lanes(__builtin_popcount(m->lanes[i]) + some - 1);
            run[i] = _mm512_maskz_loadu_ps(lanes, m->at[i] + __builtin_ctz(m->lanes[i]) + r);
        }
        for (int64_t s = 0; s < some; s++, out += out_ld, index = _mm512_add_epi32(index, _mm512_set1_epi32(1))) {
            __m512 v = _mm512_permutexvar_ps(index, run[0]);
            UNROLL for (int i = 1; i < n; i++) v = _mm512_mask_permutexvar_ps(v, m->lanes[i], index, run[i]);
            _mm512_mask_storeu_ps(out, all, v);
        }
    }
}

/* The runs of the next vector of the output; `done` floats of **run are gone. Returns how many. */
static inline int meet(meeting *m, const ax_run **run, const ax_run *end, int64_t *done, __mmask16 *all)
{
    int n = 0;
    int64_t lane = 0;
    while (lane < 16 && *run < end) {
        int64_t count = (*run)->count - *done < 16 - lane ? (*run)->count - *done : 16 - lane;
        m->at[n] = (*run)->at + *done - lane;
        m->lanes[n++] = (__mmask16)(first_lanes(count) << lane);
        lane += count;
        *done += count;
        if (*done == (*run)->count) ++*run, *done = 0;
    }
    *all = first_lanes(lane);
    return n;
}

static void slide(float *out, int64_t out_ld, const ax_run *runs, int64_t nruns, const int64_t *offset, int64_t rows)
{
    const ax_run *end = runs + nruns;
    meeting m;
    __mmask16 all;
    for (int64_t done = 0; runs < end; out += 16) {
        int n = meet(&m, &runs, end, &done, &all);
        switch (n) {
        case 1: slide_vector(out, out_ld, &m, 1, all, offset, rows); break;
        case 2: slide_vector(out, out_ld, &m, 2, all, offset, rows); break;
        case 3: slide_vector(out, out_ld, &m, 3, all, offset, rows); break;
        case 4: slide_vector(out, out_ld, &m, 4, all, offset, rows); break;
        default: slide_vector(out, out_ld, &m, n, all, offset, rows); break;
        }
    }
}

static void slide_on(float *out, int64_t out_ld, const ax_run *runs, int64_t nruns, int64_t rows)
{
    const ax_run *end = runs + nruns;
    meeting m;
    __mmask16 all;
    for (int64_t done = 0; runs < end; out += 16) {
        int n = meet(&m, &runs, end, &done, &all);
        switch (n) {
        case 1: shift_vector(out, out_ld, &m, 1, all, rows); break;
        case 2: shift_vector(out, out_ld, &m, 2, all, rows); break;
        case 3: shift_vector(out, out_ld, &m, 3, all, rows); break;
        case 4: shift_vector(out, out_ld, &m, 4, all, rows); break;
        default: slide_vector(out, out_ld, &m, n, all, NULL, rows); break;
        }
    }
}

const ax_moves ax_moves_avx512 = {copy_rows, transpose_rows, transpose_at, slide, slide_on};
#endif

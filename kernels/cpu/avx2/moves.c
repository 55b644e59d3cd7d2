/* Blocks of floats by vectors of 8. The end of a run of 8 or more is a whole vector that overlaps the one before: masked
 * stores are slow on many of these machines. */
#ifdef __AVX2__
#include "kernels/cpu/source.h"

#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")

INLINE void copy_run(float *out, const float *in, int64_t n)
{
    if (n >= 8) {
        for (int64_t i = 0; i + 8 < n; i += 8) _mm256_storeu_ps(out + i, _mm256_loadu_ps(in + i));
        _mm256_storeu_ps(out + n - 8, _mm256_loadu_ps(in + n - 8));
    } else if (n >= 4) {
        __m128 first = _mm_loadu_ps(in), last = _mm_loadu_ps(in + n - 4);
        _mm_storeu_ps(out, first);
        _mm_storeu_ps(out + n - 4, last);
    } else {
        for (int64_t i = 0; i < n; i++) out[i] = in[i];
    }
}

static void copy_rows(float *out, int64_t out_ld, const float *in, int64_t in_ld, int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; r++, out += out_ld, in += in_ld) copy_run(out, in, cols);
}

/* The first n floats of v, 0 < n < 8. */
INLINE void store_first(float *out, __m256 v, int64_t n)
{
    __m128 part = _mm256_castps256_ps128(v);
    if (n & 4) {
        _mm_storeu_ps(out, part);
        part = _mm256_extractf128_ps(v, 1);
        out += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)(void *)out, part);
        part = _mm_movehl_ps(part, part);
        out += 2;
    }
    if (n & 1) _mm_store_ss(out, part);
}

/* 8 x 8 in registers: pairs, quads, then 128-bit lanes. */
INLINE void transpose8(__m256 *v)
{
    __m256 t[8];
    UNROLL for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
    }
    UNROLL for (int i = 0; i < 8; i += 4) UNROLL for (int h = 0; h < 2; h++) {
        v[i + 2 * h] = _mm256_shuffle_ps(t[i + h], t[i + 2 + h], 0x44);
        v[i + 2 * h + 1] = _mm256_shuffle_ps(t[i + h], t[i + 2 + h], 0xee);
    }
    UNROLL for (int i = 0; i < 4; i++) {
        t[i] = _mm256_permute2f128_ps(v[i], v[i + 4], 0x20);
        t[i + 4] = _mm256_permute2f128_ps(v[i], v[i + 4], 0x31);
    }
    UNROLL for (int i = 0; i < 8; i++) v[i] = t[i];
}

INLINE __m256i first_lanes(int64_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/* A block of at most 8 rows, at from[0..7] + c, by at most 8 columns; rows past the last repeat it. */
INLINE void transpose_block(float *out, int64_t out_ld, const float *const *from, int64_t c, int64_t rows, int64_t cols)
{
    __m256 v[8];
    if (cols >= 8) {
        UNROLL for (int i = 0; i < 8; i++) v[i] = _mm256_loadu_ps(from[i] + c);
    } else {
        __m256i some = first_lanes(cols);
        UNROLL for (int i = 0; i < 8; i++) v[i] = _mm256_maskload_ps(from[i] + c, some);
    }
    transpose8(v);
    UNROLL for (int i = 0; i < 8; i++) {
        if (i >= cols) break;
        if (rows >= 8) _mm256_storeu_ps(out + i * out_ld, v[i]);
        else store_first(out + i * out_ld, v[i], rows);
    }
}

/* Blocks of 8 columns, the last moved back so that it is whole, if there are 8. */
INLINE void transpose_band(float *out, int64_t out_ld, const float *const *from, int64_t rows, int64_t cols)
{
    for (int64_t c = 0; c < cols; c += 8) {
        int64_t at = cols >= 8 && c + 8 > cols ? cols - 8 : c;
        transpose_block(out + at * out_ld, out_ld, from, at, rows, cols - at);
    }
}

static void transpose_rows(float *out, int64_t out_ld, const float *in, int64_t in_ld, int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; r += 8) {
        int64_t first = rows >= 8 && r + 8 > rows ? rows - 8 : r, last = rows - 1;
        const float *from[8];
        UNROLL for (int i = 0; i < 8; i++) from[i] = in + (first + i < last ? first + i : last) * in_ld;
        transpose_band(out + first, out_ld, from, rows - first, cols);
    }
}

static void transpose_at(float *out, int64_t out_ld, const float *const *at, int64_t offset, int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; r += 8) {
        int64_t first = rows >= 8 && r + 8 > rows ? rows - 8 : r, last = rows - 1;
        const float *from[8];
        UNROLL for (int i = 0; i < 8; i++) from[i] = at[first + i < last ? first + i : last] + offset;
        transpose_band(out + first, out_ld, from, rows - first, cols);
    }
}

static void slide(float *out, int64_t out_ld, const ax_run *runs, int64_t nruns, const int64_t *offset, int64_t rows)
{
    for (const ax_run *run = runs; run < runs + nruns; out += run->count, run++)
        for (int64_t r = 0; r < rows; r++) copy_run(out + r * out_ld, run->at + offset[r], run->count);
}

static void slide_on(float *out, int64_t out_ld, const ax_run *runs, int64_t nruns, int64_t rows)
{
    for (const ax_run *run = runs; run < runs + nruns; out += run->count, run++)
        for (int64_t r = 0; r < rows; r++) copy_run(out + r * out_ld, run->at + r, run->count);
}

const ax_moves ax_moves_avx2 = {copy_rows, transpose_rows, transpose_at, slide, slide_on};
#endif

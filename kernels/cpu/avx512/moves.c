/* Blocks of floats by whole vectors with masked ends: short rows are the rule in convolutions. */
#ifdef __AVX512F__
#include "kernels/cpu/source.h"

#include <immintrin.h>

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

/* 16 x 16 in registers: pairs, quads, then 128-bit lanes. */
static inline void transpose16(__m512 *v)
{
    __m512 t[16];
    UNROLL for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_ps(v[i], v[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(v[i], v[i + 1]);
    }
    UNROLL for (int i = 0; i < 16; i += 4) UNROLL for (int h = 0; h < 2; h++) {
        __m512d a = _mm512_castps_pd(t[i + h]), b = _mm512_castps_pd(t[i + 2 + h]);
        v[i + 2 * h] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
        v[i + 2 * h + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
    }
    UNROLL for (int i = 0; i < 4; i++) {
        __m512 a = _mm512_shuffle_f32x4(v[i], v[i + 4], 0x88), b = _mm512_shuffle_f32x4(v[i], v[i + 4], 0xdd);
        __m512 c = _mm512_shuffle_f32x4(v[i + 8], v[i + 12], 0x88), d = _mm512_shuffle_f32x4(v[i + 8], v[i + 12], 0xdd);
        t[i] = _mm512_shuffle_f32x4(a, c, 0x88);
        t[i + 8] = _mm512_shuffle_f32x4(a, c, 0xdd);
        t[i + 4] = _mm512_shuffle_f32x4(b, d, 0x88);
        t[i + 12] = _mm512_shuffle_f32x4(b, d, 0xdd);
    }
    UNROLL for (int i = 0; i < 16; i++) v[i] = t[i];
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

static void transpose_rows(float *out, int64_t out_ld, const float *in, int64_t in_ld, int64_t rows, int64_t cols)
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
        __m512 v = _mm512_maskz_loadu_ps(m->lanes[0], m->at[0] + offset[r]);
        UNROLL for (int i = 1; i < n; i++) v = _mm512_mask_loadu_ps(v, m->lanes[i], m->at[i] + offset[r]);
        _mm512_mask_storeu_ps(out, all, v);
    }
}

static void slide(float *out, int64_t out_ld, const ax_run *runs, int64_t nruns, const int64_t *offset, int64_t rows)
{
    const ax_run *run = runs;
    for (int64_t done = 0; run < runs + nruns; out += 16) {      /* `done` floats of *run */
        meeting m;
        int n = 0;
        int64_t lane = 0;
        while (lane < 16 && run < runs + nruns) {
            int64_t count = run->count - done < 16 - lane ? run->count - done : 16 - lane;
            m.at[n] = run->at + done - lane;
            m.lanes[n++] = (__mmask16)(first_lanes(count) << lane);
            lane += count;
            done += count;
            if (done == run->count) run++, done = 0;
        }
        __mmask16 all = first_lanes(lane);
        switch (n) {
        case 1: slide_vector(out, out_ld, &m, 1, all, offset, rows); break;
        case 2: slide_vector(out, out_ld, &m, 2, all, offset, rows); break;
        case 3: slide_vector(out, out_ld, &m, 3, all, offset, rows); break;
        case 4: slide_vector(out, out_ld, &m, 4, all, offset, rows); break;
        default: slide_vector(out, out_ld, &m, n, all, offset, rows); break;
        }
    }
}

const ax_moves ax_moves_avx512 = {copy_rows, transpose_rows, transpose_at, slide};
#endif

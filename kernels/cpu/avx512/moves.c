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

static void transpose_rows(float *out, int64_t out_ld, const float *in, int64_t in_ld, int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; r += 16)
        for (int64_t c = 0; c < cols; c += 16) {
            int64_t nr = rows - r < 16 ? rows - r : 16, nc = cols - c < 16 ? cols - c : 16;
            __mmask16 in_mask = first_lanes(nc), out_mask = first_lanes(nr);
            const float *from = in + r * in_ld + c;
            float *to = out + c * out_ld + r;
            __m512 v[16];
            UNROLL for (int i = 0; i < 16; i++)
                v[i] = i < nr ? _mm512_maskz_loadu_ps(in_mask, from + i * in_ld) : _mm512_setzero_ps();
            transpose16(v);
            UNROLL for (int i = 0; i < 16; i++) if (i < nc) _mm512_mask_storeu_ps(to + i * out_ld, out_mask, v[i]);
        }
}

/* Lanes [from, to) of 16. */
static inline __mmask16 lanes_between(int64_t from, int64_t to)
{
    return to <= 0 || from >= 16 ? 0 : first_lanes(to) & (__mmask16)(from > 0 ? 0xffffu << from : 0xffffu);
}

static void slide(float *out, int64_t out_ld, const float *row, int64_t w, int64_t x, int step, int64_t count, int64_t taps)
{
    for (int64_t t = 0; t < taps; t++, x += step, out += out_ld)
        for (int64_t i = 0; i < count; i += 16) {
            __mmask16 inside = lanes_between(-(x + i), w - (x + i));
            _mm512_mask_storeu_ps(out + i, first_lanes(count - i), _mm512_maskz_loadu_ps(inside, row + x + i));
        }
}

const ax_moves ax_moves_avx512 = {copy_rows, transpose_rows, slide};
#endif

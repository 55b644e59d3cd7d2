/* Blocks of 16 x 16 dwords, turned. */
#ifndef AX_CPU_TURN_H
#define AX_CPU_TURN_H

#include <immintrin.h>

/* Pairs, then quads: 128-bit lane L of v[4 a + c] becomes column 4 L + c of rows 4 a .. 4 a + 3. */
static inline __attribute__((always_inline)) void turn_quads(__m512 *v, const int n)
{
    __m512 t[16];
    _Pragma("GCC unroll 16") for (int i = 0; i < n; i += 2) {
        t[i] = _mm512_unpacklo_ps(v[i], v[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(v[i], v[i + 1]);
    }
    _Pragma("GCC unroll 16") for (int i = 0; i < n; i += 4) _Pragma("GCC unroll 16") for (int h = 0; h < 2; h++) {
        __m512d a = _mm512_castps_pd(t[i + h]), b = _mm512_castps_pd(t[i + 2 + h]);
        v[i + 2 * h] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
        v[i + 2 * h + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
    }
}

/* 16 x 16: then 128-bit lanes. */
static inline __attribute__((always_inline)) void transpose16(__m512 *v)
{
    __m512 t[16];
    turn_quads(v, 16);
    _Pragma("GCC unroll 16") for (int i = 0; i < 4; i++) {
        __m512 a = _mm512_shuffle_f32x4(v[i], v[i + 4], 0x88), b = _mm512_shuffle_f32x4(v[i], v[i + 4], 0xdd);
        __m512 c = _mm512_shuffle_f32x4(v[i + 8], v[i + 12], 0x88), d = _mm512_shuffle_f32x4(v[i + 8], v[i + 12], 0xdd);
        t[i] = _mm512_shuffle_f32x4(a, c, 0x88);
        t[i + 8] = _mm512_shuffle_f32x4(a, c, 0xdd);
        t[i + 4] = _mm512_shuffle_f32x4(b, d, 0x88);
        t[i + 12] = _mm512_shuffle_f32x4(b, d, 0xdd);
    }
    _Pragma("GCC unroll 16") for (int i = 0; i < 16; i++) v[i] = t[i];
}

#endif

/* FP32 vectors of the instruction set a file is compiled for: 16 lanes with AVX-512, 8 with AVX2 and FMA. Arithmetic, masks and
 * shifts are the compiler's own on vector types; here is what those cannot say. */
#ifndef AX_CPU_WIDE_VECTOR_H
#define AX_CPU_WIDE_VECTOR_H

#include "kernels/cpu/gemm.h"

#include <immintrin.h>

#ifdef __AVX512F__
enum { VL = 16 };
#else
enum { VL = 8 };
#endif

typedef float vf __attribute__((vector_size(VL * 4)));
typedef uint32_t vu __attribute__((vector_size(VL * 4)));
typedef int32_t vi __attribute__((vector_size(VL * 4)));
typedef float vf_loose __attribute__((vector_size(VL * 4), aligned(4)));
typedef uint32_t vu_loose __attribute__((vector_size(VL * 4), aligned(4)));

INLINE vu splat(uint32_t x) { return (vu){0} + x; }
INLINE vf splat_float(float x) { return (vf)splat(ax_bits(x)); }

/* Memory of any alignment that a float has. */
INLINE vu load(const void *p) { return *(const vu_loose *)p; }
INLINE void store(void *p, vu x) { *(vu_loose *)p = x; }

/* The words of a row, at any byte. */
INLINE uint32_t load_word(const char *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

/* first[0], second[0], first[1], ... */
INLINE void store_interleaved(char *out, vu first, vu second)
{
#ifdef __AVX512F__
    const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const __m512i high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
    store(out, (vu)_mm512_permutex2var_epi32((__m512i)first, low, (__m512i)second));
    store(out + 64, (vu)_mm512_permutex2var_epi32((__m512i)first, high, (__m512i)second));
#else
    __m256i low = _mm256_unpacklo_epi32((__m256i)first, (__m256i)second);
    __m256i high = _mm256_unpackhi_epi32((__m256i)first, (__m256i)second);
    store(out, (vu)_mm256_permute2x128_si256(low, high, 0x20));
    store(out + 32, (vu)_mm256_permute2x128_si256(low, high, 0x31));
#endif
}

#ifdef __AVX512F__
typedef __mmask16 lane_mask;

INLINE lane_mask first_lanes(int n) { return n >= 16 ? 0xffff : n <= 0 ? 0 : (lane_mask)((1u << n) - 1); }
INLINE vu load_part(lane_mask m, const void *p) { return (vu)_mm512_maskz_loadu_epi32(m, p); }
INLINE vu largest_of(vu a, vu b) { return (vu)_mm512_max_epu32((__m512i)a, (__m512i)b); }
INLINE vu smallest_of(vu a, vu b) { return (vu)_mm512_min_epu32((__m512i)a, (__m512i)b); }
INLINE vf fma_of(vf a, vf b, vf c) { return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
INLINE vu gather(const uint32_t *table, vu index) { return (vu)_mm512_i32gather_epi32((__m512i)index, table, 4); }

/* x + y where a < b, as integers below 2^31; elsewhere x. */
INLINE vf add_where_less(vf x, vf y, vu a, vu b)
{
    return (vf)_mm512_mask_add_ps((__m512)x, _mm512_cmplt_epi32_mask((__m512i)a, (__m512i)b), (__m512)x, (__m512)y);
}
#else
typedef vu lane_mask;

INLINE lane_mask first_lanes(int n) { return (lane_mask)((vi){0, 1, 2, 3, 4, 5, 6, 7} < n); }
INLINE vu load_part(lane_mask m, const void *p) { return (vu)_mm256_maskload_epi32(p, (__m256i)m); }
INLINE vu largest_of(vu a, vu b) { return (vu)_mm256_max_epu32((__m256i)a, (__m256i)b); }
INLINE vu smallest_of(vu a, vu b) { return (vu)_mm256_min_epu32((__m256i)a, (__m256i)b); }
INLINE vf fma_of(vf a, vf b, vf c) { return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
INLINE vu gather(const uint32_t *table, vu index) { return (vu)_mm256_i32gather_epi32((const int *)table, (__m256i)index, 4); }

INLINE vf add_where_less(vf x, vf y, vu a, vu b) { return x + (vf)((vu)y & (vu)((vi)a < (vi)b)); }
#endif

#endif

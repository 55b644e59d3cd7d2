/* Tables by columns for AVX2. */
#ifdef __AVX2__
#include <immintrin.h>
#include <stdint.h>

#define VL 8
#define V(op) _mm256_##op
#define GATHER(table, index) _mm256_i32gather_epi32((const int *)(table), (__m256i)(index), 4)
#define ISA AX_ISA_AVX2
#define ISA_NAME "avx2"
#define SET ax_gemm_avx2_columns

static inline __m128i bytes16(const uint8_t *at) { return _mm_loadu_si128((const __m128i *)(const void *)at); }

/* 16 bytes of lanes 0 and 4. */
static inline __attribute__((always_inline)) __m256i load_bytes(const uint8_t *const *lanes, int64_t at)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(bytes16(lanes[0] + at)), bytes16(lanes[4] + at), 1);
}

#include "kernels/cpu/columns.h"
#endif

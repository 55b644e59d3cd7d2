/* Tables by columns for AVX-512. */
#ifdef __AVX512F__
#include <immintrin.h>
#include <stdint.h>

#define VL 16
#define V(op) _mm512_##op
#define GATHER(table, index) _mm512_i32gather_epi32((__m512i)(index), (table), 4)
#define ISA AX_ISA_AVX512
#define ISA_NAME "avx512"
#define SET ax_gemm_avx512_columns

static inline __m128i bytes16(const uint8_t *at) { return _mm_loadu_si128((const __m128i *)(const void *)at); }

/* 16 bytes of lanes 0, 4, 8, 12. */
static inline __attribute__((always_inline)) __m512i load_bytes(const uint8_t *const *lanes, int64_t at)
{
    __m512i x = _mm512_castsi128_si512(bytes16(lanes[0] + at));
    x = _mm512_mask_broadcast_i32x4(x, 0x00f0, bytes16(lanes[4] + at));
    x = _mm512_mask_broadcast_i32x4(x, 0x0f00, bytes16(lanes[8] + at));
    return _mm512_mask_broadcast_i32x4(x, 0xf000, bytes16(lanes[12] + at));
}

#include "kernels/cpu/columns.h"
#endif

/* The FP32 vector kernels for AVX-512. */
#ifdef __AVX512F__
#define VL 16
#define ROWS 10
#define FMA(a, b, c) ((vf)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define GATHER(table, index) ((vu)_mm512_i32gather_epi32((__m512i)(index), (table), 4))
#define ISA AX_ISA_AVX512
#define ISA_NAME "avx512"
#define SET ax_gemm_avx512
#include "kernels/cpu/gemm_wide.h"
#endif

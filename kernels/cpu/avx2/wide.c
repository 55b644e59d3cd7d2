/* The FP32 vector kernels for AVX2 and FMA. */
#ifdef __AVX2__
#define VL 8
#define ROWS 5
#define FMA(a, b, c) ((vf)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#define GATHER(table, index) ((vu)_mm256_i32gather_epi32((const int *)(table), (__m256i)(index), 4))
#define ISA AX_ISA_AVX2
#define ISA_NAME "avx2"
#define SET ax_gemm_avx2
#include "kernels/cpu/gemm_wide.h"
#endif

/* The FP32 vector kernels for AVX-512. */
#ifdef __AVX512F__
#define SET ax_gemm_avx512
#define ISA AX_ISA_AVX512
#define ISA_NAME "avx512"
#define SUM_BLOCK 512
#include "kernels/cpu/wide/set.h"
#endif

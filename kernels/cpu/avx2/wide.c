/* The FP32 vector kernels for AVX2 and FMA. */
#ifdef __AVX2__
#define SET ax_gemm_avx2
#define ISA AX_ISA_AVX2
#define ISA_NAME "avx2"
#define SUM_BLOCK 256
#include "kernels/cpu/wide/set.h"
#endif

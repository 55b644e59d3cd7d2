/* Products by ordinary arithmetic of each kind (kinds.h), whole and in parts: what gemm_simt.cu lists and simt_*.cu make. */
#ifndef AX_CUDA_SIMT_H
#define AX_CUDA_SIMT_H

#include "kernels/cuda/kinds.h"

template <class K> void ax_simt_run(const ax_gemm *g, const ax_cuda_product *p);
template <class K> void ax_simt_run_in_parts(const ax_gemm *g, const ax_cuda_product *p);

#endif

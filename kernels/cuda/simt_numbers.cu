/* Products by ordinary arithmetic of the kinds whose operands stay numbers. */
#include "kernels/cuda/simt_kernel.h"

template void ax_simt_run<ax_native>(const ax_gemm *, const ax_cuda_product *);
template void ax_simt_run_in_parts<ax_native>(const ax_gemm *, const ax_cuda_product *);
template void ax_simt_run<ax_truncated>(const ax_gemm *, const ax_cuda_product *);
template void ax_simt_run_in_parts<ax_truncated>(const ax_gemm *, const ax_cuda_product *);

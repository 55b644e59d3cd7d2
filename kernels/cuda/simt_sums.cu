/* Products by ordinary arithmetic of the kinds whose products are sums of operands' bits. */
#include "kernels/cuda/simt_kernel.h"

template void ax_simt_run<ax_additive>(const ax_gemm *, const ax_cuda_product *);
template void ax_simt_run_in_parts<ax_additive>(const ax_gemm *, const ax_cuda_product *);
template void ax_simt_run<ax_linear>(const ax_gemm *, const ax_cuda_product *);
template void ax_simt_run_in_parts<ax_linear>(const ax_gemm *, const ax_cuda_product *);
template void ax_simt_run<ax_biased>(const ax_gemm *, const ax_cuda_product *);
template void ax_simt_run_in_parts<ax_biased>(const ax_gemm *, const ax_cuda_product *);

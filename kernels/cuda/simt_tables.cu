/* Products by ordinary arithmetic of the kinds that look products up. */
#include "kernels/cuda/simt_kernel.h"

template void ax_simt_run<ax_bytes>(const ax_gemm *, const ax_cuda_product *);
template void ax_simt_run_in_parts<ax_bytes>(const ax_gemm *, const ax_cuda_product *);
template void ax_simt_run<ax_words>(const ax_gemm *, const ax_cuda_product *);
template void ax_simt_run_in_parts<ax_words>(const ax_gemm *, const ax_cuda_product *);

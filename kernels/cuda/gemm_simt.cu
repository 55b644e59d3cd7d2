/* Which products ordinary arithmetic serves, by the fastest kind that does: in parts, where no strict order is asked for, or whole. */
#include "kernels/cuda/parts.h"
#include "kernels/cuda/simt.h"

template <int (*SERVES)(const ax_plan *)> static int serves(const ax_gemm *g) { return SERVES(g->plan); }
template <int (*SERVES)(const ax_plan *)> static int serves_in_parts(const ax_gemm *g) { return ax_cuda_parts_of(g) >= 2 && SERVES(g->plan); }

const ax_cuda_gemm_kernel ax_cuda_simt_kernels[] = {
    {"cuda-fma-parts", 0, 0, serves_in_parts<ax_is_native>, ax_simt_run_in_parts<ax_native>},
    {"cuda-linear-parts", 0, 0, serves_in_parts<ax_is_linear>, ax_simt_run_in_parts<ax_linear>},
    {"cuda-sum-parts", 0, 0, serves_in_parts<ax_is_additive>, ax_simt_run_in_parts<ax_additive>},
    {"cuda-product-parts", 0, 0, serves_in_parts<ax_is_truncated>, ax_simt_run_in_parts<ax_truncated>},
    {"cuda-biased-parts", 0, 0, serves_in_parts<ax_is_biased>, ax_simt_run_in_parts<ax_biased>},
    {"cuda-bytes-parts", 0, 0, serves_in_parts<ax_is_bytes>, ax_simt_run_in_parts<ax_bytes>},
    {"cuda-words-parts", 0, 0, serves_in_parts<ax_is_words>, ax_simt_run_in_parts<ax_words>},
    {"cuda-fma", 0, 1, serves<ax_is_native>, ax_simt_run<ax_native>},
    {"cuda-linear", 0, 1, serves<ax_is_linear>, ax_simt_run<ax_linear>},
    {"cuda-sum", 0, 1, serves<ax_is_additive>, ax_simt_run<ax_additive>},
    {"cuda-product", 0, 1, serves<ax_is_truncated>, ax_simt_run<ax_truncated>},
    {"cuda-biased", 0, 1, serves<ax_is_biased>, ax_simt_run<ax_biased>},
    {"cuda-bytes", 0, 1, serves<ax_is_bytes>, ax_simt_run<ax_bytes>},
    {"cuda-words", 0, 1, serves<ax_is_words>, ax_simt_run<ax_words>},
    {},
};

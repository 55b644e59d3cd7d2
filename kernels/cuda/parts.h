/* Long sums of few outputs, cut into parts that run side by side: what adds them, in order. */
#ifndef AX_CUDA_PARTS_H
#define AX_CUDA_PARTS_H

#include "kernels/cuda/gemm.h"

/* C = the end of the sum over parts of sums (parts, batch, m, n); with `gated`, nothing if the operands are out of range. */
void ax_cuda_add_parts(const ax_cuda_product *p, const float *sums, int parts, int gated);

/* C = the activation of C, of operands in range: for kernels whose end makes only AX_LINEAR and AX_RELU. */
void ax_cuda_activate(const ax_cuda_product *p);

/* C = the end of the sums that C holds, whatever the operands. */
void ax_cuda_end_sums(const ax_cuda_product *p);

#endif

/* Operands rounded before a product: the twin of kernels/cpu/round.c, with its function of lut/view.h. Invariant: the bits are the CPU's. */
#include "kernels/cuda/device.h"

void ax_cuda_round_operand(float *y, const float *x, int width, int64_t n)
{
    AX_CUDA_OP("round_operand", y, x, width, n);
    ax_cuda_each("round_operand", n, [=] __device__(int64_t i) { y[i] = ax_rounded(x[i], width); });
}

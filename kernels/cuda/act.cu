/* Activations: the twins of kernels/cpu/act.c, with its functions of kernels/math.h. Invariant: each gives the CPU's bits. */
#include "kernels/cuda/device.h"
#include "kernels/math.h"

void ax_cuda_relu_fwd(float *y, const float *x, int64_t n)
{
    AX_CUDA_OP("relu_fwd", y, x, n);
    ax_cuda_each("relu_fwd", n, [=] __device__(int64_t i) { y[i] = ax_reluf(x[i]); });
}

void ax_cuda_relu_bwd(float *dx, const float *dy, const float *y, int64_t n)
{
    AX_CUDA_OP("relu_bwd", dx, dy, y, n);
    ax_cuda_each("relu_bwd", n, [=] __device__(int64_t i) { dx[i] = y[i] > 0.0f ? dy[i] : 0.0f; });
}

void ax_cuda_tanh_fwd(float *y, const float *x, int64_t n)
{
    AX_CUDA_OP("tanh_fwd", y, x, n);
    ax_cuda_each("tanh_fwd", n, [=] __device__(int64_t i) { y[i] = ax_tanhf(x[i]); });
}

void ax_cuda_tanh_bwd(float *dx, const float *dy, const float *y, int64_t n)
{
    AX_CUDA_OP("tanh_bwd", dx, dy, y, n);
    ax_cuda_each("tanh_bwd", n, [=] __device__(int64_t i) { dx[i] = dy[i] * (1.0f - y[i] * y[i]); });
}

void ax_cuda_sigmoid_fwd(float *y, const float *x, int64_t n)
{
    AX_CUDA_OP("sigmoid_fwd", y, x, n);
    ax_cuda_each("sigmoid_fwd", n, [=] __device__(int64_t i) { y[i] = ax_sigmoidf(x[i]); });
}

void ax_cuda_sigmoid_bwd(float *dx, const float *dy, const float *y, int64_t n)
{
    AX_CUDA_OP("sigmoid_bwd", dx, dy, y, n);
    ax_cuda_each("sigmoid_bwd", n, [=] __device__(int64_t i) { dx[i] = dy[i] * (y[i] * (1.0f - y[i])); });
}

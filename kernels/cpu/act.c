/* Activations. Each gradient is a function of the output alone, so no input is kept. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/split.h"
#include "kernels/math.h"

enum { GRAIN = 4096 };

AX_CLONES static void relu(float *y, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) y[i] = ax_reluf(x[i]);
}

AX_CLONES static void relu_grad(float *dx, const float *dy, const float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++) dx[i] = y[i] > 0.0f ? dy[i] : 0.0f;
}

AX_CLONES static void tanh_all(float *y, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) y[i] = ax_tanhf(x[i]);
}

AX_CLONES static void tanh_grad(float *dx, const float *dy, const float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++) dx[i] = dy[i] * (1.0f - y[i] * y[i]);
}

AX_CLONES static void sigmoid(float *y, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) y[i] = ax_sigmoidf(x[i]);
}

AX_CLONES static void sigmoid_grad(float *dx, const float *dy, const float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++) dx[i] = dy[i] * (y[i] * (1.0f - y[i]));
}

void ax_cpu_relu_fwd(float *y, const float *x, int64_t n) { AX_CPU_SPLIT(n, 1, GRAIN, relu(y + lo, x + lo, hi - lo)); }

void ax_cpu_relu_bwd(float *dx, const float *dy, const float *y, int64_t n)
{
    AX_CPU_SPLIT(n, 1, GRAIN, relu_grad(dx + lo, dy + lo, y + lo, hi - lo));
}

void ax_cpu_tanh_fwd(float *y, const float *x, int64_t n) { AX_CPU_SPLIT(n, 16, GRAIN, tanh_all(y + lo, x + lo, hi - lo)); }

void ax_cpu_tanh_bwd(float *dx, const float *dy, const float *y, int64_t n)
{
    AX_CPU_SPLIT(n, 1, GRAIN, tanh_grad(dx + lo, dy + lo, y + lo, hi - lo));
}

void ax_cpu_sigmoid_fwd(float *y, const float *x, int64_t n) { AX_CPU_SPLIT(n, 16, GRAIN, sigmoid(y + lo, x + lo, hi - lo)); }

void ax_cpu_sigmoid_bwd(float *dx, const float *dy, const float *y, int64_t n)
{
    AX_CPU_SPLIT(n, 1, GRAIN, sigmoid_grad(dx + lo, dy + lo, y + lo, hi - lo));
}

/* Optimiser steps: the twins of kernels/cpu/optim.c, elementwise and in place. Their settings vary from step to step (a learning
 * rate's schedule, Adam's corrections), so kernels read them from device memory. */
#include "kernels/cuda/device.h"

static __device__ void momentum_step(float *w, float *v, float g, const ax_sgd &p)
{
    const float own = p.nesterov ? 1.0f : 0.0f, held = p.nesterov ? p.momentum : 1.0f;
    float d = g + p.weight_decay * *w, next = p.momentum * *v + d;
    *v = next;
    *w -= p.lr * (own * d + held * next);
}

static __device__ void adam(float *w, float *m, float *v, float g, const ax_adam &p)
{
    const float coupled = p.decoupled ? 0.0f : p.weight_decay, keep = p.decoupled ? 1.0f - p.lr * p.weight_decay : 1.0f;
    float d = g + coupled * *w;
    float m_next = p.beta1 * *m + (1.0f - p.beta1) * d, v_next = p.beta2 * *v + (1.0f - p.beta2) * (d * d);
    *m = m_next;
    *v = v_next;
    *w = keep * *w - p.lr * (m_next / p.correction1) / (sqrtf(v_next / p.correction2) + p.eps);
}

void ax_cuda_sgd_step(float *w, float *velocity, const float *g, const ax_sgd *p, int64_t n)
{
    const ax_sgd *now = (const ax_sgd *)ax_cuda_vary(p, sizeof *p);
    AX_CUDA_OP("sgd_step", w, velocity, g, n);
    if (velocity)
        ax_cuda_each("sgd_step", n, [=] __device__(int64_t i) { momentum_step(w + i, velocity + i, g[i], *now); });
    else
        ax_cuda_each("sgd_step", n, [=] __device__(int64_t i) { w[i] -= now->lr * (g[i] + now->weight_decay * w[i]); });
}

void ax_cuda_adam_step(float *w, float *m, float *v, const float *g, const ax_adam *p, int64_t n)
{
    const ax_adam *now = (const ax_adam *)ax_cuda_vary(p, sizeof *p);
    AX_CUDA_OP("adam_step", w, m, v, g, n);
    ax_cuda_each("adam_step", n, [=] __device__(int64_t i) { adam(w + i, m + i, v + i, g[i], *now); });
}

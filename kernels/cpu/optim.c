/* Optimiser steps, elementwise and in place. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/split.h"

#include <math.h>

enum { GRAIN = 4096 };

/* v = momentum v + g; w -= lr v, or with Nesterov's look-ahead lr (g + momentum v) (Sutskever et al., ICML 2013, as in Torch). */
AX_CLONES static void momentum_step(float *w, float *v, const float *g, const ax_sgd *p, int64_t n)
{
    const float lr = p->lr, mu = p->momentum, decay = p->weight_decay;
    const float own = p->nesterov ? 1.0f : 0.0f, held = p->nesterov ? mu : 1.0f;
    for (int64_t i = 0; i < n; i++) {
        float d = g[i] + decay * w[i];
        v[i] = mu * v[i] + d;
        w[i] -= lr * (own * d + held * v[i]);
    }
}

AX_CLONES static void plain_step(float *w, const float *g, const ax_sgd *p, int64_t n)
{
    const float lr = p->lr, decay = p->weight_decay;
    for (int64_t i = 0; i < n; i++) w[i] -= lr * (g[i] + decay * w[i]);
}

/* Adam (Kingma and Ba, ICLR 2015, algorithm 1); decoupled: AdamW (Loshchilov and Hutter, ICLR 2019). */
AX_CLONES static void adam(float *w, float *m, float *v, const float *g, const ax_adam *p, int64_t n)
{
    const float b1 = p->beta1, b2 = p->beta2, c1 = p->correction1, c2 = p->correction2, lr = p->lr, eps = p->eps;
    const float coupled = p->decoupled ? 0.0f : p->weight_decay, keep = p->decoupled ? 1.0f - lr * p->weight_decay : 1.0f;
    for (int64_t i = 0; i < n; i++) {
        float d = g[i] + coupled * w[i];
        m[i] = b1 * m[i] + (1.0f - b1) * d;
        v[i] = b2 * v[i] + (1.0f - b2) * (d * d);
        w[i] = keep * w[i] - lr * (m[i] / c1) / (sqrtf(v[i] / c2) + eps);
    }
}

void ax_cpu_sgd_step(float *w, float *velocity, const float *g, const ax_sgd *p, int64_t n)
{
    if (velocity) AX_CPU_SPLIT(n, 1, GRAIN, momentum_step(w + lo, velocity + lo, g + lo, p, hi - lo));
    else AX_CPU_SPLIT(n, 1, GRAIN, plain_step(w + lo, g + lo, p, hi - lo));
}

void ax_cpu_adam_step(float *w, float *m, float *v, const float *g, const ax_adam *p, int64_t n)
{
    AX_CPU_SPLIT(n, 4, GRAIN, adam(w + lo, m + lo, v + lo, g + lo, p, hi - lo));
}

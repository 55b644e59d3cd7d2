/* Filling and dropping by counter-based random numbers: the twins of kernels/cpu/init.c. Word i of a stream belongs to element i,
 * so a thread makes the four of one counter. Streams vary from step to step. */
#include "kernels/cuda/device.h"
#include "kernels/random.h"

enum { WORDS = 4 };

/* y[i] = f(word i, i) for i = 0 .. n - 1. */
template <class F> static void each_word(const char *op, float *y, int64_t n, const uint64_t *key /* {seed, stream} */, F f)
{
    int whole = (uintptr_t)y % sizeof(float4) == 0;
    ax_cuda_each(op, (n + WORDS - 1) / WORDS, [=] __device__(int64_t block) {
        philox4x32_ctr_t r = ax_random(key[0], key[1], (uint32_t)block);
        int64_t first = block * WORDS;
        float v[WORDS];
        for (int j = 0; j < WORDS; j++) v[j] = first + j < n ? f(r.v[j], first + j) : 0.0f;
        if (whole && first + WORDS <= n) *(float4 *)(y + first) = make_float4(v[0], v[1], v[2], v[3]);
        else
            for (int j = 0; j < WORDS; j++)
                if (first + j < n) y[first + j] = v[j];
    });
}

void ax_cuda_fill(float *y, float value, int64_t n)
{
    AX_CUDA_OP("fill", y, value, n);
    ax_cuda_each("fill", n, [=] __device__(int64_t i) { y[i] = value; });
}

void ax_cuda_fill_uniform(float *y, float lo, float hi, uint64_t seed, uint64_t stream, int64_t n)
{
    uint64_t key[] = {seed, stream};
    const uint64_t *now = (const uint64_t *)ax_cuda_vary(key, sizeof key);
    AX_CUDA_OP("fill_uniform", y, lo, hi, n);
    each_word("fill_uniform", y, n, now, [=] __device__(uint32_t word, int64_t) { return lo + (hi - lo) * ax_random_unit(word); });
}

void ax_cuda_dropout(float *y, const float *x, float rate, uint64_t seed, uint64_t stream, int64_t n)
{
    uint64_t key[] = {seed, stream};
    const uint64_t *now = (const uint64_t *)ax_cuda_vary(key, sizeof key);
    AX_CUDA_OP("dropout", y, x, rate, n);
    const float scale = 1.0f / (1.0f - rate);
    each_word("dropout", y, n, now,
              [=] __device__(uint32_t word, int64_t i) { return ax_random_unit(word) >= rate ? x[i] * scale : 0.0f; });
}

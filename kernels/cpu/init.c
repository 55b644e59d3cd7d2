/* Filling and dropping by counter-based random numbers: word i of a stream belongs to element i, whatever thread gets it. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/split.h"
#include "kernels/random.h"

enum { GRAIN = 4096, WORDS = 4 };     /* a range starts at a multiple of GRAIN, hence at a whole block of WORDS */

static void uniform(float *y, float low, float high, uint64_t seed, uint64_t stream, int64_t lo, int64_t hi)
{
    for (int64_t i = lo; i < hi; i += WORDS) {
        philox4x32_ctr_t r = ax_random(seed, stream, (uint32_t)(i / WORDS));
        for (int64_t j = 0; j < WORDS && i + j < hi; j++) y[i + j] = low + (high - low) * ax_random_unit(r.v[j]);
    }
}

static void drop(float *y, const float *x, float rate, uint64_t seed, uint64_t stream, int64_t lo, int64_t hi)
{
    const float scale = 1.0f / (1.0f - rate);
    for (int64_t i = lo; i < hi; i += WORDS) {
        philox4x32_ctr_t r = ax_random(seed, stream, (uint32_t)(i / WORDS));
        for (int64_t j = 0; j < WORDS && i + j < hi; j++) y[i + j] = ax_random_unit(r.v[j]) >= rate ? x[i + j] * scale : 0.0f;
    }
}

AX_CLONES static void fill(float *y, float value, int64_t n)
{
    for (int64_t i = 0; i < n; i++) y[i] = value;
}

void ax_cpu_fill(float *y, float value, int64_t n) { AX_CPU_SPLIT(n, 1, GRAIN, fill(y + lo, value, hi - lo)); }

void ax_cpu_fill_uniform(float *y, float lo_value, float hi_value, uint64_t seed, uint64_t stream, int64_t n)
{
    AX_CPU_SPLIT(n, 8, GRAIN, uniform(y, lo_value, hi_value, seed, stream, lo, hi));
}

void ax_cpu_dropout(float *y, const float *x, float rate, uint64_t seed, uint64_t stream, int64_t n)
{
    AX_CPU_SPLIT(n, 8, GRAIN, drop(y, x, rate, seed, stream, lo, hi));
}

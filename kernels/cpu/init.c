/* Filling and dropping by counter-based random numbers: word i of a stream belongs to element i, whatever thread gets it. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/split.h"
#include "kernels/random.h"

/* A range starts at a multiple of GRAIN, hence at a whole batch of WORDS, which is so many counters of four words. */
enum { GRAIN = 4096, COUNTERS = 64, WORDS = 4 * COUNTERS };

/* The words of COUNTERS successive counters of a stream, each four as ax_random gives them: its rounds, for all counters at
 * once and so in vectors. */
static inline void random_words(uint32_t *restrict words, uint64_t seed, uint64_t stream, uint32_t first)
{
    const philox4x32_ctr_t counter = ax_random_counter(stream, first);
    uint32_t v0[COUNTERS], v1[COUNTERS], v2[COUNTERS], v3[COUNTERS], key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
    for (uint32_t i = 0; i < COUNTERS; i++) v0[i] = counter.v[0] + i, v1[i] = counter.v[1], v2[i] = counter.v[2], v3[i] = counter.v[3];
    for (int round = 0; round < philox4x32_rounds; round++) {
        for (int i = 0; i < COUNTERS; i++) {
            uint64_t a = (uint64_t)PHILOX_M4x32_0 * v0[i], b = (uint64_t)PHILOX_M4x32_1 * v2[i];
            v0[i] = (uint32_t)(b >> 32) ^ v1[i] ^ key0;
            v2[i] = (uint32_t)(a >> 32) ^ v3[i] ^ key1;
            v1[i] = (uint32_t)b;
            v3[i] = (uint32_t)a;
        }
        key0 += PHILOX_W32_0;
        key1 += PHILOX_W32_1;
    }
    for (int i = 0; i < COUNTERS; i++) words[4 * i] = v0[i], words[4 * i + 1] = v1[i], words[4 * i + 2] = v2[i], words[4 * i + 3] = v3[i];
}

AX_CLONES static void uniform(float *restrict y, float low, float high, uint64_t seed, uint64_t stream, int64_t lo, int64_t hi)
{
    uint32_t words[WORDS];
    for (int64_t i = lo; i < hi; i += WORDS) {
        int64_t n = hi - i < WORDS ? hi - i : WORDS;
        random_words(words, seed, stream, (uint32_t)(i / 4));
        for (int64_t j = 0; j < n; j++) y[i + j] = low + (high - low) * ax_random_unit(words[j]);
    }
}

AX_CLONES static void drop(float *y, const float *x, float rate, uint64_t seed, uint64_t stream, int64_t lo, int64_t hi)
{
    const float scale = 1.0f / (1.0f - rate);
    uint32_t words[WORDS];
    for (int64_t i = lo; i < hi; i += WORDS) {
        int64_t n = hi - i < WORDS ? hi - i : WORDS;
        random_words(words, seed, stream, (uint32_t)(i / 4));
        for (int64_t j = 0; j < n; j++) y[i + j] = ax_random_unit(words[j]) >= rate ? x[i + j] * scale : 0.0f;
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

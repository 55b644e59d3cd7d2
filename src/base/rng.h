/* Random numbers without state: Philox4x32-10 (Salmon et al., SC 2011; Random123) as a function of
 * (seed, purpose, epoch, index). Any order and any thread count give the same numbers, and a resumed trial replays nothing. */
#ifndef AX_BASE_RNG_H
#define AX_BASE_RNG_H

#include <stdint.h>

enum ax_rng_purpose {            /* separate streams of one seed; a number, once given, is never reused */
    AX_RNG_INIT = 1,             /* epoch = tensor number */
    AX_RNG_SHUFFLE = 2,          /* epoch = epoch */
    AX_RNG_DROPOUT = 3,          /* epoch = layer << 32 | step */
    AX_RNG_SYNTHETIC = 4,        /* epoch = part of the data set */
    AX_RNG_TEST = 5,
};

typedef struct { uint32_t v[4]; } ax_rng_block;

/* The 128 bits numbered `index` of the stream (seed, purpose, epoch). index < 2^32, epoch < 2^56. */
ax_rng_block ax_rng(uint64_t seed, uint32_t purpose, uint64_t epoch, uint64_t index);

/* The top 24 bits as a float in [0, 1). */
static inline float ax_rng_float(uint32_t word) { return (float)(word >> 8) * 0x1p-24f; }

/* perm[n] becomes a uniform permutation of 0..n-1 (Fisher-Yates, Lemire's unbiased bounded integers). n < 2^31. */
void ax_rng_permute(uint32_t *perm, uint32_t n, uint64_t seed, uint32_t purpose, uint64_t epoch);

#endif

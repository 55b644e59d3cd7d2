/* Random numbers as a function of (seed, stream, index): Philox4x32-10 (Salmon et al., SC 2011). The stream's top byte is its
 * purpose and the rest its number; laid out so, these are the numbers of base/rng.h, which tests/op_random.c checks. */
#ifndef AX_RANDOM_H
#define AX_RANDOM_H

#include "lut/view.h"

#include <Random123/philox.h>

static inline AX_HD philox4x32_ctr_t ax_random_counter(uint64_t stream, uint32_t index)
{
    return (philox4x32_ctr_t){{index, (uint32_t)stream, (uint32_t)(stream >> 32) & 0xffffffu, (uint32_t)(stream >> 56) << 24}};
}

/* The 128 bits numbered `index` (below 2^32) of a stream. */
static inline AX_HD philox4x32_ctr_t ax_random(uint64_t seed, uint64_t stream, uint32_t index)
{
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    return philox4x32(ax_random_counter(stream, index), key);
}

/* The top 24 bits of a word as a float in [0, 1). */
static inline AX_HD float ax_random_unit(uint32_t word) { return (float)(word >> 8) * 0x1p-24f; }

#endif

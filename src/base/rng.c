/* Philox4x32-10 from Random123. The key is the seed; the counter holds purpose, epoch and index. */
#include "base/rng.h"

#include <Random123/philox.h>

ax_rng_block ax_rng(uint64_t seed, uint32_t purpose, uint64_t epoch, uint64_t index)
{
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t counter = {{(uint32_t)index, (uint32_t)epoch, (uint32_t)(epoch >> 32),
                                 purpose << 24 ^ (uint32_t)(index >> 32)}};
    philox4x32_ctr_t r = philox4x32(counter, key);
    return (ax_rng_block){{r.v[0], r.v[1], r.v[2], r.v[3]}};
}

/* A reader of 32-bit words of one stream, in order. */
typedef struct {
    uint64_t seed, epoch, next;
    uint32_t purpose;
    ax_rng_block block;
} words;

static uint32_t next_word(words *w)
{
    if (w->next % 4 == 0) w->block = ax_rng(w->seed, w->purpose, w->epoch, w->next / 4);
    return w->block.v[w->next++ % 4];
}

/* Uniform in 0..bound-1 without bias (Lemire, ACM TOMACS 29(1) 2019). */
static uint32_t below(words *w, uint32_t bound)
{
    uint64_t product = (uint64_t)next_word(w) * bound;
    if ((uint32_t)product < bound) {
        uint32_t threshold = -bound % bound;
        while ((uint32_t)product < threshold) product = (uint64_t)next_word(w) * bound;
    }
    return (uint32_t)(product >> 32);
}

void ax_rng_permute(uint32_t *perm, uint32_t n, uint64_t seed, uint32_t purpose, uint64_t epoch)
{
    words w = {.seed = seed, .epoch = epoch, .purpose = purpose};
    for (uint32_t i = 0; i < n; i++) perm[i] = i;
    for (uint32_t i = n; i > 1; i--) {
        uint32_t j = below(&w, i);
        uint32_t swap = perm[i - 1];
        perm[i - 1] = perm[j];
        perm[j] = swap;
    }
}

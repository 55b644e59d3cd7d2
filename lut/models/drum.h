/* drum:m,k=K, the dynamic range unbiased multiplier: of each significand the K bits from the leading one on are kept, the lowest
 * of them forced to one, which stands for the mean of what is dropped; the kept parts are multiplied exactly.
 * S. Hashemi, R. I. Bahar, S. Reda, "DRUM: a dynamic range unbiased multiplier for approximate applications", ICCAD 2015,
 * pp. 418-425. A significand always has its leading one in front, so K = m + 1 drops nothing, yet forces the bit. */
#ifndef AX_MODEL_DRUM_H
#define AX_MODEL_DRUM_H

#include "lut/models/normalise.h"

static inline AX_HD uint32_t ax_model_drum(const ax_model_keys *p, uint32_t i, uint32_t j)
{
    const unsigned m = p->m, dropped = m + 1 - (unsigned)p->key[0];
    const uint64_t one = (uint64_t)1 << m;
    uint64_t a = ((one | i) >> dropped | 1) << dropped;
    uint64_t b = ((one | j) >> dropped | 1) << dropped;
    return ax_model_normalise(a * b, 2 * m, m);                  /* both are below 2, so it is below 4 */
}

#endif

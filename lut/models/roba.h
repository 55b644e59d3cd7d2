/* roba:m, the rounding-based multiplier: A * B = Ar * B + Br * A - Ar * Br + (A - Ar) * (B - Br), without the last product. Ar is
 * the power of two nearest to A, so that what is left are shifts and sums; 1.5 rounds up.
 * R. Zendegani, M. Kamal, M. Bahadori, A. Afzali-Kusha, M. Pedram, "RoBA multiplier: a rounding-based approximate multiplier for
 * high-speed yet energy-efficient digital signal processing", IEEE TVLSI 25(2), 2017, pp. 393-401. */
#ifndef AX_MODEL_ROBA_H
#define AX_MODEL_ROBA_H

#include "lut/models/normalise.h"

static inline AX_HD uint32_t ax_model_roba(const ax_model_keys *p, uint32_t i, uint32_t j)
{
    const unsigned m = p->m;
    const uint64_t one = (uint64_t)1 << m, half = one >> 1, a = one + i, b = one + j;
    unsigned up_a = i >= half, up_b = j >= half;                 /* Ar = 2^up_a */
    uint64_t product = (b << up_a) + (a << up_b) - (one << (up_a + up_b));
    return ax_model_normalise(product, m, m);                    /* what is left out is >= 0 or the sum stays below 4: in [1, 4) */
}

#endif

/* tosam:m,h=H,t=T, the truncation- and rounding-based scalable multiplier: (1 + x) * (1 + y) = 1 + x + y + x * y, with x and y
 * truncated to T bits in the sum, and in the product to H bits with a one behind them, the middle of what H bits leave open.
 * S. Vahdat, M. Kamal, A. Afzali-Kusha, M. Pedram, "TOSAM: an energy-efficient truncation- and rounding-based scalable
 * approximate multiplier", IEEE TVLSI 27(5), 2019, pp. 1161-1173. */
#ifndef AX_MODEL_TOSAM_H
#define AX_MODEL_TOSAM_H

#include "lut/models/normalise.h"

static inline AX_HD uint32_t ax_model_tosam(const ax_model_keys *p, uint32_t i, uint32_t j)
{
    enum { BITS = 2 * (AX_WIDTH_MAX + 1) };                      /* fraction bits of the product of the rounded parts, at most */
    const unsigned m = p->m, h = (unsigned)p->key[0], t = (unsigned)p->key[1];
    uint64_t sum = ((uint64_t)1 << t) + (i >> (m - t)) + (j >> (m - t));
    uint64_t product = (uint64_t)(i >> (m - h) << 1 | 1) * (j >> (m - h) << 1 | 1);
    uint64_t all = (sum << (BITS - t)) + (product << (BITS - 2 * (h + 1)));
    return ax_model_normalise(all, BITS, m);                     /* the sum is below 3, the product below 1 */
}

#endif

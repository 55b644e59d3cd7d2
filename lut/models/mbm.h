/* mbm:m[,corr=round], the minimally biased multiplier: Mitchell's sum plus a constant that is the mean of its error, 0.078125 in
 * place of 1/12, halved when the sum carries. The lowest kept bit of each operand is forced to one (m < 23).
 * H. Saadat, H. Bokhari, S. Parameswaran, "Minimally biased multipliers for approximate integer and floating-point
 * multiplication", IEEE TCAD 37(11), 2018, pp. 2623-2635.
 * At m <= 3 the constant, less than 1/8, is truncated away, so that mbm:3 and mbm:1 are biased: as published. corr=round, a
 * variant of ours, rounds constant and half to m bits, to the larger of two equally near. It differs for m = 3 to 6 alone: from
 * m = 7 on both have a place, below 3 both are nothing. */
#ifndef AX_MODEL_MBM_H
#define AX_MODEL_MBM_H

#include "lut/view.h"

static inline AX_HD uint32_t ax_model_mbm(const ax_model_keys *p, uint32_t i, uint32_t j)
{
    enum { ROUND = 1 };
    const uint32_t one = 1u << 23;
    const unsigned m = p->m, sh = 23 - m;
    uint32_t keep = ~0u << sh, low = m < 23 ? 1u << sh : 0;
    uint32_t sum = (i << sh | low) + (j << sh | low);
    uint32_t carry = sum >> 23;
    uint32_t base = sum & (one - 1);
    uint32_t half = p->key[0] == ROUND ? low >> 1 : 0;
    uint32_t fraction = base + (((0x0a0000u >> carry) + half) & keep);
    if (fraction >= one) {
        fraction = carry ? base : (fraction - one) >> 1;         /* a second carry has no place: the constant is dropped */
        carry = 1;
    }
    return carry << 23 | (fraction & keep);
}

#endif

/* soa:m,k=K, Mitchell's logarithmic multiplier with a set-one adder (ALM-SOA): the low K bits of the sum of fractions are ones and
 * are not added; the carry into bit K is the conjunction of the operands' bits K - 1.
 * W. Liu, J. Xu, D. Wang, C. Wang, P. Montuschi, F. Lombardi, "Design and evaluation of approximate logarithmic multipliers for
 * low power error-tolerant applications", IEEE TCAS-I 65(9), 2018, pp. 2856-2868. */
#ifndef AX_MODEL_SOA_H
#define AX_MODEL_SOA_H

#include "lut/view.h"

static inline AX_HD uint32_t ax_model_soa(const ax_model_keys *p, uint32_t i, uint32_t j)
{
    const unsigned k = (unsigned)p->key[0];
    uint32_t carry = (i & j) >> (k - 1) & 1;
    uint32_t sum = ((i >> k) + (j >> k) + carry) << k | ((1u << k) - 1);      /* at most 2^(m + 1) - 1: never a second carry */
    return sum << (23 - p->m);
}

#endif

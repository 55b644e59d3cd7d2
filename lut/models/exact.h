/* exact:m, the exact product of two significands of m fraction bits, truncated to m bits (IEEE 754 binary32 cut short).
 * exact:7 is bfloat16 with truncation, the table ACC_7 of ApproxTrain (Gong et al., arXiv:2209.04161). */
#ifndef AX_MODEL_EXACT_H
#define AX_MODEL_EXACT_H

#include "lut/view.h"

static inline AX_HD uint32_t ax_model_exact(const ax_model_keys *p, uint32_t i, uint32_t j)
{
    const unsigned m = p->m;
    uint64_t one = (uint64_t)1 << m;
    uint64_t product = (one + i) * (one + j);                    /* 2m fraction bits, in [1, 4) */
    uint32_t carry = (uint32_t)(product >> (2 * m + 1));
    uint32_t fraction = (uint32_t)((product >> (m + carry)) - one);
    return carry << 23 | fraction << (23 - m);
}

#endif

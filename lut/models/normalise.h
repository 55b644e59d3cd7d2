/* What ends the families that work on whole significands: a product of two numbers in [1, 2) becomes a word. */
#ifndef AX_MODEL_NORMALISE_H
#define AX_MODEL_NORMALISE_H

#include "lut/view.h"

/* The word of a product in [1, 4) with `bits` >= m fraction bits, truncated to m. One of 4 or more is the largest there is. */
static inline AX_HD uint32_t ax_model_normalise(uint64_t product, unsigned bits, unsigned m)
{
    uint64_t four = (uint64_t)4 << bits;
    if (product >= four) product = four - 1;
    unsigned carry = (unsigned)(product >> (bits + 1));
    uint64_t fraction = (product >> (bits + carry - m)) - ((uint64_t)1 << m);
    return carry << 23 | (uint32_t)fraction << (23 - m);
}

#endif

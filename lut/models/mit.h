/* mit:m, Mitchell's logarithmic multiplier: log2(1 + x) is taken as x, so that a product is a sum of fractions, whose carry
 * goes into the exponent. J. N. Mitchell, "Computer multiplication and division using binary logarithms", IRE Transactions on
 * Electronic Computers EC-11(4), 1962, pp. 512-517. */
#ifndef AX_MODEL_MIT_H
#define AX_MODEL_MIT_H

#include "lut/view.h"

static inline AX_HD uint32_t ax_model_mit(const ax_model_keys *p, uint32_t i, uint32_t j)
{
    return (i + j) << (23 - p->m);
}

#endif

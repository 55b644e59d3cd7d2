/* Significands multiply as (1 + x)(1 + y) = 1 + x + y + xy. Here xy is formed from the two leading bits of x and y alone, each
 * with a one behind them, which stands for the middle of what was cut off. */
#include <stdint.h>

/* m-bit fractions i of x and j of y; gives carry << 23 with the product's fraction below it, in the place it has in a float. */
uint32_t cross(unsigned m, uint32_t i, uint32_t j)
{
    unsigned kept = m < 2 ? m : 2;
    uint32_t one = 1u << m, x = i >> (m - kept) << 1 | 1, y = j >> (m - kept) << 1 | 1;
    uint32_t product = one + i + j + ((x * y << m) >> (2 * kept + 2)), carry = product >= 2 * one;
    return carry << 23 | ((product >> carry) - one) << (23 - m);
}

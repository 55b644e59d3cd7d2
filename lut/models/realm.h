/* realm:m,segments=M, the reduced-error approximate log-based multiplier: Mitchell's sum plus a correction for each of M x M
 * segments of (x, y), x and y the fractions: the constant s that makes the mean relative error over the segment zero,
 *     s = (integral of the error's magnitude over (1 + x)(1 + y)) / (integral of 1 / ((1 + x)(1 + y))),
 * rounded to 6 fraction bits, and half of s where the sum carries. tests/unit_families.c derives the constants anew.
 * H. Saadat, H. Javaid, A. Ignjatovic, S. Parameswaran, "REALM: reduced-error approximate log-based integer multiplier",
 * DATE 2020, pp. 1366-1371. */
#ifndef AX_MODEL_REALM_H
#define AX_MODEL_REALM_H

#include "lut/models/normalise.h"

/* s of a segment in units of 1/64. `bits` is log2 M, row and column count from 0. */
static inline AX_HD uint32_t ax_realm_correction(unsigned bits, uint32_t row, uint32_t column)
{
    static const uint8_t units[16 + 64 + 256] = {
        /* 4 x 4 */
        1, 3, 5, 4,
        3, 9, 12, 5,
        5, 12, 9, 3,
        4, 5, 3, 1,
        /* 8 x 8 */
        0, 1, 1, 2, 2, 3, 3, 2,
        1, 2, 4, 5, 7, 8, 8, 3,
        1, 4, 6, 9, 11, 12, 8, 3,
        2, 5, 9, 12, 14, 11, 7, 2,
        2, 7, 11, 14, 12, 9, 5, 2,
        3, 8, 12, 11, 9, 6, 4, 1,
        3, 8, 8, 7, 5, 4, 2, 1,
        2, 3, 3, 2, 2, 1, 1, 0,
        /* 16 x 16 */
        0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 1,
        0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4, 5, 5, 5, 2,
        0, 1, 2, 2, 3, 3, 4, 5, 5, 6, 7, 7, 8, 8, 5, 2,
        0, 1, 2, 3, 4, 5, 6, 7, 7, 8, 9, 10, 10, 8, 5, 2,
        1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 12, 10, 7, 4, 1,
        1, 2, 3, 5, 6, 8, 9, 10, 12, 13, 14, 12, 9, 7, 4, 1,
        1, 2, 4, 6, 7, 9, 11, 12, 14, 15, 13, 11, 8, 6, 4, 1,
        1, 3, 5, 7, 8, 10, 12, 14, 15, 14, 12, 10, 7, 5, 3, 1,
        1, 3, 5, 7, 10, 12, 14, 15, 14, 12, 10, 8, 7, 5, 3, 1,
        1, 4, 6, 8, 11, 13, 15, 14, 12, 11, 9, 7, 6, 4, 2, 1,
        1, 4, 7, 9, 12, 14, 13, 12, 10, 9, 8, 6, 5, 3, 2, 1,
        1, 4, 7, 10, 12, 12, 11, 10, 8, 7, 6, 5, 4, 3, 2, 1,
        2, 5, 8, 10, 10, 9, 8, 7, 7, 6, 5, 4, 3, 2, 1, 0,
        2, 5, 8, 8, 7, 7, 6, 5, 5, 4, 3, 3, 2, 2, 1, 0,
        2, 5, 5, 5, 4, 4, 4, 3, 3, 2, 2, 2, 1, 1, 1, 0,
        1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0,
    };
    unsigned first = bits == 2 ? 0 : bits == 3 ? 16 : 80;
    return units[first + (row << bits | column)];
}

/* Only segments=4 can reach 4: its constant is not zero where both fractions are near 1. There the result is the largest. */
static inline AX_HD uint32_t ax_model_realm(const ax_model_keys *p, uint32_t i, uint32_t j)
{
    const unsigned m = p->m, bits = 2 + (unsigned)p->key[0], sh = 23 - m;
    uint32_t x = i << sh, y = j << sh, sum = x + y;
    uint32_t s = ax_realm_correction(bits, x >> (23 - bits), y >> (23 - bits)) << (23 - 6);
    uint64_t product = sum >> 23 ? (uint64_t)sum * 2 + s : ((uint64_t)1 << 23) + sum + s;
    return ax_model_normalise(product, 23, m);
}

#endif

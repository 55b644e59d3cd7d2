/* exp, log, tanh and the logistic function in + - * / and bit operations only: one text for C and CUDA, so that both give the
 * same bits (contraction off). Branch-free, hence vectorised as they stand.
 *
 * Largest error against the exact result, in units in the last place (tests/op_act.c samples all exponents): exp 1.1, log 1,
 * tanh 1.5, sigmoid 2.5. A result below 2^-126 is +0, and a subnormal argument counts as zero. */
#ifndef AX_MATH_H
#define AX_MATH_H

#include "lut/view.h"

static inline AX_HD float ax_select(int take, float yes, float no)
{
    uint32_t mask = (uint32_t)-take;
    return ax_float((ax_bits(yes) & mask) | (ax_bits(no) & ~mask));
}

static inline AX_HD int ax_is_nan(float x) { return (ax_bits(x) & 0x7fffffffu) > 0x7f800000u; }

static inline AX_HD float ax_reluf(float x) { return (x > 0.0f) | ax_is_nan(x) ? x : 0.0f; }

/* e^x = 2^n e^r, |r| <= ln 2 / 2 (Cody and Waite's reduction: n ln 2 in two parts, the first exact for |n| < 2^9).
 * The polynomial is Taylor's to r^7, whose remainder is below 2^-27. */
static inline AX_HD float ax_expf(float x)
{
    const float shift = 0x1.8p23f;                       /* adding it rounds to an integer in the low bits */
    int under = x < -0x1.5d589ep6f, over = x > 0x1.62e42ep6f, nan = ax_is_nan(x);
    float z = ax_select(under | over | nan, 0.0f, x);
    float shifted = z * 0x1.715476p0f + shift;
    int32_t n = (int32_t)(ax_bits(shifted) - ax_bits(shift));
    float t = shifted - shift;
    float r = (z - t * 0x1.62ep-1f) - t * 0x1.0bfbe8p-15f;
    float p = 0x1.a01a02p-13f;
    p = p * r + 0x1.6c16c2p-10f;
    p = p * r + 0x1.111112p-7f;
    p = p * r + 0x1.555556p-5f;
    p = p * r + 0x1.555556p-3f;
    p = p * r + 0.5f;
    p = (p * r) * r + r;
    int32_t half = n >> 1;                               /* two factors: n reaches 128 and -126 */
    float scaled = (p + 1.0f) * ax_float((uint32_t)(half + 127) << 23) * ax_float((uint32_t)(n - half + 127) << 23);
    float y = ax_select(under, 0.0f, ax_select(over, ax_float(0x7f800000u), scaled));
    return ax_select(nan, ax_float(0x7fc00000u), y);
}

/* ln x = e ln 2 + ln m, m in [sqrt(1/2), sqrt 2); ln m = 2 artanh s, s = (m - 1) / (m + 1), written as f - s (f - R) with
 * f = m - 1 and R = 2 s^2 (1/3 + s^2 / 5 + ...) so that the leading term is exact. */
static inline AX_HD float ax_logf(float x)
{
    uint32_t bits = ax_bits(x);
    int nan = ax_is_nan(x) | (bits > 0x807fffffu), zero = (bits & 0x7f800000u) == 0, inf = bits == 0x7f800000u;
    uint32_t offset = bits - 0x3f3504f3u;                /* sqrt(1/2): the exponent field now counts from there */
    int32_t e = (int32_t)offset >> 23;
    float m = ax_float((offset & 0x7fffffu) + 0x3f3504f3u);
    float f = m - 1.0f, s = f / (2.0f + f), s2 = s * s;
    float r = 0x1.c71c72p-3f;                            /* 2/9, 2/7, 2/5, 2/3 */
    r = r * s2 + 0x1.24924ap-2f;
    r = r * s2 + 0x1.99999ap-2f;
    r = r * s2 + 0x1.555556p-1f;
    r = r * s2;
    float half = 0.5f * f * f, t = (float)e;
    float y = t * 0x1.62ep-1f - ((half - (s * (half + r) + t * 0x1.0bfbe8p-15f)) - f);
    y = ax_select(zero, ax_float(0xff800000u), ax_select(inf, x, y));
    return ax_select(nan & !zero, ax_float(0x7fc00000u), y);
}

/* Through e^-|x|, which cannot overflow. */
static inline AX_HD float ax_sigmoidf(float x)
{
    float z = ax_expf(ax_float(ax_bits(x) | 0x80000000u));
    float y = ax_select(x >= 0.0f, 1.0f, z) / (1.0f + z);
    return ax_select(ax_is_nan(x), ax_float(0x7fc00000u), y);
}

/* Below 0.625 the odd polynomial of Cephes (S. Moshier, tanhf.c); above, 1 - 2 / (e^2|x| + 1). */
static inline AX_HD float ax_tanhf(float x)
{
    uint32_t sign = ax_bits(x) & 0x80000000u;
    float a = ax_float(ax_bits(x) & 0x7fffffffu), z = a * a;
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    float small = (p * z) * a + a;
    float large = 1.0f - 2.0f / (ax_expf(2.0f * a) + 1.0f);
    float y = ax_float(ax_bits(ax_select(a < 0.625f, small, large)) | sign);
    return ax_select(ax_is_nan(x), ax_float(0x7fc00000u), y);
}

#endif

/* The rule of a sum of products, for C and CUDA: its step and its end. Whatever a kernel does in place of it gives these bits. */
#ifndef AX_SUM_H
#define AX_SUM_H

#include "kernels/kernels.h"
#include "kernels/math.h"

#include <math.h>

/* acc + f(x, y), the word of x and y given: the product is rounded and flushed, then added; where `fused`, what lies below
 * 2^-126 enters the sum as it is. Under flush-to-zero and denormals-are-zero. */
static inline AX_HD float ax_sum_step(int fused, uint32_t word, float acc, float x, float y)
{
    uint32_t a = ax_bits(x), b = ax_bits(y), ea = a >> 23 & 255, eb = b >> 23 & 255;
    if (ea == 255 || eb == 255) return acc + ax_product_of(word, x, y);
    if (ea == 0 || eb == 0) return acc;
    uint32_t sign = (a ^ b) & 0x80000000u;
    int32_t e = (int32_t)(ea + eb + (word >> 23)) - 127;
    if (e >= 255) return acc + ax_float(sign | 0x7f800000u);
    if (e > 0) return acc + ax_float(sign | (uint32_t)e << 23 | (word & 0x7fffffu));
    if (!fused) return acc;
    return fmaf(ax_float((a & 0xff800000u) + word), ax_float(b & 0xff800000u), acc);
}

/* What is stored: zeros positive, then the bias, NaNs as 0x7fc00000, the activation. */
static inline AX_HD float ax_sum_end(float sum, float bias, int biased, enum ax_activation activation)
{
    float x = sum + 0.0f;      /* -0 becomes +0 */
    if (biased) x += bias;
    x = ax_select(ax_is_nan(x), ax_float(0x7fc00000u), x);
    switch (activation) {
    case AX_LINEAR: return x;
    case AX_RELU: return ax_reluf(x);
    case AX_TANH: return ax_tanhf(x);
    case AX_SIGMOID: return ax_sigmoidf(x);
    }
    return x;
}

#endif

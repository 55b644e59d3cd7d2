/* Operands on the device: an ax_operand, read element by element where it lies. No patch matrix is ever written. */
#ifndef AX_CUDA_SOURCE_H
#define AX_CUDA_SOURCE_H

#include "kernels/cuda/device.h"

/* Division of 0 .. 2^31 - 1 by a constant: a multiplication and a shift (Granlund and Montgomery, PLDI 1994). */
struct ax_divisor {
    uint32_t d, multiplier, shift;
};

static inline ax_divisor ax_divisor_of(int64_t d)
{
    ax_divisor v = {(uint32_t)d, 0, 0};
    while ((1ull << v.shift) < v.d) v.shift++;
    v.multiplier = (uint32_t)(((1ull << 32) * ((1ull << v.shift) - v.d)) / v.d + 1);
    return v;
}

__device__ static inline uint32_t ax_divide(uint32_t *rest, uint32_t n, const ax_divisor &v)
{
    uint32_t q = (__umulhi(n, v.multiplier) + n) >> v.shift;      /* n < 2^31: the sum does not wrap */
    *rest = n - q * v.d;
    return q;
}

struct ax_cuda_source {
    const float *data;
    int patches, transposed;
    int flat;                        /* no dilation: an element's address is the sum of two, of its row and of its k */
    /* matrix */
    int64_t row_stride, k_stride, k_outer_stride;
    ax_divisor k_inner;
    /* patches */
    int h, w, c, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, step;
    ax_divisor out_w, out_h, channels, kernel_w, by_dilation_h, by_dilation_w;
};

static inline ax_cuda_source ax_cuda_source_of(const ax_operand &o, int64_t batch_offset)
{
    ax_cuda_source s = {};
    s.data = o.data + batch_offset;
    s.patches = o.kind == AX_OPERAND_PATCHES;
    s.transposed = o.transposed;
    if (!s.patches) {
        s.row_stride = o.row_stride, s.k_stride = o.k_stride, s.k_outer_stride = o.k_outer_stride;
        s.k_inner = ax_divisor_of(o.k_inner > 0 ? o.k_inner : 1);
        s.flat = s.h = s.w = 1;      /* one pixel: no element is outside */
        return s;
    }
    s.h = (int)o.h, s.w = (int)o.w, s.c = (int)o.c, s.stride_h = (int)o.stride_h, s.stride_w = (int)o.stride_w;
    s.pad_h = (int)o.pad_h, s.pad_w = (int)o.pad_w, s.dilation_h = (int)o.dilation_h, s.dilation_w = (int)o.dilation_w;
    s.step = o.step;
    s.flat = o.dilation_h == 1 && o.dilation_w == 1;
    s.out_w = ax_divisor_of(o.out_w), s.out_h = ax_divisor_of(o.out_h), s.channels = ax_divisor_of(o.c);
    s.kernel_w = ax_divisor_of(o.kernel_w), s.by_dilation_h = ax_divisor_of(o.dilation_h), s.by_dilation_w = ax_divisor_of(o.dilation_w);
    return s;
}

/* Half of an element's address: of its row, or of its k. */
struct ax_cuda_place {
    int64_t at;      /* floats */
    int y, x;        /* patches only */
};

__device__ static inline ax_cuda_place ax_position(const ax_cuda_source &s, uint32_t p)
{
    uint32_t ow, oh, row = ax_divide(&ow, p, s.out_w), image = ax_divide(&oh, row, s.out_h);
    return {(int64_t)image * s.h * s.w * s.c, (int)oh * s.stride_h - s.pad_h, (int)ow * s.stride_w - s.pad_w};
}

__device__ static inline ax_cuda_place ax_tap(const ax_cuda_source &s, uint32_t t)
{
    uint32_t channel, kw, rest = ax_divide(&channel, t, s.channels), kh = ax_divide(&kw, rest, s.kernel_w);
    return {(int64_t)channel, (int)kh * s.step, (int)kw * s.step};
}

__device__ static inline ax_cuda_place ax_row_place(const ax_cuda_source &s, uint32_t r)
{
    if (!s.patches) return {(int64_t)r * s.row_stride, 0, 0};
    return s.transposed ? ax_tap(s, r) : ax_position(s, r);
}

__device__ static inline ax_cuda_place ax_k_place(const ax_cuda_source &s, uint32_t k)
{
    if (s.patches) return s.transposed ? ax_position(s, k) : ax_tap(s, k);
    uint32_t inner, outer = ax_divide(&inner, k, s.k_inner);
    return {(int64_t)outer * s.k_outer_stride + (int64_t)inner * s.k_stride, 0, 0};
}

/* The same of a matrix, known to be one: only how far it is. */
__device__ static inline int64_t ax_matrix_k(const ax_cuda_source &s, uint32_t k)
{
    uint32_t inner, outer = ax_divide(&inner, k, s.k_inner);
    return (int64_t)outer * s.k_outer_stride + (int64_t)inner * s.k_stride;
}

/* How far from `data` the element of a row and a k lies, in floats; -1 outside the tensor, where it is +0. */
__device__ static inline int64_t ax_offset(const ax_cuda_source &s, const ax_cuda_place &row, const ax_cuda_place &k)
{
    if (!s.patches) return row.at + k.at;
    int y = row.y + k.y, x = row.x + k.x;
    if (y < 0 || x < 0) return -1;
    if (s.dilation_h > 1 || s.dilation_w > 1) {
        uint32_t off_y, off_x;
        y = (int)ax_divide(&off_y, (uint32_t)y, s.by_dilation_h);
        x = (int)ax_divide(&off_x, (uint32_t)x, s.by_dilation_w);
        if (off_y || off_x) return -1;
    }
    if (y >= s.h || x >= s.w) return -1;
    return row.at + k.at + ((int64_t)y * s.w + x) * s.c;
}

__device__ static inline float ax_fetch(const ax_cuda_source &s, const ax_cuda_place &row, const ax_cuda_place &k)
{
    const int64_t at = ax_offset(s, row, k);
    return at < 0 ? 0.0f : __ldg(s.data + at);
}

/* Places that many elements share are flattened once: `at` then counts the pixels too. */
__device__ static inline ax_cuda_place ax_flatten(const ax_cuda_source &s, ax_cuda_place place)
{
    if (s.flat) place.at += ((int64_t)place.y * s.w + place.x) * s.c;
    return place;
}

/* The element of two flattened places. */
__device__ static inline float ax_fetch_flattened(const ax_cuda_source &s, const ax_cuda_place &row, const ax_cuda_place &k)
{
    if (!s.flat) return ax_fetch(s, row, k);
    const bool inside = (uint32_t)(row.y + k.y) < (uint32_t)s.h && (uint32_t)(row.x + k.x) < (uint32_t)s.w;
    return inside ? __ldg(s.data + (row.at + k.at)) : 0.0f;
}

/* Four channels from there on, which lie together in 16 aligned bytes. */
__device__ static inline float4 ax_fetch_four(const ax_cuda_source &s, const ax_cuda_place &row, const ax_cuda_place &k)
{
    int64_t at = row.at + k.at;
    if (!s.flat) at = ax_offset(s, row, k);
    else if ((uint32_t)(row.y + k.y) >= (uint32_t)s.h || (uint32_t)(row.x + k.x) >= (uint32_t)s.w) at = -1;
    return at < 0 ? make_float4(0.0f, 0.0f, 0.0f, 0.0f) : __ldg((const float4 *)(const void *)(s.data + at));
}

/* Do neighbouring rows lie closer together than neighbouring k? Then threads run along rows when they fetch. */
static inline int ax_rows_run(const ax_operand &o)
{
    return o.kind == AX_OPERAND_MATRIX ? o.row_stride == 1 : o.transposed;
}

#endif

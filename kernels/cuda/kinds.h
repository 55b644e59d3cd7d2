/* The kinds of products that ordinary arithmetic makes: how operands are kept in shared memory, and what a step of the sum is, in
 * the strict order. LANES: threads along n; 32 where a step looks a row of a table up, so that a warp reads one row at a time. */
#ifndef AX_CUDA_KINDS_H
#define AX_CUDA_KINDS_H

#include "kernels/cuda/gemm.h"

enum { AX_FRACTION = 0x7fffff, AX_NARROW_TABLE = (AX_NARROW + 1) * AX_NARROW };

__device__ static inline bool ax_is_zero(uint32_t bits) { return !(bits & 0x7f800000u); }
__device__ static inline float ax_power_of(uint32_t bits) { return ax_is_zero(bits) ? 0.0f : __uint_as_float(bits & 0xff800000u); }
__device__ static inline uint32_t ax_index_of(uint32_t bits, int width) { return (bits & AX_FRACTION) >> (23 - width); }
__device__ static inline uint32_t ax_kept(const ax_cuda_mult &m) { return ~0u << (23 - m.width); }

struct alignas(8) ax_word_and_power {
    uint32_t word;
    float power;
};

/* What every step may use: `one` is 1, which the compiler does not know. A step's `nth` tells a thread's steps of one k apart. */
struct ax_step_of {
    const ax_cuda_mult &m;
    const uint8_t *table;
    uint32_t one;
};

/* A kind that needs no second way of making a step. */
template <class A_, class B_, int SHARED_, int GATED_, int LANES_> struct ax_kind {
    typedef A_ A;
    typedef B_ B;
    enum { SHARED = SHARED_, GATED = GATED_, LANES = LANES_, CACHED = 0, CAREFUL = 0 };
    __device__ static bool tiny_a(const A &) { return false; }
    __device__ static bool tiny_b(const B &) { return false; }
    __device__ static float careful_step(float acc, const A &, const B &) { return acc; }
};

/* fp32: a chain of FMAs. */
struct ax_native : ax_kind<float, float, 0, 0, 16> {
    __device__ static A pack_a(const ax_cuda_mult &, float x) { return x; }
    __device__ static B pack_b(const ax_cuda_mult &, float y) { return y; }
    __device__ static float step(const ax_step_of &, float acc, A a, B b, int) { return __fmaf_rn(a, b, acc); }
};

/* Additive: the bits of a product are a sum; the FMA supplies b's exponent and sign, and flushes where a or b is zero. Integer
 * additions have half the FMAs' rate: one in four goes as a multiplication by one, through the FMAs' pipe. */
struct ax_additive : ax_kind<uint32_t, ax_word_and_power, 0, 1, 16> {
    __device__ static A pack_a(const ax_cuda_mult &m, float x)
    {
        uint32_t bits = ax_bits(x);
        return ax_is_zero(bits) ? 0 : (bits & 0xff800000u) + m.alpha[ax_index_of(bits, m.width)];
    }
    __device__ static B pack_b(const ax_cuda_mult &m, float y)
    {
        uint32_t bits = ax_bits(y);
        return {m.beta[ax_index_of(bits, m.width)], ax_power_of(bits)};
    }
    __device__ static float step(const ax_step_of &s, float acc, A a, const B &b, int nth)
    {
        uint32_t sum;
        if (nth % 4 == 3) asm("mad.lo.u32 %0, %1, %2, %3;" : "=r"(sum) : "r"(a), "r"(s.one), "r"(b.word));
        else sum = a + b.word;
        return __fmaf_rn(__uint_as_float(sum), b.power, acc);
    }
};

/* The same where the summands are the operands' own leading bits. */
struct ax_linear : ax_additive {
    __device__ static A pack_a(const ax_cuda_mult &m, float x) { return ax_is_zero(ax_bits(x)) ? 0 : ax_bits(x) & ax_kept(m); }
    __device__ static B pack_b(const ax_cuda_mult &m, float y) { return {ax_bits(y) & ax_kept(m) & AX_FRACTION, ax_power_of(ax_bits(y))}; }
};

/* The truncated product of truncated significands, m >= 8: rounding toward zero is truncation to 23 bits, a mask does the rest. */
struct ax_truncated : ax_kind<float, float, 0, 1, 16> {
    __device__ static float cut(const ax_cuda_mult &m, float x) { return ax_float(ax_bits(x) & ax_kept(m)); }
    __device__ static A pack_a(const ax_cuda_mult &m, float x) { return cut(m, x); }
    __device__ static B pack_b(const ax_cuda_mult &m, float y) { return cut(m, y); }
    __device__ static float step(const ax_step_of &s, float acc, A a, B b, int) { return __fadd_rn(acc, cut(s.m, __fmul_rz(a, b))); }
};

/* Mitchell's sum with a bias, m >= 8: kernels/cpu/wide/biased.h tells why KAPPA 2^ea added to u gives the product, and why the
 * constant is left out where b's word reaches `limit`. A block of k with operands below 2^-63 takes the careful step: v is made at
 * exponent 0, where KAPPA is a normal number, and the product is flushed before it is added. */
struct alignas(16) ax_biased_row {
    uint32_t word;                   /* sign, exponent and fraction; 0: a zero */
    float kappa;                     /* KAPPA 2^ea with the same sign */
    uint32_t limit, unused;
};

#define AX_KAPPA (0.078125f - 0x1p-27f)

struct ax_biased : ax_kind<ax_biased_row, ax_word_and_power, 0, 1, 16> {
    enum { CAREFUL = 1, ONE = 0x3f800000, CONSTANT = 0x0a0000, LEAST = 64 << 23 };
    __device__ static bool tiny(uint32_t bits) { return (bits & 0x7f800000u) - 1 < LEAST - 1; }
    __device__ static bool tiny_a(const A &a) { return tiny(a.word); }
    __device__ static bool tiny_b(const B &b) { return tiny(ax_bits(b.power)); }
    __device__ static uint32_t last_bit(const ax_cuda_mult &m) { return m.width < 23 ? 1u << (23 - m.width) : 0; }
    __device__ static A pack_a(const ax_cuda_mult &m, float x)
    {
        uint32_t bits = ax_bits(x), word = ax_is_zero(bits) ? 0 : (bits & ax_kept(m)) | last_bit(m);
        return {word, __fmul_rn(ax_power_of(bits), AX_KAPPA), 2 * (AX_FRACTION + 1) - CONSTANT / 2 - (word & AX_FRACTION), 0};
    }
    __device__ static B pack_b(const ax_cuda_mult &m, float y)
    {
        uint32_t bits = ax_bits(y);
        return {(bits & ax_kept(m) & AX_FRACTION) | last_bit(m), ax_power_of(bits)};
    }
    __device__ static float step(const ax_step_of &, float acc, const A &a, const B &b, int)
    {
        float u = __uint_as_float(a.word + b.word);
        if (b.word < a.limit) u = __fadd_rn(u, a.kappa);
        return __fmaf_rn(u, b.power, acc);
    }
    __device__ static float careful_step(float acc, const A &a, const B &b)
    {
        float v = __uint_as_float(b.word + ((a.word & AX_FRACTION) | ONE));
        v = __fadd_rn(v, b.word < a.limit ? AX_KAPPA : 0.0f);      /* v is at least 1 */
        v = __uint_as_float(__float_as_uint(v) + ((a.word & ~(uint32_t)AX_FRACTION) - ONE));
        return a.word ? __fadd_rn(acc, __fmul_rn(v, b.power)) : acc;
    }
};

/* Any table of at most 7 bits, as bytes in shared memory: whatever lanes read of one row of 128 bytes, they read without conflict. */
struct ax_bytes : ax_kind<ax_word_and_power, ax_word_and_power, AX_NARROW_TABLE, 1, 32> {
    __device__ static A pack_a(const ax_cuda_mult &, float x)
    {
        uint32_t bits = ax_bits(x);
        return {(ax_is_zero(bits) ? (uint32_t)AX_NARROW : bits >> 16 & 127u) * AX_NARROW, ax_power_of(bits)};
    }
    __device__ static B pack_b(const ax_cuda_mult &, float y) { return {ax_bits(y) >> 16 & 127u, ax_power_of(ax_bits(y))}; }
    __device__ static float step(const ax_step_of &s, float acc, const A &a, const B &b, int)
    {
        uint32_t word = (uint32_t)s.table[a.word + b.word] * 65536u + ax_bits(a.power);
        return __fmaf_rn(__uint_as_float(word), b.power, acc);
    }
};

/* Any table, read through the caches. */
struct ax_words : ax_kind<ax_word_and_power, ax_word_and_power, 0, 1, 32> {
    enum { CACHED = 1 };
    __device__ static A pack_a(const ax_cuda_mult &m, float x)
    {
        uint32_t bits = ax_bits(x), row = ax_is_zero(bits) ? 1u << m.width : ax_index_of(bits, m.width);
        return {row << m.width, ax_power_of(bits)};
    }
    __device__ static B pack_b(const ax_cuda_mult &m, float y) { return {ax_index_of(ax_bits(y), m.width), ax_power_of(ax_bits(y))}; }
    __device__ static float step(const ax_step_of &s, float acc, const A &a, const B &b, int)
    {
        float u = __uint_as_float(__ldg(s.m.words + a.word + b.word) + ax_bits(a.power));
        return s.m.fused ? __fmaf_rn(u, b.power, acc) : __fadd_rn(acc, __fmul_rn(u, b.power));
    }
};

/* ---- which plans a kind serves: the first that does is the fastest ---- */

static inline int ax_is_native(const ax_plan *p) { return p->lut.native; }

static inline int ax_is_additive(const ax_plan *p)
{
    return p->additive && p->beta_max < 1u << 23 && p->alpha_max - p->alpha_min < 1u << 23;
}

static inline int ax_is_linear(const ax_plan *p) { return p->linear; }
static inline int ax_is_truncated(const ax_plan *p) { return p->form == AX_FORM_PRODUCT && !p->lut.fused; }
static inline int ax_is_biased(const ax_plan *p) { return p->form == AX_FORM_BIASED_SUM && !p->lut.fused && p->lut.width >= 8; }
static inline int ax_is_bytes(const ax_plan *p) { return p->narrow != nullptr; }
static inline int ax_is_words(const ax_plan *p) { return p->lut.words != nullptr; }

#endif

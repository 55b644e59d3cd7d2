/* What a multiplier is to a kernel: a pure function of two m-bit fractions, as a table or as code.
 * Plain data and inline functions, for C and CUDA; the product of two numbers is defined here, bit for bit. */
#ifndef AX_LUT_VIEW_H
#define AX_LUT_VIEW_H

#include <stdint.h>
#include <string.h>

#ifdef __CUDACC__
#define AX_HD __host__ __device__
#else
#define AX_HD
#endif

#ifdef __cplusplus
#define AX_ALIGNED(n) alignas(n)
#else
#define AX_ALIGNED(n) _Alignas(n)
#endif

/* A word is (carry << 23) | fraction, the fraction in the place it has in a float. Added to a float's bits, the carry
 * moves into the exponent: that is why tables are kept in this form. */
enum { AX_KEYS_MAX = 3 };

/* What a family's function is given besides two fractions: the width, and the values of its keys in the order of their rows in
 * models.def. */
typedef struct {
    unsigned m;
    int key[AX_KEYS_MAX];
} ax_model_keys;

typedef uint32_t (*ax_model)(const ax_model_keys *p, uint32_t i, uint32_t j);

/* Functions that a kernel computes in place of looking them up, the cheapest first. Which one a table is, its words say
 * (kernels/plan.h); of two that agree in every word, as the sum and the product do for m <= 2, it is the first. */
enum ax_form {
    AX_FORM_ANY,             /* none of these */
    AX_FORM_SUM,             /* (i << sh) + (j << sh), sh = 23 - m: lut/models/mit.h */
    AX_FORM_PRODUCT,         /* (2^m + i) * (2^m + j), normalised, truncated to m bits: lut/models/exact.h */
    AX_FORM_BIASED_SUM       /* the sum of operands whose last bit is set, plus a constant: lut/models/mbm.h */
};

enum { AX_TABLE_MAX_WIDTH = 11, AX_WIDTH_MAX = 23 };

/* A user's own function as text, for a device that compiles it itself: preprocessed C without what system headers declare, which
 * defines `unsigned approxrun_word(unsigned i, unsigned j)`, the word of two fractions. */
typedef struct {
    const char *text;
    uint64_t hash;           /* of the text */
    const char *cache;       /* begins the names of files that keep what is compiled of this text alone; NULL: nothing is kept */
} ax_lut_code;

typedef struct {
    int width;               /* m, 1..23 */
    int native;              /* 1: the machine's own FP32 product; nothing below is used */
    int fused;               /* the sum's step: 1: acc = FMA(u, +-2^eb, acc); 0: the product is rounded and flushed, then added.
                              * ax_plan_init decides it, from the words: a view that comes from lut/ has 0 */
    const uint32_t *words;   /* (2^m, 2^m) words, first operand in rows; NULL above m = 11 */
    ax_model model;          /* the function itself; NULL for a table from a file */
    ax_model_keys keys;      /* what it is given; keys.m = width */
    int direct;              /* row of models.def, or -1: which instance of a wide kernel serves it (m > 11) */
    int round[2];            /* fraction bits that the first and the second operand are rounded to (ax_rounded) before all else, so that
                              * kernels are given rounded ones; 0: not at all */
    int compat;              /* 1: products are ax_product_approxtrain's */
    uint32_t (*custom)(const void *context, uint32_t i, uint32_t j);     /* a user's own function (m > 11, lut/cmodel.h), which */
    const void *context;                                                 /*   the host alone can call; else NULL */
    const ax_lut_code *code;                                             /* the same for a device; NULL without `custom` */
} ax_lut_view;

static inline AX_HD uint32_t ax_bits(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline AX_HD float ax_float(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* The nearest number of m fraction bits, of two the one whose last bit is 0; it may be the next power of two, at last an infinity. Zeros,
 * subnormals (which count as zeros), infinities and NaNs stay. */
static inline AX_HD float ax_rounded(float x, int m)
{
    uint32_t u = ax_bits(x), exponent = u >> 23 & 255, below = (1u << (23 - m)) - 1;
    uint32_t nearest = (u + (below >> 1) + (u >> (23 - m) & 1 & below)) & ~below;
    return ax_float(exponent == 0 || exponent == 255 ? u : nearest);
}

/* The word of two operands given by their bits, which are truncated to m fraction bits. */
static inline AX_HD uint32_t ax_word(const ax_lut_view *v, uint32_t a, uint32_t b)
{
    unsigned m = (unsigned)v->width;
    uint32_t i = (a & 0x7fffffu) >> (23 - m), j = (b & 0x7fffffu) >> (23 - m);
    if (v->words) return v->words[(i << m) | j];
    return v->custom ? v->custom(v->context, i, j) : v->model(&v->keys, i, j);
}

/* The product of two numbers whose word is given (docs/multipliers.md). The sign of a zero is +. NaN is 0x7fc00000. */
static inline AX_HD float ax_product_of(uint32_t word, float x, float y)
{
    uint32_t a = ax_bits(x), b = ax_bits(y), sign = (a ^ b) & 0x80000000u;
    int32_t ea = (int32_t)(a >> 23 & 255), eb = (int32_t)(b >> 23 & 255);
    int a_nan = ea == 255 && (a & 0x7fffffu), b_nan = eb == 255 && (b & 0x7fffffu);
    if (a_nan || b_nan || (ea == 255 && eb == 0) || (ea == 0 && eb == 255)) return ax_float(0x7fc00000u);
    if (ea == 255 || eb == 255) return ax_float(sign | 0x7f800000u);
    if (ea == 0 || eb == 0) return 0.0f;
    int32_t e = ea + eb - 127 + (int32_t)(word >> 23);
    if (e <= 0) return 0.0f;
    if (e >= 255) return ax_float(sign | 0x7f800000u);
    return ax_float(sign | (uint32_t)e << 23 | (word & 0x7fffffu));
}

/* The same as ApproxTrain's GPU kernel forms it (cuda/AMsimulator.inl), whose test for zeros never fires and which has none for
 * overflow. Zeros, subnormals, infinities and NaNs are numbers of exponent 0 or 255 and their fraction. Exponents whose sum is 127 or less
 * give +0, whatever the carry; from 256 on, the exponent of the product runs into its sign. */
static inline AX_HD float ax_product_approxtrain(uint32_t word, float x, float y)
{
    uint32_t a = ax_bits(x), b = ax_bits(y), sign = (a ^ b) & 0x80000000u, e = (a >> 23 & 255) + (b >> 23 & 255);
    return e <= 127 ? 0.0f : ax_float(sign + ((e - 127) << 23) + word);
}

static inline AX_HD float ax_product(const ax_lut_view *v, float x, float y)
{
    if (v->round[0]) x = ax_rounded(x, v->round[0]), y = ax_rounded(y, v->round[1]);
    uint32_t word = ax_word(v, ax_bits(x), ax_bits(y));
    return v->compat ? ax_product_approxtrain(word, x, y) : ax_product_of(word, x, y);
}

#endif

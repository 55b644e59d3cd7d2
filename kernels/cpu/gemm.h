/* How the cpu backend makes products: a table of kernels, one driver that feeds them, and one literal rule they all obey.
 *
 * A product keeps one operand in rows and runs vector lanes over the other. role 0: the first operand in rows, the second in
 * lanes; role 1: the reverse, for products with more rows than columns. A kernel packs both sides for a block of k, then adds
 * the block to sums (rows, lanes) in ascending k. What it computes is ax_gemm_step for every k, bit for bit.
 *
 * avx512bf16/: narrow tables (additive.c, table4.c, table7.c) and tables in planes. avx512/narrow.c, avx2/narrow.c: narrow tables.
 * wide/, compiled by avx512/wide.c and avx2/wide.c: small sums, products (fp32 too), biased sums, tables in planes (columns.h),
 * and families above 11 bits of none of these forms (code.h). gemm_literal.c: all else, and operands out of a kernel's range. */
#ifndef AX_CPU_GEMM_H
#define AX_CPU_GEMM_H

#include "kernels/cpu/source.h"
#include "kernels/sum.h"

#include <math.h>

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

enum ax_isa { AX_ISA_C, AX_ISA_AVX2, AX_ISA_AVX512, AX_ISA_AVX512BF16 };

typedef struct {
    const ax_plan *plan;
    int role;
} ax_gemm_side;

/* The magnitudes of what was packed, as bits. A kernel that does not ask for the smallest leaves it 0. */
typedef struct {
    uint32_t largest, smallest;      /* of all elements; of those that are not zeros */
} ax_extent;

/* Sums (nrows, nlanes) += packed rows by packed panels of lanes, for a block of k, in ascending k. What lies between nlanes
 * and the end of its panel may be overwritten. */
typedef struct {
    float *sums;
    int64_t ld;                      /* floats between rows of sums */
    const void *rows, *lanes;
    int64_t row_stride, panel_stride;        /* bytes */
    int nrows, nlanes, ks;
    int first;                       /* the sums start here, at +0: their memory holds nothing yet */
    ax_gemm_side side;
    ax_extent row_extent, lane_extent;
} ax_gemm_block;

typedef struct ax_gemm_kernel {
    const char *name;
    enum ax_isa isa;
    int (*serves)(const ax_plan *plan, int role);
    int (*fits)(ax_extent rows, ax_extent lanes);      /* is it exact for such operands? If not, the literal rule takes over */
    int panel;                       /* lanes of a panel, a multiple of 16, at most AX_PANEL_MAX */
    int block;                       /* k of a block, at most; a multiple of 16 */
    int group;                       /* rows packed and added at a time, at most AX_GROUP_MAX */
    int row_bytes, panel_bytes;      /* a k of a packed row, of a packed panel */
    /* Rows of the output lie `stride` bytes apart; a row may be written up to the next multiple of 16 k. An odd last k is
     * packed as a pair with 0. Pieces of a block come in pieces of k that are multiples of 16, save the last. */
    ax_extent (*pack_rows)(void *out, int64_t stride, const float *x /* (rows, ks) */, int64_t ld, int rows, int ks,
                           ax_gemm_side side);
    ax_extent (*pack_lanes)(void *out, const float *x /* (ks, lanes) */, int64_t ld, int lanes, int ks, ax_gemm_side side);
    /* The same of lanes that are rows in memory, lane l at at[l]; the last is repeated up to a multiple of 16. NULL: the driver
     * turns them. */
    ax_extent (*pack_turned)(void *out, const float *const *at /* (lanes) of (ks) */, int lanes, int ks, ax_gemm_side side);
    void (*add)(const ax_gemm_block *b);
} ax_gemm_kernel;

enum { AX_PANEL_MAX = 256, AX_GROUP_MAX = 256 };

/* One step of a sum, by the table alone. */
static inline float ax_gemm_step(const ax_plan *plan, float acc, float x, float y)
{
    uint32_t word = ax_word(&plan->lut, ax_bits(x), ax_bits(y));
    return plan->lut.compat ? acc + ax_product_approxtrain(word, x, y) : ax_sum_step(plan->lut.fused, word, acc, x, y);
}

static inline ax_extent ax_extent_join(ax_extent a, ax_extent b)
{
    return (ax_extent){a.largest > b.largest ? a.largest : b.largest, a.smallest < b.smallest ? a.smallest : b.smallest};
}

/* The least a kernel of words and carries asks: no operand is Inf or NaN, no product reaches 2^128, and a carry does not make
 * a row operand's exponent 255. */
static inline int ax_gemm_in_range(ax_extent rows, ax_extent lanes)
{
    uint32_t er = rows.largest >> 23, el = lanes.largest >> 23;
    return er <= 253 && el <= 254 && er + el + 1 <= 254 + 127;
}

/* Where no product is less than 2^-126, or where such products are not flushed, an FMA has the bits of a product, which is exact,
 * and a sum. */
INLINE int ax_gemm_may_fuse(const ax_gemm_block *b)
{
    return b->side.plan->lut.fused || (b->row_extent.smallest >> 23) + (b->lane_extent.smallest >> 23) >= 128;
}

/* sums (rows, lanes) += x (rows, ks) by y (ks, lanes), every step literally: what all kernels are compared with, and what
 * serves operands that no kernel fits. */
void ax_gemm_add_literally(float *sums, int64_t ld, ax_block x, ax_block y, int64_t rows, int64_t lanes, int64_t ks,
                           ax_gemm_side side);

/* Sets of kernels; each ends with a row without a name. ax_gemm_literal[0] serves every multiplier and fits nothing. */
extern const ax_gemm_kernel ax_gemm_literal[];
#ifdef __x86_64__
extern const ax_gemm_kernel ax_gemm_bf16_additive[], ax_gemm_bf16_table4[], ax_gemm_bf16_table7[], ax_gemm_vbmi_planes[];
extern const ax_gemm_kernel ax_gemm_avx512_narrow[], ax_gemm_avx512[], ax_gemm_avx2_narrow[], ax_gemm_avx2[];
int ax_gemm_bf16_is_strict(void);
#endif

/* The set in force: the best this machine has, or APPROXRUN_ISA's; AX_ISA_C if that names none this machine has. */
enum ax_isa ax_gemm_isa(void);
const ax_moves *ax_gemm_moves(enum ax_isa isa);
const ax_gemm_kernel *ax_gemm_choose(const ax_plan *plan, int role, enum ax_isa isa);

/* Row i of all sets, in the order in which they are asked; NULL past the last. */
const ax_gemm_kernel *ax_gemm_kernel_at(int i);

/* Some rows and lanes of C, of one product of the batch. */
typedef struct {
    const ax_gemm *g;
    float *c;
    int role;
    ax_range rows, lanes;
} ax_gemm_part;

/* C = activation(sums (rows, ld apart) + bias), in the layout of g; NaNs as 0x7fc00000, zeros positive before the bias.
 * Changes `sums`, which may lie where they belong in C. */
void ax_gemm_store(const ax_gemm_part *part, float *sums, int64_t ld, const ax_moves *moves);

/* The work memory of thread `rank`. */
enum { AX_WORK_BYTES = 4 << 20 };
static inline void *ax_gemm_work(const ax_gemm *g, int rank) { return (char *)g->work + (int64_t)rank * AX_WORK_BYTES; }

/* Non-strict fp32: single-threaded sgemm on tiles fixed by the shape alone. */
void ax_cpu_sgemm(const ax_gemm *g);

#endif

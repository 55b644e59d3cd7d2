/* How the cpu backend makes products: a table of kernels, one driver that feeds them, and one literal rule they all obey.
 *
 * A product keeps one operand in rows and runs vector lanes over the other. role 0: the first operand in rows, the second in
 * lanes; role 1: the reverse, for products with more rows than columns. A kernel packs both sides for a block of k, then adds
 * the block to a tile of sums (rows, lanes) in ascending k. What it computes is ax_gemm_step for every k, bit for bit. */
#ifndef AX_CPU_GEMM_H
#define AX_CPU_GEMM_H

#include "kernels/cpu/source.h"

#include <math.h>

enum ax_isa { AX_ISA_C, AX_ISA_AVX2, AX_ISA_AVX512, AX_ISA_AVX512BF16 };

/* A panel is up to AX_PANEL lanes; a block is up to AX_BLOCK k. */
enum { AX_PANEL = 64, AX_BLOCK = 128, AX_ROW_BYTES = 8 * AX_BLOCK + 64, AX_PANEL_BYTES = 512 * AX_BLOCK };

typedef struct {
    const ax_plan *plan;
    int role;
} ax_gemm_side;

/* A block of k of one panel: sums (nrows, nlanes) += packed rows by packed lanes, in ascending k. What lies between nlanes
 * and AX_PANEL may be overwritten. */
typedef struct {
    float *sums;
    int64_t ld;               /* floats between rows of sums */
    const void *rows, *lanes;
    int nrows, nlanes, ks;
    ax_gemm_side side;
} ax_gemm_block;

typedef struct ax_gemm_kernel {
    const char *name;
    enum ax_isa isa;
    int (*serves)(const ax_plan *plan, int role);
    /* Both return the largest magnitude packed, as bits. Rows lie AX_ROW_BYTES apart; a panel takes at most AX_PANEL_BYTES. */
    uint32_t (*pack_rows)(void *out, const float *x /* (rows, ks) */, int64_t ld, int rows, int ks, ax_gemm_side side);
    uint32_t (*pack_lanes)(void *out, const float *x /* (ks, lanes) */, int64_t ld, int lanes, int ks, ax_gemm_side side);
    void (*add)(const ax_gemm_block *b);
} ax_gemm_kernel;

/* One step of a sum: acc + f(x, y) as MULTIPLIERS orders it, by the table alone. */
static inline float ax_gemm_step(const ax_plan *plan, float acc, float x, float y)
{
    uint32_t a = ax_bits(x), b = ax_bits(y), ea = a >> 23 & 255, eb = b >> 23 & 255;
    if (ea == 255 || eb == 255) return acc + ax_product(&plan->lut, x, y);
    if (ea == 0 || eb == 0) return acc;
    uint32_t word = ax_word(&plan->lut, a, b), sign = (a ^ b) & 0x80000000u;
    int32_t e = (int32_t)(ea + eb + (word >> 23)) - 127;
    if (e >= 255) return acc + ax_float(sign | 0x7f800000u);
    if (e > 0) return acc + ax_float(sign | (uint32_t)e << 23 | (word & 0x7fffffu));
    if (!plan->lut.fused) return acc;
    return fmaf(ax_float((a & 0xff800000u) + word), ax_float(b & 0xff800000u), acc);
}

/* Sets of kernels; each ends with a row without a name. ax_gemm_literal[0] is the oracle and serves every table. */
extern const ax_gemm_kernel ax_gemm_literal[];
#ifdef __x86_64__
extern const ax_gemm_kernel ax_gemm_bf16_additive[], ax_gemm_bf16_table4[], ax_gemm_bf16_table7[];
extern const ax_gemm_kernel ax_gemm_avx512[], ax_gemm_avx2[];
int ax_gemm_bf16_is_strict(void);
#endif

/* The set in force: the best this machine has, or APPROXRUN_ISA's; AX_ISA_C if that names none this machine has. */
enum ax_isa ax_gemm_isa(void);
const ax_moves *ax_gemm_moves(enum ax_isa isa);
const ax_gemm_kernel *ax_gemm_choose(const ax_plan *plan, int role, enum ax_isa isa);

/* C = sums (rows, ld apart) + bias, in the layout of g; NaNs as 0x7fc00000, zeros positive before the bias. Changes `sums`. */
typedef struct {
    const ax_gemm *g;
    float *c;                 /* of this product of the batch */
    int role;
    ax_range rows, lanes;
} ax_gemm_part;
void ax_gemm_store(const ax_gemm_part *part, float *sums, int64_t ld, const ax_moves *moves);

/* Non-strict fp32: single-threaded sgemm on tiles fixed by the shape alone. */
void ax_cpu_sgemm(const ax_gemm *g);

/* This thread's work memory. */
enum { AX_SCRATCH = 5 << 18 };
float *ax_gemm_scratch(void);

#endif

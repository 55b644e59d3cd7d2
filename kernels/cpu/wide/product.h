/* Multipliers that are the hardware's own product of truncated operands: strict fp32 (one FMA), and the truncated product,
 * which is a multiplication rounded toward zero, a mask and an addition. Packed operands are floats, 4 bytes on both sides.
 *
 * The multiplication flushes exactly where the rule says, below 2^-126: toward zero, or with at most 24 bits, a product is
 * never rounded up to that. An operand's zeros and subnormals are the hardware's under denormals-are-zero. */
#include "kernels/cpu/wide/tile.h"

enum { PRODUCT_VECTORS = VL == 16 ? 4 : 2, PRODUCT_LANES = PRODUCT_VECTORS * VL, PRODUCT_REGISTERS = VL == 16 ? 24 : 12 };

static int serves_native(const ax_plan *plan, int role) { return (void)role, plan->lut.native; }

static int serves_product(const ax_plan *plan, int role)
{
    (void)role;
    return !plan->lut.native && !plan->lut.fused && plan->form == AX_FORM_PRODUCT;
}

static int fits_native(ax_extent rows, ax_extent lanes) { return (void)rows, (void)lanes, 1; }

static int fits_product(ax_extent rows, ax_extent lanes)
{
    uint32_t er = rows.largest >> 23, el = lanes.largest >> 23;
    return er <= 254 && el <= 254 && er + el + 1 <= 254 + 127;
}

static ax_extent pack_product_rows(void *out, int64_t stride, const float *x, int64_t ld, int rows, int ks, ax_gemm_side side)
{
    const uint32_t kept = kept_bits(side.plan);
    extremes e = no_extremes();
    for (int r = 0; r < rows; r++)
        for (int k = 0; k < ks; k += VL) {
            vu bits = take(x + r * ld + k, ks - k, ks);
            note_largest(&e, bits);
            store((char *)out + r * stride + k * 4, bits & kept);
        }
    return extent_of(&e);
}

static ax_extent pack_product_lanes(void *out, const float *x, int64_t ld, int lanes, int ks, ax_gemm_side side)
{
    const uint32_t kept = kept_bits(side.plan);
    extremes e = no_extremes();
    float *entry = out;
    for (int k = 0; k < ks; k++, entry += PRODUCT_LANES, x += ld)
        UNROLL for (int l = 0; l < PRODUCT_LANES; l += VL) {
            vu bits = take(x + l, lanes - l, 16 * ld);
            note_largest(&e, bits);
            store(entry + l, bits & kept);
        }
    return extent_of(&e);
}

enum step { STEP_FMA, STEP_CUT, STEP_WHOLE };      /* fp32; a product cut to fewer than 23 bits; one of 23 */

INLINE vf multiply(vf x, vf y)
{
#ifdef __AVX512F__
    return (vf)_mm512_mul_round_ps((__m512)x, (__m512)y, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
#else
    return x * y;
#endif
}

INLINE vf product_step(vf acc, vf x, vf y, vu kept, const enum step step)
{
    if (step == STEP_FMA) return fma_of(x, y, acc);
    vf product = multiply(x, y);
    return acc + (step == STEP_CUT ? (vf)((vu)product & kept) : product);
}

INLINE void product_tile(const tile *t, const int mr, const int nv, const enum step step)
{
    const char *rows = t->rows;
    const float *entry = (const float *)(const void *)t->lanes;
    const vu kept = splat(kept_bits(t->side.plan));
    vf acc[TILE_ROWS][TILE_VECTORS];
    load_sums(acc, t, mr, nv);
    for (int k = t->ks; k > 0; k--, rows += 4, entry += PRODUCT_LANES) {
        vf lane[PRODUCT_VECTORS];
        UNROLL for (int j = 0; j < nv; j++) lane[j] = (vf)load(entry + VL * j);
        UNROLL for (int i = 0; i < mr; i++) {
            vf row = (vf)splat(load_word(rows + i * t->row_stride));
            UNROLL for (int j = 0; j < nv; j++) acc[i][j] = product_step(acc[i][j], row, lane[j], kept, step);
        }
    }
    store_sums(acc, t, mr, nv);
}

INLINE void fma_tile(const tile *t, const int mr, const int nv) { product_tile(t, mr, nv, STEP_FMA); }
INLINE void cut_tile(const tile *t, const int mr, const int nv) { product_tile(t, mr, nv, STEP_CUT); }

DEFINE_ADD(add_native, fma_tile, PRODUCT_VECTORS, PRODUCT_REGISTERS)
DEFINE_ADD(add_cut, cut_tile, PRODUCT_VECTORS, PRODUCT_REGISTERS)

#ifdef __AVX512F__
INLINE void whole_tile(const tile *t, const int mr, const int nv) { product_tile(t, mr, nv, STEP_WHOLE); }

DEFINE_ADD(add_whole, whole_tile, PRODUCT_VECTORS, PRODUCT_REGISTERS)

static void add_product(const ax_gemm_block *b)
{
    if (b->side.plan->lut.width == AX_WIDTH_MAX) add_whole(b);
    else add_cut(b);
}
#else
/* No instruction here has a rounding of its own. Up to 11 bits a product is exact. Wider ones are made for STAGE k under a mode
 * that rounds toward zero and kept in memory, then summed under the usual one. The compiler knows nothing of modes: products
 * are read and written, and sums finished, between the changes. */
enum { STAGE = 32 };

INLINE void set_mode(unsigned csr, vf *stage) { asm volatile("ldmxcsr %0" : : "m"(csr), "r"(stage) : "memory"); }

INLINE void stage_products(vf *stage, const tile *t, int first, int ks, const int mr, const int nv)
{
    const char *rows = t->rows + 4 * first;
    const float *entry = (const float *)(const void *)t->lanes + PRODUCT_LANES * first;
    const vu kept = splat(kept_bits(t->side.plan));
    for (int k = 0; k < ks; k++, rows += 4, entry += PRODUCT_LANES, stage += mr * nv)
        UNROLL for (int i = 0; i < mr; i++) {
            vf row = (vf)splat(load_word(rows + i * t->row_stride));
            UNROLL for (int j = 0; j < nv; j++) stage[i * nv + j] = (vf)((vu)(row * (vf)load(entry + VL * j)) & kept);
        }
}

INLINE void staged_tile(const tile *t, const int mr, const int nv)
{
    const unsigned nearest = _mm_getcsr(), toward_zero = nearest | _MM_ROUND_TOWARD_ZERO;
    vf acc[TILE_ROWS][TILE_VECTORS], stage[STAGE * PRODUCT_REGISTERS];
    load_sums(acc, t, mr, nv);
    for (int first = 0; first < t->ks; first += STAGE) {
        int ks = t->ks - first < STAGE ? t->ks - first : STAGE;
        set_mode(toward_zero, stage);
        stage_products(stage, t, first, ks, mr, nv);
        set_mode(nearest, stage);
        for (int k = 0; k < ks; k++)
            UNROLL for (int i = 0; i < mr; i++)
                UNROLL for (int j = 0; j < nv; j++) acc[i][j] += stage[(k * mr + i) * nv + j];
        UNROLL for (int i = 0; i < mr; i++) UNROLL for (int j = 0; j < nv; j++) asm volatile("" : "+x"(acc[i][j]));
    }
    store_sums(acc, t, mr, nv);
}

DEFINE_ADD(add_staged, staged_tile, PRODUCT_VECTORS, PRODUCT_REGISTERS)

static void add_product(const ax_gemm_block *b)
{
    if (b->side.plan->lut.width <= 11) add_cut(b);
    else add_staged(b);
}
#endif

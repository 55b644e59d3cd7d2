/* Mitchell's sum with a bias (lut/models/mbm.h), from 8 bits up. With S the sum of the fractions, their last bit set,
 * Mitchell's product is 2^ea (1 + S) below S = 1 and 2^ea 2S from there; the constant, halved by the carry, adds KAPPA 2^ea in
 * both cases, and in that of a fraction which the constant makes carry. So u is one integer sum, as for additive multipliers, and
 * v = u + KAPPA 2^ea a float addition; the product is v * +-2^eb, exact or flushed, and is then added.
 *
 * That addition is exact, but for the last bit at 23 bits where the constant makes a carry, which the rule drops: KAPPA is
 * therefore taken one unit of its last place, 2^-27, too small. Rounding to nearest undoes that wherever u + KAPPA 2^ea is a
 * float, and rounds a tie down.
 *
 * The constant is dropped if the sum would carry twice, S + KAPPA / 2 >= 2, which takes a row whose fraction is at least
 * 1 - KAPPA / 2: such a row is marked `rare`, and where a tile has one, a slower step compares every product. Rows so small that
 * KAPPA 2^ea is no normal number are marked `tiny`, and 16 k are added by a step that makes v at exponent 0. */
#include "kernels/cpu/wide/tile.h"

enum { BIASED_VECTORS = VL == 16 ? 3 : 2, BIASED_LANES = BIASED_VECTORS * VL, BIASED_REGISTERS = VL == 16 ? 18 : 8 };
enum { FRACTION = 0x7fffff, ONE = 0x3f800000, CONSTANT = 0x0a0000, CHUNK = 16 };
enum { LEAST_ROW = 5 << 23 };                    /* from here on KAPPA 2^ea is a normal number */
#define KAPPA (0.078125f - 0x1p-27f)

/* 16 k of a row: signs, exponents and fractions (0: a zero); KAPPA 2^ea with the same signs; the lanes' words from which the
 * constant is dropped; a bit for each k that is rare or tiny. */
typedef struct {
    uint32_t word[CHUNK];
    float kappa[CHUNK];
    uint32_t limit[CHUNK], rare, tiny, unused[2];
} biased_chunk;

/* A k of a panel. */
typedef struct {
    uint32_t word[BIASED_LANES];
    float scale[BIASED_LANES];
} biased_entry;

static int serves_biased(const ax_plan *plan, int role)
{
    (void)role;
    return !plan->lut.native && !plan->lut.fused && plan->form == AX_FORM_BIASED_SUM && plan->lut.width >= 8;
}

/* The bit that truncated operands have set. */
INLINE uint32_t last_bit(const ax_plan *plan) { return plan->lut.width < 23 ? 1u << (23 - plan->lut.width) : 0; }

/* One bit for each lane that is all ones. */
INLINE uint32_t bits_of(vu mask)
{
#ifdef __AVX512F__
    return _mm512_movepi32_mask((__m512i)mask);
#else
    return (uint32_t)_mm256_movemask_ps((__m256)mask);
#endif
}

INLINE void pack_biased(biased_chunk *c, int at, vu bits, uint32_t kept, uint32_t last)
{
    vu live = nonzero(bits), power = bits & 0xff800000u & live, word = ((bits & kept) | last) & live;
    vu limit = 2 * (FRACTION + 1) - CONSTANT / 2 - (word & FRACTION);
    store(c->word + at, word);
    store(c->kappa + at, (vu)((vf)power * KAPPA));
    store(c->limit + at, limit);
    c->rare |= bits_of((vu)(limit <= FRACTION)) << at;
    c->tiny |= bits_of((vu)((power & 0x7f800000u) < LEAST_ROW) & live) << at;
}

static ax_extent pack_biased_rows(void *out, int64_t stride, const float *x, int64_t ld, int rows, int ks, ax_gemm_side side)
{
    const uint32_t kept = kept_bits(side.plan), last = last_bit(side.plan);
    extremes e = no_extremes();
    for (int r = 0; r < rows; r++) {
        biased_chunk *chunk = (biased_chunk *)(void *)((char *)out + r * stride);
        for (int k = 0; k < ks; k += CHUNK, chunk++) {
            chunk->rare = chunk->tiny = 0;
            UNROLL for (int v = 0; v < CHUNK; v += VL) {
                vu bits = take(x + r * ld + k + v, ks - k - v, ks);
                note_both(&e, bits);
                pack_biased(chunk, v, bits, kept, last);
            }
        }
    }
    return extent_of(&e);
}

static ax_extent pack_biased_lanes(void *out, const float *x, int64_t ld, int lanes, int ks, ax_gemm_side side)
{
    const uint32_t kept = kept_bits(side.plan) & FRACTION, last = last_bit(side.plan);
    extremes e = no_extremes();
    biased_entry *entry = out;
    for (int k = 0; k < ks; k++, entry++, x += ld)
        UNROLL for (int l = 0; l < BIASED_LANES; l += VL) {
            vu bits = take(x + l, lanes - l, 16 * ld);
            note_both(&e, bits);
            store(entry->word + l, (bits & kept) | last);
            store(entry->scale + l, bits & 0xff800000u);
        }
    return extent_of(&e);
}

INLINE vf add_scaled(vf acc, vf v, vf scale, const int fused) { return fused ? fma_of(v, scale, acc) : acc + v * scale; }

/* A k where no row is tiny, nor, if no product is compared, rare. */
INLINE void biased_step(vf acc[TILE_ROWS][TILE_VECTORS], const tile *t, const char *rows, const biased_entry *entry, const int mr,
                        const int nv, const int fused, const int compared)
{
    vu word[BIASED_VECTORS];
    vf scale[BIASED_VECTORS];
    asm("" : "+r"(entry), "+r"(rows));      /* or what both kinds of step compute is hoisted, more than registers hold */
    UNROLL for (int j = 0; j < nv; j++) {
        word[j] = load(entry->word + VL * j);
        scale[j] = (vf)load(entry->scale + VL * j);
    }
    UNROLL for (int i = 0; i < mr; i++, rows += t->row_stride) {
        vu row = splat(load_word(rows + offsetof(biased_chunk, word)));
        vf kappa = (vf)splat(load_word(rows + offsetof(biased_chunk, kappa)));
        vu limit = splat(load_word(rows + offsetof(biased_chunk, limit)));
        UNROLL for (int j = 0; j < nv; j++) {
            vf u = (vf)(row + word[j]);
            vf v = compared ? add_where_less(u, kappa, word[j], limit) : u + kappa;
            acc[i][j] = add_scaled(acc[i][j], v, scale[j], fused);
        }
    }
}

/* Any k: the sum is made at exponent 0 and moved to the row's exponent. */
INLINE void tiny_step(vf acc[TILE_ROWS][TILE_VECTORS], const tile *t, const char *rows, const biased_entry *entry, const int mr,
                      const int nv, const int fused)
{
    UNROLL for (int i = 0; i < mr; i++, rows += t->row_stride) {
        uint32_t row = load_word(rows);
        vu limit = splat(load_word(rows + offsetof(biased_chunk, limit)));
        if (!row) continue;
        UNROLL for (int j = 0; j < nv; j++) {
            vu word = load(entry->word + VL * j);
            vf v = add_where_less((vf)(word + ((row & FRACTION) | ONE)), splat_float(KAPPA), word, limit);
            v = (vf)((vu)v + ((row & ~(uint32_t)FRACTION) - ONE));
            acc[i][j] = add_scaled(acc[i][j], v, (vf)load(entry->scale + VL * j), fused);
        }
    }
}

INLINE void biased_tile(const tile *t, const int mr, const int nv, const int fused)
{
    const char *rows = t->rows;
    const biased_entry *entry = (const biased_entry *)(const void *)t->lanes;
    vf acc[TILE_ROWS][TILE_VECTORS];
    load_sums(acc, t, mr, nv);
    for (int left = t->ks; left > 0; left -= CHUNK, rows += sizeof(biased_chunk)) {
        uint32_t rare = 0, tiny = 0;
        int ks = left < CHUNK ? left : CHUNK;
        UNROLL for (int i = 0; i < mr; i++) {
            rare |= load_word(rows + i * t->row_stride + offsetof(biased_chunk, rare));
            tiny |= load_word(rows + i * t->row_stride + offsetof(biased_chunk, tiny));
        }
        if (__builtin_expect(tiny != 0, 0))
            for (int k = 0; k < ks; k++, entry++) tiny_step(acc, t, rows + 4 * k, entry, mr, nv, fused);
        else
            for (int k = 0; k < ks; k++, entry++, rare >>= 1)
                if (__builtin_expect(rare & 1, 0)) biased_step(acc, t, rows + 4 * k, entry, mr, nv, fused, 1);
                else biased_step(acc, t, rows + 4 * k, entry, mr, nv, fused, 0);
    }
    store_sums(acc, t, mr, nv);
}

INLINE void biased_tile_fused(const tile *t, const int mr, const int nv) { biased_tile(t, mr, nv, 1); }
INLINE void biased_tile_flushed(const tile *t, const int mr, const int nv) { biased_tile(t, mr, nv, 0); }

DEFINE_ADD(add_biased_fused, biased_tile_fused, BIASED_VECTORS, BIASED_REGISTERS)
DEFINE_ADD(add_biased_flushed, biased_tile_flushed, BIASED_VECTORS, BIASED_REGISTERS)

static void add_biased(const ax_gemm_block *b)
{
    if (ax_gemm_may_fuse(b)) add_biased_fused(b);
    else add_biased_flushed(b);
}

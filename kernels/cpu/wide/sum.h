/* Additive multipliers of any width: the bits of u are one integer sum, a word with sign and exponent from the row and a word
 * from the lane; a fused multiply by +-2^eb adds the product. A zero row packs as 0, which makes u subnormal: a zero. */
#include "kernels/cpu/wide/tile.h"

enum { SUM_VECTORS = 2, SUM_LANES = SUM_VECTORS * VL, SUM_REGISTERS = VL == 16 ? 24 : 10 };

/* A k of a panel. */
typedef struct {
    uint32_t word[SUM_LANES];
    float scale[SUM_LANES];
} sum_entry;

static int serves_sum(const ax_plan *plan, int role) { return (void)role, plan->small_sum; }

/* How words are made of operands: fractions in place, or looked up by them. */
typedef struct {
    const uint32_t *table;      /* or NULL */
    uint32_t kept, offset;
    int shift;
} sum_words;

INLINE sum_words words_of(const ax_plan *plan, int second, uint32_t offset)
{
    const uint32_t *table = plan->linear ? NULL : second ? plan->beta : plan->alpha;
    return (sum_words){table, kept_bits(plan) & 0x7fffffu, plan->linear ? 0 : offset, 23 - plan->lut.width};
}

INLINE vu word_of(const sum_words *w, vu bits)
{
    return w->table ? gather(w->table, (bits & 0x7fffffu) >> w->shift) + w->offset : bits & w->kept;
}

static ax_extent pack_sum_rows(void *out, int64_t stride, const float *x, int64_t ld, int rows, int ks, ax_gemm_side side)
{
    const sum_words words = words_of(side.plan, side.role, side.role ? side.plan->alpha_min : 0);
    extremes e = no_extremes();
    for (int r = 0; r < rows; r++) {
        uint32_t *row = (uint32_t *)(void *)((char *)out + r * stride);
        for (int k = 0; k < ks; k += VL) {
            vu bits = take(x + r * ld + k, ks - k, ks);
            note_largest(&e, bits);
            store(row + k, nonzero(bits) & (word_of(&words, bits) + (bits & 0xff800000u)));
        }
    }
    return extent_of(&e);
}

static ax_extent pack_sum_lanes(void *out, const float *x, int64_t ld, int lanes, int ks, ax_gemm_side side)
{
    const sum_words words = words_of(side.plan, !side.role, side.role ? -side.plan->alpha_min : 0);
    extremes e = no_extremes();
    sum_entry *entry = out;
    for (int k = 0; k < ks; k++, entry++, x += ld)
        UNROLL for (int l = 0; l < SUM_LANES; l += VL) {
            vu bits = take(x + l, lanes - l, 16 * ld);
            note_largest(&e, bits);
            store(entry->word + l, word_of(&words, bits));
            store(entry->scale + l, bits & 0xff800000u);
        }
    return extent_of(&e);
}

INLINE void sum_tile(const tile *t, const int mr, const int nv)
{
    const char *rows = t->rows;
    const sum_entry *entry = (const sum_entry *)(const void *)t->lanes;
    vf acc[TILE_ROWS][TILE_VECTORS];
    load_sums(acc, t, mr, nv);
    for (int k = t->ks; k > 0; k--, rows += 4, entry++) {
        vu word[SUM_VECTORS];
        vf scale[SUM_VECTORS];
        UNROLL for (int j = 0; j < nv; j++) {
            word[j] = load(entry->word + VL * j);
            scale[j] = (vf)load(entry->scale + VL * j);
        }
        UNROLL for (int i = 0; i < mr; i++) {
            vu row = splat(load_word(rows + i * t->row_stride));
            UNROLL for (int j = 0; j < nv; j++) acc[i][j] = fma_of((vf)(row + word[j]), scale[j], acc[i][j]);
        }
    }
    store_sums(acc, t, mr, nv);
}

DEFINE_ADD(add_sum, sum_tile, SUM_VECTORS, SUM_REGISTERS)

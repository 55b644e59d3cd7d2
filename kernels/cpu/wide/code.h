/* Families above 11 bits that have no form the other kernels compute, by their code in lut/models/, a row by a panel at a time:
 * one instance for each row of models.def. */
#include "kernels/cpu/wide/tile.h"

#include "lut/models/all.h"

enum { CODE_VECTORS = 4, CODE_LANES = CODE_VECTORS * VL };

/* A k of a row, and of a panel: a fraction as an integer; sign and exponent. A zero row operand has power 0. */
typedef struct {
    uint32_t index, power;
} code_row;

typedef struct {
    uint32_t index[CODE_LANES];
    float scale[CODE_LANES];
} code_entry;

static ax_extent pack_code_rows(void *out, int64_t stride, const float *x, int64_t ld, int rows, int ks, ax_gemm_side side)
{
    const int width = side.plan->lut.width;
    uint32_t largest = 0;
    for (int r = 0; r < rows; r++) {
        code_row *row = (code_row *)(void *)((char *)out + r * stride);
        for (int k = 0; k < ks; k++) {
            uint32_t bits = ax_bits(x[r * ld + k]), magnitude = bits & 0x7fffffffu, live = bits & 0x7f800000u ? ~0u : 0;
            row[k] = (code_row){(bits & 0x7fffffu) >> (23 - width), bits & 0xff800000u & live};
            largest = magnitude > largest ? magnitude : largest;
        }
    }
    return (ax_extent){largest, 0};
}

static ax_extent pack_code_lanes(void *out, const float *x, int64_t ld, int lanes, int ks, ax_gemm_side side)
{
    const int width = side.plan->lut.width;
    extremes e = no_extremes();
    code_entry *entry = out;
    for (int k = 0; k < ks; k++, entry++, x += ld)
        UNROLL for (int l = 0; l < CODE_LANES; l += VL) {
            vu bits = take(x + l, lanes - l, 16 * ld);
            note_largest(&e, bits);
            store(entry->index + l, (bits & 0x7fffffu) >> (23 - width));
            store(entry->scale + l, bits & 0xff800000u);
        }
    return extent_of(&e);
}

/* The words of a row's entry by a panel's. */
typedef void (*select_words)(uint32_t *words, const code_entry *lane, uint32_t row, ax_gemm_side side);

INLINE void code_row_by_panel(const ax_gemm_block *b, int r, int panel, const select_words select)
{
    const code_row *row = (const code_row *)(const void *)((const char *)b->rows + r * b->row_stride);
    const code_entry *lane = (const code_entry *)(const void *)((const char *)b->lanes + panel * b->panel_stride);
    vf_loose *sums = (vf_loose *)(b->sums + r * b->ld + panel * CODE_LANES);
    vf acc[CODE_VECTORS];
    UNROLL for (int j = 0; j < CODE_VECTORS; j++) acc[j] = b->first ? (vf){0} : sums[j];
    for (int k = 0; k < b->ks; k++, lane++) {
        _Alignas(64) uint32_t words[CODE_LANES];
        if (!row[k].power) continue;
        select(words, lane, row[k].index, b->side);
        UNROLL for (int j = 0; j < CODE_VECTORS; j++) {
            vf u = (vf)(load(words + VL * j) + row[k].power);
            acc[j] += u * (vf)load(lane->scale + VL * j);      /* a product is exact or flushed */
        }
    }
    UNROLL for (int j = 0; j < CODE_VECTORS; j++) sums[j] = acc[j];
}

INLINE void add_by(const ax_gemm_block *b, const select_words select)
{
    for (int panel = 0; panel * CODE_LANES < b->nlanes; panel++)
        for (int r = 0; r < b->nrows; r++)
            code_row_by_panel(b, r, panel, select);
}

/* A family is served where its number, not its name, says so. */
enum {
#define AX_FAMILY(name, widest, form, title, reference) ROW_##name,
#include "lut/models.def"
};

#define AX_FAMILY(name, widest, form, title, reference)                                                                \
    INLINE void words_by_##name(uint32_t *words, const code_entry *lane, uint32_t row, ax_gemm_side side)              \
    {                                                                                                                  \
        const ax_model_keys p = side.plan->lut.keys;       /* a copy: a stored word cannot change it */                 \
        for (int l = 0; l < CODE_LANES; l++)                                                                           \
            words[l] = side.role ? ax_model_##name(&p, lane->index[l], row) : ax_model_##name(&p, row, lane->index[l]); \
    }                                                                                                                  \
    static void add_##name##_code(const ax_gemm_block *b) { add_by(b, words_by_##name); }                              \
    static int serves_##name##_code(const ax_plan *plan, int role)                                                     \
    {                                                                                                                  \
        return (void)role, !plan->lut.words && !plan->lut.fused && plan->lut.direct == ROW_##name;                 \
    }
#include "lut/models.def"

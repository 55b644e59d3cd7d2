/* Multipliers with no vector form of their own, a row by a panel at a time: any table by gathers, and families by their code in
 * lut/models/, one instance for each row of models.def. */
#include "kernels/cpu/wide/tile.h"

#include "lut/models/all.h"

enum { CODE_VECTORS = 4, CODE_LANES = CODE_VECTORS * VL };

/* A k of a row, and of a panel: a fraction as an integer, times what the table's layout asks; sign and exponent. A zero row
 * operand has power 0. */
typedef struct {
    uint32_t index, power;
} code_row;

typedef struct {
    uint32_t index[CODE_LANES];
    float scale[CODE_LANES];
} code_entry;

INLINE ax_extent pack_indexed_rows(void *out, int64_t stride, const float *x, int64_t ld, int rows, int ks, int width, int shift)
{
    uint32_t largest = 0;
    for (int r = 0; r < rows; r++) {
        code_row *row = (code_row *)(void *)((char *)out + r * stride);
        for (int k = 0; k < ks; k++) {
            uint32_t bits = ax_bits(x[r * ld + k]), magnitude = bits & 0x7fffffffu, live = bits & 0x7f800000u ? ~0u : 0;
            row[k] = (code_row){(bits & 0x7fffffu) >> (23 - width) << shift, bits & 0xff800000u & live};
            largest = magnitude > largest ? magnitude : largest;
        }
    }
    return (ax_extent){largest, 0};
}

INLINE ax_extent pack_indexed_lanes(void *out, const float *x, int64_t ld, int lanes, int ks, int width, int shift)
{
    extremes e = no_extremes();
    code_entry *entry = out;
    for (int k = 0; k < ks; k++, entry++, x += ld)
        UNROLL for (int l = 0; l < CODE_LANES; l += VL) {
            vu bits = take(x + l, lanes - l, 16 * ld);
            note_largest(&e, bits);
            store(entry->index + l, (bits & 0x7fffffu) >> (23 - width) << shift);
            store(entry->scale + l, bits & 0xff800000u);
        }
    return extent_of(&e);
}

#define PACK_PARAMETERS_ROWS void *out, int64_t stride, const float *x, int64_t ld, int rows, int ks, ax_gemm_side side
#define PACK_PARAMETERS_LANES void *out, const float *x, int64_t ld, int lanes, int ks, ax_gemm_side side

static ax_extent pack_code_rows(PACK_PARAMETERS_ROWS)
{
    return pack_indexed_rows(out, stride, x, ld, rows, ks, side.plan->lut.width, 0);
}

static ax_extent pack_code_lanes(PACK_PARAMETERS_LANES)
{
    return pack_indexed_lanes(out, x, ld, lanes, ks, side.plan->lut.width, 0);
}

/* The first operand selects a row of the table. */
static ax_extent pack_table_rows(PACK_PARAMETERS_ROWS)
{
    int width = side.plan->lut.width;
    return pack_indexed_rows(out, stride, x, ld, rows, ks, width, side.role ? 0 : width);
}

static ax_extent pack_table_lanes(PACK_PARAMETERS_LANES)
{
    int width = side.plan->lut.width;
    return pack_indexed_lanes(out, x, ld, lanes, ks, width, side.role ? width : 0);
}

/* The words of a row's entry by a panel's. */
typedef void (*select_words)(uint32_t *words, const code_entry *lane, uint32_t row, ax_gemm_side side);

INLINE void code_row_by_panel(const ax_gemm_block *b, int r, int panel, const select_words select, const int fused)
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
            vf u = (vf)(load(words + VL * j) + row[k].power), scale = (vf)load(lane->scale + VL * j);
            acc[j] = fused ? fma_of(u, scale, acc[j]) : acc[j] + u * scale;      /* u * scale is exact or flushed */
        }
    }
    UNROLL for (int j = 0; j < CODE_VECTORS; j++) sums[j] = acc[j];
}

INLINE void add_by(const ax_gemm_block *b, const select_words select)
{
    for (int panel = 0; panel * CODE_LANES < b->nlanes; panel++)
        for (int r = 0; r < b->nrows; r++)
            if (b->side.plan->lut.fused) code_row_by_panel(b, r, panel, select, 1);
            else code_row_by_panel(b, r, panel, select, 0);
}

INLINE void words_by_gather(uint32_t *words, const code_entry *lane, uint32_t row, ax_gemm_side side)
{
    UNROLL for (int j = 0; j < CODE_VECTORS; j++)
        store(words + VL * j, gather(side.plan->lut.words, load(lane->index + VL * j) + row));
}

static void add_gather(const ax_gemm_block *b) { add_by(b, words_by_gather); }

static int serves_table(const ax_plan *plan, int role) { return (void)role, plan->lut.words && !plan->lut.native; }

/* A family is served where its number, not its name, says so. Code beats gathers from tables too large for the first cache. */
enum {
#define AX_FAMILY(name, widest, form, title, reference) ROW_##name,
#include "lut/models.def"
#undef AX_FAMILY
};

#define AX_FAMILY(name, widest, form, title, reference)                                                                \
    INLINE void words_by_##name(uint32_t *words, const code_entry *lane, uint32_t row, ax_gemm_side side)              \
    {                                                                                                                  \
        const unsigned m = (unsigned)side.plan->lut.width;                                                             \
        for (int l = 0; l < CODE_LANES; l++)                                                                           \
            words[l] = side.role ? ax_model_##name(m, lane->index[l], row) : ax_model_##name(m, row, lane->index[l]);  \
    }                                                                                                                  \
    static void add_##name##_code(const ax_gemm_block *b) { add_by(b, words_by_##name); }                              \
    static int serves_##name##_code(const ax_plan *plan, int role)                                                     \
    {                                                                                                                  \
        return (void)role, !plan->lut.native && plan->lut.width > 7 && plan->lut.direct == ROW_##name;                 \
    }
#include "lut/models.def"
#undef AX_FAMILY

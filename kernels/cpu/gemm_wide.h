/* The kernels that need no more than FP32 vectors, compiled once for each instruction set that includes this: strict fp32,
 * additive tables of any width, any table by gathers, and the wide families by their own code. The including file defines
 * VL (floats a vector), ROWS (rows at once), FMA, GATHER, ISA and SET.
 *
 * A panel holds, for each k, PANEL words (a fraction, an index or a float) and PANEL scales +-2^eb; a row, for each k,
 * 8 bytes {fraction or index, sign and exponent}. */
#include "kernels/cpu/gemm.h"

#include "lut/models/all.h"

#include <immintrin.h>

typedef float vf __attribute__((vector_size(VL * 4)));
typedef uint32_t vu __attribute__((vector_size(VL * 4)));
typedef float vf_loose __attribute__((vector_size(VL * 4), aligned(4)));

enum { PANEL = 64, VECTORS = PANEL / VL };

typedef struct {
    uint32_t word, power;
} row_entry;

typedef struct {
    uint32_t word[PANEL];
    float scale[PANEL];
} lane_entry;

INLINE const row_entry *row_at(const ax_gemm_block *b, int64_t r)
{
    return (const row_entry *)(const void *)((const char *)b->rows + r * b->row_stride);
}

INLINE vf_loose *sums_at(const ax_gemm_block *b, int r, int l) { return (vf_loose *)(b->sums + r * b->ld + l); }
INLINE uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

/* `add` for one panel after another, whose sums begin at 0 in the first block. */
INLINE void each_panel(const ax_gemm_block *b, void (*add)(const ax_gemm_block *panel))
{
    for (int l = 0; l < b->nlanes; l += PANEL) {
        ax_gemm_block panel = *b;
        panel.sums += l;
        panel.lanes = (const char *)b->lanes + l / PANEL * b->panel_stride;
        panel.nlanes = b->nlanes - l < PANEL ? b->nlanes - l : PANEL;
        for (int r = 0; b->first && r < b->nrows; r++) memset(panel.sums + r * b->ld, 0, PANEL * sizeof(float));
        add(&panel);
    }
}

/* One packing loop for each kind: WORD maps the bits of an element to its word. Operands whose exponent is 0 are zeros. */
#define DEFINE_PACKS(kind, ROW_WORD, LANE_WORD)                                                                        \
    static ax_extent pack_rows_##kind(void *out, int64_t stride, const float *x, int64_t ld, int rows, int ks, ax_gemm_side side) \
    {                                                                                                                  \
        const ax_plan *plan = side.plan;                                                                               \
        const int m = plan->lut.width, role = side.role;                                                               \
        uint32_t largest = 0;                                                                                          \
        (void)m, (void)role;                                                                                           \
        for (int r = 0; r < rows; r++) {                                                                               \
            row_entry *row = (row_entry *)(void *)((char *)out + r * stride);                                          \
            for (int k = 0; k < ks; k++) {                                                                             \
                uint32_t bits = ax_bits(x[r * ld + k]), live = bits & 0x7f800000u ? ~0u : 0;                           \
                row[k] = (row_entry){(ROW_WORD) & live, bits & 0xff800000u & live};                         \
                largest = larger(largest, bits & 0x7fffffffu);                                                         \
            }                                                                                                          \
        }                                                                                                              \
        return (ax_extent){largest, 0};                                                                                \
    }                                                                                                                  \
    static ax_extent pack_lanes_##kind(void *out, const float *x, int64_t ld, int lanes, int ks, ax_gemm_side side)     \
    {                                                                                                                  \
        const ax_plan *plan = side.plan;                                                                               \
        const int m = plan->lut.width, role = side.role;                                                               \
        lane_entry *entry = out;                                                                                       \
        uint32_t largest = 0;                                                                                          \
        (void)m, (void)role;                                                                                           \
        for (int k = 0; k < ks; k++, entry++, x += ld) {                                                               \
            for (int l = 0; l < lanes; l++) {                                                                          \
                uint32_t bits = ax_bits(x[l]);                                                                         \
                entry->word[l] = LANE_WORD;                                                                            \
                entry->scale[l] = ax_float(bits & 0xff800000u);                                                        \
                largest = larger(largest, bits & 0x7fffffffu);                                                         \
            }                                                                                                          \
            for (int l = lanes; l < PANEL; l++) entry->word[l] = 0, entry->scale[l] = 0.0f;                         \
        }                                                                                                              \
        return (ax_extent){largest, 0};                                                                                \
    }

/* Additive: the sum of both words and the row's sign and exponent is the product's bits. */
#define FRACTION_INDEX ((bits & 0x7fffffu) >> (23 - m))
#define FRACTION_KEPT (bits & 0x7fffffu & ~0u << (23 - m))
DEFINE_PACKS(additive,
             plan->linear ? FRACTION_KEPT : role ? plan->beta[FRACTION_INDEX] + plan->alpha_min : plan->alpha[FRACTION_INDEX],
             plan->linear ? FRACTION_KEPT : role ? plan->alpha[FRACTION_INDEX] - plan->alpha_min : plan->beta[FRACTION_INDEX])
DEFINE_PACKS(table, role ? FRACTION_INDEX : FRACTION_INDEX << m, role ? FRACTION_INDEX << m : FRACTION_INDEX)
DEFINE_PACKS(model, FRACTION_INDEX, FRACTION_INDEX)
DEFINE_PACKS(native, bits, bits)

/* ROWS rows by two vectors in registers; FACTOR by OTHER is the product of a row's entry by vector j of the lanes. */
#define DEFINE_ADD_LINEAR(kind, FACTOR, OTHER)                                                                         \
    INLINE void tile_##kind(const ax_gemm_block *b, int r, int l, const int mr)                                        \
    {                                                                                                                  \
        const lane_entry *lane = (const lane_entry *)(const void *)((const uint32_t *)b->lanes + l);                   \
        vf acc[ROWS][2];                                                                                               \
        UNROLL for (int i = 0; i < mr; i++) UNROLL for (int j = 0; j < 2; j++) acc[i][j] = *sums_at(b, r + i, l + VL * j); \
        for (int k = 0; k < b->ks; k++, lane++) {                                                                      \
            vu word[2];                                                                                                \
            vf scale[2];                                                                                               \
            UNROLL for (int j = 0; j < 2; j++) {                                                                       \
                word[j] = *(const vu *)(const void *)(lane->word + VL * j);                                            \
                scale[j] = *(const vf *)(const void *)(lane->scale + VL * j);                                          \
            }                                                                                                          \
            UNROLL for (int i = 0; i < mr; i++) {                                                                      \
                row_entry row = row_at(b, r + i)[k];                                                       \
                (void)scale, (void)row;                                                                                \
                UNROLL for (int j = 0; j < 2; j++) acc[i][j] = FMA((vf)(FACTOR), (vf)(OTHER), acc[i][j]);              \
            }                                                                                                          \
        }                                                                                                              \
        UNROLL for (int i = 0; i < mr; i++) UNROLL for (int j = 0; j < 2; j++) *sums_at(b, r + i, l + VL * j) = acc[i][j]; \
    }                                                                                                                  \
    static void panel_##kind(const ax_gemm_block *b)                                                                   \
    {                                                                                                                  \
        for (int l = 0; l < b->nlanes; l += 2 * VL)                                                                    \
            for (int r = 0; r < b->nrows;) {                                                                           \
                int left = b->nrows - r;                                                                               \
                if (left >= ROWS) tile_##kind(b, r, l, ROWS), r += ROWS;                                               \
                else if (left >= 3) tile_##kind(b, r, l, 3), r += 3;                                                   \
                else tile_##kind(b, r, l, 1), r += 1;                                                                  \
            }                                                                                                          \
    }                                                                                                                  \
    static void add_##kind(const ax_gemm_block *b) { each_panel(b, panel_##kind); }

DEFINE_ADD_LINEAR(additive, (vu){0} + row.word + row.power + word[j], scale[j])
DEFINE_ADD_LINEAR(native, (vu){0} + row.word, word[j])

/* One product of a row's entry by PANEL lanes, whose words stand in `words`; a zero row operand adds +0. */
INLINE void add_words(vf *acc, const uint32_t *words, uint32_t power, const float *scales, const int fused)
{
    UNROLL for (int j = 0; j < VECTORS; j++) {
        vf u = (vf)(*(const vu *)(const void *)(words + VL * j) + power), scale = *(const vf *)(const void *)(scales + VL * j);
        acc[j] = fused ? FMA(u, scale, acc[j]) : acc[j] + u * scale;      /* u * scale is exact or flushed */
    }
}

/* A row's sums stay in registers; SELECT fills `words` (PANEL) for one entry. */
#define DEFINE_ADD_WORDS(name, SELECT)                                                                                 \
    INLINE void row_##name(const ax_gemm_block *b, int r, const int fused)                                             \
    {                                                                                                                  \
        const ax_lut_view *lut = &b->side.plan->lut;                                                                   \
        const row_entry *row = row_at(b, r);                                                               \
        const lane_entry *lane = b->lanes;                                                                             \
        const unsigned m = (unsigned)lut->width;                                                                       \
        const int role = b->side.role;                                                                                 \
        vf acc[VECTORS];                                                                                               \
        (void)m, (void)role;                                                                                           \
        UNROLL for (int j = 0; j < VECTORS; j++) acc[j] = *sums_at(b, r, VL * j);                                      \
        for (int k = 0; k < b->ks; k++, lane++) {                                                                      \
            _Alignas(64) uint32_t words[PANEL];                                                                     \
            if (!row[k].power) continue;                                                                               \
            SELECT;                                                                                                    \
            add_words(acc, words, row[k].power, lane->scale, fused);                                                   \
        }                                                                                                              \
        UNROLL for (int j = 0; j < VECTORS; j++) *sums_at(b, r, VL * j) = acc[j];                                      \
    }                                                                                                                  \
    static void panel_##name(const ax_gemm_block *b)                                                                   \
    {                                                                                                                  \
        for (int r = 0; r < b->nrows; r++)                                                                             \
            if (b->side.plan->lut.fused) row_##name(b, r, 1);                                                          \
            else row_##name(b, r, 0);                                                                                  \
    }                                                                                                                  \
    static void add_##name(const ax_gemm_block *b) { each_panel(b, panel_##name); }

DEFINE_ADD_WORDS(table, UNROLL for (int j = 0; j < VECTORS; j++) *(vu *)(void *)(words + VL * j) =
                            GATHER(lut->words, *(const vu *)(const void *)(lane->word + VL * j) + row[k].word))

#define AX_FAMILY(name, widest, form, title, reference)                                                                \
    DEFINE_ADD_WORDS(name, for (int l = 0; l < PANEL; l++) words[l] =                                               \
                               role ? ax_model_##name(m, lane->word[l], row[k].word)                                   \
                                    : ax_model_##name(m, row[k].word, lane->word[l]))
#include "lut/models.def"
#undef AX_FAMILY

static int fits_native(ax_extent rows, ax_extent lanes) { return (void)rows, (void)lanes, 1; }

static int serves_native(const ax_plan *plan, int role) { return (void)role, plan->lut.native; }

static int serves_additive(const ax_plan *plan, int role)
{
    return (void)role, plan->additive && plan->beta_max < 1u << 23 && plan->alpha_max - plan->alpha_min < 1u << 23;
}

static int serves_table(const ax_plan *plan, int role) { return (void)role, plan->lut.words && !plan->lut.native; }

/* Rows of models.def in their order: a family is served where its number, not its name, says so. Code beats gathers from
 * tables too large for the first cache. */
enum {
#define AX_FAMILY(name, widest, form, title, reference) ROW_##name,
#include "lut/models.def"
#undef AX_FAMILY
};

#define AX_FAMILY(name, widest, form, title, reference)                                                                \
    static int serves_##name##_code(const ax_plan *plan, int role)                                                     \
    {                                                                                                                  \
        return (void)role, !plan->lut.native && plan->lut.width > 7 && plan->lut.direct == ROW_##name;                    \
    }
#include "lut/models.def"
#undef AX_FAMILY

#define ROW(name, serves, fits, kind, add)                                                                              \
    {ISA_NAME name, ISA, serves, fits, PANEL, 128, 160, sizeof(row_entry), sizeof(lane_entry), pack_rows_##kind,       \
     pack_lanes_##kind, add}

const ax_gemm_kernel SET[] = {
    ROW("-fma", serves_native, fits_native, native, add_native),
    ROW("-additive", serves_additive, ax_gemm_in_range, additive, add_additive),
#define AX_FAMILY(name, widest, form, title, reference)                                                                \
    ROW("-code-" #name, serves_##name##_code, ax_gemm_in_range, model, add_##name),
#include "lut/models.def"
#undef AX_FAMILY
    ROW("-gather", serves_table, ax_gemm_in_range, table, add_table),
    {0},
};

/* Any table of at most 7 live bits: a row of products stands in registers, and permutations select from it. Up to 5 bits: as
 * floats, 16 at a time, which want no more than the FMA. 6 and 7 bits: as words, the upper halves of floats, 32 at a time. */
#ifdef __AVX512F__
#include "kernels/cpu/narrow_table.h"

enum { VECTORS = 4, LANES = VECTORS * VL, REGISTERS = 20 };

/* A k of a panel of words; the upper halves of 16 pairs are the indices of the odd vectors. */
typedef struct {
    uint32_t index[LANES / 2];
    float scale[LANES];
} word_entry;

/* ---- packing ---- */

static ax_extent pack_rows_floats(void *out, int64_t stride, const float *x, int64_t ld, int rows, int ks, ax_gemm_side side)
{
    return pack_table_rows(out, stride, x, ld, rows, ks, side.plan->narrow->row_bits[side.role],
                           narrow_bits(side.plan, side.role) + 2, 0);
}

static ax_extent pack_rows_words(void *out, int64_t stride, const float *x, int64_t ld, int rows, int ks, ax_gemm_side side)
{
    return pack_table_rows(out, stride, x, ld, rows, ks, side.plan->narrow->row_bits[side.role],
                           narrow_bits(side.plan, side.role) + 1, 1);
}

/* Index and scale in one float, (ks, LANES): permutations ignore the high bits of an index. */
static ax_extent pack_lanes_floats(void *out, const float *x, int64_t ld, int lanes, int ks, ax_gemm_side side)
{
    int bits = narrow_bits(side.plan, side.role);
    float *entry = out;
    extremes e = no_extremes();
    for (int k = 0; k < ks; k++, entry += LANES, x += ld)
        for (int l = 0; l < lanes; l += VL) {
            vu v = load_part(first_lanes(lanes - l), x + l);
            note_largest(&e, v);
            store(entry + l, (v & 0xff800000u) | (v & 0x7fffffu) >> (23 - bits));
        }
    return extent_of(&e);
}

static ax_extent pack_lanes_words(void *out, const float *x, int64_t ld, int lanes, int ks, ax_gemm_side side)
{
    int bits = narrow_bits(side.plan, side.role);
    word_entry *entry = out;
    extremes e = no_extremes();
    for (int k = 0; k < ks; k++, entry++, x += ld)
        for (int l = 0; l < lanes; l += 2 * VL) {
            vu v0 = load_part(first_lanes(lanes - l), x + l), v1 = load_part(first_lanes(lanes - l - VL), x + l + VL);
            note_largest(&e, v0);
            note_largest(&e, v1);
            store(entry->index + l / 2, (v0 & 0x7fffffu) >> (23 - bits) | (v1 & 0x7fffffu) >> (23 - bits) << 16);
            store(entry->scale + l, v0 & 0xff800000u);
            store(entry->scale + l + VL, v1 & 0xff800000u);
        }
    return extent_of(&e);
}

/* ---- sums ---- */

INLINE void float_tile(const tile *t, const int mr, const int nv, const int bits)
{
    const char *table = (const char *)t->side.plan->narrow->dwords[t->side.role], *lanes = t->lanes;
    vf acc[TILE_ROWS][TILE_VECTORS];
    load_sums(acc, t, mr, nv);
    for (int k = 0; k < t->ks; k++, lanes += 4 * LANES) {
        vu lane[VECTORS];
        UNROLL for (int j = 0; j < nv; j++) lane[j] = load(lanes + 4 * VL * j);
        UNROLL for (int i = 0; i < mr; i++) {
            const table_row *entry = row_at(t, i, k);
            vu row[2];
            UNROLL for (int q = 0; q < bits - 3; q++) {
                row[q] = load(table + entry->offset + 4 * VL * q) + entry->power;
                __asm__("" : "+v"(row[q]));      /* else each permutation loads and adds it again */
            }
            UNROLL for (int j = 0; j < nv; j++) {
                __m512i index = (__m512i)lane[j], first = (__m512i)row[0];
                vf u = (vf)(bits == 4 ? _mm512_permutexvar_epi32(index, first)
                                      : _mm512_permutex2var_epi32(first, index, (__m512i)row[1]));
                acc[i][j] = fma_of(u, (vf)(lane[j] & 0xff800000u), acc[i][j]);
            }
        }
    }
    store_sums(acc, t, mr, nv);
}

/* Products of 32 lanes, before sign and exponent; `upper`: whose index is 64 or more. */
INLINE __m512i select_words(const __m512i *row, __m512i index, __mmask32 upper, const int bits)
{
    __m512i low = _mm512_permutex2var_epi16(row[0], index, row[1]);
    return bits == 6 ? low : _mm512_mask_blend_epi16(upper, low, _mm512_permutex2var_epi16(row[2], index, row[3]));
}

INLINE void word_tile(const tile *t, const int mr, const int nv, const int bits)
{
    const char *table = (const char *)t->side.plan->narrow->words[t->side.role];
    const word_entry *lane = (const word_entry *)(const void *)t->lanes;
    vf acc[TILE_ROWS][TILE_VECTORS];
    load_sums(acc, t, mr, nv);
    for (int k = 0; k < t->ks; k++, lane++) {
        __m512i index[VECTORS / 2];
        __mmask32 upper[VECTORS / 2];
        vf scale[VECTORS];
        UNROLL for (int j = 0; j < nv; j++) scale[j] = (vf)load(lane->scale + VL * j);
        UNROLL for (int h = 0; 2 * h < nv; h++) {
            index[h] = (__m512i)load(lane->index + VL * h);
            upper[h] = _mm512_test_epi16_mask(index[h], _mm512_set1_epi16(64));
        }
        UNROLL for (int i = 0; i < mr; i++) {
            const table_row *entry = row_at(t, i, k);
            __m512i power = (__m512i)splat(entry->power), row[4];
            UNROLL for (int q = 0; q < 1 << (bits - 5); q++) row[q] = (__m512i)load(table + entry->offset + 64 * q);
            UNROLL for (int j = 0; j < nv; j++) {
                vu u = (vu)_mm512_add_epi16(select_words(row, index[j / 2], upper[j / 2], bits), power);
                acc[i][j] = fma_of((vf)(j & 1 ? u & 0xffff0000u : u << 16), scale[j], acc[i][j]);
            }
        }
    }
    store_sums(acc, t, mr, nv);
}

/* ---- kernels ---- */

#define DEFINE_KERNEL(form, bits)                                                                                      \
    static int serves##bits(const ax_plan *plan, int role) { return narrow_bits(plan, role) == bits; }                 \
    INLINE void tile##bits(const tile *t, const int mr, const int nv) { form##_tile(t, mr, nv, bits); }                \
    DEFINE_ADD(add##bits, tile##bits, VECTORS, REGISTERS)

DEFINE_KERNEL(float, 4)
DEFINE_KERNEL(float, 5)
DEFINE_KERNEL(word, 6)
DEFINE_KERNEL(word, 7)

#define ROW(bits, entry_bytes, form)                                                                                   \
    {"avx512-table" #bits, AX_ISA_AVX512, serves##bits, ax_gemm_in_range, LANES, 128, 160, sizeof(table_row), entry_bytes, \
     pack_rows_##form, pack_lanes_##form, NULL, add##bits}

const ax_gemm_kernel ax_gemm_avx512_narrow[] = {
    ROW(4, 4 * LANES, floats), ROW(5, 4 * LANES, floats),
    ROW(6, sizeof(word_entry), words), ROW(7, sizeof(word_entry), words),
    {0},
};
#endif

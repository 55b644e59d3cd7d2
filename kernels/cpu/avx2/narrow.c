/* Any table of at most 7 live bits: a row of bytes (carry << 7 | fraction), from which byte shuffles select 32 products at
 * once. 16 lanes a shuffle: the first serves all lanes, each further one changes those of higher indices. */
#ifdef __AVX2__
#include "kernels/cpu/narrow_table.h"

enum { VECTORS = 4, LANES = VECTORS * VL, REGISTERS = 8 };

/* A k of a panel; byte j of four is the index of lane 8 j + the dword's number, so that shifts and masks widen products. */
typedef struct {
    uint8_t index[LANES];
    float scale[LANES];
} lane_entry;

static ax_extent pack_rows(void *out, int64_t stride, const float *x, int64_t ld, int rows, int ks, ax_gemm_side side)
{
    return pack_table_rows(out, stride, x, ld, rows, ks, side.plan->narrow->row_bits[side.role],
                           narrow_bits(side.plan, side.role), 1);
}

static ax_extent pack_lanes(void *out, const float *x, int64_t ld, int lanes, int ks, ax_gemm_side side)
{
    int bits = narrow_bits(side.plan, side.role);
    lane_entry *entry = out;
    extremes e = no_extremes();
    for (int k = 0; k < ks; k++, entry++, x += ld) {
        vu index = splat(0);
        UNROLL for (int j = 0; j < VECTORS; j++) {
            vu v = load_part(first_lanes(lanes - VL * j), x + VL * j);
            note_largest(&e, v);
            index |= (v & 0x7fffffu) >> (23 - bits) << 8 * j;
            store(entry->scale + VL * j, v & 0xff800000u);
        }
        store(entry->index, index);
    }
    return extent_of(&e);
}

INLINE __m256i load_step(const char *steps)
{
    return _mm256_broadcastsi128_si256(_mm_load_si128((const __m128i *)(const void *)steps));
}

/* Products of mr rows by 32 lanes. An index below those of a step is negative there, and selects 0. */
INLINE void select_products(__m256i *products, const char *const *steps, __m256i index, const int mr, const int bits)
{
    UNROLL for (int i = 0; i < mr; i++) products[i] = _mm256_shuffle_epi8(load_step(steps[i]), index);
    UNROLL for (int s = 1; s < 1 << (bits - 4); s++) {
        index = _mm256_sub_epi8(index, _mm256_set1_epi8(16));
        __asm__("" : "+x"(index));      /* else every step's constant wants a register */
        UNROLL for (int i = 0; i < mr; i++) {
            products[i] = _mm256_xor_si256(products[i], _mm256_shuffle_epi8(load_step(steps[i] + 16 * s), index));
            __asm__("" : "+x"(products[i]));
        }
    }
}

/* Vector j of 32 products as floats. */
INLINE vf widen(__m256i products, __m256i power, const int j)
{
    __m256i words = j & 1 ? _mm256_srli_epi16(products, 8) : _mm256_and_si256(products, _mm256_set1_epi16(255));
    words = _mm256_add_epi16(words, power);
    return (vf)(j < 2 ? _mm256_slli_epi32(words, 16) : _mm256_and_si256(words, (__m256i)splat(0xffff0000u)));
}

INLINE void table_tile(const tile *t, const int mr, const int nv, const int bits)
{
    const char *steps = (const char *)t->side.plan->narrow->steps[t->side.role];
    const lane_entry *lane = (const lane_entry *)(const void *)t->lanes;
    vf acc[TILE_ROWS][TILE_VECTORS];
    load_sums(acc, t, mr, nv);
    for (int k = 0; k < t->ks; k++, lane++) {
        const char *row[TILE_ROWS];
        __m256i products[TILE_ROWS];
        UNROLL for (int i = 0; i < mr; i++) row[i] = steps + row_at(t, i, k)->offset;
        select_products(products, row, (__m256i)load(lane->index), mr, bits);
        UNROLL for (int i = 0; i < mr; i++) {
            __m256i power = (__m256i)splat(row_at(t, i, k)->power);
            UNROLL for (int j = 0; j < nv; j++)
                acc[i][j] = fma_of(widen(products[i], power, j), (vf)load(lane->scale + VL * j), acc[i][j]);
        }
    }
    store_sums(acc, t, mr, nv);
}

#define DEFINE_KERNEL(bits)                                                                                            \
    static int serves##bits(const ax_plan *plan, int role) { return narrow_bits(plan, role) == bits; }                 \
    INLINE void tile##bits(const tile *t, const int mr, const int nv) { table_tile(t, mr, nv, bits); }                 \
    DEFINE_ADD(add##bits, tile##bits, VECTORS, REGISTERS)

DEFINE_KERNEL(4)
DEFINE_KERNEL(5)
DEFINE_KERNEL(6)
DEFINE_KERNEL(7)

#define ROW(bits)                                                                                                      \
    {"avx2-table" #bits, AX_ISA_AVX2, serves##bits, ax_gemm_in_range, LANES, 128, 160, sizeof(table_row), sizeof(lane_entry), \
     pack_rows, pack_lanes, NULL, add##bits}

const ax_gemm_kernel ax_gemm_avx2_narrow[] = {ROW(4), ROW(5), ROW(6), ROW(7), {0}};
#endif

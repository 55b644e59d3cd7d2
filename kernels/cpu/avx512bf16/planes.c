/* Tables of up to 11 bits and 23 fraction bits a product, from planes of bytes (kernels/plan.h): a row is 1, 2, 4, 8 or 16
 * chunks of 128 entries, and for every chunk and plane one vpermi2b overwrites just those of 64 index bytes that lie in it.
 * One row by 256 lanes at a time, a few k, all panels for a row: its table rows stay in the first cache meanwhile. */
#ifdef __AVX512BF16__
#include "kernels/cpu/avx512bf16/narrow.h"

enum { LANES = 256, GROUPS = LANES / 64 };      /* lanes of a panel; 64 of them are a group */

/* A k of a panel: LANES index bytes; masks (chunk, group) of 64 bits if there are chunks to choose; LANES scales as bfloat16,
 * for a panel must stay in the first cache. */
enum { MASKS = LANES };
#define SCALES(chunks) (MASKS + ((chunks) > 1 ? (chunks) * GROUPS * 8 : 0))
#define ENTRY(chunks) (SCALES(chunks) + 2 * LANES)

/* Keeps gcc from making a pointer of every constant offset from this one, which takes more registers than there are. */
#define KEEP_POINTER(p) __asm__("" : "+r"(p))
#define KEEP_VECTOR(v) __asm__("" : "+v"(v))      /* and from loading it again for every use */

typedef struct {
    uint32_t offset, power;      /* of the table's row; sign and exponent, twice */
} row_place;

INLINE __m512i smaller(__m512i smallest, __m512i v, __mmask16 nonzero)
{
    return _mm512_mask_min_epu32(smallest, nonzero, smallest, _mm512_and_si512(v, splat(0x7fffffffu)));
}

INLINE ax_extent both_extents(__m512i largest, __m512i smallest)
{
    return (ax_extent){_mm512_reduce_max_epu32(largest), _mm512_reduce_min_epu32(smallest)};
}

static ax_extent pack_rows(void *out, int64_t stride, const float *x, int64_t ld, int rows, int ks, ax_gemm_side side)
{
    const ax_planes *planes = side.plan->planes;
    int bits = planes->row_bits[side.role];
    const __m512i mask = splat((1u << bits) - 1), zero_row = splat(1u << bits);
    const __m512i pitch = splat((uint32_t)planes->count << planes->lane_bits[side.role]);
    const __m128i shift = _mm_cvtsi32_si128(23 - bits);
    const __m512i first = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const __m512i second = _mm512_add_epi32(first, splat(8));
    __m512i largest = _mm512_setzero_si512(), smallest = splat(UINT32_MAX);
    for (int r = 0; r < rows; r++) {
        char *row = (char *)out + r * stride;
        for (int k = 0; k < ks; k += 16) {
            __m512i v = _mm512_maskz_loadu_epi32(first_lanes(ks - k), x + r * ld + k);
            __mmask16 nonzero = _mm512_test_epi32_mask(v, splat(0x7f800000u));
            __m512i index = _mm512_and_si512(_mm512_srl_epi32(v, shift), mask);
            __m512i offset = _mm512_mullo_epi32(_mm512_mask_mov_epi32(zero_row, nonzero, index), pitch);
            __m512i power = _mm512_maskz_and_epi32(nonzero, v, splat(0xff800000u));
            power = _mm512_or_si512(power, _mm512_srli_epi32(power, 16));
            largest = larger(largest, v);
            smallest = smaller(smallest, v, nonzero);
            _mm512_storeu_si512(row + 8 * k, _mm512_permutex2var_epi32(offset, first, power));
            _mm512_storeu_si512(row + 8 * k + 64, _mm512_permutex2var_epi32(offset, second, power));
        }
    }
    return both_extents(largest, smallest);
}

/* One group of one k: 64 index bytes in the order that the unpacks undo, their chunks' masks, 64 scales. */
INLINE void pack_group(char *entry, int group, const __m512i v[4], int bits, const int chunks)
{
    const __m512i mask = splat((1u << bits) - 1), low = _mm512_set1_epi16(127);
    const __m128i shift = _mm_cvtsi32_si128(23 - bits);
    __m512i index[4], scale[4];
    UNROLL for (int j = 0; j < 4; j++) {
        index[j] = _mm512_and_si512(_mm512_srl_epi32(v[j], shift), mask);
        scale[j] = _mm512_and_si512(_mm512_srli_epi32(v[j], 16), splat(0xff80u));
    }
    __m512i w0 = _mm512_packus_epi32(index[0], index[1]), w1 = _mm512_packus_epi32(index[2], index[3]);
    _mm512_store_si512(entry + 64 * group, _mm512_packus_epi16(_mm512_and_si512(w0, low), _mm512_and_si512(w1, low)));
    __m512i chunk = _mm512_packus_epi16(_mm512_srli_epi16(w0, 7), _mm512_srli_epi16(w1, 7));
    __mmask64 *masks = (__mmask64 *)(void *)(entry + MASKS);
    if (chunks > 1)
        for (int c = 0; c < chunks; c++) masks[c * GROUPS + group] = _mm512_cmpeq_epi8_mask(chunk, _mm512_set1_epi8((char)c));
    char *scales = entry + SCALES(chunks) + 128 * group;
    _mm512_storeu_si512(scales, _mm512_packus_epi32(scale[0], scale[1]));
    _mm512_storeu_si512(scales + 64, _mm512_packus_epi32(scale[2], scale[3]));
}

INLINE ax_extent pack_lanes(void *out, const float *x, int64_t ld, int lanes, int ks, ax_gemm_side side, const int chunks)
{
    int bits = side.plan->planes->lane_bits[side.role];
    __m512i largest = _mm512_setzero_si512(), smallest = splat(UINT32_MAX);
    char *entry = out;
    for (int k = 0; k < ks; k++, entry += ENTRY(chunks))
        for (int group = 0; group * 64 < lanes; group++) {
            __m512i v[4];
            UNROLL for (int j = 0; j < 4; j++) {
                v[j] = lane_vector(x + 64 * group, ld, lanes - 64 * group, ks, k, j);
                largest = larger(largest, v[j]);
                smallest = smaller(smallest, v[j], _mm512_test_epi32_mask(v[j], splat(0x7f800000u)));
            }
            pack_group(entry, group, v, bits, chunks);
        }
    return both_extents(largest, smallest);
}

/* A row by some groups of a panel. */
typedef struct {
    float *sums;
    const uint8_t *bytes;
    const row_place *row;
    const char *lanes;
    int group, ks, first;        /* the first group */
} strip;

/* selected[plane][group] = 64 bytes of the row's planes at the group's indices. */
INLINE void select_planes(__m512i selected[3][GROUPS], const uint8_t *row, const char *indices, const __mmask64 *masks,
                          const int chunks, const int planes, const int groups)
{
    UNROLL for (int g = 0; g < groups; g++)
        UNROLL for (int q = 0; q < planes; q++) selected[q][g] = _mm512_load_si512(indices + 64 * g);
    UNROLL for (int c = 0; c < chunks; c++)
        UNROLL for (int q = 0; q < planes; q++) {
            const uint8_t *chunk = row + 128 * (q * chunks + c);
            __m512i t0 = _mm512_load_si512(chunk), t1 = _mm512_load_si512(chunk + 64);
            KEEP_VECTOR(t0);
            KEEP_VECTOR(t1);
            UNROLL for (int g = 0; g < groups; g++)
                selected[q][g] = chunks == 1 ? _mm512_permutex2var_epi8(t0, selected[q][g], t1)
                                             : _mm512_mask2_permutex2var_epi8(t0, selected[q][g], masks[c * GROUPS + g], t1);
        }
}

/* acc[4] += 64 words, given as bytes, with the row's sign and exponent, by the lanes' scales. */
INLINE void add_words(__m512 *acc, __m512i high, __m512i middle, __m512i low, __m512i power, const char *scales, const int fma)
{
    const __m512i zero = _mm512_setzero_si512();
    __m512i s[2] = {_mm512_loadu_si512(scales), _mm512_loadu_si512(scales + 64)};
    __m512i tops[2] = {_mm512_add_epi16(_mm512_unpacklo_epi8(high, zero), power),
                       _mm512_add_epi16(_mm512_unpackhi_epi8(high, zero), power)};
    __m512i rest[2] = {_mm512_unpacklo_epi8(low, middle), _mm512_unpackhi_epi8(low, middle)};
    UNROLL for (int j = 0; j < 4; j++) {
        __m512i t = tops[j / 2], r = rest[j / 2], f = s[j / 2];
        __m512 u = (__m512)(j & 1 ? _mm512_unpackhi_epi16(r, t) : _mm512_unpacklo_epi16(r, t));
        __m512 scale = (__m512)(j & 1 ? _mm512_unpackhi_epi16(zero, f) : _mm512_unpacklo_epi16(zero, f));
        acc[j] = fma ? _mm512_fmadd_ps(u, scale, acc[j]) : _mm512_add_ps(acc[j], _mm512_mul_ps(u, scale));
    }
}

INLINE void add_strip(const strip *s, const int chunks, const int planes, const int groups, const int fma)
{
    const __m512i zero = _mm512_setzero_si512();
    const char *indices = s->lanes + 64 * s->group, *masks = s->lanes + MASKS + 8 * s->group;
    const char *scales = s->lanes + SCALES(chunks) + 128 * s->group;
    __m512 acc[4 * GROUPS];
    UNROLL for (int j = 0; j < 4 * groups; j++) acc[j] = s->first ? _mm512_setzero_ps() : _mm512_loadu_ps(s->sums + 16 * j);
    for (int k = 0; k < s->ks; k++) {
        __m512i selected[3][GROUPS], power = splat(s->row[k].power);
        const uint8_t *row = s->bytes + s->row[k].offset;
        KEEP_POINTER(indices);
        KEEP_POINTER(masks);
        KEEP_POINTER(scales);
        KEEP_POINTER(row);
        select_planes(selected, row, indices, (const __mmask64 *)(const void *)masks, chunks, planes, groups);
        UNROLL for (int g = 0; g < groups; g++)
            add_words(acc + 4 * g, selected[0][g], planes > 1 ? selected[1][g] : zero, planes > 2 ? selected[2][g] : zero,
                      power, scales + 128 * g, fma);
        indices += ENTRY(chunks);
        masks += ENTRY(chunks);
        scales += ENTRY(chunks);
    }
    UNROLL for (int j = 0; j < 4 * groups; j++) _mm512_storeu_ps(s->sums + 16 * j, acc[j]);
}

/* A row by all panels. */
INLINE void add_row(const ax_gemm_block *b, int r, const int chunks, const int planes, const int fma)
{
    strip s = {.bytes = b->side.plan->planes->bytes[b->side.role], .ks = b->ks, .first = b->first,
               .row = (const row_place *)(const void *)((const char *)b->rows + r * b->row_stride)};
    int all = (b->nlanes + 63) / 64;
    for (int g = 0; g < all;) {
        s.sums = b->sums + r * b->ld + 64 * g;
        s.lanes = (const char *)b->lanes + g / GROUPS * b->panel_stride;
        s.group = g % GROUPS;
        if (all - g >= GROUPS && s.group == 0) add_strip(&s, chunks, planes, GROUPS, fma), g += GROUPS;
        else add_strip(&s, chunks, planes, 1, fma), g += 1;
    }
}

INLINE void add(const ax_gemm_block *b, const int chunks)
{
    int kind = 2 * b->side.plan->planes->count + ax_gemm_may_fuse(b);
    for (int r = 0; r < b->nrows; r++)
        switch (kind) {
        case 2: add_row(b, r, chunks, 1, 0); break;
        case 3: add_row(b, r, chunks, 1, 1); break;
        case 4: add_row(b, r, chunks, 2, 0); break;
        case 5: add_row(b, r, chunks, 2, 1); break;
        case 6: add_row(b, r, chunks, 3, 0); break;
        case 7: add_row(b, r, chunks, 3, 1); break;
        }
}

#define DEFINE(chunks, bits)                                                                                           \
    static int serves##bits(const ax_plan *plan, int role) { return plan->planes && plan->planes->lane_bits[role] == bits; } \
    static ax_extent pack_lanes##bits(void *out, const float *x, int64_t ld, int lanes, int ks, ax_gemm_side side)     \
    {                                                                                                                  \
        return pack_lanes(out, x, ld, lanes, ks, side, chunks);                                                        \
    }                                                                                                                  \
    static void add##bits(const ax_gemm_block *b) { add(b, chunks); }

DEFINE(1, 7)
DEFINE(2, 8)
DEFINE(4, 9)
DEFINE(8, 10)
DEFINE(16, 11)

#define ROW(chunks, bits)                                                                                              \
    {"vbmi-planes" #bits, AX_ISA_AVX512BF16, serves##bits, ax_gemm_in_range, LANES, 16, AX_GROUP_MAX, sizeof(row_place),     \
     ENTRY(chunks), pack_rows, pack_lanes##bits, NULL, add##bits}

const ax_gemm_kernel ax_gemm_vbmi_planes[] = {
    ROW(1, 7), ROW(2, 8), ROW(4, 9), ROW(8, 10), ROW(16, 11), {0},
};
#endif

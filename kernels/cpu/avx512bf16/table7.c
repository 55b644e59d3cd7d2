/* Any table whose lane operand has 5 to 7 live bits: rows of bytes (carry << 7 | fraction), from which byte permutations
 * select 64 products; widened to bfloat16 and given sign and exponent by one 16-bit sum.
 * 6 bits: one vpermi2b over the rows of k1 and k0, whose indices interleave, gives pairs at once.
 * 7 bits: one vpermi2b over each row, and an unpack more. */
#ifdef __AVX512BF16__
#include "kernels/cpu/avx512bf16/narrow.h"

enum { ENTRY = 384 };      /* bytes of a k pair of a panel: 128 of indices, 4 vectors of scales */

static int serves6(const ax_plan *plan, int role) { return plan->narrow && plan->narrow->lane_bits[role] == 6; }
static int serves7(const ax_plan *plan, int role) { return plan->narrow && plan->narrow->lane_bits[role] == 7; }

ax_extent ax_narrow_pack_table_rows(void *out, int64_t stride, const float *x, int64_t ld, int rows, int ks, ax_gemm_side side)
{
    const ax_narrow *narrow = side.plan->narrow;
    int bits = narrow->row_bits[side.role];
    const __m512i mask = splat((1u << bits) - 1), zero_row = splat(128u << bits);
    const __m128i shift = _mm_cvtsi32_si128(23 - bits);
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    __m512i largest = _mm512_setzero_si512();
    for (int r = 0; r < rows; r++) {
        char *row = (char *)out + r * stride;
        for (int k = 0; k < ks; k += 16) {
            __m512i v = row_vector(x, ld, ks, r, k);
            largest = larger(largest, v);
            __mmask16 nonzero = _mm512_test_epi32_mask(v, splat(0x7f800000u));
            __m512i index = _mm512_and_si512(_mm512_srl_epi32(v, shift), mask);
            __m512i offset = _mm512_mask_slli_epi32(zero_row, nonzero, index, 7);
            __m512i power = _mm512_maskz_and_epi32(nonzero, v, splat(0xff800000u));
            power = _mm512_or_si512(_mm512_and_si512(power, splat(0xffff0000u)), _mm512_srli_epi64(power, 48));
            __m512i low = _mm512_unpacklo_epi64(offset, power), high = _mm512_unpackhi_epi64(offset, power);
            _mm512_storeu_si512(row + 8 * k, _mm512_permutex2var_epi64(low, first, high));
            _mm512_storeu_si512(row + 8 * k + 64, _mm512_permutex2var_epi64(low, second, high));
        }
    }
    return extent_of(largest);
}

/* The low bytes of 2 vectors of pairs, k1's below k0's: 4 lanes of v0, then of v1, for each 4 lanes. */
INLINE __m512i low_bytes(__m512i v0, __m512i v1)
{
    const __m512i first = _mm512_set_epi64(0x7e7c7a7876747270, 0x3e3c3a3836343230, 0x6e6c6a6866646260, 0x2e2c2a2826242220,
                                           0x5e5c5a5856545250, 0x1e1c1a1816141210, 0x4e4c4a4846444240, 0x0e0c0a0806040200);
    return _mm512_permutex2var_epi8(v0, first, v1);
}

/* A pair of a panel: 128 bytes of indices in the order that the unpacks undo, then scales. */
INLINE void store_pairs(char *out, const __m512i *h, int lanes, const int bits)
{
    __m512i b0 = low_bytes(h[0], h[1]), b1 = low_bytes(h[2], h[3]);
    if (bits == 6) {
        const __m512i mask = _mm512_set1_epi16(0x3f3f), second = _mm512_set1_epi16(0x4000);
        _mm512_store_si512(out, _mm512_ternarylogic_epi32(_mm512_srli_epi16(b0, 1), mask, second, 0xea));
        _mm512_store_si512(out + 64, _mm512_ternarylogic_epi32(_mm512_srli_epi16(b1, 1), mask, second, 0xea));
    } else {
        const __m512i mask = _mm512_set1_epi16(0x7f);
        __m512i k0 = _mm512_packus_epi16(_mm512_srli_epi16(b0, 8), _mm512_srli_epi16(b1, 8));
        _mm512_store_si512(out, _mm512_and_si512(k0, _mm512_set1_epi8(0x7f)));
        _mm512_store_si512(out + 64, _mm512_packus_epi16(_mm512_and_si512(b0, mask), _mm512_and_si512(b1, mask)));
    }
    UNROLL for (int j = 0; j < 4; j++) {
        if (16 * j >= lanes) break;
        _mm512_store_si512(out + 128 + 64 * j, _mm512_and_si512(h[j], _mm512_set1_epi16((short)0xff80)));
    }
}

INLINE ax_extent pack_lanes(char *out, const float *x, int64_t ld, int lanes, int ks, const int bits)
{
    __m512i largest = _mm512_setzero_si512();
    for (int k = 0; k < ks; k += 2, out += ENTRY) {
        __m512i h[4];
        UNROLL for (int j = 0; j < 4; j++) {
            h[j] = 16 * j < lanes ? lane_pairs(x, ld, lanes, ks, k, j) : _mm512_setzero_si512();
            largest = larger_pair(largest, h[j]);
        }
        store_pairs(out, h, lanes, bits);
    }
    return extent_of_pairs(largest);
}

INLINE ax_extent pack_turned(char *out, const float *const *at, int lanes, int ks, const int bits)
{
    __m512i largest = _mm512_setzero_si512();
    turned_pairs turned;
    for (int k = 0; k < ks; k += 2, out += ENTRY) {
        __m512i h[4];
        if (k % TURNED == 0) turn(&turned, at, k, lanes, ks);
        UNROLL for (int j = 0; j < 4; j++) {
            h[j] = 16 * j < lanes ? _mm512_load_si512(turned.pair[k % TURNED / 2] + 16 * j) : _mm512_setzero_si512();
            largest = larger_pair(largest, h[j]);
        }
        store_pairs(out, h, lanes, bits);
    }
    return extent_of_pairs(largest);
}

static ax_extent pack_lanes6(void *out, const float *x, int64_t ld, int lanes, int ks, ax_gemm_side side)
{
    (void)side;
    return pack_lanes(out, x, ld, lanes, ks, 6);
}

static ax_extent pack_lanes7(void *out, const float *x, int64_t ld, int lanes, int ks, ax_gemm_side side)
{
    (void)side;
    return pack_lanes(out, x, ld, lanes, ks, 7);
}

static ax_extent pack_turned6(void *out, const float *const *at, int lanes, int ks, ax_gemm_side side)
{
    (void)side;
    return pack_turned(out, at, lanes, ks, 6);
}

static ax_extent pack_turned7(void *out, const float *const *at, int lanes, int ks, ax_gemm_side side)
{
    (void)side;
    return pack_turned(out, at, lanes, ks, 7);
}

/* 64 products of a row and a k pair as bytes: k0's above k1's in 16 bits, vectors 0 and 1 in `low`, 2 and 3 in `high`. */
typedef struct {
    __m512i low, high, power;      /* the signs and exponents of the row */
} selected;

INLINE selected select_bytes(const char *bytes, const char *entry, __m512i x0, __m512i x1, const int bits, const int nv)
{
    row_entry e = read_entry(entry);
    const char *row0 = bytes + e.row0, *row1 = bytes + e.row1;
    __m512i t0 = _mm512_load_si512(row0), t1 = _mm512_load_si512(row1);
    selected s = {.power = splat(e.power)};
    if (bits == 6) {
        s.low = _mm512_permutex2var_epi8(t1, x0, t0);
        s.high = nv > 2 ? _mm512_permutex2var_epi8(t1, x1, t0) : s.low;
    } else {
        t0 = _mm512_permutex2var_epi8(t0, x0, _mm512_load_si512(row0 + 64));
        t1 = _mm512_permutex2var_epi8(t1, x1, _mm512_load_si512(row1 + 64));
        s.low = _mm512_unpacklo_epi8(t1, t0);
        s.high = _mm512_unpackhi_epi8(t1, t0);
    }
    __asm__ volatile("" : "+v"(s.low), "+v"(s.high), "+v"(s.power));      /* here, not where it is used */
    return s;
}

/* Pairs of vector j, with sign and exponent. */
INLINE __m512i widened(const selected *s, const int j)
{
    const __m512i zero = _mm512_setzero_si512();
    __m512i pairs = j < 2 ? s->low : s->high;
    return _mm512_add_epi16(j & 1 ? _mm512_unpackhi_epi8(pairs, zero) : _mm512_unpacklo_epi8(pairs, zero), s->power);
}

/* The order of instructions counts: each row's bytes are selected before the row above is widened and added, and the sums of
 * a row come together, after all their operands. That takes registers, so there are 4 rows where 5 would fit. */
INLINE void add_row(__m512 *acc, const selected *s, const __m512i *scale, const int nv)
{
    __m512i u[4];
    UNROLL for (int j = 0; j < nv; j++) u[j] = widened(s, j);
    UNROLL for (int j = 0; j < nv; j++) __asm__ volatile("" : "+v"(u[j]));
    UNROLL for (int j = 0; j < nv; j++) acc[j] = add_pairs(acc[j], u[j], scale[j]);
    UNROLL for (int j = 0; j < nv; j++) __asm__ volatile("" : "+v"(acc[j]));
}

INLINE void body(const tile *t, const int mr, const int nv, const int bits)
{
    const char *bytes = (const char *)t->side.plan->narrow->bytes[t->side.role];
    const char *rows = t->rows, *lanes = t->lanes;
    sums acc;
    load_sums(acc, t, mr, nv);
    for (int p = pairs_of(t); p > 0; p--, rows += 16, lanes += ENTRY) {
        __m512i x0 = _mm512_load_si512(lanes), x1 = _mm512_load_si512(lanes + 64), scale[4];
        if (mr * nv > 20) {      /* no registers left for that order, nor for scales */
            UNROLL for (int i = 0; i < mr; i++) {
                selected s = select_bytes(bytes, rows + i * t->row_stride, x0, x1, bits, nv);
                const char *scales = lanes + 128;
                __asm__("" : "+r"(scales));
                UNROLL for (int j = 0; j < nv; j++)
                    acc[i][j] = add_pairs(acc[i][j], widened(&s, j), _mm512_load_si512(scales + 64 * j));
            }
            continue;
        }
        UNROLL for (int j = 0; j < nv; j++) scale[j] = _mm512_load_si512(lanes + 128 + 64 * j);
        selected now = select_bytes(bytes, rows, x0, x1, bits, nv), next = now;
        UNROLL for (int i = 0; i < mr; i++) {
            if (i + 1 < mr) next = select_bytes(bytes, rows + (i + 1) * t->row_stride, x0, x1, bits, nv);
            add_row(acc[i], &now, scale, nv);
            now = next;
        }
    }
    store_sums(acc, t, mr, nv);
}

INLINE void body6(const tile *t, const int mr, const int nv)
{
    body(t, mr, nv, 6);
}

INLINE void body7(const tile *t, const int mr, const int nv)
{
    body(t, mr, nv, 7);
}

static const int most[] = {0, 8, 8, 5, 4};

DEFINE_ADD(add6, 4, most, 6, CASES8(body6, 1) CASES8(body6, 2) CASES6(body6, 3) CASES6(body6, 4))
DEFINE_ADD(add7, 4, most, 6, CASES8(body7, 1) CASES8(body7, 2) CASES6(body7, 3) CASES6(body7, 4))

const ax_gemm_kernel ax_gemm_bf16_table7[] = {
    {"bf16-table6", AX_ISA_AVX512BF16, serves6, ax_gemm_in_range, PANEL, 592, 20, 8, ENTRY / 2, ax_narrow_pack_table_rows,
     pack_lanes6, pack_turned6, add6},
    {"bf16-table7", AX_ISA_AVX512BF16, serves7, ax_gemm_in_range, PANEL, 592, 20, 8, ENTRY / 2, ax_narrow_pack_table_rows,
     pack_lanes7, pack_turned7, add7},
    {0},
};
#endif

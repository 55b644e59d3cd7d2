/* Tables in planes (kernels/plan.h) where bytes cannot be permuted, in whichever of two ways costs less. By columns: for each k
 * and VL lanes the table's columns of those lanes are laid out as (row, lane), with the lanes' signs and exponents; then every
 * row's products are one load and one FMA. By rows: for each k and row the table's row is laid out as words with the row's sign
 * and exponent, and all lanes gather from it. Columns are rows of the other role's planes. */
#include "kernels/cpu/wide/tile.h"

enum { COLUMNS_LANES = 64, COLUMNS_BLOCK = 32, LINES = 1 << AX_TABLE_MAX_WIDTH };

#ifdef __AVX512F__
typedef __m512i vb;      /* of bytes or 16-bit words */
#define V(op) _mm512_##op
#else
typedef __m256i vb;
#define V(op) _mm256_##op
#endif

/* Indices are of the operand's live bits; powers are +-2^(exponent - 127), and 0 for a zero. */
typedef struct {
    uint32_t index, power;
} columns_row;

typedef struct {
    uint32_t index[COLUMNS_LANES], power[COLUMNS_LANES];
} columns_entry;

static int serves_columns(const ax_plan *plan, int role) { return (void)role, plan->planes != 0; }

/* A carry must not make an exponent 255 on either side: columns carry the lanes' exponents, rows the rows'. */
static int fits_columns(ax_extent rows, ax_extent lanes) { return ax_gemm_in_range(rows, lanes) && ax_gemm_in_range(lanes, rows); }

static ax_extent pack_columns_rows(void *out, int64_t stride, const float *x, int64_t ld, int rows, int ks, ax_gemm_side side)
{
    const int shift = 23 - side.plan->planes->row_bits[side.role];
    extremes e = no_extremes();
    for (int r = 0; r < rows; r++)
        for (int k = 0; k < ks; k += VL) {
            vu bits = take(x + r * ld + k, ks - k, ks);
            note_both(&e, bits);
            store_interleaved((char *)out + r * stride + k * sizeof(columns_row), (bits & 0x7fffffu) >> shift,
                              bits & 0xff800000u & nonzero(bits));
        }
    return extent_of(&e);
}

static ax_extent pack_columns_lanes(void *out, const float *x, int64_t ld, int lanes, int ks, ax_gemm_side side)
{
    const int shift = 23 - side.plan->planes->row_bits[!side.role];
    columns_entry *entry = out;
    extremes e = no_extremes();
    for (int k = 0; k < ks; k++, entry++, x += ld)
        UNROLL for (int l = 0; l < COLUMNS_LANES; l += VL) {
            vu bits = take(x + l, lanes - l, 16 * ld);
            note_both(&e, bits);
            store(entry->index + l, (bits & 0x7fffffu) >> shift);
            store(entry->power + l, bits & 0xff800000u & nonzero(bits));
        }
    return extent_of(&e);
}

INLINE const columns_row *columns_row_at(const ax_gemm_block *b, int r)
{
    return (const columns_row *)(const void *)((const char *)b->rows + r * b->row_stride);
}

INLINE const columns_entry *columns_entry_at(const ax_gemm_block *b, int lane)
{
    return (const columns_entry *)(const void *)((const char *)b->lanes + lane / COLUMNS_LANES * b->panel_stride);
}

/* u is a row's or a lane's word with its sign and exponent, power the other's. */
INLINE vf add_power(vf sum, vu u, vf power, const int fma) { return fma ? fma_of((vf)u, power, sum) : sum + (vf)u * power; }

/* ---- by columns ---- */

INLINE __m128i bytes16(const uint8_t *at) { return _mm_loadu_si128((const __m128i *)(const void *)at); }

/* 16 bytes of every fourth lane. */
INLINE vb load_bytes(const uint8_t *const *lanes, int64_t at)
{
#ifdef __AVX512F__
    __m512i x = _mm512_castsi128_si512(bytes16(lanes[0] + at));
    x = _mm512_mask_broadcast_i32x4(x, 0x00f0, bytes16(lanes[4] + at));
    x = _mm512_mask_broadcast_i32x4(x, 0x0f00, bytes16(lanes[8] + at));
    return _mm512_mask_broadcast_i32x4(x, 0xf000, bytes16(lanes[12] + at));
#else
    return _mm256_inserti128_si256(_mm256_castsi128_si256(bytes16(lanes[0] + at)), bytes16(lanes[4] + at), 1);
#endif
}

/* 16 bytes of each lane from `at`, turned from (lane, row) to (row, lane): 128 bits of turned[n] hold rows 4n..4n+3 of the 4
 * lanes whose vector elements they are. */
INLINE void turn(vb turned[4], const uint8_t *const lanes[VL], int64_t at)
{
    vb x[4];
    UNROLL for (int a = 0; a < 4; a++) x[a] = load_bytes(lanes + a, at);
    vb s0 = V(unpacklo_epi8)(x[0], x[2]), s1 = V(unpackhi_epi8)(x[0], x[2]);
    vb u0 = V(unpacklo_epi8)(x[1], x[3]), u1 = V(unpackhi_epi8)(x[1], x[3]);
    turned[0] = V(unpacklo_epi8)(s0, u0);
    turned[1] = V(unpackhi_epi8)(s0, u0);
    turned[2] = V(unpacklo_epi8)(s1, u1);
    turned[3] = V(unpackhi_epi8)(s1, u1);
}

/* columns (lines, VL): the words of VL lanes, whose rows of planes start at lanes[], with `powers` in the upper 16 bits. */
INLINE void lay_out_columns(vb *columns, const uint8_t *const lanes[VL], vb powers, int64_t lines, const int planes)
{
    const vb zero = {0};
    for (int64_t i = 0; i < lines; i += 16) {
        vb plane[3][4] = {{{0}}};
        UNROLL for (int q = 0; q < planes; q++) turn(plane[q], lanes, q * lines + i);
        UNROLL for (int n = 0; n < 4; n++) {
            vb top0 = V(add_epi16)(V(unpacklo_epi8)(plane[0][n], zero), powers);
            vb top1 = V(add_epi16)(V(unpackhi_epi8)(plane[0][n], zero), powers);
            vb rest0 = V(unpacklo_epi8)(plane[2][n], plane[1][n]), rest1 = V(unpackhi_epi8)(plane[2][n], plane[1][n]);
            columns[i + 4 * n] = V(unpacklo_epi16)(rest0, top0);
            columns[i + 4 * n + 1] = V(unpackhi_epi16)(rest0, top0);
            columns[i + 4 * n + 2] = V(unpacklo_epi16)(rest1, top1);
            columns[i + 4 * n + 3] = V(unpackhi_epi16)(rest1, top1);
        }
    }
}

/* The columns of VL lanes of one k. */
INLINE void lay_out_lanes(vb *columns, const ax_planes *p, int role, const uint32_t *index, const uint32_t *power)
{
    const int64_t lines = (int64_t)1 << p->lane_bits[!role];
    const uint8_t *lanes[VL];
    for (int i = 0; i < VL; i++) {
        uint32_t row = power[i] ? index[i] : 1u << p->row_bits[!role];
        lanes[i] = p->bytes[!role] + (int64_t)row * p->count * lines;
    }
    vb powers = (vb)(load(power) >> 16);      /* of lanes 4a..4a+3 */
    powers = V(packus_epi32)(powers, powers);
    switch (p->count) {
    case 1: lay_out_columns(columns, lanes, powers, lines, 1); break;
    case 2: lay_out_columns(columns, lanes, powers, lines, 2); break;
    case 3: lay_out_columns(columns, lanes, powers, lines, 3); break;
    }
}

/* What the sums of a strip of VL lanes need: one table of columns, one k after another. */
typedef struct {
    _Alignas(64) vb columns[LINES];              /* (row index, lane) */
    vf sums[AX_GROUP_MAX];
    columns_row rows[COLUMNS_BLOCK][AX_GROUP_MAX];      /* index: a line of the columns */
} columns_scratch;

/* sums (rows) += each row's line of the columns by its power. */
INLINE void add_lines(vf *sums, const vb *columns, const columns_row *rows, int nrows, const int fma)
{
#pragma GCC unroll 8
    for (int r = 0; r < nrows; r++) sums[r] = add_power(sums[r], (vu)columns[rows[r].index], (vf)splat(rows[r].power), fma);
}

INLINE void add_by_columns(const ax_gemm_block *b, const int fma)
{
    columns_scratch s;
    const ax_planes *p = b->side.plan->planes;
    const int role = b->side.role, shift = p->lane_bits[!role] - p->row_bits[role];
    for (int r = 0; r < b->nrows; r++)
        for (int k = 0; k < b->ks; k++)
            s.rows[k][r] = (columns_row){columns_row_at(b, r)[k].index << shift, columns_row_at(b, r)[k].power};
    for (int l = 0; l < b->nlanes; l += VL) {
        const columns_entry *entry = columns_entry_at(b, l);
        float *out = b->sums + l;
        for (int r = 0; r < b->nrows; r++) s.sums[r] = b->first ? (vf){0} : *(const vf_loose *)(out + r * b->ld);
        for (int k = 0; k < b->ks; k++, entry++) {
            lay_out_lanes(s.columns, p, role, entry->index + l % COLUMNS_LANES, entry->power + l % COLUMNS_LANES);
            add_lines(s.sums, s.columns, s.rows[k], b->nrows, fma);
        }
        for (int r = 0; r < b->nrows; r++) *(vf_loose *)(out + r * b->ld) = s.sums[r];
    }
}

/* ---- by rows ---- */

INLINE vu widen_bytes(const uint8_t *at) { return (vu)V(cvtepu8_epi32)(bytes16(at)); }

/* words (lanes): a row of planes, with `power`; that of `soon` is laid out next, from memory no prefetcher foresees. */
INLINE void lay_out_row(uint32_t *words, const uint8_t *row, const uint8_t *soon, uint32_t power, int64_t lanes, const int planes)
{
    for (int64_t line = 0; line < lanes; line += 64) {
        UNROLL for (int q = 0; q < planes; q++) __builtin_prefetch(soon + q * lanes + line);
        UNROLL for (int64_t l = line; l < line + 64; l += VL) {
            vu word = widen_bytes(row + l) << 16;
            if (planes > 1) word |= widen_bytes(row + lanes + l) << 8;
            if (planes > 2) word |= widen_bytes(row + 2 * lanes + l);
            store(words + l, word + power);
        }
    }
}

INLINE void gather_lanes(float *sums, const ax_gemm_block *b, int k, const uint32_t *words, int shift, const int fma)
{
#pragma GCC unroll 4
    for (int l = 0; l < b->nlanes; l += VL) {
        const columns_entry *entry = columns_entry_at(b, l) + k;
        vu u = gather(words, load(entry->index + l % COLUMNS_LANES) << shift);
        vf_loose *sum = (vf_loose *)(sums + l);
        *sum = add_power(*sum, u, (vf)load(entry->power + l % COLUMNS_LANES), fma);
    }
}

INLINE void add_by_rows(const ax_gemm_block *b, const int fma)
{
    _Alignas(64) uint32_t words[LINES];
    const ax_planes *p = b->side.plan->planes;
    const int role = b->side.role, shift = p->lane_bits[role] - p->row_bits[!role];
    const int64_t lanes = (int64_t)1 << p->lane_bits[role];
    for (int r = 0; r < b->nrows; r++) {
        const columns_row *row = columns_row_at(b, r);
        float *sums = b->sums + r * b->ld;
        if (b->first) memset(sums, 0, ((size_t)b->nlanes + VL - 1) / VL * VL * sizeof *sums);
        for (int k = 0; k < b->ks; k++, row++) {
            const columns_row *next = k + 1 < b->ks ? row + 1 : columns_row_at(b, r + 1 < b->nrows ? r + 1 : r);
            const uint8_t *bytes = p->bytes[role] + (int64_t)row->index * p->count * lanes;
            const uint8_t *soon = p->bytes[role] + (int64_t)next->index * p->count * lanes;
            if (!row->power) continue;
            switch (p->count) {
            case 1: lay_out_row(words, bytes, soon, row->power, lanes, 1); break;
            case 2: lay_out_row(words, bytes, soon, row->power, lanes, 2); break;
            case 3: lay_out_row(words, bytes, soon, row->power, lanes, 3); break;
            }
            gather_lanes(sums, b, k, words, shift, fma);
        }
    }
}

/* In gathers of VL lanes, as measured; columns outgrow caches. */
static int columns_cost_less(const ax_gemm_block *b)
{
    const ax_planes *p = b->side.plan->planes;
    const double rows = b->nrows, strips = (b->nlanes + VL - 1) / VL;
    const double lines = 1 << p->lane_bits[!b->side.role], lanes = 1 << p->lane_bits[b->side.role];
    return strips * (0.25 * rows + lines * (lines * VL / 16 + 256) / 5440) < rows * (strips + lanes / 160);
}

static void add_columns(const ax_gemm_block *b)
{
    const int by_columns = columns_cost_less(b), fma = ax_gemm_may_fuse(b);
    if (by_columns && fma) add_by_columns(b, 1);
    else if (by_columns) add_by_columns(b, 0);
    else if (fma) add_by_rows(b, 1);
    else add_by_rows(b, 0);
}

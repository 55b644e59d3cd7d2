/* Any table, where bytes cannot be permuted: for each k and VL lanes the table's columns of those lanes are laid out as
 * (row, lane), with the lanes' signs and exponents; then every row's products are one load and one FMA. Laying out pays if the
 * rows are not few; if they are, words are gathered. Compiled once for each instruction set; the including file defines VL
 * (lanes of a vector), V(op) (the intrinsic of that width), GATHER, load_bytes, ISA, ISA_NAME and SET.
 *
 * Columns are read from the planes of the other role (kernels/plan.h): their rows are our lanes. */
#include "kernels/cpu/gemm.h"

#include <immintrin.h>

typedef float vf __attribute__((vector_size(VL * 4)));
typedef uint32_t vu __attribute__((vector_size(VL * 4)));
typedef float vf_loose __attribute__((vector_size(VL * 4), aligned(4)));
typedef long long vi __attribute__((vector_size(VL * 4), may_alias));       /* the intrinsics' integer vector */
typedef long long vi_loose __attribute__((vector_size(VL * 4), may_alias, aligned(4)));

enum { PANEL = 64, BLOCK = 32, GROUP = AX_GROUP_MAX, LINES = 1 << AX_TABLE_MAX_WIDTH };

/* Indices are m-bit fractions; powers are +-2^(exponent - 127), and 0 for a zero. */
typedef struct {
    uint32_t index;
    float power;
} row_entry;

typedef struct {
    uint32_t index[PANEL];
    float power[PANEL];
} lane_entry;

/* What the sums of a strip of VL lanes need: one table of columns, one k after another. */
typedef struct {
    _Alignas(64) vi columns[LINES];              /* (row index, lane) */
    vf sums[GROUP];
    row_entry rows[BLOCK][GROUP];                /* index: of the live bits */
} scratch;

static int serves(const ax_plan *plan, int role) { return (void)role, plan->planes != 0; }

/* A carry must not make an exponent 255 on either side: columns carry the lanes' exponents, gathered words the rows'. */
static int fits(ax_extent rows, ax_extent lanes) { return ax_gemm_in_range(rows, lanes) && ax_gemm_in_range(lanes, rows); }

INLINE uint32_t lesser(uint32_t a, uint32_t b) { return a < b ? a : b; }
INLINE uint32_t greater(uint32_t a, uint32_t b) { return a > b ? a : b; }
INLINE int is_zero(uint32_t bits) { return !(bits & 0x7f800000u); }
INLINE uint32_t index_of(uint32_t bits, int m) { return (bits & 0x7fffffu) >> (23 - m); }
INLINE float power_of(uint32_t bits) { return ax_float(is_zero(bits) ? 0 : bits & 0xff800000u); }

INLINE ax_extent extend(ax_extent extent, uint32_t bits)
{
    uint32_t size = bits & 0x7fffffffu;
    return (ax_extent){greater(extent.largest, size), lesser(extent.smallest, is_zero(bits) ? UINT32_MAX : size)};
}

static ax_extent pack_rows(void *out, int64_t stride, const float *x, int64_t ld, int rows, int ks, ax_gemm_side side)
{
    const int m = side.plan->lut.width;
    ax_extent extent = {0, UINT32_MAX};
    for (int r = 0; r < rows; r++) {
        row_entry *row = (row_entry *)(void *)((char *)out + r * stride);
        for (int k = 0; k < ks; k++) {
            uint32_t bits = ax_bits(x[r * ld + k]);
            row[k] = (row_entry){index_of(bits, m), power_of(bits)};
            extent = extend(extent, bits);
        }
    }
    return extent;
}

static ax_extent pack_lanes(void *out, const float *x, int64_t ld, int lanes, int ks, ax_gemm_side side)
{
    const int m = side.plan->lut.width;
    ax_extent extent = {0, UINT32_MAX};
    lane_entry *entry = out;
    for (int k = 0; k < ks; k++, entry++, x += ld) {
        for (int l = 0; l < lanes; l++) {
            uint32_t bits = ax_bits(x[l]);
            entry->index[l] = index_of(bits, m);
            entry->power[l] = power_of(bits);
            extent = extend(extent, bits);
        }
        for (int l = lanes; l < PANEL; l++) entry->index[l] = 0, entry->power[l] = 0.0f;
    }
    return extent;
}

/* The place of an m-bit index among `bits` leading bits. */
INLINE uint32_t leading(uint32_t index, int bits, int m) { return bits <= m ? index >> (m - bits) : index << (bits - m); }

/* 16 bytes of each lane from `at`, turned from (lane, row) to (row, lane): 128 bits of turned[n] hold rows 4n..4n+3 of the 4
 * lanes whose vector elements they are. */
INLINE void turn(vi turned[4], const uint8_t *const lanes[VL], int64_t at)
{
    vi x[4];
    UNROLL for (int a = 0; a < 4; a++) x[a] = load_bytes(lanes + a, at);
    vi s0 = V(unpacklo_epi8)(x[0], x[2]), s1 = V(unpackhi_epi8)(x[0], x[2]);
    vi u0 = V(unpacklo_epi8)(x[1], x[3]), u1 = V(unpackhi_epi8)(x[1], x[3]);
    turned[0] = V(unpacklo_epi8)(s0, u0);
    turned[1] = V(unpackhi_epi8)(s0, u0);
    turned[2] = V(unpacklo_epi8)(s1, u1);
    turned[3] = V(unpackhi_epi8)(s1, u1);
}

/* columns (lines, VL): the words of VL lanes, whose rows of planes start at lanes[], with `powers` in the upper 16 bits. */
INLINE void lay_out(vi *columns, const uint8_t *const lanes[VL], vi powers, int64_t lines, const int planes)
{
    const vi zero = {0};
    for (int64_t i = 0; i < lines; i += 16) {
        vi plane[3][4] = {{{0}}};
        UNROLL for (int q = 0; q < planes; q++) turn(plane[q], lanes, q * lines + i);
        UNROLL for (int n = 0; n < 4; n++) {
            vi top0 = V(add_epi16)(V(unpacklo_epi8)(plane[0][n], zero), powers);
            vi top1 = V(add_epi16)(V(unpackhi_epi8)(plane[0][n], zero), powers);
            vi rest0 = V(unpacklo_epi8)(plane[2][n], plane[1][n]), rest1 = V(unpackhi_epi8)(plane[2][n], plane[1][n]);
            columns[i + 4 * n] = V(unpacklo_epi16)(rest0, top0);
            columns[i + 4 * n + 1] = V(unpackhi_epi16)(rest0, top0);
            columns[i + 4 * n + 2] = V(unpacklo_epi16)(rest1, top1);
            columns[i + 4 * n + 3] = V(unpackhi_epi16)(rest1, top1);
        }
    }
}

/* The columns of lanes [l, l + VL) of one k. */
INLINE void lay_out_lanes(vi *columns, const ax_plan *plan, int role, const lane_entry *entry, int l)
{
    const ax_planes *p = plan->planes;      /* of the other role: its rows are our lanes */
    const int bits = p->row_bits[!role], m = plan->lut.width;
    const int64_t lines = (int64_t)1 << p->lane_bits[!role];
    const uint8_t *lanes[VL];
    for (int i = 0; i < VL; i++) {
        uint32_t row = entry->power[l + i] == 0.0f ? 1u << bits : leading(entry->index[l + i], bits, m);
        lanes[i] = p->bytes[!role] + (int64_t)row * p->count * lines;
    }
    vi powers = V(srli_epi32)(*(const vi_loose *)(const void *)(entry->power + l), 16);      /* of lanes 4a..4a+3 */
    powers = V(packus_epi32)(powers, powers);
    switch (p->count) {
    case 1: lay_out(columns, lanes, powers, lines, 1); break;
    case 2: lay_out(columns, lanes, powers, lines, 2); break;
    case 3: lay_out(columns, lanes, powers, lines, 3); break;
    }
}

/* sums (rows) += each row's line of the columns by its power. */
INLINE void add_lines(vf *sums, const vi *columns, const row_entry *rows, int nrows, const int fma)
{
#pragma GCC unroll 8
    for (int r = 0; r < nrows; r++) {
        vf u = (vf)columns[rows[r].index], power = rows[r].power - (vf){0};
        sums[r] = fma ? (vf)V(fmadd_ps)(u, power, sums[r]) : sums[r] + u * power;
    }
}

INLINE const row_entry *row_at(const ax_gemm_block *b, int r)
{
    return (const row_entry *)(const void *)((const char *)b->rows + r * b->row_stride);
}

/* All rows by all lanes through columns: a strip of VL lanes after another, the rows' entries in order of k. */
INLINE void add_by_columns(const ax_gemm_block *b, const int fma)
{
    scratch s;
    const ax_plan *plan = b->side.plan;
    const int role = b->side.role, bits = plan->planes->lane_bits[!role], m = plan->lut.width;
    for (int r = 0; r < b->nrows; r++)
        for (int k = 0; k < b->ks; k++)
            s.rows[k][r] = (row_entry){leading(row_at(b, r)[k].index, bits, m), row_at(b, r)[k].power};
    for (int l = 0; l < b->nlanes; l += VL) {
        const lane_entry *entry = (const lane_entry *)(const void *)((const char *)b->lanes + l / PANEL * b->panel_stride);
        float *out = b->sums + l;
        for (int r = 0; r < b->nrows; r++) s.sums[r] = b->first ? (vf){0} : *(const vf_loose *)(out + r * b->ld);
        for (int k = 0; k < b->ks; k++) {
            lay_out_lanes(s.columns, plan, role, entry + k, l % PANEL);
            add_lines(s.sums, s.columns, s.rows[k], b->nrows, fma);
        }
        for (int r = 0; r < b->nrows; r++) *(vf_loose *)(out + r * b->ld) = s.sums[r];
    }
}

/* A row by VL lanes through gathers. */
INLINE vf gather_strip(vf sum, const ax_gemm_block *b, const row_entry *row, const lane_entry *entry, int l, const int fma)
{
    const ax_lut_view *lut = &b->side.plan->lut;
    const int m = lut->width, role = b->side.role;
    for (int k = 0; k < b->ks; k++, entry++) {
        if (row[k].power == 0.0f) continue;
        vu lane = *(const vu *)(const void *)(entry->index + l), start = row[k].index - (vu){0};
        vu word = (vu)GATHER(lut->words, role ? (lane << m) + start : (start << m) + lane);
        vf u = (vf)(word + ax_bits(row[k].power)), power = *(const vf *)(const void *)(entry->power + l);
        sum = fma ? (vf)V(fmadd_ps)(u, power, sum) : sum + u * power;
    }
    return sum;
}

/* A row by all its lanes: what was read of the table is near for the next strip. */
INLINE void add_by_gathers(const ax_gemm_block *b, const int fma)
{
    for (int r = 0; r < b->nrows; r++)
        for (int l = 0; l < b->nlanes; l += VL) {
            const lane_entry *entry = (const lane_entry *)(const void *)((const char *)b->lanes + l / PANEL * b->panel_stride);
            vf_loose *sum = (vf_loose *)(b->sums + r * b->ld + l);
            *sum = gather_strip(b->first ? (vf){0} : *sum, b, row_at(b, r), entry, l % PANEL, fma);
        }
}

/* Where no product can be less than 2^-126, or where such products are not flushed, an FMA has the bits of a product, which
 * is exact, and a sum. Laying out 8 lines takes about as long as gathering one. */
static void add(const ax_gemm_block *b)
{
    const ax_plan *plan = b->side.plan;
    int fma = plan->lut.fused || (b->row_extent.smallest >> 23) + (b->lane_extent.smallest >> 23) >= 128;
    int by_columns = b->nrows >= 1 << plan->planes->lane_bits[!b->side.role] >> 3;
    if (by_columns && fma) add_by_columns(b, 1);
    else if (by_columns) add_by_columns(b, 0);
    else if (fma) add_by_gathers(b, 1);
    else add_by_gathers(b, 0);
}

const ax_gemm_kernel SET[] = {
    {ISA_NAME "-columns", ISA, serves, fits, PANEL, BLOCK, GROUP, sizeof(row_entry), sizeof(lane_entry), pack_rows, pack_lanes,
     add},
    {0},
};

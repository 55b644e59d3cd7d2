/* A table's words as planes of bytes, once with the first operand in rows and once with the second. Rows and lanes keep the
 * live bits of their operand only. */
#include "kernels/plan_planes.h"

static int planes_of(int out_bits) { return out_bits <= 7 ? 1 : out_bits <= 15 ? 2 : 3; }

static size_t padded(size_t bytes) { return (bytes + 63) / 64 * 64; }

/* Bytes of one role: a row more than the operand's bits select, all zero. */
static size_t role_bytes(int planes, int row_bits, int lane_bits)
{
    return (((size_t)1 << row_bits) + 1) * (size_t)planes << lane_bits;
}

size_t ax_planes_bytes(const ax_lut_view *lut, int out_bits)
{
    int lane_bits = lut->width < AX_NARROW_BITS ? AX_NARROW_BITS : lut->width;
    if (!lut->words) return 0;
    return padded(sizeof(ax_planes)) + 2 * role_bytes(planes_of(out_bits), lut->width, lane_bits);
}

/* The place of an operand's leading `bits` bits in an m-bit index. */
static size_t index_of(size_t leading, int bits, int m) { return bits <= m ? leading << (m - bits) : leading >> (bits - m); }

/* Squares whose rows share no more cache sets than there are ways, although words and bytes lie powers of two apart. */
enum { SQUARE = 8 };

static void split_square(uint8_t *bytes, const ax_plan *plan, int role, size_t first_row, size_t first_lane)
{
    const ax_planes *p = plan->planes;
    int m = plan->lut.width, row_bits = p->row_bits[role], lane_bits = p->lane_bits[role];
    size_t lanes = (size_t)1 << lane_bits, rows = (size_t)1 << row_bits;
    for (size_t r = first_row; r < first_row + SQUARE && r < rows; r++)
        for (size_t l = first_lane; l < first_lane + SQUARE; l++) {
            size_t row = index_of(r, row_bits, m), lane = index_of(l, lane_bits, m);
            uint32_t word = plan->lut.words[role ? lane << m | row : row << m | lane];
            uint8_t *out = bytes + r * (size_t)p->count * lanes + l;
            for (int q = 0; q < p->count; q++) out[(size_t)q * lanes] = (uint8_t)(word >> (16 - 8 * q));
        }
}

static void split_role(uint8_t *bytes, const ax_plan *plan, int role)
{
    const ax_planes *p = plan->planes;
    size_t rows = (size_t)1 << p->row_bits[role], lanes = (size_t)1 << p->lane_bits[role], pitch = (size_t)p->count * lanes;
    for (size_t r = 0; r < rows; r += SQUARE)
        for (size_t l = 0; l < lanes; l += SQUARE) split_square(bytes, plan, role, r, l);
    memset(bytes + rows * pitch, 0, pitch);
}

void ax_planes_init(ax_plan *plan, void *memory)
{
    ax_planes *p = memory;
    uint8_t *bytes = (uint8_t *)memory + padded(sizeof *p);
    plan->planes = p;
    p->count = planes_of(plan->out_bits);
    for (int role = 0; role < 2; role++) {
        int row_live = role ? plan->live_b : plan->live_a, lane_live = role ? plan->live_a : plan->live_b;
        p->row_bits[role] = row_live;
        p->lane_bits[role] = lane_live < AX_NARROW_BITS ? AX_NARROW_BITS : lane_live;
        p->bytes[role] = bytes;
        split_role(bytes, plan, role);
        bytes += role_bytes(p->count, p->row_bits[role], p->lane_bits[role]);
    }
}

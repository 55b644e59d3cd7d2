/* The driver of every product but non-strict fp32: cuts C into tiles, feeds a kernel block by block of k, stores. Tiles are
 * shared among threads; a sum is never split, so neither threads nor tile sizes change a bit. */
#include "kernels/cpu/gemm.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/split.h"

enum { TILE_ROWS = 256, TILE_LANES = 384, CHUNK = 32 };      /* CHUNK: rows fetched at a time */

/* Work memory of a thread. */
typedef struct {
    _Alignas(64) float sums[TILE_ROWS * TILE_LANES];                                     /* (rows, TILE_LANES) */
    _Alignas(64) char rows[TILE_ROWS * AX_ROW_BYTES];
    _Alignas(64) char lanes[TILE_LANES / AX_PANEL * AX_PANEL_BYTES];
    _Alignas(64) float raw[AX_BLOCK * AX_PANEL];                                         /* a fetched piece of an operand */
} work;
_Static_assert(sizeof(work) <= AX_SCRATCH, "work memory");
_Static_assert(CHUNK * AX_BLOCK <= AX_BLOCK * AX_PANEL, "a chunk of rows fits into raw");

static _Thread_local _Alignas(64) char scratch[AX_SCRATCH];

float *ax_gemm_scratch(void) { return (float *)(void *)scratch; }

typedef struct {
    const ax_gemm *g;
    const ax_gemm_kernel *kernel;
    const ax_moves *moves;
    int role;
    int64_t rows, lanes;                   /* of the whole product, in its role */
    int64_t tile_rows, tile_lanes;
    int64_t row_tiles, lane_tiles;
} job;

typedef struct {
    const job *j;
    ax_gemm_part part;
    ax_operand row_operand, lane_operand;
    ax_gemm_side side;
    work *w;
} tile;

static char *panel_at(work *w, int64_t panel) { return w->lanes + panel * AX_PANEL_BYTES; }

static int panel_width(const tile *t, int64_t panel)
{
    int64_t left = t->part.lanes.count - panel * AX_PANEL;
    return (int)(left < AX_PANEL ? left : AX_PANEL);
}

static int64_t panels_of(const tile *t) { return (t->part.lanes.count + AX_PANEL - 1) / AX_PANEL; }

static uint32_t pack_panel(const tile *t, const ax_gemm_kernel *kernel, int64_t panel, ax_range ks)
{
    int width = panel_width(t, panel);
    ax_range lanes = {t->part.lanes.first + panel * AX_PANEL, width};
    ax_source_fetch(t->w->raw, AX_PANEL, 1, &t->lane_operand, lanes, ks, t->j->moves);
    return kernel->pack_lanes(panel_at(t->w, panel), t->w->raw, AX_PANEL, width, (int)ks.count, t->side);
}

static uint32_t pack_rows(const tile *t, const ax_gemm_kernel *kernel, ax_range ks)
{
    uint32_t largest = 0;
    for (int64_t r = 0; r < t->part.rows.count; r += CHUNK) {
        int64_t left = t->part.rows.count - r, count = left < CHUNK ? left : CHUNK;
        ax_range rows = {t->part.rows.first + r, count};
        ax_source_fetch(t->w->raw, AX_BLOCK, 0, &t->row_operand, rows, ks, t->j->moves);
        uint32_t m = kernel->pack_rows(t->w->rows + r * AX_ROW_BYTES, t->w->raw, AX_BLOCK, (int)count, (int)ks.count, t->side);
        if (m > largest) largest = m;
    }
    return largest;
}

/* No operand is Inf or NaN, no product can reach 2^128, and a carry cannot make the row operand's exponent 255. */
static int in_range(uint32_t row_largest, uint32_t lane_largest)
{
    uint32_t er = row_largest >> 23, el = lane_largest >> 23;
    return er <= 253 && el <= 254 && er + el + 1 <= 254 + 127;
}

static void add_block(const tile *t, ax_range ks)
{
    const ax_gemm_kernel *kernel = t->j->kernel;
    uint32_t lane_largest = 0, row_largest = pack_rows(t, kernel, ks);
    for (int64_t p = 0; p < panels_of(t); p++) {
        uint32_t m = pack_panel(t, kernel, p, ks);
        if (m > lane_largest) lane_largest = m;
    }
    if (!t->side.plan->lut.native && !in_range(row_largest, lane_largest)) {
        kernel = ax_gemm_literal;
        pack_rows(t, kernel, ks);
        for (int64_t p = 0; p < panels_of(t); p++) pack_panel(t, kernel, p, ks);
    }
    for (int64_t p = 0; p < panels_of(t); p++)
        kernel->add(&(ax_gemm_block){t->w->sums + p * AX_PANEL, TILE_LANES, t->w->rows, panel_at(t->w, p),
                                     (int)t->part.rows.count, panel_width(t, p), (int)ks.count, t->side});
}

static void run_tile(const job *j, int64_t index)
{
    const ax_gemm *g = j->g;
    int64_t b = index / (j->row_tiles * j->lane_tiles), rest = index % (j->row_tiles * j->lane_tiles);
    int64_t r0 = rest / j->lane_tiles * j->tile_rows, l0 = rest % j->lane_tiles * j->tile_lanes;
    ax_operand a = g->a, w = g->b;
    a.data += b * g->a_batch;
    w.data += b * g->b_batch;
    tile t = {.j = j, .row_operand = j->role ? w : a, .lane_operand = j->role ? a : w, .side = {g->plan, j->role},
              .w = (work *)(void *)scratch};
    t.part = (ax_gemm_part){g, g->c + b * g->c_batch, j->role,
                            {r0, j->rows - r0 < j->tile_rows ? j->rows - r0 : j->tile_rows},
                            {l0, j->lanes - l0 < j->tile_lanes ? j->lanes - l0 : j->tile_lanes}};
    for (int64_t r = 0; r < t.part.rows.count; r++)
        memset(t.w->sums + r * TILE_LANES, 0, (size_t)(panels_of(&t) * AX_PANEL) * sizeof(float));
    for (int64_t k = 0; k < g->k; k += AX_BLOCK)
        add_block(&t, (ax_range){k, g->k - k < AX_BLOCK ? g->k - k : AX_BLOCK});
    ax_gemm_store(&t.part, t.w->sums, TILE_LANES, j->moves);
}

void ax_gemm_store(const ax_gemm_part *part, float *sums, int64_t ld, const ax_moves *moves)
{
    const float *bias = part->g->bias;
    for (int64_t r = 0; r < part->rows.count; r++) {
        float *sum = sums + r * ld;
        for (int64_t l = 0; l < part->lanes.count; l++) {
            float x = sum[l] + 0.0f;      /* -0 becomes +0 */
            if (bias) x += bias[part->role ? part->rows.first + r : part->lanes.first + l];
            sum[l] = (ax_bits(x) & 0x7fffffffu) > 0x7f800000u ? ax_float(0x7fc00000u) : x;
        }
    }
    int64_t ldc = part->g->ldc, rows = part->rows.count, lanes = part->lanes.count;
    if (part->role) moves->transpose(part->c + part->lanes.first * ldc + part->rows.first, ldc, sums, ld, rows, lanes);
    else moves->copy(part->c + part->rows.first * ldc + part->lanes.first, ldc, sums, ld, rows, lanes);
}

static int64_t tiles_of(int64_t n, int64_t size) { return (n + size - 1) / size; }

/* Relative time of a product whose rows are broadcast and whose lanes are vectors of 16: multiplying, then packing. */
static double cost(int64_t rows, int64_t lanes)
{
    return 0.16 * (double)(rows * tiles_of(lanes, 16)) + 0.5 * (double)(rows * tiles_of(lanes, TILE_LANES)) +
           0.25 * (double)(lanes * tiles_of(rows, TILE_ROWS));
}

static int threads(void)
{
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

/* Equal tiles, at least two for each thread where the work is worth it. */
static void cut(job *j)
{
    int64_t wanted = 2 * threads(), worth = j->g->m * j->g->n * j->g->k / 250000 + 1;
    if (wanted > worth) wanted = worth;
    if (wanted == 2) wanted = 1;
    int64_t lanes = tiles_of(j->lanes, tiles_of(j->lanes, TILE_LANES)), rows = tiles_of(j->rows, tiles_of(j->rows, TILE_ROWS));
    j->tile_lanes = tiles_of(lanes, AX_PANEL) * AX_PANEL;
    j->tile_rows = rows;
    for (;;) {
        j->lane_tiles = tiles_of(j->lanes, j->tile_lanes);
        j->row_tiles = tiles_of(j->rows, j->tile_rows);
        if (j->lane_tiles * j->row_tiles * j->g->batch >= wanted) return;
        if (j->tile_lanes > AX_PANEL) j->tile_lanes = tiles_of(j->tile_lanes / 2, AX_PANEL) * AX_PANEL;
        else if (j->tile_rows > 8) j->tile_rows = (j->tile_rows + 1) / 2;
        else return;
    }
}

static void run(const ax_gemm *g)
{
    enum ax_isa isa = ax_gemm_isa();
    int role = cost(g->n, g->m) < cost(g->m, g->n);
    job j = {.g = g, .kernel = ax_gemm_choose(g->plan, role, isa), .moves = ax_gemm_moves(isa), .role = role,
             .rows = role ? g->n : g->m, .lanes = role ? g->m : g->n};
    cut(&j);
    int64_t tiles = j.row_tiles * j.lane_tiles * g->batch;
#ifdef _OPENMP
#pragma omp parallel for schedule(dynamic) if (tiles > 1)
#endif
    for (int64_t i = 0; i < tiles; i++) {
        unsigned csr = ax_cpu_flush();
        run_tile(&j, i);
        ax_cpu_unflush(csr);
    }
}

void ax_cpu_gemm(const ax_gemm *g)
{
    if (g->m <= 0 || g->n <= 0 || g->batch <= 0) return;
    if (g->plan->lut.native && !g->strict) ax_cpu_sgemm(g);
    else run(g);
}

/* The driver of every product but non-strict fp32: cuts C into tiles, feeds a kernel block by block of k, stores. Tiles are
 * shared among threads; a sum is never split, so neither threads nor tile sizes change a bit. */
#include "kernels/cpu/gemm.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/split.h"
#include "kernels/cpu/staged.h"
#include "kernels/math.h"

enum { TILE = 512, PIECE = 64 };                 /* rows and lanes of a tile at most; k fetched at a time */
enum { ROW_BYTES = 384 << 10, LANE_BYTES = 2 << 20, STAGED = 128 << 10 /* floats */ };
enum { AHEAD = 1024 };                           /* k whose rows are staged at a time, where k are positions */
enum { SMALL = 250000 };                         /* products below which a second thread costs more than it gives */

/* Work memory of a thread. */
typedef struct {
    _Alignas(64) float sums[TILE * TILE];                          /* (rows, TILE) */
    _Alignas(64) char rows[ROW_BYTES];                             /* a group of packed rows */
    _Alignas(64) char lanes[LANE_BYTES];                           /* packed panels */
    _Alignas(64) float raw[PIECE * AX_PANEL_MAX];                  /* a fetched piece of an operand */
    _Alignas(64) float more[PIECE * AX_GROUP_MAX];                 /* of the other, where both are needed */
    _Alignas(64) float staged[STAGED];                             /* rows of a tensor that patches see */
} work;
_Static_assert(sizeof(work) <= AX_WORK_BYTES, "work memory");

void ax_cpu_gemm_work_bytes(size_t *bytes, int threads) { *bytes = (size_t)threads * AX_WORK_BYTES; }

/* How a product is cut: which operand is in rows, and into how many tiles. */
typedef struct {
    int role;
    int64_t rows, lanes;                         /* of the whole product, in its role */
    int64_t tile_rows, tile_lanes, row_tiles, lane_tiles;
    double cost;
} cut;

typedef struct {
    const ax_gemm *g;
    const ax_gemm_kernel *kernel;
    const ax_moves *moves;
    cut cut;
    int64_t block, row_stride, panel_stride;     /* k of a block; bytes */
} job;

typedef struct {
    const job *j;
    ax_gemm_part part;
    ax_operand row_operand, lane_operand;
    ax_gemm_side side;
    work *w;
} tile;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t parts(int64_t n, int64_t size) { return (n + size - 1) / size; }
static int64_t round_up(int64_t n, int64_t to) { return parts(n, to) * to; }

/* ---- a tile: block after block of k is packed and added ---- */

/* The k from ks.first on, as many as the kernel can turn itself: an even number, or all. */
static int64_t pack_turned(const tile *t, char *out, ax_range lanes, ax_range ks, ax_extent *extent)
{
    const float *at[AX_PANEL_MAX];
    if (!t->j->kernel->pack_turned) return 0;
    int64_t count = ax_source_rows(at, &t->lane_operand, lanes, ks);
    if (count < ks.count) count -= count % 2;
    for (int64_t l = lanes.count; l % 16; l++) at[l] = at[l - 1];
    if (count) *extent = ax_extent_join(*extent, t->j->kernel->pack_turned(out, at, (int)lanes.count, (int)count, t->side));
    return count;
}

static int64_t pack_piece(const tile *t, char *out, ax_range lanes, ax_range ks, ax_extent *extent)
{
    ks.count = least(PIECE, ks.count);
    ax_block x = ax_source_block(t->w->raw, 1, &t->lane_operand, lanes, ks, t->j->moves);
    *extent = ax_extent_join(*extent, t->j->kernel->pack_lanes(out, x.data, x.ld, (int)lanes.count, (int)ks.count, t->side));
    return ks.count;
}

static ax_extent pack_panel(const tile *t, char *out, ax_range lanes, ax_range ks)
{
    const ax_gemm_kernel *kernel = t->j->kernel;
    ax_extent extent = {0, UINT32_MAX};
    for (int64_t k = 0, done; k < ks.count; k += done) {
        ax_range rest = {ks.first + k, ks.count - k};
        done = pack_turned(t, out + k * kernel->panel_bytes, lanes, rest, &extent);
        if (!done) done = pack_piece(t, out + k * kernel->panel_bytes, lanes, rest, &extent);
    }
    return extent;
}

static int64_t panels_of(const tile *t) { return parts(t->part.lanes.count, t->j->kernel->panel); }

static ax_range lanes_of(const tile *t, int64_t panel)
{
    int64_t first = panel * t->j->kernel->panel;
    return (ax_range){t->part.lanes.first + first, least(t->j->kernel->panel, t->part.lanes.count - first)};
}

/* Does the operand in lanes lie (k, lanes) in memory? */
static int lanes_lie_along(const tile *t)
{
    return t->lane_operand.kind == AX_OPERAND_MATRIX && ax_source_prefers_k_major(&t->lane_operand);
}

/* Of a matrix (k, lanes) all panels of a piece of k before the next piece: its rows are read from end to end. Else panel by
 * panel: lanes are read from end to end, and a panel's taps share cells. */
static ax_extent pack_lanes(const tile *t, ax_range ks)
{
    ax_extent extent = {0, UINT32_MAX};
    int64_t step = lanes_lie_along(t) ? PIECE : ks.count;
    for (int64_t k = 0; k < ks.count; k += step)
        for (int64_t p = 0; p < panels_of(t); p++) {
            ax_range some = {ks.first + k, least(step, ks.count - k)};
            char *out = t->w->lanes + p * t->j->panel_stride + k * t->j->kernel->panel_bytes;
            extent = ax_extent_join(extent, pack_panel(t, out, lanes_of(t, p), some));
        }
    return extent;
}

static ax_extent pack_rows(const tile *t, ax_range rows, ax_range ks)
{
    const ax_gemm_kernel *kernel = t->j->kernel;
    ax_extent extent = {0, UINT32_MAX};
    ax_block whole;
    int64_t step = ax_source_view(&whole, 0, &t->row_operand, rows, ks) ? ks.count : PIECE;
    for (int64_t k = 0; k < ks.count; k += step) {
        ax_range piece = {ks.first + k, least(step, ks.count - k)};
        ax_block x = ax_source_block(t->w->raw, 0, &t->row_operand, rows, piece, t->j->moves);
        extent = ax_extent_join(extent, kernel->pack_rows(t->w->rows + k * kernel->row_bytes, t->j->row_stride, x.data, x.ld,
                                                          (int)rows.count, (int)piece.count, t->side));
    }
    return extent;
}

/* Sums (rows, lanes) by the literal rule, from the operands as they are. */
static void add_literally(const tile *t, float *sums, ax_range rows, ax_range lanes, ax_range ks)
{
    for (int64_t r = 0; ks.first == 0 && r < rows.count; r++) memset(sums + r * TILE, 0, (size_t)lanes.count * sizeof *sums);
    for (int64_t k = 0; k < ks.count; k += PIECE) {
        ax_range piece = {ks.first + k, least(PIECE, ks.count - k)};
        ax_block x = ax_source_block(t->w->more, 0, &t->row_operand, rows, piece, t->j->moves);
        for (int64_t l = 0; l < lanes.count; l += AX_PANEL_MAX) {
            ax_range some = {lanes.first + l, least(AX_PANEL_MAX, lanes.count - l)};
            ax_block y = ax_source_block(t->w->raw, 1, &t->lane_operand, some, piece, t->j->moves);
            ax_gemm_add_literally(sums + l, TILE, x, y, rows.count, some.count, piece.count, t->side);
        }
    }
}

/* Sums of the packed rows and of lanes whose panels are at w->lanes. */
static void add(const tile *t, float *sums, ax_range rows, ax_extent row_extent, ax_range lanes, ax_extent lane_extent,
                ax_range ks)
{
    const job *j = t->j;
    if (j->kernel->fits(row_extent, lane_extent))
        j->kernel->add(&(ax_gemm_block){sums, TILE, t->w->rows, t->w->lanes, j->row_stride, j->panel_stride, (int)rows.count,
                                        (int)lanes.count, (int)ks.count, ks.first == 0, t->side, row_extent, lane_extent});
    else add_literally(t, sums, rows, lanes, ks);
}

static void store(const tile *t, float *sums, ax_range rows)
{
    ax_gemm_part part = t->part;
    part.rows = rows;
    ax_gemm_store(&part, sums, TILE, t->j->moves);
}

/* All panels, then group after group of rows. A product of one block needs no memory for the sums of rows stored already. */
static void add_groups(const tile *t, ax_range ks)
{
    int64_t group = t->j->kernel->group;
    int once = t->j->block >= t->j->g->k, last = ks.first + ks.count >= t->j->g->k;
    ax_extent lane_extent = pack_lanes(t, ks);
    for (int64_t row = 0; row < t->part.rows.count; row += group) {
        ax_range rows = {t->part.rows.first + row, least(group, t->part.rows.count - row)};
        float *sums = t->w->sums + (once ? 0 : row * TILE);
        add(t, sums, rows, pack_rows(t, rows, ks), t->part.lanes, lane_extent, ks);
        if (last) store(t, sums, rows);
    }
}

/* All rows, then panel after panel, each added while it is in the first cache. */
static void add_panels(const tile *t, ax_range ks)
{
    ax_extent row_extent = pack_rows(t, t->part.rows, ks);
    for (int64_t p = 0; p < panels_of(t); p++) {
        ax_range lanes = lanes_of(t, p);
        ax_extent lane_extent = pack_panel(t, t->w->lanes, lanes, ks);
        add(t, t->w->sums + p * t->j->kernel->panel, t->part.rows, row_extent, lanes, lane_extent, ks);
    }
    if (ks.first + ks.count >= t->j->g->k) store(t, t->w->sums, t->part.rows);
}

/* Before the block at k: the positions of the tile, or those of many blocks ahead. */
static void stage(tile *t, const ax_operand *rows, const ax_operand *lanes, int64_t k)
{
    const job *j = t->j;
    int64_t ahead = round_up(AHEAD, j->block);
    if (rows->transposed || lanes->transposed ? k % ahead : k) return;
    ax_range ks = {k, least(ahead, j->g->k - k)};
    t->row_operand = *rows;
    t->lane_operand = *lanes;
    if (lanes->kind == AX_OPERAND_PATCHES)
        ax_staged_init(&t->lane_operand, t->w->staged, STAGED, 1, lanes->transposed ? ks : t->part.lanes, j->moves);
    else ax_staged_init(&t->row_operand, t->w->staged, STAGED, 0, rows->transposed ? ks : t->part.rows, j->moves);
}

static void run_tile(const job *j, int64_t index, work *w)
{
    const ax_gemm *g = j->g;
    const cut *c = &j->cut;
    int64_t b = index / (c->row_tiles * c->lane_tiles), rest = index % (c->row_tiles * c->lane_tiles);
    int64_t r0 = rest / c->lane_tiles * c->tile_rows, l0 = rest % c->lane_tiles * c->tile_lanes;
    ax_operand x = g->a, y = g->b;
    x.data += b * g->a_batch;
    y.data += b * g->b_batch;
    tile t = {.j = j, .side = {g->plan, c->role}, .w = w};
    t.part = (ax_gemm_part){g, g->c + b * g->c_batch, c->role, {r0, least(c->tile_rows, c->rows - r0)},
                            {l0, least(c->tile_lanes, c->lanes - l0)}};
    int64_t k = 0;
    do {      /* once even for an empty sum */
        ax_range ks = {k, least(j->block, g->k - k)};
        stage(&t, c->role ? &y : &x, c->role ? &x : &y, k);
        if (t.part.rows.count <= j->kernel->group && !lanes_lie_along(&t)) add_panels(&t, ks);
        else add_groups(&t, ks);
        k += j->block;
    } while (k < g->k);
}

/* ---- the end of a sum ---- */

/* One row of sums; biases lie `step` apart (0: one for the whole row). */
INLINE void finish_row(float *sum, const float *bias, int step, int64_t n, const enum ax_activation activation)
{
    if (!bias)
        for (int64_t l = 0; l < n; l++) sum[l] = ax_sum_end(sum[l], 0.0f, 0, activation);
    else if (step)
        for (int64_t l = 0; l < n; l++) sum[l] = ax_sum_end(sum[l], bias[l], 1, activation);
    else
        for (int64_t l = 0; l < n; l++) sum[l] = ax_sum_end(sum[l], bias[0], 1, activation);
}

enum { JOINED = 512 };

/* How many rows of n sums are finished as one: short ones that lie without gaps, with their biases repeated. */
static int64_t join_rows(float *repeated /* (JOINED) */, const float *bias, int64_t n, int64_t ld, int step)
{
    if (ld != n || n > JOINED / 2 || (bias && !step)) return 1;
    for (int64_t i = 0; bias && i < JOINED / n * n; i++) repeated[i] = bias[i % n];
    return JOINED / n;
}

AX_CLONES static void finish_rows(const ax_gemm_part *part, float *sums, int64_t ld)
{
    const float *bias = part->g->bias ? part->g->bias + (part->role ? part->rows.first : part->lanes.first) : NULL;
    float repeated[JOINED];
    int step = !part->role;
    int64_t joined = join_rows(repeated, bias, part->lanes.count, ld, step);
    for (int64_t r = 0; r < part->rows.count; r += joined, sums += joined * ld) {
        const float *b = !bias ? NULL : step ? bias : bias + r;
        if (b && joined > 1) b = repeated;
        int64_t n = least(joined, part->rows.count - r) * part->lanes.count;
        switch (part->g->activation) {
        case AX_LINEAR: finish_row(sums, b, step, n, AX_LINEAR); break;
        case AX_RELU: finish_row(sums, b, step, n, AX_RELU); break;
        case AX_TANH: finish_row(sums, b, step, n, AX_TANH); break;
        case AX_SIGMOID: finish_row(sums, b, step, n, AX_SIGMOID); break;
        }
    }
}

void ax_gemm_store(const ax_gemm_part *part, float *sums, int64_t ld, const ax_moves *moves)
{
    finish_rows(part, sums, ld);
    int64_t ldc = part->g->ldc, rows = part->rows.count, lanes = part->lanes.count;
    float *c = part->c + part->rows.first * ldc + part->lanes.first;
    if (part->role) moves->transpose(part->c + part->lanes.first * ldc + part->rows.first, ldc, sums, ld, rows, lanes);
    else if (sums != c) moves->copy(c, ldc, sums, ld, rows, lanes);
}

/* ---- cutting ---- */

/* About the cycles an element takes to fetch with k outermost, or innermost: im2col, turning what lies the other way in memory. */
static double fetch_cost(const ax_operand *o, int k_major)
{
    int patches = o->kind != AX_OPERAND_MATRIX, turned = (!patches || o->transposed) && ax_source_prefers_k_major(o) != k_major;
    return (patches ? 0.7 : 0.0) + (turned ? 0.7 : 0.0);
}

/* About the cycles of a tile for each k: multiplying vectors of 16 lanes (and what a row of a panel costs by itself, the more the
 * wider a kernel wants its panels), fetching and packing. */
static double tile_cost(const ax_gemm *g, int role, int panel, int64_t rows, int64_t lanes)
{
    double row = 0.4 + fetch_cost(role ? &g->b : &g->a, 0);
    double lane = 0.15 + fetch_cost(role ? &g->a : &g->b, 1);
    double store = (role ? 0.7 * (double)lanes : 0.1 * (double)lanes + 40.0) * (double)rows / (double)(g->k ? g->k : 1);
    double vectors = 0.4 * (double)parts(lanes, 16) + 1.2 / 64.0 * (double)round_up(lanes, panel);
    return (double)rows * (vectors + row) + (double)lanes * lane + store;
}

static cut cut_into(const ax_gemm *g, int role, int panel, int64_t row_tiles, int64_t lane_tiles)
{
    cut c = {.role = role, .rows = role ? g->n : g->m, .lanes = role ? g->m : g->n};
    c.tile_rows = parts(c.rows, row_tiles);
    c.tile_lanes = parts(c.lanes, lane_tiles);
    c.tile_lanes = round_up(c.tile_lanes, c.tile_lanes > 256 ? 64 : 16);      /* whole panels, or at least whole vectors */
    c.row_tiles = parts(c.rows, c.tile_rows);
    c.lane_tiles = parts(c.lanes, c.tile_lanes);
    int64_t turns = parts(c.row_tiles * c.lane_tiles * g->batch, g->threads);
    c.cost = (double)turns * tile_cost(g, role, panel, c.tile_rows, least(c.tile_lanes, c.lanes));
    return c;
}

/* The cheapest of both roles and of tiles halved until each thread has two. */
static cut choose_cut(const ax_gemm *g, enum ax_isa isa)
{
    cut best = {.cost = INFINITY};
    int64_t most = g->m * g->n * g->k < SMALL ? 1 : 2 * g->threads;
    for (int role = 0; role < 2; role++) {
        int panel = ax_gemm_choose(g->plan, role, isa)->panel;
        int64_t rows = parts(role ? g->n : g->m, TILE), lanes = parts(role ? g->m : g->n, TILE);
        for (int64_t r = rows; r == rows || r <= most; r *= 2)
            for (int64_t l = lanes; l == lanes || r * l <= most; l *= 2) {
                cut c = cut_into(g, role, panel, r, l);
                if (c.cost < best.cost) best = c;
            }
    }
    return best;
}

/* Equal blocks, as long as the kernel wants and the work memory allows. */
static void choose_block(job *j)
{
    const ax_gemm_kernel *kernel = j->kernel;
    int64_t panels = parts(j->cut.tile_lanes, kernel->panel), most = kernel->block;
    most = least(most, LANE_BYTES / (panels * kernel->panel_bytes) / 16 * 16);
    most = least(most, (ROW_BYTES / kernel->group - 64) / kernel->row_bytes / 16 * 16);
    j->block = round_up(parts(j->g->k ? j->g->k : 1, parts(j->g->k ? j->g->k : 1, most)), 16);
    j->row_stride = round_up(j->block * kernel->row_bytes, 64) + 64;      /* not a power of two: rows share no cache set */
    j->panel_stride = j->block * kernel->panel_bytes;
}

static void run(const ax_gemm *g)
{
    enum ax_isa isa = ax_gemm_isa();
    job j = {.g = g, .moves = ax_gemm_moves(isa), .cut = choose_cut(g, isa)};
    j.kernel = ax_gemm_choose(g->plan, j.cut.role, isa);
    choose_block(&j);
    int64_t tiles = j.cut.row_tiles * j.cut.lane_tiles * g->batch;
#ifdef _OPENMP
#pragma omp parallel for schedule(dynamic) num_threads(g->threads) if (tiles > 1)
#endif
    for (int64_t i = 0; i < tiles; i++) {
        unsigned csr = ax_cpu_flush();
        run_tile(&j, i, ax_gemm_work(g, ax_cpu_rank()));
        ax_cpu_unflush(csr);
    }
}

/* Convolutions are as fast by our kernels, twice as fast with few filters, and threads share a long sum of few outputs. */
static int prefers_sgemm(const ax_gemm *g) { return g->a.kind == AX_OPERAND_MATRIX || ax_gemm_isa() == AX_ISA_C; }

void ax_cpu_gemm(const ax_gemm *g)
{
    if (g->m <= 0 || g->n <= 0 || g->batch <= 0) return;
    if (g->plan->lut.native && !g->strict && prefers_sgemm(g)) ax_cpu_sgemm(g);
    else run(g);
}

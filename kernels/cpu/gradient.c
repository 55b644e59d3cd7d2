/* Sums of products with estimated gradients. One operand is kept in rows, vector lanes run over the other: a lane is an output, so
 * its sum keeps the ascending order and what it looks up lies in one row of the table. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/split.h"

enum { LANES = 64, ROWS = 32, BLOCK = 128, GRAIN = 4096 };

typedef struct {
    const ax_gradient_sum *g;
    const float *table;
    const ax_operand *row, *lane;        /* a and b, or b and a */
    int64_t rows, lanes;                 /* of the output, seen like that */
    int64_t row_step, lane_step;         /* of c and s, in floats */
    int64_t tile_rows, row_tiles, lane_tiles;
    int tabled_lanes;                    /* the gradient is of the lane operand's elements, else of the row operand's */
} job;

/* Of a tile and a block of k: an operand's floats, which become scales where it is tabled, and then the columns. */
typedef struct {
    AX_ALIGNED(64) float row[ROWS][BLOCK];
    AX_ALIGNED(64) int32_t row_column[ROWS][BLOCK];
    AX_ALIGNED(64) float lane[BLOCK][LANES];
    AX_ALIGNED(64) int32_t lane_column[BLOCK][LANES];
    AX_ALIGNED(64) int32_t place[ROWS][LANES];       /* where an output's row of the table begins */
    AX_ALIGNED(64) float sum[ROWS][LANES];
} tile;

AX_CLONES static void look_up(float *restrict x, int32_t *restrict column, int width, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        column[i] = (int32_t)ax_gradient_column(x[i], width);
        x[i] = ax_gradient_scale(x[i]);
    }
}

/* sum[lane] += row[k] * (scale[k][lane] * table[..]) */
AX_CLONES static void add_lanes(float *restrict sum, const int32_t *restrict place, const float *restrict table, const float *restrict row,
                                const float (*restrict scale)[LANES], const int32_t (*restrict column)[LANES], int64_t ks, int64_t lanes)
{
    for (int64_t k = 0; k < ks; k++)
        for (int64_t i = 0; i < lanes; i++) sum[i] += row[k] * (scale[k][i] * table[place[i] + column[k][i]]);
}

/* sum[lane] += (scale[k] * table[..]) * lane[k][lane] */
AX_CLONES static void add_rows(float *restrict sum, const int32_t *restrict place, const float *restrict table, const float *restrict scale,
                               const int32_t *restrict column, const float (*restrict lane)[LANES], int64_t ks, int64_t lanes)
{
    for (int64_t k = 0; k < ks; k++)
        for (int64_t i = 0; i < lanes; i++) sum[i] += (scale[k] * table[place[i] + column[k]]) * lane[k][i];
}

static void begin(const job *j, tile *t, ax_range rows, ax_range lanes)
{
    int width = j->g->gradient->width;
    const float *s = j->g->s + rows.first * j->row_step + lanes.first * j->lane_step;
    memset(t->place, 0, sizeof t->place);
    memset(t->sum, 0, sizeof t->sum);
    for (int64_t r = 0; r < rows.count; r++)
        for (int64_t i = 0; i < lanes.count; i++)
            t->place[r][i] = (int32_t)(ax_gradient_row(s[r * j->row_step + i * j->lane_step], width) << width);
}

/* Lanes are added in whole vectors: those past the last hold +0. */
static void fetch(const job *j, tile *t, ax_range rows, ax_range lanes, ax_range ks, int64_t whole)
{
    const ax_moves *moves = ax_gemm_moves(ax_gemm_isa());
    int width = j->g->gradient->width;
    ax_source_fetch(t->lane[0], LANES, 1, j->lane, lanes, ks, moves);
    ax_source_fetch(t->row[0], BLOCK, 0, j->row, rows, ks, moves);
    for (int64_t k = 0; k < ks.count; k++)
        for (int64_t i = lanes.count; i < whole; i++) t->lane[k][i] = 0.0f;
    if (j->tabled_lanes)
        for (int64_t k = 0; k < ks.count; k++) look_up(t->lane[k], t->lane_column[k], width, whole);
    else
        for (int64_t r = 0; r < rows.count; r++) look_up(t->row[r], t->row_column[r], width, ks.count);
}

static void run_tile(const job *j, int64_t number)
{
    tile t;
    int64_t row = number / j->lane_tiles * j->tile_rows, lane = number % j->lane_tiles * LANES;
    ax_range rows = {row, j->rows - row < j->tile_rows ? j->rows - row : j->tile_rows};
    ax_range lanes = {lane, j->lanes - lane < LANES ? j->lanes - lane : LANES};
    int64_t whole = (lanes.count + 15) / 16 * 16;
    begin(j, &t, rows, lanes);
    for (int64_t k = 0; k < j->g->k; k += BLOCK) {
        ax_range ks = {k, j->g->k - k < BLOCK ? j->g->k - k : BLOCK};
        fetch(j, &t, rows, lanes, ks, whole);
        for (int64_t r = 0; r < rows.count; r++)
            if (j->tabled_lanes)
                add_lanes(t.sum[r], t.place[r], j->table, t.row[r], (const float(*)[LANES])t.lane, (const int32_t(*)[LANES])t.lane_column,
                          ks.count, whole);
            else
                add_rows(t.sum[r], t.place[r], j->table, t.row[r], t.row_column[r], (const float(*)[LANES])t.lane, ks.count, whole);
    }
    float *c = j->g->c + rows.first * j->row_step + lanes.first * j->lane_step;
    for (int64_t r = 0; r < rows.count; r++)
        for (int64_t i = 0; i < lanes.count; i++)
            c[r * j->row_step + i * j->lane_step] = ax_sum_end(t.sum[r][i], 0.0f, 0, AX_LINEAR);
}

/* Lanes over the columns of the output, unless they are few and its rows more. Few outputs are cut finer, for all threads. */
static job plan_job(const ax_gradient_sum *g)
{
    job j = {.g = g, .table = g->gradient->table[g->by], .row = &g->a, .lane = &g->b, .rows = g->m, .lanes = g->n, .row_step = g->n,
             .lane_step = 1, .tabled_lanes = g->by == 0, .tile_rows = ROWS};
    if (g->n < LANES && g->m > g->n) {
        j.row = &g->b, j.lane = &g->a, j.rows = g->n, j.lanes = g->m, j.row_step = 1, j.lane_step = g->n;
        j.tabled_lanes = g->by == 1;
    }
    j.lane_tiles = (j.lanes + LANES - 1) / LANES;
    while (j.tile_rows > 1 && (j.rows + j.tile_rows - 1) / j.tile_rows * j.lane_tiles < 4 * g->threads) j.tile_rows /= 2;
    j.row_tiles = (j.rows + j.tile_rows - 1) / j.tile_rows;
    return j;
}

void ax_cpu_gradient_sum(const ax_gradient_sum *g)
{
    const job j = plan_job(g);
    int64_t tiles = j.row_tiles * j.lane_tiles;
#ifdef _OPENMP
#pragma omp parallel for schedule(dynamic) num_threads(g->threads) if (tiles > 1)
#endif
    for (int64_t i = 0; i < tiles; i++) {
        unsigned csr = ax_cpu_flush();
        run_tile(&j, i);
        ax_cpu_unflush(csr);
    }
}

AX_CLONES static void map(float *restrict y, const float *restrict x, const float *restrict slope, int width, int64_t n)
{
    for (int64_t i = 0; i < n; i++) y[i] = ax_gradient_scale(x[i]) * slope[ax_gradient_column(x[i], width)];
}

void ax_cpu_gradient_map(float *y, const float *x, const ax_gradient *g, int by, int64_t n)
{
    AX_CPU_SPLIT(n, 2, GRAIN, map(y + lo, x + lo, g->slope[by], g->width, hi - lo));
}

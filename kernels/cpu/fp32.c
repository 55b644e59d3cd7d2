/* fp32 products that need not be strict: single-threaded sgemm on tiles fixed by the shape alone, a long K in blocks added in
 * the order of their index. Our threads run over tiles, so their number never changes a bit. */
#include "kernels/cpu/gemm.h"

#include "kernels/cpu/split.h"

#include <cblas.h>

enum { TILE = 512, BLOCK = 384 };      /* rows and columns of a tile, at most; k of a block */
enum { TILES = 4, TILE_MACS = 2 << 20 };      /* tiles wanted for threads to share; the products each is worth */
/* Up to UNPACKED products OpenBLAS does not pack: 1.3 times as fast where m or n is at most NARROW. */
enum { NARROW = 32, UNPACKED = 1000000 };

typedef struct {
    _Alignas(64) float a[TILE * BLOCK];
    _Alignas(64) float b[TILE * BLOCK];
} work;
_Static_assert(sizeof(work) <= AX_WORK_BYTES, "work memory");

typedef struct {
    int64_t m, n, m_tiles, n_tiles;
} tiling;

/* A block of an operand as sgemm reads it: (rows, k) or, if k_major, (k, rows). */
typedef struct {
    ax_block x;
    int k_major;
} block;

static block get_block(float *buffer, const ax_operand *o, ax_range rows, ax_range ks, const ax_moves *moves)
{
    block b = {.k_major = ax_source_prefers_k_major(o)};
    if (ax_source_view(&b.x, !b.k_major, o, rows, ks)) b.k_major = !b.k_major;
    else b.x = ax_source_block(buffer, b.k_major, o, rows, ks, moves);
    return b;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t parts(int64_t n, int64_t size) { return (n + size - 1) / size; }

static int64_t *longer_side(tiling *t) { return t->m > t->n ? &t->m : &t->n; }

/* Narrow tiles are as long as sgemm likes them; else the longer side is halved, in multiples of what sgemm's kernels take,
 * until there are tiles enough. */
static tiling choose_tiles(const ax_gemm *g)
{
    tiling t = {least(g->m, TILE), least(g->n, TILE), 0, 0};
    int64_t narrow = least(t.m, t.n), length = UNPACKED / (narrow * least(g->k + 1, BLOCK)) / 32 * 32;
    if (narrow <= NARROW) *longer_side(&t) = least(*longer_side(&t), length > 64 ? length : 64);
    for (;;) {
        t.m_tiles = parts(g->m, t.m);
        t.n_tiles = parts(g->n, t.n);
        if (t.m_tiles * t.n_tiles * g->batch >= TILES || t.m * t.n * g->k < 2 * TILE_MACS) return t;
        *longer_side(&t) = parts(*longer_side(&t), 32) * 16;
    }
}

/* Writes the sums where they belong, then finishes them in place. */
static void run_tile(const ax_gemm *g, int64_t b, ax_range m, ax_range n, const ax_moves *moves, work *w)
{
    ax_operand left = g->a, right = g->b;
    left.data += b * g->a_batch;
    right.data += b * g->b_batch;
    ax_gemm_part part = {g, g->c + b * g->c_batch, 0, m, n};
    float *c = part.c + m.first * g->ldc + n.first;
    for (int64_t r = 0; g->k <= 0 && r < m.count; r++) memset(c + r * g->ldc, 0, (size_t)n.count * sizeof *c);
    for (int64_t k = 0; k < g->k; k += BLOCK) {
        ax_range ks = {k, least(BLOCK, g->k - k)};
        block x = get_block(w->a, &left, m, ks, moves), y = get_block(w->b, &right, n, ks, moves);
        cblas_sgemm(CblasRowMajor, x.k_major ? CblasTrans : CblasNoTrans, y.k_major ? CblasNoTrans : CblasTrans, (int)m.count,
                    (int)n.count, (int)ks.count, 1.0f, x.x.data, (int)x.x.ld, y.x.data, (int)y.x.ld, k ? 1.0f : 0.0f, c,
                    (int)g->ldc);
    }
    ax_gemm_store(&part, c, g->ldc, moves);
}

void ax_cpu_sgemm(const ax_gemm *g)
{
    const ax_moves *moves = ax_gemm_moves(ax_gemm_isa());
    tiling t = choose_tiles(g);
    int64_t tiles = t.m_tiles * t.n_tiles * g->batch;
    openblas_set_num_threads(1);
#ifdef _OPENMP
#pragma omp parallel for schedule(dynamic) num_threads(g->threads) if (tiles > 1)
#endif
    for (int64_t i = 0; i < tiles; i++) {
        int64_t m = i / t.n_tiles % t.m_tiles * t.m, n = i % t.n_tiles * t.n;
        unsigned csr = ax_cpu_flush();
        run_tile(g, i / (t.m_tiles * t.n_tiles), (ax_range){m, least(t.m, g->m - m)}, (ax_range){n, least(t.n, g->n - n)},
                 moves, ax_gemm_work(g, ax_cpu_rank()));
        ax_cpu_unflush(csr);
    }
}

const char *ax_cpu_blas(void) { return openblas_get_corename(); }

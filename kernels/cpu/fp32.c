/* fp32 products that need not be strict: single-threaded sgemm on tiles fixed by the shape alone, a long K in blocks added in
 * the order of their index. Our threads run over tiles, so their number never changes a bit. */
#include "kernels/cpu/gemm.h"

#include "kernels/cpu/split.h"

#include <cblas.h>

enum { TILE_M = 256, TILE_N = 256, TILE_K = 384 };

typedef struct {
    _Alignas(64) float sums[TILE_M * TILE_N];      /* (m, n) */
    _Alignas(64) float a[TILE_M * TILE_K];
    _Alignas(64) float b[TILE_N * TILE_K];
} work;
_Static_assert(sizeof(work) <= AX_WORK_BYTES, "work memory");

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

static void run_tile(const ax_gemm *g, int64_t b, ax_range m, ax_range n, const ax_moves *moves, work *w)
{
    ax_operand left = g->a, right = g->b;
    left.data += b * g->a_batch;
    right.data += b * g->b_batch;
    memset(w->sums, 0, (size_t)(m.count * n.count) * sizeof(float));
    for (int64_t k = 0; k < g->k; k += TILE_K) {
        ax_range ks = {k, g->k - k < TILE_K ? g->k - k : TILE_K};
        block x = get_block(w->a, &left, m, ks, moves), y = get_block(w->b, &right, n, ks, moves);
        cblas_sgemm(CblasRowMajor, x.k_major ? CblasTrans : CblasNoTrans, y.k_major ? CblasNoTrans : CblasTrans, (int)m.count,
                    (int)n.count, (int)ks.count, 1.0f, x.x.data, (int)x.x.ld, y.x.data, (int)y.x.ld, k ? 1.0f : 0.0f, w->sums,
                    (int)n.count);
    }
    ax_gemm_part part = {g, g->c + b * g->c_batch, 0, m, n};
    ax_gemm_store(&part, w->sums, n.count, moves);
}

void ax_cpu_sgemm(const ax_gemm *g)
{
    const ax_moves *moves = ax_gemm_moves(ax_gemm_isa());
    int64_t m_tiles = (g->m + TILE_M - 1) / TILE_M, n_tiles = (g->n + TILE_N - 1) / TILE_N;
    int64_t tiles = m_tiles * n_tiles * g->batch;
    openblas_set_num_threads(1);
#ifdef _OPENMP
#pragma omp parallel for schedule(dynamic) num_threads(g->threads) if (tiles > 1)
#endif
    for (int64_t i = 0; i < tiles; i++) {
        int64_t m = i / n_tiles % m_tiles * TILE_M, n = i % n_tiles * TILE_N;
        unsigned csr = ax_cpu_flush();
        run_tile(g, i / (m_tiles * n_tiles), (ax_range){m, g->m - m < TILE_M ? g->m - m : TILE_M},
                 (ax_range){n, g->n - n < TILE_N ? g->n - n : TILE_N}, moves, ax_gemm_work(g, ax_cpu_rank()));
        ax_cpu_unflush(csr);
    }
}

const char *ax_cpu_blas(void) { return openblas_get_corename(); }

/* Sums of products with estimated gradients: the twins of kernels/cpu/gradient.c. One thread an output, in tiles whose operands are
 * fetched and taken apart once. Invariant: each thread adds in ascending k, so that the bits are the CPU's. */
#include "kernels/cuda/source.h"

#include "kernels/sum.h"

#include <stdlib.h>

enum { SIDE = 16, DEPTH = 32, THREADS = SIDE * SIDE, EACH = SIDE * DEPTH / THREADS, PITCH = SIDE + 1 };

/* ---- tables ---- */

enum part { TABLE, SLOPE, PARTS };

struct kept {
    uint64_t hash;
    int width;
    const float *part[PARTS][2];         /* nullptr: not asked for yet */
    kept *next;
};

static void free_all(kept *k)
{
    for (kept *next; k; k = next) {
        next = k->next;
        free(k);
    }
}

static kept *kept_of(const ax_gradient *g)
{
    static kept *all;
    static unsigned generation;
    if (generation != ax_cuda.generation) {
        free_all(all);
        all = nullptr;
        generation = ax_cuda.generation;
    }
    for (kept *k = all; k; k = k->next)
        if (k->hash == g->hash && k->width == g->width) return k;
    kept *k = (kept *)calloc(1, sizeof *k);
    if (!k) {
        ax_cuda_fail("gradients", "out of memory");
        return nullptr;
    }
    k->hash = g->hash, k->width = g->width, k->next = all;
    return all = k;
}

/* The device's copy of a table or of slopes, made when first asked for. nullptr: the failure is recorded. */
static const float *on_device(const ax_gradient *g, enum part part, int by)
{
    kept *k = kept_of(g);
    if (!k) return nullptr;
    const size_t side = (size_t)1 << g->width;
    const float **copy = &k->part[part][by];
    if (!*copy)
        *copy = part == TABLE ? (const float *)ax_cuda_keep(g->table[by], (side + 1) * side * sizeof(float))
                              : (const float *)ax_cuda_keep(g->slope[by], side * sizeof(float));
    return *copy;
}

/* ---- sums ---- */

struct gradient_sum {
    ax_cuda_source a, b;
    int a_rows_run, b_rows_run;          /* how threads fetch them */
    const float *s, *table;
    float *c;
    int m, n, k, width;
};

/* What a thread fetches of an operand for each block of k: EACH elements of SIDE rows, the same rows each time. */
struct fetcher {
    ax_cuda_place row[EACH];
    int r[EACH], k[EACH];
    bool inside[EACH];
};

__device__ static fetcher fetcher_of(const ax_cuda_source &s, int rows_run, int first, int rows)
{
    fetcher f;
    for (int i = 0; i < EACH; i++) {
        const int e = (int)threadIdx.x + i * THREADS;
        f.r[i] = rows_run ? e % SIDE : e / DEPTH;
        f.k[i] = rows_run ? e / SIDE : e % DEPTH;
        f.inside[i] = first + f.r[i] < rows;
        f.row[i] = f.inside[i] ? ax_row_place(s, (uint32_t)(first + f.r[i])) : ax_cuda_place{};
    }
    return f;
}

typedef float floats[DEPTH][PITCH];
typedef uint32_t columns[DEPTH][PITCH];

/* Elements of a block of k into shared memory; of a tabled operand their scales and columns. */
template <bool tabled> __device__ static void fetch(floats x, columns column, const ax_cuda_source &s, const fetcher &f, int first, int ks, int width)
{
    for (int i = 0; i < EACH; i++) {
        if (f.k[i] >= ks) continue;
        const float v = f.inside[i] ? ax_fetch(s, f.row[i], ax_k_place(s, (uint32_t)(first + f.k[i]))) : 0.0f;
        x[f.k[i]][f.r[i]] = tabled ? ax_gradient_scale(v) : v;
        if (tabled) column[f.k[i]][f.r[i]] = ax_gradient_column(v, width);
    }
}

template <int by> __global__ static void __launch_bounds__(THREADS) sum_gradients(const __grid_constant__ gradient_sum p)
{
    __shared__ floats a, b;
    __shared__ columns column;
    const int across = (p.n + SIDE - 1) / SIDE, row0 = (int)(blockIdx.x / across) * SIDE, column0 = (int)(blockIdx.x % across) * SIDE;
    const int r = (int)threadIdx.x / SIDE, i = (int)threadIdx.x % SIDE;
    const bool mine = row0 + r < p.m && column0 + i < p.n;
    const int64_t at = (int64_t)(row0 + r) * p.n + column0 + i;
    const float *row = p.table + ((size_t)ax_gradient_row(mine ? p.s[at] : 0.0f, p.width) << p.width);
    const fetcher of_a = fetcher_of(p.a, p.a_rows_run, row0, p.m), of_b = fetcher_of(p.b, p.b_rows_run, column0, p.n);
    float sum = 0.0f;
    for (int first = 0; first < p.k; first += DEPTH) {
        const int ks = min(DEPTH, p.k - first);
        fetch<by == 1>(a, column, p.a, of_a, first, ks, p.width);
        fetch<by == 0>(b, column, p.b, of_b, first, ks, p.width);
        __syncthreads();
#pragma unroll 8
        for (int k = 0; k < ks; k++) {
            if (by == 0) sum += a[k][r] * (b[k][i] * __ldg(row + column[k][i]));
            else sum += a[k][r] * __ldg(row + column[k][r]) * b[k][i];
        }
        __syncthreads();
    }
    if (mine) p.c[at] = ax_sum_end(sum, 0.0f, 0, AX_LINEAR);
}

void ax_cuda_gradient_sum(const ax_gradient_sum *g)
{
    AX_CUDA_OP("gradient_sum", g->c, g->s, g->a, g->b, g->m, g->n, g->k, g->by, g->gradient->hash, g->gradient->width);
    if (g->m <= 0 || g->n <= 0) return;
    gradient_sum p = {};
    p.a = ax_cuda_source_of(g->a, 0), p.b = ax_cuda_source_of(g->b, 0);
    p.a_rows_run = ax_rows_run(g->a), p.b_rows_run = ax_rows_run(g->b);
    p.s = g->s, p.c = g->c, p.m = (int)g->m, p.n = (int)g->n, p.k = (int)g->k, p.width = g->gradient->width;
    if (!(p.table = on_device(g->gradient, TABLE, g->by))) return;
    const unsigned tiles = (unsigned)(((g->m + SIDE - 1) / SIDE) * ((g->n + SIDE - 1) / SIDE));
    if (g->by == 0) sum_gradients<0><<<tiles, THREADS, 0, ax_cuda.stream>>>(p);
    else sum_gradients<1><<<tiles, THREADS, 0, ax_cuda.stream>>>(p);
    ax_cuda_check(cudaGetLastError(), "gradient_sum");
}

void ax_cuda_gradient_map(float *y, const float *x, const ax_gradient *g, int by, int64_t n)
{
    AX_CUDA_OP("gradient_map", y, x, g->hash, g->width, by, n);
    const float *slope = on_device(g, SLOPE, by);
    const int width = g->width;
    if (!slope) return;
    ax_cuda_each("gradient_map", n, [=] __device__(int64_t i) {
        const float v = x[i];
        y[i] = ax_gradient_scale(v) * __ldg(slope + ax_gradient_column(v, width));
    });
}

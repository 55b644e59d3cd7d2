/* The measure of every product here: the machine's own sgemm on the same threads as ours. OpenBLAS's pool is not used: beside
 * our team its idle threads would spin on the cores that are being timed. */
#include "kernels/backend.h"

#include <cblas.h>

static const double serial_products = 1 << 18;      /* OpenBLAS (interface/gemm.c) too leaves up to so many to one thread */

/* Slice i of n items in `count` nearly equal slices whose edges are multiples of 16. */
static int64_t edge(int64_t n, int count, int i)
{
    int64_t at = (n * i / count + 8) / 16 * 16;
    return i == count || at > n ? n : at;
}

static void product(float *c, const float *a, const float *b, int64_t m, int64_t n, int64_t k, const ax_plan *plan, int threads)
{
    (void)plan;
    int by_rows = m >= n;
    if ((double)m * (double)n * (double)k <= serial_products) threads = 1;
    openblas_set_num_threads(1);
#ifdef _OPENMP
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
#endif
    for (int i = 0; i < threads; i++) {
        int64_t first = edge(by_rows ? m : n, threads, i), count = edge(by_rows ? m : n, threads, i + 1) - first;
        if (count <= 0) continue;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)(by_rows ? count : m), (int)(by_rows ? n : count), (int)k, 1.0f,
                    by_rows ? a + first * k : a, (int)k, by_rows ? b : b + first, (int)n, 0.0f, by_rows ? c + first * n : c + first,
                    (int)n);
    }
}

const ax_baseline ax_cpu_baselines[] = {{"OpenBLAS sgemm", 0, product}, {NULL, 0, NULL}};

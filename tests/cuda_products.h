/* What tests of products on the device share: a product's copy there, and the same product on the cpu. */
#ifndef AX_TESTS_CUDA_PRODUCTS_H
#define AX_TESTS_CUDA_PRODUCTS_H

#include "cuda.h"

static const ax_backend *cuda;

/* With operands of a_floats and b_floats, and C of c_floats that begins as `c`. To be given back. */
static inline ax_gemm on_device(const ax_gemm *host, int64_t a_floats, int64_t b_floats, const float *c, int64_t c_floats)
{
    size_t bytes;
    ax_gemm g = *host;
    cuda->kernels->gemm_work_bytes(&bytes, 1);
    g.c = cuda_copy(cuda, c, (size_t)c_floats * 4), g.work = cuda->memory_new(bytes), g.threads = 1;
    g.a.data = cuda_copy(cuda, host->a.data, (size_t)a_floats * 4), g.b.data = cuda_copy(cuda, host->b.data, (size_t)b_floats * 4);
    g.bias = host->bias ? cuda_copy(cuda, host->bias, (size_t)host->n * 4) : NULL;
    return g;
}

static inline void off_device(const ax_gemm *g)
{
    cuda->memory_free(g->c), cuda->memory_free(g->work);
    cuda->memory_free((void *)(uintptr_t)g->a.data), cuda->memory_free((void *)(uintptr_t)g->b.data);
    if (g->bias) cuda->memory_free((void *)(uintptr_t)g->bias);
}

/* In the strict order, whatever g asks for. Nothing where the test is watched. */
static inline void run_on_cpu(const ax_gemm *g, float *c)
{
    enum { THREADS = 8 };
    size_t bytes;
    ax_gemm host = *g;
    if (cuda_watched()) return;
    ax_kernels_cpu.gemm_work_bytes(&bytes, THREADS);
    host.c = c, host.strict = 1, host.threads = THREADS, host.work = aligned_alloc(64, (bytes + 63) / 64 * 64);
    ax_kernels_cpu.gemm(&host);
    free(host.work);
}

#endif

/* The ends of sums that their kernels left unfinished, one thread an output. */
#include "kernels/cuda/parts.h"

#include "kernels/sum.h"

__global__ static void add_parts(const ax_cuda_product p, const float *sums /* (parts, batch, m, n) */, int parts, int gated)
{
    if (gated && !ax_in_range(*p.extents)) return;
    const int64_t outputs = (int64_t)p.batch * p.m * p.n;
    for (int64_t i = blockIdx.x * (int64_t)blockDim.x + threadIdx.x; i < outputs; i += (int64_t)gridDim.x * blockDim.x) {
        int64_t row = i / p.n, column = i % p.n;
        float sum = 0.0f;
#pragma unroll 8
        for (int part = 0; part < parts; part++) sum = __fadd_rn(sum, sums[part * outputs + i]);
        p.c[row / p.m * p.c_batch + row % p.m * p.ldc + column] =
            ax_sum_end(sum, p.bias ? p.bias[column] : 0.0f, p.bias != nullptr, p.activation);
    }
}

__global__ static void end_sums(const ax_cuda_product p, const float *bias, int gated)
{
    if (gated && !ax_in_range(*p.extents)) return;
    const int64_t outputs = (int64_t)p.batch * p.m * p.n;
    for (int64_t i = blockIdx.x * (int64_t)blockDim.x + threadIdx.x; i < outputs; i += (int64_t)gridDim.x * blockDim.x) {
        int64_t row = i / p.n, column = i % p.n;
        float *c = p.c + row / p.m * p.c_batch + row % p.m * p.ldc + column;
        *c = ax_sum_end(*c, bias ? bias[column] : 0.0f, bias != nullptr, p.activation);
    }
}

static unsigned blocks_for(const ax_cuda_product *p)
{
    int64_t blocks = ((int64_t)p->batch * p->m * p->n + AX_CUDA_THREADS - 1) / AX_CUDA_THREADS, most = 16 * (int64_t)ax_cuda.processors;
    return (unsigned)(blocks < most ? blocks : most);
}

void ax_cuda_activate(const ax_cuda_product *p) { end_sums<<<blocks_for(p), AX_CUDA_THREADS, 0, ax_cuda.stream>>>(*p, nullptr, 1); }

void ax_cuda_end_sums(const ax_cuda_product *p) { end_sums<<<blocks_for(p), AX_CUDA_THREADS, 0, ax_cuda.stream>>>(*p, p->bias, 0); }

void ax_cuda_add_parts(const ax_cuda_product *p, const float *sums, int parts, int gated)
{
    add_parts<<<blocks_for(p), AX_CUDA_THREADS, 0, ax_cuda.stream>>>(*p, sums, parts, gated);
}

/* How long sums are cut, and the ends of sums that their kernels left unfinished, one thread an output. */
#include "kernels/cuda/parts.h"

#include "kernels/sum.h"

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

int64_t ax_cuda_least_blocks(int64_t m, int64_t n)
{
    return least(ax_square_blocks(m, n), least(ax_tall_blocks(m, n), ax_broad_blocks(m, n)));
}

int ax_cuda_parts_of(const ax_gemm *g)
{
    return (int)least(2 * AX_CUDA_CUT_FOR / (ax_cuda_least_blocks(g->m, g->n) * g->batch), g->k / 256);
}

float *ax_cuda_part_sums(const ax_cuda_product *p, int parts)
{
    return (float *)ax_cuda_work(sizeof(float) * parts * p->batch * p->m * p->n);
}

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

/* The same for few outputs of many parts: a warp an output. Lane l adds parts l, l + 32, ... in order, then the lanes' sums pair up. */
__global__ static void add_many_parts(const ax_cuda_product p, const float *sums /* (parts, batch, m, n) */, int parts, int gated)
{
    if (gated && !ax_in_range(*p.extents)) return;
    const int lane = threadIdx.x % 32, warps = blockDim.x / 32;
    const int64_t outputs = (int64_t)p.batch * p.m * p.n, i = blockIdx.x * (int64_t)warps + threadIdx.x / 32;
    if (i >= outputs) return;
    float sum = 0.0f;
#pragma unroll 8
    for (int part = lane; part < parts; part += 32) sum = __fadd_rn(sum, sums[part * outputs + i]);
#pragma unroll
    for (int apart = 16; apart > 0; apart /= 2) sum = __fadd_rn(sum, __shfl_xor_sync(~0u, sum, apart));
    if (lane) return;
    int64_t row = i / p.n, column = i % p.n;
    p.c[row / p.m * p.c_batch + row % p.m * p.ldc + column] = ax_sum_end(sum, p.bias ? p.bias[column] : 0.0f, p.bias != nullptr, p.activation);
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
    const int64_t outputs = (int64_t)p->batch * p->m * p->n, warps = AX_CUDA_THREADS / 32;
    if (parts >= 32 && outputs <= 1 << 14) {     /* by the shape alone: the order may not depend on the device */
        add_many_parts<<<(unsigned)((outputs + warps - 1) / warps), AX_CUDA_THREADS, 0, ax_cuda.stream>>>(*p, sums, parts, gated);
        return;
    }
    add_parts<<<blocks_for(p), AX_CUDA_THREADS, 0, ax_cuda.stream>>>(*p, sums, parts, gated);
}

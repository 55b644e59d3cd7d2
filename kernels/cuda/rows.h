/* Loops over the rows of a tensor. A block works on one row, so that a row's place costs one division a block, not one an
 * element; and the last block to finish can add what the others left. */
#ifndef AX_CUDA_ROWS_H
#define AX_CUDA_ROWS_H

#include "kernels/cuda/device.h"

template <class F> __global__ void ax_cuda_rows_kernel(unsigned width, F f)
{
    for (unsigned i = blockIdx.y * blockDim.x + threadIdx.x; i < width; i += gridDim.y * blockDim.x) f(blockIdx.x, i);
}

/* f(row, i) for all rows (below 2^31) and i = 0 .. width - 1 (below 2^31), in no order. */
template <class F> static inline void ax_cuda_each_in_rows(const char *op, int64_t rows, int64_t width, F f)
{
    const int64_t WARP = 32, MOST_THREADS = AX_CUDA_THREADS, MOST_CHUNKS = 1024;
    if (rows <= 0 || width <= 0) return;
    int64_t threads = width < MOST_THREADS ? (width + WARP - 1) / WARP * WARP : MOST_THREADS;
    int64_t chunks = (width + threads - 1) / threads;
    dim3 grid((unsigned)rows, (unsigned)(chunks < MOST_CHUNKS ? chunks : MOST_CHUNKS));
    ax_cuda_rows_kernel<<<grid, (unsigned)threads, 0, ax_cuda.stream>>>((unsigned)width, f);
    ax_cuda_check(cudaGetLastError(), op);
}

/* Whether the calling block is the last of `blocks` to come here; it may then read with __ldcg what the others wrote before.
 * *arrived is 0 before and after. All threads of a block call it together. */
static __device__ inline bool ax_cuda_last_block(unsigned *arrived, unsigned blocks)
{
    __shared__ bool last;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
        last = atomicAdd(arrived, 1u) == blocks - 1;
        if (last) *arrived = 0;
        __threadfence();
    }
    __syncthreads();
    return last;
}

#endif

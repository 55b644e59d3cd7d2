/* Reductions: the twins of kernels/cpu/reduce.c, whose order of the sum this is: BLOCKS blocks of rows; in one, where a row of dy
 * is no wider than COLUMNS, `group` rows side by side as one vector; then its lanes ascending, then blocks ascending. */
#include "kernels/cuda/rows.h"

enum { COLUMNS = 64, BLOCKS = 64, LANES = 128, TILES = 1024 };

static __device__ unsigned tiles_done[TILES], all_finite_done, any_special;

/* The sum over rows lo + step, lo + 2 step, ... below hi of a column of dy (rows, n). Loads run ahead of the sum. */
static __device__ float sum_column(const float *dy, int64_t lo, int64_t hi, int64_t step, int64_t n)
{
    float sum = 0.0f;
#pragma unroll 16
    for (int64_t r = lo; r < hi; r += step) sum += dy[r * n];
    return sum;
}

/* Block (tile, b): block b of the rows, for the columns of a tile; lane (j, column). The tile's last block adds all. */
static __global__ void bias_grad(float *db, float *partial /* (BLOCKS, n) */, const float *dy, int64_t rows, int64_t n, int group,
                                 int64_t first)
{
    __shared__ float lanes[LANES];
    int width = (int)blockDim.x / group, j = (int)threadIdx.x / width;
    int64_t column = first + blockIdx.x * (int64_t)width + threadIdx.x % width, b = blockIdx.y;
    float sum = 0.0f;
    if (column < n) sum = sum_column(dy + column, rows * b / BLOCKS + j, rows * (b + 1) / BLOCKS, group, n);
    lanes[threadIdx.x] = sum;
    __syncthreads();
    bool mine = j == 0 && column < n;
    for (int k = 1; mine && k < group; k++) sum += lanes[k * width + threadIdx.x];
    if (mine) partial[b * n + column] = sum;
    if (!ax_cuda_last_block(tiles_done + blockIdx.x, BLOCKS) || !mine) return;
    sum = __ldcg(partial + column);
    for (int k = 1; k < BLOCKS; k++) sum += __ldcg(partial + k * n + column);
    db[column] = sum;
}

void ax_cuda_bias_grad(float *db, const float *dy, int64_t rows, int64_t n)
{
    AX_CUDA_OP("bias_grad", db, dy, rows, n);
    float *partial = (float *)ax_cuda_work((size_t)n * BLOCKS * sizeof *partial);
    if (n <= 0 || !partial) return;
    int group = n <= COLUMNS ? LANES / (int)n : 1, width = n <= COLUMNS ? (int)n : LANES;
    for (int64_t first = 0; first < n; first += (int64_t)TILES * width) {
        int64_t tiles = (n - first + width - 1) / width;
        dim3 grid((unsigned)(tiles < TILES ? tiles : TILES), BLOCKS);
        bias_grad<<<grid, (unsigned)(group * width), 0, ax_cuda.stream>>>(db, partial, dy, rows, n, group, first);
    }
    ax_cuda_check(cudaGetLastError(), "bias_grad");
}

static __global__ void all_finite(int32_t *yes, const uint32_t *x, int64_t n)
{
    int special = 0;
    for (int64_t i = blockIdx.x * (int64_t)blockDim.x + threadIdx.x; i < n; i += gridDim.x * (int64_t)blockDim.x)
        special |= (x[i] & 0x7f800000u) == 0x7f800000u;
    special = __syncthreads_or(special);
    if (special && threadIdx.x == 0) atomicOr(&any_special, 1u);
    if (!ax_cuda_last_block(&all_finite_done, gridDim.x) || threadIdx.x) return;
    *yes = !atomicExch(&any_special, 0u);
}

void ax_cuda_all_finite(int32_t *yes, const float *x, int64_t n)
{
    AX_CUDA_OP("all_finite", yes, x, n);
    int64_t blocks = (n + AX_CUDA_THREADS - 1) / AX_CUDA_THREADS, most = 4 * (int64_t)ax_cuda.processors;
    blocks = blocks < 1 ? 1 : blocks < most ? blocks : most;
    all_finite<<<(unsigned)blocks, AX_CUDA_THREADS, 0, ax_cuda.stream>>>(yes, (const uint32_t *)x, n);
    ax_cuda_check(cudaGetLastError(), "all_finite");
}

/* Softmax with cross entropy, and the arg max: the twins of kernels/cpu/loss.c. A warp takes a row. Invariant: a row's sum runs
 * over its classes in order, and the total, in double, over the rows in order. */
#include "kernels/cuda/rows.h"
#include "kernels/math.h"

enum { WARP = 32, WARPS = 4, THREADS = WARP * WARPS };

#define ALL_LANES 0xffffffffu

struct row_result { float loss; int hit; };            /* hit: 1, 0, or -1 for a row without a label */

static __device__ inline int lane(void) { return (int)threadIdx.x % WARP; }

/* The first of the largest of x (n), in every lane. As on the CPU a NaN is never larger, but the first element is taken as it is:
 * each lane starts from it. */
static __device__ int warp_argmax(const float *x, int n)
{
    int best = 0;
    float most = x[0];
    for (int i = lane(); i < n; i += WARP)
        if (x[i] > most) most = x[i], best = i;
    for (int d = WARP / 2; d; d /= 2) {
        float value = __shfl_xor_sync(ALL_LANES, most, d);
        int index = __shfl_xor_sync(ALL_LANES, best, d);
        if (value > most || (value == most && index < best)) most = value, best = index;
    }
    return best;
}

/* The sum of e^(x - top) over x (classes) in order, in every lane: lanes find the powers, 32 at a time, and all add them up. */
static __device__ float sum_of_powers(const float *x, float top, int classes)
{
    float sum = 0.0f;
    for (int first = 0; first < classes; first += WARP) {
        int left = classes - first;
        float power = lane() < left ? ax_expf(x[first + lane()] - top) : 0.0f;
#pragma unroll
        for (int i = 0; i < WARP; i++) sum += __shfl_sync(ALL_LANES, power, i);      /* beyond the end +0, which changes nothing */
    }
    return sum;
}

/* One labelled row: its loss and hit; gradient (softmax - onehot) * scale into g (classes), if wanted. */
static __device__ row_result labelled_row(float *g, const float *x, int label, float scale, int classes)
{
    int first = warp_argmax(x, classes);
    float top = x[first], sum = sum_of_powers(x, top, classes);
    for (int i = lane(); g && i < classes; i += WARP) {
        float share = ax_expf(x[i] - top) / sum;
        g[i] = (i == label ? share - 1.0f : share) * scale;
    }
    return {ax_logf(sum) - (x[label] - top), first == label};
}

static __device__ row_result unlabelled_row(float *g, int classes)
{
    for (int i = lane(); g && i < classes; i += WARP) g[i] = 0.0f;
    return {0.0f, -1};
}

/* How many of labels (rows) are not negative, in every thread of the block. */
static __device__ int count_labelled(const int32_t *labels, int64_t rows)
{
    __shared__ int total;
    int mine = 0;
    for (int64_t r = threadIdx.x; r < rows; r += THREADS) mine += labels[r] >= 0;
    if (threadIdx.x == 0) total = 0;
    __syncthreads();
    if (mine) atomicAdd(&total, mine);
    __syncthreads();
    return total;
}

/* totals += the results (rows), in row order: one thread adds what the block brings in. */
static __device__ void add_totals(double *totals, const row_result *results, int64_t rows)
{
    __shared__ row_result chunk[THREADS];
    double loss = totals[0], hits = totals[1], count = totals[2];
    for (int64_t r0 = 0; r0 < rows; r0 += THREADS) {
        int n = (int)(rows - r0 < THREADS ? rows - r0 : THREADS), i = (int)threadIdx.x;
        if (i < n) chunk[i] = {__ldcg(&results[r0 + i].loss), __ldcg(&results[r0 + i].hit)};
        __syncthreads();
        for (int r = 0; threadIdx.x == 0 && r < n; r++)
            if (chunk[r].hit >= 0) loss += (double)chunk[r].loss, hits += chunk[r].hit, count += 1;
        __syncthreads();
    }
    if (threadIdx.x == 0) totals[0] = loss, totals[1] = hits, totals[2] = count;
}

static __device__ unsigned blocks_done;

static __global__ void softmax_xent(float *dlogits, double *totals, row_result *results, const float *logits, const int32_t *labels,
                                    int64_t rows, int classes)
{
    int labelled = count_labelled(labels, rows);
    float scale = labelled ? 1.0f / (float)labelled : 0.0f;
    int64_t r = blockIdx.x * (int64_t)WARPS + threadIdx.x / WARP;
    if (r < rows) {
        float *g = dlogits ? dlogits + r * classes : nullptr;
        row_result result = labels[r] < 0 || labels[r] >= classes ? unlabelled_row(g, classes) : labelled_row(g, logits + r * classes, labels[r], scale, classes);
        if (lane() == 0) results[r] = result;
    }
    if (ax_cuda_last_block(&blocks_done, gridDim.x)) add_totals(totals, results, rows);
}

static __global__ void argmax(int32_t *index, const float *x, int64_t rows, int n)
{
    int64_t r = blockIdx.x * (int64_t)WARPS + threadIdx.x / WARP;
    if (r >= rows) return;
    int best = warp_argmax(x + r * n, n);
    if (lane() == 0) index[r] = best;
}

static unsigned blocks_for(int64_t rows) { return (unsigned)((rows + WARPS - 1) / WARPS); }

void ax_cuda_softmax_xent(float *dlogits, double *totals, const float *logits, const int32_t *labels, int64_t rows, int64_t classes)
{
    AX_CUDA_OP("softmax_xent", dlogits, totals, logits, labels, rows, classes);
    row_result *results = (row_result *)ax_cuda_work((size_t)rows * sizeof *results);
    if (rows <= 0 || !results) return;
    softmax_xent<<<blocks_for(rows), THREADS, 0, ax_cuda.stream>>>(dlogits, totals, results, logits, labels, rows, (int)classes);
    ax_cuda_check(cudaGetLastError(), "softmax_xent");
}

void ax_cuda_argmax(int32_t *index, const float *x, int64_t rows, int64_t n)
{
    AX_CUDA_OP("argmax", index, x, rows, n);
    if (rows <= 0) return;
    argmax<<<blocks_for(rows), THREADS, 0, ax_cuda.stream>>>(index, x, rows, (int)n);
    ax_cuda_check(cudaGetLastError(), "argmax");
}

/* Products of tables whose rows are all one: f(a, b) = +-2^ea * (T[b's fraction] * +-2^eb), a plain product of bfloat16, which
 * cuBLAS makes in parts of the sum: tensor cores truncate, and their error grows with the length of what they add up. */
#include "kernels/cuda/onehot.h"

#include "kernels/sum.h"

/* k of a part: the error at 1024 k is 1.2e-6 of the result where fractions are full, 0.8e-6 for powers of two, and proportional. */
enum { PART = 1024, PART_OF_POWERS = 1408, THREADS = 256 };

/* Are all products powers of two? The table's rows are all one. */
static int only_powers(const ax_plan *plan)
{
    const size_t side = (size_t)1 << plan->lut.width;
    for (size_t j = 0; j < side; j++)
        if (plan->lut.words[j] & 0x7fffffu) return 0;
    return 1;
}

/* Bias, activation and canonical NaNs; nothing to do without them, unless a sum may have left the range. */
__global__ static void finish(const ax_cuda_product p)
{
    const ax_cuda_extents e = *p.extents;
    int may_overflow = (int)(e.a >> 23) + (int)(e.b >> 23) + 2 - 127 + 32 - __clz(p.k) >= 255;
    if (!ax_in_range(e) || !(p.bias || p.activation != AX_LINEAR || may_overflow)) return;
    int64_t outputs = (int64_t)p.m * p.n * p.batch;
    for (int64_t i = blockIdx.x * (int64_t)THREADS + threadIdx.x; i < outputs; i += (int64_t)gridDim.x * THREADS) {
        int64_t column = i % p.n, row = i / p.n % p.m, batch = i / p.n / p.m;
        float *c = p.c + batch * p.c_batch + row * p.ldc + column;
        *c = ax_sum_end(*c, p.bias ? p.bias[column] : 0.0f, p.bias != nullptr, p.activation);
    }
}

/* c (m, n) (+)= a (m, part of depth) x b (n, part of depth)^T; cuBLAS has columns where we have rows. */
static void add_part(const ax_cuda_product *p, const uint16_t *a, const uint16_t *b, int depth, int part, int first)
{
    const float one = 1.0f, beta = first ? 0.0f : 1.0f;
    int64_t a_step = p->a_batch ? (int64_t)p->m * depth : 0, b_step = p->b_batch ? (int64_t)p->n * depth : 0;
    cublasStatus_t status = cublasGemmStridedBatchedEx(ax_cuda.blas, CUBLAS_OP_T, CUBLAS_OP_N, p->n, p->m, part, &one, b, CUDA_R_16BF, depth,
                                                       b_step, a, CUDA_R_16BF, depth, a_step, &beta, p->c, CUDA_R_32F, (int)p->ldc,
                                                       p->c_batch, p->batch, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
    if (status != CUBLAS_STATUS_SUCCESS) ax_cuda_fail("gemm", cublasGetStatusString(status));
}

void ax_powers_run(const ax_gemm *g, const ax_cuda_product *p)
{
    int depth = (p->k + AX_ONEHOT_GROUP - 1) / AX_ONEHOT_GROUP * AX_ONEHOT_GROUP, most = only_powers(g->plan) ? PART_OF_POWERS : PART;
    int parts = (depth + most - 1) / most;
    int part = (depth / AX_ONEHOT_GROUP + parts - 1) / parts * AX_ONEHOT_GROUP;
    size_t a_words = ((size_t)(p->a_batch ? p->batch : 1) * p->m * depth + 127) / 128 * 128;
    size_t b_words = (size_t)(p->b_batch ? p->batch : 1) * p->n * depth;
    uint16_t *a = (uint16_t *)ax_cuda_work((a_words + b_words) * sizeof *a);
    if (!a) return;
    uint16_t *b = a + a_words;
    ax_cuda_phase(AX_PHASE_ENCODE);
    ax_powers_encode(*p, depth, a, b);
    ax_cuda_phase(AX_PHASE_MULTIPLY);
    cublasSetMathMode(ax_cuda.blas, CUBLAS_DEFAULT_MATH);      /* the handle's own forbids tensor cores */
    for (int k = 0; k < depth; k += part) add_part(p, a + k, b + k, depth, depth - k < part ? depth - k : part, k == 0);
    cublasSetMathMode(ax_cuda.blas, CUBLAS_PEDANTIC_MATH);
    finish<<<(unsigned)(4 * ax_cuda.processors), THREADS, 0, ax_cuda.stream>>>(*p);
}

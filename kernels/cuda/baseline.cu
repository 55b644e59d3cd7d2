/* Products by others' methods, for `bench` to compare with: cuBLAS's FP32 product, and the method that ApproxTrain published
 * (Gong et al., IEEE TCAD 2023): tiles of 16 x 16 in shared memory, one thread an output, one texture look-up a product. The
 * method is written anew, and its sums are those of the strict order, bit for bit. */
#include "kernels/cuda/device.h"

#include "kernels/sum.h"

#include <stdlib.h>

enum { TILE = 16 };

/* ---- cuBLAS: c^T (n, m) = b^T a^T, since its matrices are stored by columns ---- */

static void sgemm(float *c, const float *a, const float *b, int64_t m, int64_t n, int64_t k, const ax_plan *, int)
{
    AX_CUDA_OP("sgemm", c, a, b, m, n, k);
    const float one = 1.0f, zero = 0.0f;
    cublasSetMathMode(ax_cuda.blas, CUBLAS_DEFAULT_MATH);      /* FP32 as its users have it: TF32 is another mode */
    cublasStatus_t status = cublasSgemm(ax_cuda.blas, CUBLAS_OP_N, CUBLAS_OP_N, (int)n, (int)m, (int)k, &one, b, (int)n, a, (int)k, &zero,
                                        c, (int)n);
    cublasSetMathMode(ax_cuda.blas, CUBLAS_PEDANTIC_MATH);
    if (status != CUBLAS_STATUS_SUCCESS) ax_cuda_fail("sgemm", cublasGetStatusString(status));
}

/* ---- a table behind a texture: bytes (carry << 7 | fraction) if products have at most 7 fraction bits, or words ---- */

struct texture {
    uint64_t hash;
    int width;
    cudaTextureObject_t object;
    texture *next;
};

static int in_bytes(const ax_plan *plan) { return plan->out_bits <= 7; }

static void *copy_of(const ax_plan *plan)
{
    size_t n = (size_t)1 << 2 * plan->lut.width;
    if (!in_bytes(plan)) return ax_cuda_keep(plan->lut.words, n * sizeof *plan->lut.words);
    uint8_t *host = (uint8_t *)malloc(n);
    if (!host) return nullptr;
    for (size_t i = 0; i < n; i++) host[i] = (uint8_t)(plan->lut.words[i] >> 16);
    void *device = ax_cuda_keep(host, n);
    ax_cuda_wait();                  /* the host's copy is read until then */
    free(host);
    return device;
}

static cudaTextureObject_t make(const ax_plan *plan)
{
    cudaTextureObject_t object = 0;
    cudaResourceDesc resource = {};
    cudaTextureDesc how = {};
    resource.resType = cudaResourceTypeLinear;
    resource.res.linear.devPtr = copy_of(plan);
    resource.res.linear.desc = in_bytes(plan) ? cudaCreateChannelDesc<uint8_t>() : cudaCreateChannelDesc<uint32_t>();
    resource.res.linear.sizeInBytes = ((size_t)1 << 2 * plan->lut.width) * (in_bytes(plan) ? sizeof(uint8_t) : sizeof(uint32_t));
    how.readMode = cudaReadModeElementType;
    if (resource.res.linear.devPtr) ax_cuda_check(cudaCreateTextureObject(&object, &resource, &how, nullptr), "texture");
    return object;
}

/* Kept while the memory behind it is. */
static cudaTextureObject_t texture_of(const ax_plan *plan)
{
    static texture *all;
    static unsigned generation;
    while (all && generation != ax_cuda.generation) {
        texture *t = all;
        all = t->next;
        cudaDestroyTextureObject(t->object);
        free(t);
    }
    generation = ax_cuda.generation;
    for (texture *t = all; t; t = t->next)
        if (t->hash == plan->hash && t->width == plan->lut.width) return t->object;
    texture *t = (texture *)malloc(sizeof *t);
    if (!t) return 0;
    *t = {plan->hash, plan->lut.width, make(plan), all};
    all = t;
    return t->object;
}

/* ---- ApproxTrain's method ---- */

template <class TEXEL> __device__ static uint32_t word_at(cudaTextureObject_t table, int i)
{
    return sizeof(TEXEL) == 1 ? (uint32_t)tex1Dfetch<uint8_t>(table, i) << 16 : (uint32_t)tex1Dfetch<uint32_t>(table, i);
}

/* A block is a tile of c, tiles in order of rows. */
template <class TEXEL>
__global__ static void multiply(float *c, const float *a, const float *b, int m, int n, int k, cudaTextureObject_t table, int width, int fused)
{
    __shared__ float of_a[TILE][TILE], of_b[TILE][TILE];
    const unsigned column_tiles = ((unsigned)n + TILE - 1) / TILE;
    const int x = threadIdx.x, y = threadIdx.y, down = 23 - width;
    const int row = (int)(blockIdx.x / column_tiles) * TILE + y, column = (int)(blockIdx.x % column_tiles) * TILE + x;
    float sum = 0.0f;
    for (int from = 0; from < k; from += TILE) {
        of_a[y][x] = row < m && from + x < k ? a[(int64_t)row * k + from + x] : 0.0f;
        of_b[y][x] = column < n && from + y < k ? b[(int64_t)(from + y) * n + column] : 0.0f;
        __syncthreads();
        const int some = min(TILE, k - from);
        for (int i = 0; i < some; i++) {
            const float p = of_a[y][i], q = of_b[i][x];
            const uint32_t at = (ax_bits(p) & 0x7fffffu) >> down << width | (ax_bits(q) & 0x7fffffu) >> down;
            sum = ax_sum_step(fused, word_at<TEXEL>(table, (int)at), sum, p, q);
        }
        __syncthreads();
    }
    if (row < m && column < n) c[(int64_t)row * n + column] = ax_sum_end(sum, 0.0f, 0, AX_LINEAR);
}

static void by_texture(float *c, const float *a, const float *b, int64_t m, int64_t n, int64_t k, const ax_plan *plan, int)
{
    AX_CUDA_OP("product by texture", c, a, b, m, n, k, plan->hash);
    const cudaTextureObject_t table = texture_of(plan);
    if (!table) return ax_cuda_fail("texture", "out of memory");
    const unsigned blocks = (unsigned)((m + TILE - 1) / TILE * ((n + TILE - 1) / TILE));
    const auto kernel = in_bytes(plan) ? multiply<uint8_t> : multiply<uint32_t>;
    kernel<<<blocks, dim3(TILE, TILE), 0, ax_cuda.stream>>>(c, a, b, (int)m, (int)n, (int)k, table, plan->lut.width, plan->lut.fused);
    ax_cuda_check(cudaGetLastError(), "product by texture");
}

const ax_baseline ax_cuda_baselines[] = {
    {"cuBLAS SGEMM", 0, sgemm},
    {"ApproxTrain's", AX_TABLE_MAX_WIDTH, by_texture},
    {},
};

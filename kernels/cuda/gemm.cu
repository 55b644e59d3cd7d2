/* The driver of products: the multiplier's copy on the device, the extents of the operands, the choice of a kernel, and the
 * literal rule. Invariant: whatever kernel runs, operands it is not exact for are summed by the literal rule. */
#include "kernels/cuda/gemm.h"

#include "kernels/sum.h"
#include "lut/models/all.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE_NARROW = 128 };

/* ---- multipliers ---- */

struct kept {
    uint64_t hash;
    int width;
    ax_cuda_mult mult;
    kept *next;
};

/* The table and, below it, a row of zeros for operands that are zero. */
static const uint32_t *copy_words(const ax_lut_view *lut)
{
    size_t side = (size_t)1 << lut->width;
    void *device = nullptr;
    ax_cuda_check(cudaMalloc(&device, (side + 1) * side * sizeof(uint32_t)), "multiplier");
    if (!device) return nullptr;
    ax_cuda_check(cudaMemcpyAsync(device, lut->words, side * side * sizeof(uint32_t), cudaMemcpyHostToDevice, ax_cuda.stream), "multiplier");
    ax_cuda_check(cudaMemsetAsync((uint32_t *)device + side * side, 0, side * sizeof(uint32_t), ax_cuda.stream), "multiplier");
    return (const uint32_t *)device;
}

static void copy_bytes(ax_cuda_mult *mult, const ax_plan *plan)
{
    uint8_t bytes[SIDE_NARROW + 1][SIDE_NARROW] = {};
    int m = plan->lut.width, up = m > 7 ? m - 7 : 0, down = m < 7 ? 7 - m : 0;
    for (size_t i = 0; i < SIDE_NARROW; i++)
        for (size_t j = 0; j < SIDE_NARROW; j++)
            bytes[i][j] = (uint8_t)(plan->lut.words[(i >> down << up) << m | (j >> down << up)] >> 16);
    mult->bytes = (const uint8_t *)ax_cuda_keep(bytes, sizeof bytes);
    ax_cuda_find_classes(mult, &bytes[0][0]);
}

static ax_cuda_mult make_mult(const ax_plan *plan)
{
    ax_cuda_mult m = {};
    m.width = plan->lut.width, m.fused = plan->lut.fused, m.native = plan->lut.native;
    m.direct = plan->lut.direct, m.linear = plan->linear;
    if (m.native || !plan->lut.words) return m;
    m.words = copy_words(&plan->lut);
    if (plan->narrow) copy_bytes(&m, plan);
    if (!plan->additive || plan->linear) return m;
    m.alpha = (const uint32_t *)ax_cuda_keep(plan->alpha, sizeof(uint32_t) << m.width);
    m.beta = (const uint32_t *)ax_cuda_keep(plan->beta, sizeof(uint32_t) << m.width);
    return m;
}

ax_cuda_mult ax_cuda_mult_of(const ax_plan *plan)
{
    static kept *all;
    int table = plan->lut.words && !plan->lut.native;
    if (!table) return make_mult(plan);
    for (kept *k = all; k; k = k->next)
        if (k->hash == plan->hash && k->width == plan->lut.width) return k->mult;
    kept *k = (kept *)malloc(sizeof *k);
    if (!k) {
        ax_cuda_fail("multiplier", "out of memory");
        return {};
    }
    *k = {plan->hash, plan->lut.width, make_mult(plan), all};
    all = k;
    return k->mult;
}

/* ---- extents ---- */

enum { THREADS = 256 };

__device__ static uint32_t magnitude(float x) { return ax_bits(x) & 0x7fffffffu; }

/* The largest magnitude of rows x ks elements of each product of the batch. A maximum of integers has no order. */
__global__ static void find_extent(uint32_t *largest, ax_cuda_source s, int64_t batch_step, int rows, int ks, int batch)
{
    uint32_t mine = 0;
    int64_t n = (int64_t)rows * ks;
    for (int b = 0; b < batch; b++, s.data += batch_step)
        for (int64_t i = blockIdx.x * (int64_t)THREADS + threadIdx.x; i < n; i += (int64_t)gridDim.x * THREADS)
            mine = max(mine, magnitude(ax_fetch(s, ax_row_place(s, (uint32_t)(i / ks)), ax_k_place(s, (uint32_t)(i % ks)))));
    mine = __reduce_max_sync(~0u, mine);
    if (threadIdx.x % 32 == 0) atomicMax(largest, mine);
}

/* The same of n numbers that lie together. */
__global__ static void find_extent_of(uint32_t *largest, const float *x, int64_t n)
{
    uint32_t mine = 0;
    for (int64_t i = blockIdx.x * (int64_t)THREADS + threadIdx.x; i < n; i += (int64_t)gridDim.x * THREADS)
        mine = max(mine, magnitude(x[i]));
    mine = __reduce_max_sync(~0u, mine);
    if (threadIdx.x % 32 == 0) atomicMax(largest, mine);
}

static unsigned blocks_for(int64_t n)
{
    int64_t blocks = (n + 4 * THREADS - 1) / (4 * THREADS), most = 4 * (int64_t)ax_cuda.processors;
    return (unsigned)(blocks < most ? blocks ? blocks : 1 : most);
}

static void start_extent(uint32_t *largest, const ax_operand &o, const ax_cuda_source &s, int64_t batch_step, int rows, int ks, int batch)
{
    int whole = o.kind == AX_OPERAND_PATCHES ||
                (o.k_inner == ks && ((o.k_stride == 1 && o.row_stride == ks) || (o.row_stride == 1 && o.k_stride == rows)));
    int repeated = batch == 1 || batch_step == 0 || (o.kind == AX_OPERAND_MATRIX && batch_step == (int64_t)rows * ks);
    if (whole && repeated) {
        int64_t n = o.kind == AX_OPERAND_PATCHES ? o.n * o.h * o.w * o.c : (int64_t)rows * ks * (batch_step ? batch : 1);
        find_extent_of<<<blocks_for(n), THREADS, 0, ax_cuda.stream>>>(largest, s.data, n);
    } else {
        find_extent<<<blocks_for((int64_t)rows * ks), THREADS, 0, ax_cuda.stream>>>(largest, s, batch_step, rows, ks, batch);
    }
}

/* ---- the literal rule: one thread an output ---- */

__device__ static uint32_t word_of(const ax_cuda_mult &m, uint32_t a, uint32_t b)
{
    uint32_t i = (a & 0x7fffffu) >> (23 - m.width), j = (b & 0x7fffffu) >> (23 - m.width);
    if (m.words) return m.words[(i << m.width) | j];
    enum {
#define AX_FAMILY(name, widest, form, title, reference) ROW_##name,
#include "lut/models.def"
#undef AX_FAMILY
    };
    switch (m.direct) {
#define AX_FAMILY(name, widest, form, title, reference)                                                                \
    case ROW_##name: return ax_model_##name((unsigned)m.width, i, j);
#include "lut/models.def"
#undef AX_FAMILY
    }
    return 0;
}

__device__ static float step(const ax_cuda_mult &m, float acc, float x, float y)
{
    if (m.native) return __fmaf_rn(x, y, acc);
    return ax_sum_step(m.fused, word_of(m, ax_bits(x), ax_bits(y)), acc, x, y);
}

__global__ static void literal(const ax_cuda_product p, int even_if_in_range)
{
    if (!even_if_in_range && ax_in_range(*p.extents)) return;
    int64_t outputs = (int64_t)p.m * p.n * p.batch;
    for (int64_t i = blockIdx.x * (int64_t)THREADS + threadIdx.x; i < outputs; i += (int64_t)gridDim.x * THREADS) {
        int64_t b = i / ((int64_t)p.m * p.n), rest = i % ((int64_t)p.m * p.n), row = rest / p.n, column = rest % p.n;
        ax_cuda_place at_a = ax_row_place(p.a, (uint32_t)row), at_b = ax_row_place(p.b, (uint32_t)column);
        at_a.at += b * p.a_batch;
        at_b.at += b * p.b_batch;
        float acc = 0.0f;
        for (int k = 0; k < p.k; k++)
            acc = step(p.mult, acc, ax_fetch(p.a, at_a, ax_k_place(p.a, (uint32_t)k)), ax_fetch(p.b, at_b, ax_k_place(p.b, (uint32_t)k)));
        p.c[b * p.c_batch + row * p.ldc + column] = ax_sum_end(acc, p.bias ? p.bias[column] : 0.0f, p.bias != nullptr, p.activation);
    }
}

static void run_literal(const ax_cuda_product *p, int even_if_in_range)
{
    literal<<<blocks_for((int64_t)p->m * p->n * p->batch * 4), THREADS, 0, ax_cuda.stream>>>(*p, even_if_in_range);
}

/* ---- the op ---- */

static const ax_cuda_gemm_kernel *choose(const ax_gemm *g)
{
    static const ax_cuda_gemm_kernel *const sets[] = {ax_cuda_onehot_kernels, ax_cuda_sum_mma_kernels, ax_cuda_rowpanel_kernels, ax_cuda_simt_kernels};
    for (const ax_cuda_gemm_kernel *set : sets)
        for (const ax_cuda_gemm_kernel *k = set; k->name; k++)
            if (k->capability <= ax_cuda.capability && k->strict >= g->strict && k->serves(g)) return k;
    return nullptr;
}

static ax_cuda_product describe(const ax_gemm *g, ax_cuda_extents *extents)
{
    ax_cuda_product p = {};
    p.a = ax_cuda_source_of(g->a, 0), p.b = ax_cuda_source_of(g->b, 0);
    p.c = g->c, p.bias = g->bias, p.ldc = g->ldc, p.activation = g->activation;
    p.a_batch = g->a_batch, p.b_batch = g->b_batch, p.c_batch = g->c_batch;
    p.m = (int)g->m, p.n = (int)g->n, p.k = (int)g->k, p.batch = (int)g->batch;
    p.extents = extents;
    p.mult = ax_cuda_mult_of(g->plan);
    return p;
}

void ax_cuda_gemm_work_bytes(size_t *bytes, int threads)
{
    (void)threads;
    *bytes = sizeof(ax_cuda_extents);
}

void ax_cuda_gemm(const ax_gemm *g)
{
    AX_CUDA_OP("gemm", g->c, g->a, g->b, g->bias, g->m, g->n, g->k, g->ldc, g->batch, g->a_batch, g->b_batch, g->c_batch,
               g->activation, g->strict, g->plan->hash);
    if (g->m <= 0 || g->n <= 0 || g->batch <= 0) return;
    ax_cuda_extents *extents = (ax_cuda_extents *)g->work;
    ax_cuda_product p = describe(g, extents);
    const ax_cuda_gemm_kernel *kernel = choose(g);
    if (!kernel) {
        run_literal(&p, 1);
    } else {
        if (!p.mult.native) ax_cuda_check(cudaMemsetAsync(extents, 0, sizeof *extents, ax_cuda.stream), "gemm");
        if (!p.mult.native && !kernel->finds_extents) {
            start_extent(&extents->a, g->a, p.a, g->a_batch, p.m, p.k, p.batch);
            start_extent(&extents->b, g->b, p.b, g->b_batch, p.n, p.k, p.batch);
        }
        kernel->run(g, &p);
        if (!p.mult.native) run_literal(&p, 0);
    }
    ax_cuda_check(cudaGetLastError(), "gemm");
}

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
    void *device = ax_cuda_keep_room((side + 1) * side * sizeof(uint32_t));
    if (!device) return nullptr;
    ax_cuda_check(cudaMemcpyAsync(device, lut->words, side * side * sizeof(uint32_t), cudaMemcpyHostToDevice, ax_cuda.stream), "multiplier");
    ax_cuda_check(cudaMemsetAsync((uint32_t *)device + side * side, 0, side * sizeof(uint32_t), ax_cuda.stream), "multiplier");
    return (const uint32_t *)device;
}

/* The words, or their transpose, as T; the row of zeros stays below. */
template <class T> static const void *copy_rows(const uint32_t *words, int width, int turned)
{
    const int64_t side = 1 << width, n = (side + 1) * side;
    T *rows = (T *)ax_cuda_keep_room((size_t)n * sizeof(T));
    if (!rows || !words) return rows;
    ax_cuda_each("multiplier", n, [=] __device__(int64_t e) {
        const int64_t from = turned && e < side * side ? e % side * side + e / side : e;
        rows[e] = (T)(words[from] >> (sizeof(T) == 2 ? 8 : 0));
    });
    return rows;
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
    m.width = plan->lut.width, m.fused = plan->lut.fused, m.native = plan->lut.native, m.compat = plan->lut.compat;
    m.direct = plan->lut.direct, m.keys = plan->lut.keys, m.linear = plan->linear;
    if (m.native || !plan->lut.words) return m;
    m.words = copy_words(&plan->lut);
    for (int turned = 0; turned < 2 && ax_cuda_has_rows(plan); turned++)
        if (plan->out_bits <= AX_HALF_BITS) m.rows[turned] = copy_rows<uint16_t>(m.words, m.width, turned);
        else m.rows[turned] = turned ? copy_rows<uint32_t>(m.words, m.width, 1) : m.words;
    if (plan->narrow) copy_bytes(&m, plan);
    if (!plan->additive || plan->linear) return m;
    m.alpha = (const uint32_t *)ax_cuda_keep(plan->alpha, sizeof(uint32_t) << m.width);
    m.beta = (const uint32_t *)ax_cuda_keep(plan->beta, sizeof(uint32_t) << m.width);
    return m;
}

static void free_all(kept *k)
{
    for (kept *next; k; k = next) {
        next = k->next;
        free(k);
    }
}

ax_cuda_mult ax_cuda_mult_of(const ax_plan *plan)
{
    static kept *all;
    static unsigned generation;
    int table = plan->lut.words && !plan->lut.native;
    if (!table) return make_mult(plan);
    if (generation != ax_cuda.generation) {
        free_all(all);
        all = nullptr;
        generation = ax_cuda.generation;
    }
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

/* ---- extents: both operands in one launch ---- */

enum { THREADS = 256 };

/* What is looked through: `whole` numbers that lie together, or, if that is 0, rows x ks elements of each product of a batch. */
struct scanned {
    ax_cuda_source s;
    int64_t whole, batch_step;
    int rows, ks, batch;
    unsigned blocks;
};

__device__ static uint32_t magnitude(float x) { return ax_bits(x) & 0x7fffffffu; }

__device__ static uint32_t largest_of_whole(const float *x, int64_t n, int64_t first, int64_t step)
{
    uint32_t mine = 0;
    int64_t fours = (uintptr_t)x % sizeof(float4) ? 0 : n / 4;
    for (int64_t i = first; i < fours; i += step) {
        const float4 v = __ldg((const float4 *)x + i);
        mine = max(max(mine, max(magnitude(v.x), magnitude(v.y))), max(magnitude(v.z), magnitude(v.w)));
    }
    for (int64_t i = 4 * fours + first; i < n; i += step) mine = max(mine, magnitude(__ldg(x + i)));
    return mine;
}

__device__ static uint32_t largest_of_places(const scanned &o, int64_t first, int64_t step)
{
    uint32_t mine = 0;
    ax_cuda_source s = o.s;
    int64_t n = (int64_t)o.rows * o.ks;
    for (int b = 0; b < o.batch; b++, s.data += o.batch_step)
        for (int64_t i = first; i < n; i += step)
            mine = max(mine, magnitude(ax_fetch(s, ax_row_place(s, (uint32_t)(i / o.ks)), ax_k_place(s, (uint32_t)(i % o.ks)))));
    return mine;
}

/* A maximum of integers has no order. */
__device__ static void find_extent(uint32_t *largest, const scanned &o, unsigned block)
{
    __shared__ uint32_t warps[THREADS / 32];
    const int64_t first = block * (int64_t)THREADS + threadIdx.x, step = (int64_t)o.blocks * THREADS;
    uint32_t mine = o.whole ? largest_of_whole(o.s.data, o.whole, first, step) : largest_of_places(o, first, step);
    for (int apart = 16; apart; apart /= 2) mine = max(mine, __shfl_xor_sync(~0u, mine, apart));
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = mine;
    __syncthreads();
    if (threadIdx.x) return;
    for (uint32_t other : warps) mine = max(mine, other);
    atomicMax(largest, mine);
}

/* The first a.blocks blocks look through a, the others through b. */
__global__ static void find_extents(ax_cuda_extents *largest, const __grid_constant__ scanned a, const __grid_constant__ scanned b)
{
    const int second = blockIdx.x >= a.blocks;
    find_extent(second ? &largest->b : &largest->a, second ? b : a, second ? blockIdx.x - a.blocks : blockIdx.x);
}

static unsigned blocks_for(int64_t n)
{
    int64_t blocks = (n + 4 * THREADS - 1) / (4 * THREADS), most = 4 * (int64_t)ax_cuda.processors;
    return (unsigned)(blocks < most ? blocks ? blocks : 1 : most);
}

static scanned scan(const ax_operand &o, const ax_cuda_source &s, int64_t batch_step, int rows, int ks, int batch)
{
    int together = o.kind == AX_OPERAND_PATCHES ||
                   (o.k_inner == ks && ((o.k_stride == 1 && o.row_stride == ks) || (o.row_stride == 1 && o.k_stride == rows)));
    int repeated = batch == 1 || batch_step == 0 || (o.kind == AX_OPERAND_MATRIX && batch_step == (int64_t)rows * ks);
    scanned d = {s, 0, batch_step, rows, ks, batch_step ? batch : 1, blocks_for((int64_t)rows * ks)};
    if (!together || !repeated) return d;
    d.whole = o.kind == AX_OPERAND_PATCHES ? o.n * o.h * o.w * o.c : (int64_t)rows * ks * d.batch;
    d.blocks = blocks_for(d.whole);
    return d;
}

static void start_extents(const ax_gemm *g, const ax_cuda_product *p)
{
    const scanned a = scan(g->a, p->a, p->a_batch, p->m, p->k, p->batch), b = scan(g->b, p->b, p->b_batch, p->n, p->k, p->batch);
    find_extents<<<a.blocks + b.blocks, THREADS, 0, ax_cuda.stream>>>(p->extents, a, b);
}

/* ---- the literal rule: one thread an output ---- */

__device__ static uint32_t word_of(const ax_cuda_mult &m, uint32_t a, uint32_t b)
{
    uint32_t i = (a & 0x7fffffu) >> (23 - m.width), j = (b & 0x7fffffu) >> (23 - m.width);
    if (m.words) return m.words[(i << m.width) | j];
    enum {
#define AX_FAMILY(name, widest, form, title, reference) ROW_##name,
#include "lut/models.def"
    };
    switch (m.direct) {
#define AX_FAMILY(name, widest, form, title, reference)                                                                \
    case ROW_##name: return ax_model_##name(&m.keys, i, j);
#include "lut/models.def"
    }
    return 0;
}

__device__ static float step(const ax_cuda_mult &m, float acc, float x, float y)
{
    if (m.native) return __fmaf_rn(x, y, acc);
    const uint32_t word = word_of(m, ax_bits(x), ax_bits(y));
    return m.compat ? acc + ax_product_approxtrain(word, x, y) : ax_sum_step(m.fused, word, acc, x, y);
}

__device__ static void sum_literally(const ax_cuda_product &p)
{
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

/* Where no other kernel runs, or where the extents kept it from running; the last block then leaves them zero for the next product. */
__global__ static void literal(const __grid_constant__ ax_cuda_product p, int alone)
{
    if (alone || !ax_in_range(*p.extents)) sum_literally(p);
    __syncthreads();
    if (alone || threadIdx.x) return;
    __threadfence();
    if (atomicAdd(&p.extents->left, 1) == gridDim.x - 1) *p.extents = {};
}

static void run_literal(const ax_cuda_product *p, int alone)
{
    const unsigned wanted = blocks_for((int64_t)p->m * p->n * p->batch * 4), few = (unsigned)ax_cuda.processors;
    literal<<<alone || wanted < few ? wanted : few, THREADS, 0, ax_cuda.stream>>>(*p, alone);
}

/* ---- the op ---- */

static int small_too;

/* For tests, which reach every kernel by small products: 1 leaves `least` out. */
extern "C" __attribute__((visibility("default"))) void ax_cuda_serve_small(int yes) { small_too = yes; }

static bool pays(const ax_cuda_gemm_kernel *k, const ax_gemm *g)
{
    const int64_t products = g->batch * g->m * g->n * g->k;
    return small_too || products >= (g->n < 32 ? 4 : 1) * k->least;
}

static const ax_cuda_gemm_kernel *choose(const ax_gemm *g)
{
    static const ax_cuda_gemm_kernel *const sets[] = {
        ax_cuda_user_kernels, ax_cuda_onehot_kernels,    ax_cuda_sum_mma_kernels, ax_cuda_rowpanel_kernels,
        ax_cuda_blas_kernels, ax_cuda_tablerows_kernels, ax_cuda_thin_kernels,    ax_cuda_simt_kernels};
    if (g->plan->lut.compat) return nullptr;      /* all of them form products by the rule */
    for (const ax_cuda_gemm_kernel *set : sets)
        for (const ax_cuda_gemm_kernel *k = set; k->name; k++)
            if (k->capability <= ax_cuda.capability && k->strict >= g->strict && pays(k, g) && k->serves(g)) return k;
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

static const char *last_kernel;

const char *ax_cuda_gemm_kernel_name(void) { return last_kernel; }

static void run(const ax_gemm *g)
{
    ax_cuda_product p = describe(g, (ax_cuda_extents *)g->work);
    const ax_cuda_gemm_kernel *kernel = choose(g);
    last_kernel = kernel ? kernel->name : "cuda-literal";
    ax_cuda_phase(AX_PHASE_ENCODE);      /* whatever is not the kernel's own multiplication */
    if (!kernel) {
        run_literal(&p, 1);
    } else {
        if (!p.mult.native && !kernel->finds_extents) start_extents(g, &p);
        kernel->run(g, &p);
        ax_cuda_phase(AX_PHASE_ENCODE);
        if (!p.mult.native && !kernel->literal_too) run_literal(&p, 0);
    }
    ax_cuda_check(cudaGetLastError(), "gemm");
}

/* A grid has at most 65535 blocks in its second and third dimension: larger products are made in parts. */
enum { BATCH_MOST = 8192, ROWS_MOST = 1 << 19 };

/* The `count` rows of an operand from `first` on. A patch's rows are cut where an image ends. */
static ax_operand rows_of(const ax_operand &o, int64_t first, int64_t count)
{
    ax_operand part = o;
    if (o.kind == AX_OPERAND_MATRIX) {
        part.data += first * o.row_stride;
    } else {
        part.data += first / (o.out_h * o.out_w) * o.h * o.w * o.c;
        part.n = count / (o.out_h * o.out_w);
    }
    return part;
}

/* Rows that a part of an operand has: all of them if it cannot be cut. */
static int64_t cut(const ax_operand &o, int64_t rows)
{
    const int64_t image = o.kind == AX_OPERAND_MATRIX ? 1 : o.out_h * o.out_w;
    if (rows <= ROWS_MOST || (o.kind == AX_OPERAND_PATCHES && o.transposed)) return rows;
    return image < ROWS_MOST ? ROWS_MOST / image * image : image;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* The part of g of some products of the batch. */
static ax_gemm products_of(const ax_gemm *g, int64_t first, int64_t count)
{
    ax_gemm part = *g;
    part.c += first * g->c_batch, part.a.data += first * g->a_batch, part.b.data += first * g->b_batch;
    part.batch = count;
    return part;
}

static void run_in_parts(const ax_gemm *g)
{
    const int64_t rows = cut(g->a, g->m), columns = cut(g->b, g->n);
    for (int64_t b = 0; b < g->batch; b += BATCH_MOST)
        for (int64_t i = 0; i < g->m; i += rows)
            for (int64_t j = 0; j < g->n; j += columns) {
                ax_gemm part = products_of(g, b, least(g->batch - b, BATCH_MOST));
                part.m = least(g->m - i, rows), part.n = least(g->n - j, columns);
                part.a = rows_of(part.a, i, part.m), part.b = rows_of(part.b, j, part.n);
                part.c += i * g->ldc + j;
                part.bias = g->bias ? g->bias + j : nullptr;
                run(&part);
            }
}

void ax_cuda_gemm(const ax_gemm *g)
{
    AX_CUDA_OP("gemm", g->c, g->a, g->b, g->bias, g->m, g->n, g->k, g->ldc, g->batch, g->a_batch, g->b_batch, g->c_batch,
               g->activation, g->strict, g->plan->hash, g->plan->lut.code ? g->plan->lut.code->hash : 0);
    if (g->m <= 0 || g->n <= 0 || g->batch <= 0) return;
    if (g->batch > BATCH_MOST || cut(g->a, g->m) < g->m || cut(g->b, g->n) < g->n) run_in_parts(g);
    else run(g);
}

/* Products of tables of few different rows, not in the strict order: one-hot expansion (onehot.h) on sparse tensor cores.
 *
 * Tensor cores truncate the sum, so its error grows with the number of additions into one accumulator. Therefore every few hundred
 * k the accumulators are added to sums in shared memory, rounded to nearest, and start anew. */
#include "kernels/cuda/onehot_fetch.h"
#include "kernels/cuda/wgmma.h"

#include "kernels/sum.h"

#include <stdlib.h>

enum {
    CONSUMERS = 256,                 /* two warpgroups multiply, a third copies */
    THREADS = CONSUMERS + 128,
    BLOCKS = 4,                      /* of B in a stage, each 32 logical k x a tile's columns */
    RESIDENT = 128,                  /* tiles that fill a device; a constant: results do not depend on which device */
    ROW_PANEL = 16                   /* tiles of rows that run together, so that they share B */
};

/* How a product is cut: row tiles x column tiles x batch x splits of the sum. */
struct cut {
    int row_tiles, column_tiles, splits;
    int groups_a_split;              /* of 16 k */
    int stages_a_sum;                /* between additions to the sums */
    float *partial;                  /* (splits, batch, m, n); NULL: one split */
};

/* ---- the kernel ---- */

/* One warpgroup sums MT x 64 rows; KS groups of 16 k lie in a stage if pairs * KS = BLOCKS, else KS = 1 and pairs are a multiple of
 * BLOCKS. */
template <int KS, int BN, int MT> struct shape {
    enum {
        ROWS = MT * 128,
        TOGETHER = MT < 2 ? 1 : 2,                       /* products in flight: their fragments take registers */
        STAGE_BYTES = BLOCKS * BN * 64,
        SUMS = MT * BN / 8,                              /* float4 a thread */
        STAGES = MT * BN > 128 ? 3 : 4,
        SHARED_BYTES = STAGES * STAGE_BYTES + SUMS * CONSUMERS * 16
    };
};

#if AX_WGMMA

/* Where a product's outputs go: finished, or the raw sums of a split. */
struct target {
    float *to;
    int64_t ld;
    bool raw, twos;                  /* twos: neighbours can be stored together */
};

__device__ static target find_target(const ax_cuda_product &p, const cut &c)
{
    target t = {p.c + blockIdx.y * p.c_batch, p.ldc, c.partial != nullptr, false};
    if (t.raw) t.to = c.partial + ((int64_t)blockIdx.z * p.batch + blockIdx.y) * p.m * p.n, t.ld = p.n;
    t.twos = t.ld % 2 == 0 && (uintptr_t)t.to % sizeof(float2) == 0;
    return t;
}

__device__ static float finished(const ax_cuda_product &p, int column, float sum)
{
    return ax_sum_end(sum, p.bias ? p.bias[column] : 0.0f, p.bias != nullptr, p.activation);
}

/* Two neighbours; column is even. */
__device__ static void store(const ax_cuda_product &p, const target &t, int row, int column, float x, float y)
{
    if (row >= p.m || column >= p.n) return;
    const bool both = column + 1 < p.n;
    if (!t.raw) {
        x = finished(p, column, x);
        if (both) y = finished(p, column + 1, y);
    }
    float *at = t.to + row * t.ld + column;
    if (both && t.twos) {
        *(float2 *)at = make_float2(x, y);
    } else {
        at[0] = x;
        if (both) at[1] = y;
    }
}

/* A tile's place in the product and in the encoded operands. */
struct place {
    int row_tile, column_tile, first_group, groups;
};

__device__ static place find_place(const ax_onehot &x, const cut &c)
{
    int panel = blockIdx.x / (ROW_PANEL * c.column_tiles), rest = blockIdx.x % (ROW_PANEL * c.column_tiles);
    int high = min(ROW_PANEL, c.row_tiles - panel * ROW_PANEL), first = blockIdx.z * c.groups_a_split;
    return {panel * ROW_PANEL + rest % high, rest / high, first, min(c.groups_a_split, x.groups - first)};
}

/* The third warpgroup: one thread keeps the stages full. */
template <int BN, int STAGES>
__device__ static void produce(const ax_onehot &x, const cut &c, const place &at, uint32_t stages, uint32_t full, uint32_t empty, int count)
{
    const int64_t block_bytes = BN * 64;
    int64_t copy = x.b_copies > 1 ? blockIdx.y : 0, tile = copy * c.column_tiles + at.column_tile;
    const uint8_t *from = x.columns + (tile * x.groups + at.first_group) * x.pairs * block_bytes;
    for (int s = 0; s < count; s++, from += BLOCKS * block_bytes) {
        int slot = s % STAGES;
        if (s >= STAGES) ax_barrier_wait(empty + slot * 8, (s / STAGES - 1) & 1);
        ax_bulk_copy(stages + slot * BLOCKS * BN * 64, from, BLOCKS * BN * 64, full + slot * 8);
    }
}

/* The numbers of one pair of classes: +-2^e where the pair is theirs, else 0. Pairs are compared as bfloat16 from 1 up. */
__device__ static uint32_t only(uint32_t two, uint32_t pair)
{
    return ax_pair_product(two & 0xff80ff80u, ax_pair_equal((two & 0x007f007fu) | 0x3f803f80u, pair));
}

__device__ static uint4 only(const uint4 &v, int pair)
{
    uint32_t twice = 0x3f803f80u | (uint32_t)pair * 0x10001u;
    return make_uint4(only(v.x, twice), only(v.y, twice), only(v.z, twice), only(v.w, twice));
}

/* Adds the accumulators to this thread's sums (SUMS, CONSUMERS), rounding to nearest. */
template <class S> __device__ static void add_up(float4 *sums, const float *acc, bool first)
{
#pragma unroll
    for (int i = 0; i < S::SUMS; i++) {
        float4 sum = first ? make_float4(0.0f, 0.0f, 0.0f, 0.0f) : sums[i * CONSUMERS];
        sums[i * CONSUMERS] = make_float4(sum.x + acc[4 * i], sum.y + acc[4 * i + 1], sum.z + acc[4 * i + 2], sum.w + acc[4 * i + 3]);
    }
}

/* A thread's sums are of rows row0 and row0 + 8 of each 64 x 8 block, two columns each. */
template <int BN, class S>
__device__ static void store_all(const ax_cuda_product &p, const cut &c, const float4 *sums, int row0, int column0)
{
    const target t = find_target(p, c);
#pragma unroll 1
    for (int i = 0; i < S::SUMS; i++) {
        const float4 sum = sums[i * CONSUMERS];
        const int row = row0 + i / (BN / 8) * 64, column = column0 + i % (BN / 8) * 8;
        store(p, t, row, column, sum.x, sum.y);
        store(p, t, row + 8, column, sum.z, sum.w);
    }
}

/* The first two warpgroups; A's fragments are fetched a stage before they are used. A stage is released when its products are
 * done; the accumulators start anew by the first product after an addition ignoring them. */
template <int KS, int BN, int MT, template <int, int> class A>
__device__ static void consume(const ax_cuda_product &p, const ax_onehot &x, const cut &c, const place &at, uint8_t *shared, uint32_t full,
                               uint32_t empty, int count)
{
    typedef shape<KS, BN, MT> S;
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, row0 = at.row_tile * S::ROWS + warp / 4 * MT * 64 + warp % 4 * 16;
    float4 *sums = (float4 *)(shared + S::STAGES * S::STAGE_BYTES) + threadIdx.x;
    float acc[MT][BN / 2] = {};
    A<KS, MT> source(p, x, row0, at.first_group, at.groups);
    ax_onehot_fragments<KS, MT> next, now;
    source.fetch(next);
    int pair = 0;
    for (int first = 0; first < count; first += c.stages_a_sum) {
        const int last = min(first + c.stages_a_sum, count);
        for (int s = first; s < last; s++) {
            const int slot = s % S::STAGES;
            const uint32_t stage = ax_shared_address(shared) + slot * S::STAGE_BYTES;
            if (KS > 1 || pair == 0) {
                now = source.arrived(next);
                source.fetch(next);
            }
            ax_barrier_wait(full + slot * 8, (s / S::STAGES) & 1);
#pragma unroll
            for (int i = 0; i < BLOCKS * MT / S::TOGETHER; i++) {
                const int b = i / (MT / S::TOGETHER), m0 = i % (MT / S::TOGETHER) * S::TOGETHER;
                const int k = KS > 1 ? b / (BLOCKS / KS) : 0, which = KS > 1 ? b % (BLOCKS / KS) : pair + b;
                const uint64_t block = ax_wgmma_block(stage + b * BN * 64, 512);
                uint4 a[S::TOGETHER];
#pragma unroll
                for (int m = 0; m < S::TOGETHER; m++) a[m] = KS == BLOCKS ? now.value[k][m0 + m] : only(now.value[k][m0 + m], which);
                ax_wgmma_fence();
#pragma unroll
                for (int m = 0; m < S::TOGETHER; m++)
                    ax_wgmma_sparse<BN>(acc[m0 + m], a[m], now.places[k][m0 + m], block, b > 0 || s > first);
                ax_wgmma_commit();
                ax_wgmma_wait<1>();
            }
            if (KS == 1) pair = pair + BLOCKS < x.pairs ? pair + BLOCKS : 0;
            ax_wgmma_wait<0>();
            if (lane == 0) ax_barrier_arrive(empty + slot * 8);
        }
        add_up<S>(sums, &acc[0][0], first == 0);
    }
    store_all<BN, S>(p, c, sums, row0 + lane / 4, at.column_tile * BN + lane % 4 * 2);
}

#endif

template <int KS, int BN, int MT, template <int, int> class A>
__global__ void __launch_bounds__(THREADS, 1) multiply(const ax_cuda_product p, const ax_onehot x, const cut c)
{
#if AX_WGMMA
    typedef shape<KS, BN, MT> S;
    extern __shared__ __align__(1024) uint8_t shared[];
    __shared__ __align__(8) uint64_t full[S::STAGES], empty[S::STAGES];
    if (!ax_in_range(*p.extents)) return;
    if (threadIdx.x == 0) {
        for (int i = 0; i < S::STAGES; i++) {
            ax_barrier_init(ax_shared_address(full + i), 1);
            ax_barrier_init(ax_shared_address(empty + i), CONSUMERS / 32);
        }
        ax_barriers_visible();
    }
    __syncthreads();
    const place at = find_place(x, c);
    const int count = at.groups * x.pairs / BLOCKS;
    if (threadIdx.x >= CONSUMERS) {
        ax_registers_give<40>();
        if (threadIdx.x == CONSUMERS)
            produce<BN, S::STAGES>(x, c, at, ax_shared_address(shared), ax_shared_address(full), ax_shared_address(empty), count);
    } else {
        ax_registers_take<232>();
        consume<KS, BN, MT, A>(p, x, c, at, shared, ax_shared_address(full), ax_shared_address(empty), count);
    }
#endif
}

/* Adds the splits of a sum in order. */
__global__ static void join(const ax_cuda_product p, const cut c)
{
    int64_t outputs = (int64_t)p.m * p.n * p.batch;
    if (!ax_in_range(*p.extents)) return;
    for (int64_t i = blockIdx.x * (int64_t)blockDim.x + threadIdx.x; i < outputs; i += gridDim.x * (int64_t)blockDim.x) {
        int64_t column = i % p.n, row = i / p.n % p.m, batch = i / p.n / p.m;
        float sum = 0.0f;
        for (int s = 0; s < c.splits; s++) sum += c.partial[s * outputs + i];
        p.c[batch * p.c_batch + row * p.ldc + column] = ax_sum_end(sum, p.bias ? p.bias[column] : 0.0f, p.bias != nullptr, p.activation);
    }
}

/* ---- launching ---- */

static int tiles(int64_t n, int64_t size) { return (int)((n + size - 1) / size); }
static int rounded_up(int64_t n, int64_t size) { return (int)(tiles(n, size) * size); }

static int pairs_for(int classes) { return classes <= 2 ? 1 : classes <= 4 ? 2 : rounded_up(classes, 2 * BLOCKS) / 2; }
static int groups_a_stage(int pairs) { return pairs < BLOCKS ? BLOCKS / pairs : 1; }

/* A tile of 64 columns where 128 would be half empty. */
static int columns_of_tile(int64_t n) { return n <= 64 || (n > 128 && n <= 192) ? 64 : 128; }

/* Where a stage of B is several pairs' and narrow, taller tiles halve how often it is read, if the device stays as full. Fetching
 * patches leaves no registers for them. */
static int rows_of_tile(const ax_cuda_product *p, int pairs, int tile_columns, int patches)
{
    int64_t across = (int64_t)tiles(p->n, tile_columns) * p->batch, tall = tiles(p->m, 512) * across, others = tiles(p->m, 256) * across;
    const int many = pairs >= BLOCKS && tile_columns == 64 && !patches;
    if (many && tall > RESIDENT / 2 && 2 * tiles(tall, RESIDENT) <= tiles(others, RESIDENT)) return 512;
    return p->m <= 128 ? 128 : 256;
}

/* Zeros follow the tensor's pixels, for what lies outside; planes are whole blocks of 8 pixels. */
static void lay_out_patches(ax_onehot *x, ax_operand a)
{
    int64_t pixels = a.n * a.h * a.w;
    x->taps = (int)(a.kernel_h * a.kernel_w), x->tap_groups = (int)(a.c / AX_ONEHOT_GROUP);
    x->by_tap_groups = ax_divisor_of(x->tap_groups);
    x->outside = (int)pixels, x->plane = rounded_up(pixels + 1, 8);
    a.c = 1;
    x->pixels = ax_cuda_source_of(a, 0);
}

/* Bounds how far a patch's taps are from the tensor's edge. */
static int64_t reach(int64_t out, int64_t stride, int64_t pad, int64_t kernel, int64_t step)
{
    return out * stride + kernel * llabs(step) + llabs(pad);
}

/* Pairs of channels are read together. */
static int has_patches(const ax_gemm *g)
{
    const ax_operand *a = &g->a;
    return a->kind == AX_OPERAND_PATCHES && !a->transposed && a->c % AX_ONEHOT_GROUP == 0 && (uintptr_t)a->data % sizeof(float2) == 0 &&
           g->a_batch % 2 == 0 && reach(a->out_h, a->stride_h, a->pad_h, a->kernel_h, a->step) < AX_ONEHOT_SIDE &&
           reach(a->out_w, a->stride_w, a->pad_w, a->kernel_w, a->step) < AX_ONEHOT_SIDE;
}

static ax_onehot lay_out(const ax_gemm *g, const ax_cuda_product *p)
{
    ax_onehot x = {};
    x.pairs = pairs_for(p->mult.classes);
    x.groups = rounded_up(tiles(p->k, AX_ONEHOT_GROUP), groups_a_stage(x.pairs));
    x.tile_columns = columns_of_tile(p->n);
    x.tile_rows = rows_of_tile(p, x.pairs, x.tile_columns, has_patches(g));
    x.row_blocks = rounded_up(p->m, x.tile_rows) / 16;
    x.column_blocks = rounded_up(p->n, x.tile_columns) / 8;
    x.a_copies = p->a_batch ? p->batch : 1, x.b_copies = p->b_batch ? p->batch : 1;
    if (has_patches(g)) lay_out_patches(&x, g->a);
    return x;
}

/* Few tiles: the sum is split, at least LEAST groups each. Additions into one accumulator: the error at 4096 k is 0.8e-6 for 512 k
 * of 2 pairs, 1.4e-6 for 256 k of 16, and proportional to either; sums of 3 x 3 patches are whole multiples of 288 or 576. */
static cut cut_up(const ax_cuda_product *p, const ax_onehot &x)
{
    enum { LEAST = 8 };
    cut c = {};
    int step = groups_a_stage(x.pairs), promoted = x.pairs <= 2 ? 576 : x.pairs <= 8 ? 288 : 256;
    c.row_tiles = tiles(p->m, x.tile_rows), c.column_tiles = tiles(p->n, x.tile_columns);
    c.stages_a_sum = promoted / AX_ONEHOT_GROUP * x.pairs / BLOCKS;
    int64_t all = (int64_t)c.row_tiles * c.column_tiles * p->batch, splits = RESIDENT / all, most = x.groups / LEAST;
    if (splits > most) splits = most;
    c.groups_a_split = splits > 1 ? rounded_up(tiles(x.groups, splits), step) : x.groups;
    c.splits = tiles(x.groups, c.groups_a_split);
    return c;
}

template <template <int, int> class A, int KS, int BN, int MT> static void launch(const ax_cuda_product *p, const ax_onehot &x, const cut &c)
{
    const int bytes = shape<KS, BN, MT>::SHARED_BYTES;
    ax_cuda_check(cudaFuncSetAttribute(multiply<KS, BN, MT, A>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "gemm");
    dim3 grid((unsigned)(c.row_tiles * c.column_tiles), (unsigned)p->batch, (unsigned)c.splits);
    multiply<KS, BN, MT, A><<<grid, THREADS, bytes, ax_cuda.stream>>>(*p, x, c);
}

template <template <int, int> class A, int KS> static void launch_for(const ax_cuda_product *p, const ax_onehot &x, const cut &c)
{
    if (x.tile_columns == 64) x.tile_rows == 256 ? launch<A, KS, 64, 2>(p, x, c) : launch<A, KS, 64, 1>(p, x, c);
    else x.tile_rows == 256 ? launch<A, KS, 128, 2>(p, x, c) : launch<A, KS, 128, 1>(p, x, c);
}

template <template <int, int> class A> static void launch_for(const ax_cuda_product *p, const ax_onehot &x, const cut &c)
{
    switch (groups_a_stage(x.pairs)) {
    case 4: launch_for<A, 4>(p, x, c); break;
    case 2: launch_for<A, 2>(p, x, c); break;
    default: launch_for<A, 1>(p, x, c); break;
    }
}

static void *part(char **at, size_t bytes)
{
    void *here = *at;
    *at += (bytes + 255) / 256 * 256;
    return here;
}

static void run_onehot(const ax_gemm *g, const ax_cuda_product *p)
{
    ax_onehot x = lay_out(g, p);
    cut c = cut_up(p, x);
    size_t partial = c.splits > 1 ? (size_t)c.splits * p->batch * p->m * p->n * sizeof(float) : 0;
    char *at = (char *)ax_cuda_work(ax_onehot_values_bytes(x) + ax_onehot_places_bytes(x) + ax_onehot_columns_bytes(x) + partial + 1024);
    if (!at) return;
    x.values = (uint4 *)part(&at, ax_onehot_values_bytes(x));
    x.places = (uint32_t *)part(&at, ax_onehot_places_bytes(x));
    x.columns = (uint8_t *)part(&at, ax_onehot_columns_bytes(x));
    c.partial = partial ? (float *)at : nullptr;
    ax_cuda_phase(AX_PHASE_ENCODE);
    ax_onehot_encode(*p, x);
    ax_cuda_phase(AX_PHASE_MULTIPLY);
    if (x.tile_rows == 512) launch<ax_onehot_matrix, 1, 64, 4>(p, x, c);
    else x.taps ? launch_for<ax_onehot_patches>(p, x, c) : launch_for<ax_onehot_matrix>(p, x, c);
    if (partial) join<<<(unsigned)(4 * ax_cuda.processors), 256, 0, ax_cuda.stream>>>(*p, c);
}

/* Encoded operands may take this much; below LEAST multiplications, encoding costs more than it saves. */
static const int64_t MOST_BYTES = (int64_t)4 << 30, LEAST = (int64_t)1 << 22;

static int worth(const ax_gemm *g)
{
    return g->m >= 16 && g->n >= 16 && g->k >= 16 && g->m * g->n * g->k * g->batch >= LEAST && g->m < 1 << 30 && g->n < 1 << 22 &&
           g->k < 1 << 30 && g->batch < 1 << 16;
}

/* Was the kernel built for this device? Elsewhere it is empty: no barriers in shared memory. */
static int has_sparse_wgmma()
{
    static int has = -1;
    cudaFuncAttributes a = {};
    if (has >= 0) return has;
    has = ax_cuda.capability == 90 && cudaFuncGetAttributes(&a, multiply<1, 128, 2, ax_onehot_matrix>) == cudaSuccess && a.sharedSizeBytes > 0;
    return has;
}

/* A sum of many rows is cheaper as a sum. */
static int serves_onehot(const ax_gemm *g)
{
    const ax_plan *plan = g->plan;
    int most = plan->additive ? AX_ONEHOT_CLASSES / 2 : AX_ONEHOT_CLASSES;
    if (!plan->narrow || plan->distinct_rows > most || !worth(g) || !has_sparse_wgmma()) return 0;
    int64_t copies = g->batch, pairs = pairs_for(plan->distinct_rows);
    int64_t a = has_patches(g) ? (g->a.n * g->a.h * g->a.w + 8) * g->a.c : (g->m + 512) * (g->k + 64);
    return copies * a * 3 + copies * (g->n + 128) * (g->k + 64) * pairs * 4 <= MOST_BYTES;
}

/* cuBLAS adds parts of a long sum one after another, so few outputs do not fill the device. */
static int thin(const ax_gemm *g)
{
    enum { TILE = 128, LONG = 1024 };
    return g->n < TILE || (g->k > LONG && (int64_t)tiles(g->m, TILE) * tiles(g->n, TILE) * g->batch < RESIDENT);
}

/* One row: gemm_powers.cu, but cuBLAS wants patches as a matrix. */
static int serves_powers(const ax_gemm *g)
{
    return g->plan->narrow && g->plan->distinct_rows == 1 && worth(g) && !((has_patches(g) || thin(g)) && serves_onehot(g));
}

const ax_cuda_gemm_kernel ax_cuda_onehot_kernels[] = {
    {"cuda-powers", 80, 0, serves_powers, ax_powers_run, 1, 1 << 25},
    {"cuda-onehot", 90, 0, serves_onehot, run_onehot, 1, 1 << 25},
    {},
};

/* Sums of narrow additive tables on tensor cores, in an order of their own. Two products are one 32-bit addition of bfloat16s; a
 * matrix instruction adds 16 x 16 of them, since of the 8 columns of its other operand all but one are zero, and that one holds
 * +-2^eb. A table that is a sum plus a few products of values has these summed in the usual way behind it.
 *
 * Tensor cores align addends to the largest and cut below its last bits: every BLOCK steps the accumulators are added to FP32 sums
 * in shared memory, each thread's own, and start again. */
#include "kernels/cuda/sum_mma.h"

#include "kernels/sum.h"

enum {
    DEPTH = AX_SUM_DEPTH, GROUP = AX_SUM_GROUP, STAGES = 2, BLOCK = 256 / DEPTH,
    WARP_ROWS = 64, WARP_COLUMNS = 32, ROW_BLOCKS = WARP_ROWS / 16, COLUMN_BLOCKS = WARP_COLUMNS / 8
};

/* A block of WM x WN warps. A stage holds DEPTH ks of A, of lane words and of powers. */
template <int WM, int WN> struct tile {
    enum {
        ROWS = WM * WARP_ROWS, COLUMNS = WN * WARP_COLUMNS, THREADS = WM * WN * 32,
        A_BYTES = ROWS * DEPTH * 2, B_BYTES = COLUMNS * DEPTH * 2, STAGE = A_BYTES + 2 * B_BYTES,
        SHARED = STAGES * STAGE + ROWS * COLUMNS * (int)sizeof(float)
    };
};

/* ---- instructions ---- */

__device__ static uint32_t shared_address(const void *p) { return (uint32_t)__cvta_generic_to_shared(p); }

__device__ static void copy_16(uint32_t to, const void *from)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}

__device__ static void copies_end() { asm volatile("cp.async.commit_group;" ::: "memory"); }
__device__ static void copies_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(STAGES - 2) : "memory"); }

/* 16 x 16 of A: x[0], x[1] rows lane / 4 and + 8, ks 2q and 2q + 1, q = lane % 4; x[2], x[3] the same 8 ks on. */
__device__ static void load_fragment(uint32_t (&x)[4], uint32_t at)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]) : "r"(at));
}

__device__ static void multiply_add(float (&c)[4], uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3, uint32_t b0, uint32_t b1)
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

/* ---- stages ---- */

/* 16-byte part c of row r of A lies at part c ^ (r / 2 % 4): eight rows of a fragment fall into eight different groups of banks. */
__device__ static uint32_t place_of_a(int row, int part) { return row * (DEPTH * 2) + ((part ^ (row >> 1 & 3)) << 4); }

/* What a block reads, step after step: all steps of plane 0, then of plane 1, ... Places count 16 bytes: they fit 32 bits. */
struct feeder {
    uint32_t a, lane, power;         /* this thread's first row, and the block's columns, of the step */
    int left, plane;                 /* steps of the plane */
};

template <class T> __device__ static void feed(feeder &f, const ax_sum_encoded &e, int steps, uint32_t stage)
{
    const int t = threadIdx.x;
    if (f.plane <= e.rank) {
        const uint4 *a = (const uint4 *)e.a + f.a, *lane = (const uint4 *)e.lane + f.lane, *power = (const uint4 *)e.power + f.power;
        const uint32_t to = stage + place_of_a(t / 4, t % 4);
#pragma unroll
        for (int i = 0; i < T::ROWS * 4 / T::THREADS; i++)
            copy_16(to + i * (T::THREADS / 4) * (DEPTH * 2), a + (uint32_t)(i * (T::THREADS / 4)) * (e.ks / 8));
#pragma unroll
        for (int i = 0; i < T::COLUMNS * 4 / T::THREADS; i++) {
            const uint32_t at = t + i * T::THREADS, from = at / (T::COLUMNS * 2) * e.columns * 2 + at % (T::COLUMNS * 2);
            if (f.plane == 0) copy_16(stage + T::A_BYTES + at * 16, lane + from);
            copy_16(stage + T::A_BYTES + T::B_BYTES + at * 16, power + from);
        }
        const uint32_t next = DEPTH / GROUP * 2 * e.columns;
        f.a += DEPTH / 8, f.lane += next, f.power += next;
        if (--f.left == 0) {
            f.left = steps, f.plane++;
            f.a += (uint32_t)e.rows * (e.ks / 8) - steps * (DEPTH / 8);
            f.power += (uint32_t)(e.ks / DEPTH - steps) * next;
        }
    }
    copies_end();
}

/* ---- steps ---- */

/* Where a warp stands in its block's tile, and how much of its part is of the product. */
struct stand {
    int lane, rows, columns;         /* the part's first */
    int live;                        /* its blocks of 8 columns, 0 if none of its rows counts */
};

__device__ static void load_a(uint32_t (&a)[ROW_BLOCKS][4], const stand &w, uint32_t stage, int group)
{
#pragma unroll
    for (int i = 0; i < ROW_BLOCKS; i++)
        load_fragment(a[i], stage + place_of_a(w.rows + i * 16 + (w.lane & 15), group * 2 + (w.lane >> 4)));
}

/* FULL: all of the warp's columns count, and nothing breaks the flow of instructions. */
template <class T, bool FULL>
__device__ static void add_sums(float (&acc)[ROW_BLOCKS][COLUMN_BLOCKS][4], const stand &w, const uint32_t (&mine)[8], const uint8_t *stage)
{
#pragma unroll
    for (int group = 0; group < DEPTH / GROUP; group++) {
        uint32_t a[ROW_BLOCKS][4];
        load_a(a, w, shared_address(stage), group);
        const uint4 *lanes = (const uint4 *)(stage + T::A_BYTES) + (group * T::COLUMNS + w.columns) * 2 + (w.lane & 3);
        const uint2 *powers = (const uint2 *)(stage + T::A_BYTES + T::B_BYTES) + (group * T::COLUMNS + w.columns) * 4 + w.lane;
#pragma unroll
        for (int j = 0; j < COLUMN_BLOCKS; j++) {
            if (!FULL && j >= w.live) break;
            const uint2 power = powers[j * 32];
#pragma unroll
            for (int pair = 0; pair < 4; pair++) {
                const uint4 x = lanes[(j * 4 + pair) * 4];
#pragma unroll
                for (int odd = 0; odd < 2; odd++) {
                    const uint32_t low = odd ? x.z : x.x, high = odd ? x.w : x.y, keep = mine[pair * 2 + odd];
#pragma unroll
                    for (int i = 0; i < ROW_BLOCKS; i++)
                        multiply_add(acc[i][j], a[i][0] + low, a[i][1] + low, a[i][2] + high, a[i][3] + high, power.x & keep,
                                     power.y & keep);
                }
            }
        }
    }
}

template <class T> __device__ static void add_products(float (&acc)[ROW_BLOCKS][COLUMN_BLOCKS][4], const stand &w, const uint8_t *stage)
{
#pragma unroll
    for (int group = 0; group < DEPTH / GROUP; group++) {
        uint32_t a[ROW_BLOCKS][4];
        load_a(a, w, shared_address(stage), group);
        const uint2 *powers = (const uint2 *)(stage + T::A_BYTES + T::B_BYTES) + (group * T::COLUMNS + w.columns) * 4 + w.lane;
#pragma unroll
        for (int j = 0; j < COLUMN_BLOCKS; j++) {
            if (j >= w.live) break;
            const uint2 power = powers[j * 32];
#pragma unroll
            for (int i = 0; i < ROW_BLOCKS; i++) multiply_add(acc[i][j], a[i][0], a[i][1], a[i][2], a[i][3], power.x, power.y);
        }
    }
}

/* Moves the accumulators into this thread's sums, (row block, column block, thread). */
template <class T> __device__ static void promote(float4 *sums, float (&acc)[ROW_BLOCKS][COLUMN_BLOCKS][4], bool first)
{
#pragma unroll
    for (int i = 0; i < ROW_BLOCKS; i++)
#pragma unroll
        for (int j = 0; j < COLUMN_BLOCKS; j++) {
            float (&x)[4] = acc[i][j];
            float4 *at = &sums[(i * COLUMN_BLOCKS + j) * T::THREADS], old = first ? float4{} : *at;
            *at = {old.x + x[0], old.y + x[1], old.z + x[2], old.w + x[3]};
            x[0] = x[1] = x[2] = x[3] = 0.0f;
        }
}

/* ---- ends of sums ---- */

/* What takes a sum back to its scale. */
struct ending {
    float floor;                     /* all that zeros of A can have added: a sum up to it is 0 */
    float factor[2];                 /* one alone might be no normal number */
};

__device__ static float power_of_two(int exponent) { return __uint_as_float((uint32_t)(exponent + 127) << 23); }

__device__ static ending ending_of(const ax_cuda_extents &extents, int k)
{
    int shift = AX_SUM_TOP_A + AX_SUM_TOP_B - (int)(extents.a >> 23) - (int)(extents.b >> 23);
    shift = min(shift, 252);         /* a sum is below 2^119: beyond, it is flushed either way */
    return {(float)k * power_of_two(AX_SUM_TOP_B - 253), {power_of_two(-(shift / 2)), power_of_two(-(shift - shift / 2))}};
}

__device__ static void put(const ax_cuda_product &p, const ending &end, int batch, int row, int column, float sum)
{
    float x = fabsf(sum) <= end.floor ? 0.0f : sum * end.factor[0] * end.factor[1];
    p.c[batch * p.c_batch + row * p.ldc + column] = ax_sum_end(x, p.bias ? p.bias[column] : 0.0f, p.bias != nullptr, p.activation);
}

/* ---- the kernel ---- */

/* Grid: (column tiles, row tiles, batch * splits). */
template <int WM, int WN>
__global__ void __launch_bounds__(WM * WN * 32, 16 / (WM * WN)) sum_mma(const __grid_constant__ ax_cuda_product p,
                                                                       const __grid_constant__ ax_sum_encoded e)
{
    typedef tile<WM, WN> T;
    extern __shared__ __align__(128) uint8_t shared[];
    if (!ax_in_range(*p.extents)) return;
    const int warp = __shfl_sync(~0u, threadIdx.x / 32, 0);      /* the compiler sees that it is one number a warp */
    const int batch = blockIdx.z / e.splits, split = blockIdx.z % e.splits;
    const int first_row = blockIdx.y * T::ROWS, first_column = blockIdx.x * T::COLUMNS, first_step = split * e.split_steps;
    const int steps = min(e.split_steps, e.ks / DEPTH - first_step);
    stand w = {(int)threadIdx.x % 32, warp % WM * WARP_ROWS, warp / WM * WARP_COLUMNS, 0};
    if (first_row + w.rows < e.live_rows) w.live = (p.n - first_column - w.columns + 7) / 8;

    const uint32_t columns = (uint32_t)first_step * (DEPTH / GROUP) * 2 * e.columns + first_column * 2;
    const uint32_t parts = (first_row + threadIdx.x / 4) * (e.ks / 8) + first_step * (DEPTH / 8) + threadIdx.x % 4;
    feeder f = {(uint32_t)(batch * (e.a_batch / 8)) + parts, (uint32_t)(batch * (e.lane_batch / 2)) + columns,
                (uint32_t)(batch * (e.power_batch / 2)) + columns, steps, 0};

    uint32_t mine[8];
#pragma unroll
    for (int i = 0; i < 8; i++) mine[i] = w.lane / 4 == i ? ~0u : 0u;
    float acc[ROW_BLOCKS][COLUMN_BLOCKS][4] = {};
    float4 *sums = (float4 *)(void *)(shared + STAGES * T::STAGE) + threadIdx.x;
    uint32_t at = 0;
    feed<T>(f, e, steps, shared_address(shared));
    for (int plane = 0; plane <= e.rank; plane++)
        for (int step = 0; step < steps;) {
            const int block_end = min(step + BLOCK, steps);
            const bool first = plane == 0 && step == 0;
            for (; step < block_end; step++, at = T::STAGE - at) {
                copies_wait();
                __syncthreads();
                feed<T>(f, e, steps, shared_address(shared) + T::STAGE - at);
                if (plane == 0 && w.live >= COLUMN_BLOCKS) add_sums<T, true>(acc, w, mine, shared + at);
                else if (plane == 0) add_sums<T, false>(acc, w, mine, shared + at);
                else add_products<T>(acc, w, shared + at);
            }
            promote<T>(sums, acc, first);
        }

    const ending end = ending_of(*p.extents, p.k);
#pragma unroll 1
    for (int i = 0; i < ROW_BLOCKS * COLUMN_BLOCKS; i++) {
        const float4 x = sums[i * T::THREADS];
        const int row = first_row + w.rows + i / COLUMN_BLOCKS * 16 + w.lane / 4;
        const int column = first_column + w.columns + i % COLUMN_BLOCKS * 8 + w.lane % 4 * 2;
        if (e.partial) {
            float *out = e.partial + ((int64_t)(split * p.batch + batch) * e.rows + row) * e.columns + column;
            *(float2 *)out = {x.x, x.y};
            *(float2 *)(out + (int64_t)8 * e.columns) = {x.z, x.w};
            continue;
        }
        const float sum[4] = {x.x, x.y, x.z, x.w};
#pragma unroll
        for (int j = 0; j < 4; j++)
            if (row + j / 2 * 8 < e.live_rows && column + j % 2 < p.n)
                put(p, end, batch, e.first_row + row + j / 2 * 8, column + j % 2, sum[j]);
    }
}

/* Adds the splits' sums in their order. */
__global__ static void __launch_bounds__(AX_CUDA_THREADS) add_splits(const ax_cuda_product p, const ax_sum_encoded e)
{
    if (!ax_in_range(*p.extents)) return;
    const ending end = ending_of(*p.extents, p.k);
    const int64_t outputs = (int64_t)e.live_rows * p.n * p.batch, split_floats = (int64_t)p.batch * e.rows * e.columns;
    for (int64_t i = blockIdx.x * (int64_t)AX_CUDA_THREADS + threadIdx.x; i < outputs; i += gridDim.x * (int64_t)AX_CUDA_THREADS) {
        int column = (int)(i % p.n), batch = (int)(i / p.n / e.live_rows), row = (int)(i / p.n % e.live_rows);
        const float *x = e.partial + ((int64_t)batch * e.rows + row) * e.columns + column;
        float sum = x[0];
        for (int s = 1; s < e.splits; s++) sum += x[s * split_floats];
        put(p, end, batch, e.first_row + row, column, sum);
    }
}

/* ---- launching ---- */

enum { ENOUGH_TILES = 256, LEAST_STEPS = 4, MOST_ROWS = 1 << 20 };
static const int64_t most_bytes_of_a = (int64_t)256 << 20;

static int64_t rounded(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

/* The parts of the work memory, one after another. */
static size_t lay_out(ax_sum_encoded *e, const ax_cuda_product *p, int64_t a_copies, int64_t b_copies, char *memory)
{
    int64_t a = (int64_t)(1 + e->rank) * e->rows * e->ks, b = (int64_t)e->ks * e->columns / 4;
    int64_t sums = e->splits > 1 ? (int64_t)e->splits * p->batch * e->rows * e->columns : 0;
    e->a_batch = a_copies > 1 ? a : 0;
    e->lane_batch = b_copies > 1 ? b : 0, e->power_batch = e->lane_batch * (1 + e->rank);
    size_t lane_at = (size_t)(a * a_copies) * sizeof *e->a, power_at = lane_at + (size_t)(b * b_copies) * sizeof *e->lane;
    size_t partial_at = power_at + (size_t)(b * b_copies * (1 + e->rank)) * sizeof *e->power;
    e->a = (uint16_t *)(void *)memory, e->lane = (uint2 *)(void *)(memory + lane_at), e->power = (uint2 *)(void *)(memory + power_at);
    e->partial = sums ? (float *)(void *)(memory + partial_at) : nullptr;
    return partial_at + (size_t)sums * sizeof(float);
}

/* Rows that are encoded at a time, and the splits of k: by the shape alone. */
template <class T> static ax_sum_encoded divide(const ax_cuda_product *p, int rank, int64_t a_copies)
{
    ax_sum_encoded e = {};
    e.rank = rank, e.columns = (int)rounded(p->n, T::COLUMNS), e.ks = (int)rounded(p->k, DEPTH);
    int64_t row_bytes = (int64_t)e.ks * 2 * (1 + rank) * a_copies, most = most_bytes_of_a / row_bytes / T::ROWS * T::ROWS;
    most = most < T::ROWS ? T::ROWS : most > MOST_ROWS ? MOST_ROWS : most;
    e.rows = (int)(p->m < most ? rounded(p->m, T::ROWS) : most);
    int64_t tiles = (int64_t)(e.rows / T::ROWS) * (e.columns / T::COLUMNS) * p->batch, steps = e.ks / DEPTH;
    int64_t wanted = tiles < ENOUGH_TILES ? ENOUGH_TILES / tiles : 1, each = (steps + wanted - 1) / wanted;
    e.split_steps = (int)(each < LEAST_STEPS ? LEAST_STEPS : each);
    e.splits = (int)((steps + e.split_steps - 1) / e.split_steps);
    return e;
}

template <int WM, int WN> static void launch(const ax_gemm *g, const ax_cuda_product *p, const ax_sum_forms *form)
{
    typedef tile<WM, WN> T;
    int64_t a_copies = p->batch > 1 && p->a_batch ? p->batch : 1, b_copies = p->batch > 1 && p->b_batch ? p->batch : 1;
    ax_sum_encoded e = divide<T>(p, form->host.rank, a_copies);
    void *memory = ax_cuda_work(lay_out(&e, p, a_copies, b_copies, nullptr));
    if (!memory) return;
    lay_out(&e, p, a_copies, b_copies, (char *)memory);
    ax_cuda_check(cudaFuncSetAttribute(sum_mma<WM, WN>, cudaFuncAttributeMaxDynamicSharedMemorySize, T::SHARED), "gemm");
    ax_sum_encode_b(g, p, &e, form->device);
    for (; e.first_row < p->m; e.first_row += e.rows) {
        e.live_rows = p->m - e.first_row < e.rows ? p->m - e.first_row : e.rows;
        ax_sum_encode_a(g, p, &e, form->device);
        dim3 grid(e.columns / T::COLUMNS, (unsigned)((e.live_rows + T::ROWS - 1) / T::ROWS), (unsigned)(p->batch * e.splits));
        sum_mma<WM, WN><<<grid, T::THREADS, T::SHARED, ax_cuda.stream>>>(*p, e);
        if (!e.partial) continue;
        int64_t blocks = ((int64_t)e.live_rows * p->n * p->batch + AX_CUDA_THREADS - 1) / AX_CUDA_THREADS;
        add_splits<<<(unsigned)(blocks < 4096 ? blocks : 4096), AX_CUDA_THREADS, 0, ax_cuda.stream>>>(*p, e);
    }
}

/* Large tiles where they fit the device's shared memory and the product. */
static void run(const ax_gemm *g, const ax_cuda_product *p)
{
    const ax_sum_forms *form = ax_sum_forms_of(g->plan);
    bool large = ax_cuda.shared_bytes >= (size_t)tile<2, 4>::SHARED;
    if (p->n <= 32) launch<4, 1>(g, p, form);
    else if (p->m <= 64 || !large) launch<1, 4>(g, p, form);
    else if (p->n <= 64) launch<4, 2>(g, p, form);
    else launch<2, 4>(g, p, form);
}

/* Encoding touches (m + n) k elements and must be worth it. */
static int serves(const ax_gemm *g)
{
    double m = (double)g->m, n = (double)g->n, k = (double)g->k;
    if (m * n < 24 * (m + n) || m * n * k < 1 << 22 || n > 1 << 22 || g->batch > 256) return 0;
    const ax_sum_forms *form = ax_sum_forms_of(g->plan);
    return form && form->device;
}

const ax_cuda_gemm_kernel ax_cuda_sum_mma_kernels[] = {
    {"cuda-sum-mma", 80, 0, serves, run},
    {},
};

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
    WARP_ROWS = 64, WARP_COLUMNS = 32, ROW_BLOCKS = WARP_ROWS / 16, COLUMN_BLOCKS = WARP_COLUMNS / 8,
    PART = 8                         /* elements of a copy */
};

/* Half of a part's address in a tensor, as an ax_cuda_place. */
struct part_place {
    int y, x;
    uint32_t at;                     /* parts */
};


/* A block of WM x WN warps. A stage holds DEPTH ks of A, of lane words and of powers. */
template <int WM, int WN> struct tile {
    enum {
        ROWS = WM * WARP_ROWS, COLUMNS = WN * WARP_COLUMNS, THREADS = WM * WN * 32,
        A_BYTES = ROWS * DEPTH * 2, B_BYTES = COLUMNS * DEPTH * 2, STAGE = A_BYTES + 2 * B_BYTES,
        PLACES = STAGES * STAGE + ROWS * COLUMNS * (int)sizeof(float), SHARED = PLACES + STAGES * DEPTH * (int)sizeof(part_place),
        BLOCKS = WM * WN > 4 ? 2 : 3      /* that a processor's shared memory and registers hold */
    };
};

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800

/* ---- instructions ---- */

__device__ static uint32_t shared_address(const void *p) { return (uint32_t)__cvta_generic_to_shared(p); }

__device__ static void copy_16(uint32_t to, const void *from)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}

/* 16 bytes of zeros unless `inside`. */
__device__ static void copy_16_if(bool inside, uint32_t to, const void *from)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(inside ? 16 : 0) : "memory");
}

__device__ static void copies_end() { asm volatile("cp.async.commit_group;" ::: "memory"); }
__device__ static void copies_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(STAGES - 2) : "memory"); }

/* 16 x 16 of A: x[0], x[1] rows lane / 4 and + 8, ks 2q and 2q + 1, q = lane % 4; x[2], x[3] the same 8 ks on. */
__device__ static void load_fragment(uint32_t (&x)[4], uint32_t at)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]) : "r"(at));
}

/* The same of a stage that holds rows side by side: `at` is of 8 rows at one k. */
__device__ static void load_fragment_turned(uint32_t (&x)[4], uint32_t at)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]) : "r"(at));
}

__device__ static void multiply_add(float (&c)[4], uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3, uint32_t b0, uint32_t b1)
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

/* ---- A, copied into stages ---- */

/* What a thread keeps of its share of A, and how it copies the share of a step. */
template <class T, int LIES> struct walk;

template <class T> struct walk<T, AX_SUM_MATRIX> {
    uint32_t at;                     /* the first of its parts */
};

/* Two parts, 2 apart, of each of its rows: two threads fetch 32 bytes that lie together. */
template <class T> struct walk<T, AX_SUM_PATCHES> {
    enum { ROWS = T::ROWS * 2 / T::THREADS };
    part_place row[ROWS];
};

/* One part of each of its ks; the places of a step's ks are in shared memory. */
template <class T> struct walk<T, AX_SUM_TURNED> {
    enum { PARTS = T::ROWS / PART };
    part_place part;
    part_place *places;              /* (STAGES, DEPTH) */
};

/* 16-byte part c of row r of A lies at part c ^ (r / 2 % 4): eight rows of a fragment fall into eight different groups of banks. */
__device__ static uint32_t place_of_a(int row, int part) { return row * (DEPTH * 2) + ((part ^ (row >> 1 & 3)) << 4); }

/* The same of a stage that holds rows side by side. */
template <class T> __device__ static uint32_t place_of_turned(int k, int part) { return k * (T::ROWS * 2) + ((part ^ (k & 7)) << 4); }

/* Outside every tensor, twice too. */
__device__ static part_place nowhere() { return {-(1 << 30), 0, 0}; }

__device__ static part_place place_of(const ax_cuda_place &p) { return {p.y, p.x, (uint32_t)(p.at / PART)}; }

__device__ static part_place position_at(const ax_cuda_source &s, int position, int end)
{
    return position < end ? place_of(ax_position(s, (uint32_t)position)) : nowhere();
}

__device__ static part_place tap_at(const ax_cuda_source &s, int tap, int end)
{
    return tap < end ? place_of(ax_tap(s, (uint32_t)tap)) : nowhere();
}

/* Copies the part at a position and a tap: what ax_offset says of one element. */
__device__ static void copy_part(uint32_t to, const uint16_t *tensor, const ax_cuda_source &s, const part_place &position, const part_place &tap)
{
    int y = position.y + tap.y, x = position.x + tap.x;
    bool inside = y >= 0 && x >= 0;
    if (s.dilation_h > 1 || s.dilation_w > 1) {
        uint32_t off_y, off_x;
        y = (int)ax_divide(&off_y, (uint32_t)y, s.by_dilation_h);
        x = (int)ax_divide(&off_x, (uint32_t)x, s.by_dilation_w);
        inside = inside && !(off_y | off_x);
    }
    inside = inside && y < s.h && x < s.w;
    const uint32_t at = position.at + tap.at + (uint32_t)(y * s.w + x) * (uint32_t)(s.c / PART);
    copy_16_if(inside, to, (const uint4 *)(const void *)tensor + (inside ? at : 0u));
}

/* What a block reads, step after step: all steps of plane 0, then of plane 1, ... Places count parts: they fit 32 bits. */
struct feeder {
    uint32_t lane, power;            /* the block's columns, of the step */
    int steps, step, plane;
    int turn;                        /* 0, 1, 0, ... */
};

/* Where a block begins: its first row, of those encoded, and its first k. */
struct corner {
    uint32_t batch_at;               /* parts */
    int row, k;
};

template <class T>
__device__ static void start(walk<T, AX_SUM_MATRIX> &w, const ax_cuda_product &, const ax_sum_encoded &e, const corner &c, uint8_t *)
{
    w.at = c.batch_at + (uint32_t)(c.row + (int)threadIdx.x / 4) * (e.ks / PART) + c.k / PART + threadIdx.x % 4;
}

template <class T>
__device__ static void copy_step(walk<T, AX_SUM_MATRIX> &w, const ax_cuda_product &, const ax_sum_encoded &e, const corner &, const feeder &f, uint32_t stage)
{
    const uint32_t to = stage + place_of_a(threadIdx.x / 4, threadIdx.x % 4);
    const uint4 *a = (const uint4 *)(const void *)e.a + w.at + f.plane * (uint32_t)(e.a_plane / PART) + f.step * (DEPTH / PART);
#pragma unroll
    for (int i = 0; i < T::ROWS * 4 / T::THREADS; i++)
        copy_16(to + i * (T::THREADS / 4) * (DEPTH * 2), a + (uint32_t)(i * (T::THREADS / 4)) * (e.ks / PART));
}

/* The thread's first row: 8 threads that follow one another write rows whose parts lie in different banks. */
__device__ static int row_of_thread(int t) { return (t >> 1 & ~7) | (t >> 1 & 1) | (t >> 1 & 2) << 1 | (t >> 1 & 4) >> 1; }

template <class T>
__device__ static void start(walk<T, AX_SUM_PATCHES> &w, const ax_cuda_product &p, const ax_sum_encoded &, const corner &c, uint8_t *)
{
#pragma unroll
    for (int i = 0; i < w.ROWS; i++) {
        w.row[i] = position_at(p.a, c.row + row_of_thread(threadIdx.x) + i * (T::THREADS / 2), p.m);
        w.row[i].at += c.batch_at;
    }
}

template <class T>
__device__ static void copy_step(walk<T, AX_SUM_PATCHES> &w, const ax_cuda_product &p, const ax_sum_encoded &e, const corner &c, const feeder &f, uint32_t stage)
{
    const int row = row_of_thread(threadIdx.x);
#pragma unroll
    for (int half = 0; half < 2; half++) {
        const int part = threadIdx.x % 2 + half * 2;
        part_place tap = tap_at(p.a, c.k + f.step * DEPTH + part * PART, p.k);
        tap.at += f.plane * (uint32_t)(e.a_plane / PART);
#pragma unroll
        for (int i = 0; i < w.ROWS; i++)
            copy_part(stage + place_of_a(row, part) + i * (T::THREADS / 2) * (DEPTH * 2), e.a, p.a, w.row[i], tap);
    }
}

template <class T>
__device__ static void start(walk<T, AX_SUM_TURNED> &w, const ax_cuda_product &p, const ax_sum_encoded &, const corner &c, uint8_t *places)
{
    w.part = tap_at(p.a, c.row + (int)threadIdx.x % w.PARTS * PART, p.m);
    w.part.at += c.batch_at;
    w.places = (part_place *)(void *)places;
    if (threadIdx.x < DEPTH) w.places[threadIdx.x] = position_at(p.a, c.k + (int)threadIdx.x, p.k);
    __syncthreads();
}

/* Also writes the places of the step that follows, which is read behind the next barrier. */
template <class T>
__device__ static void copy_step(walk<T, AX_SUM_TURNED> &w, const ax_cuda_product &p, const ax_sum_encoded &e, const corner &c, const feeder &f, uint32_t stage)
{
    const int part = threadIdx.x % w.PARTS, first = threadIdx.x / w.PARTS;
    part_place tap = w.part;
    tap.at += f.plane * (uint32_t)(e.a_plane / PART);
#pragma unroll
    for (int k = 0; k < DEPTH; k += T::THREADS / w.PARTS)
        copy_part(stage + place_of_turned<T>(first + k, part), e.a, p.a, w.places[f.turn * DEPTH + first + k], tap);
    if (threadIdx.x >= DEPTH) return;
    const int next = f.step + 1 == f.steps ? 0 : f.step + 1;
    w.places[(f.turn ^ 1) * DEPTH + threadIdx.x] = position_at(p.a, c.k + next * DEPTH + (int)threadIdx.x, p.k);
}

/* ---- stages ---- */

template <class T, int LIES>
__device__ static void feed(feeder &f, walk<T, LIES> &w, const ax_cuda_product &p, const ax_sum_encoded &e, const corner &c, uint32_t stage)
{
    const int t = threadIdx.x;
    if (f.plane <= e.rank) {
        copy_step(w, p, e, c, f, stage);
        const uint4 *lane = (const uint4 *)e.lane + f.lane, *power = (const uint4 *)e.power + f.power;
#pragma unroll
        for (int i = 0; i < (T::COLUMNS * 4 + T::THREADS - 1) / T::THREADS; i++) {
            const uint32_t at = t + i * T::THREADS, from = at / (T::COLUMNS * 2) * e.columns * 2 + at % (T::COLUMNS * 2);
            if (T::COLUMNS * 4 % T::THREADS && at >= T::COLUMNS * 4) break;
            if (f.plane == 0) copy_16(stage + T::A_BYTES + at * 16, lane + from);
            copy_16(stage + T::A_BYTES + T::B_BYTES + at * 16, power + from);
        }
        const uint32_t next = DEPTH / GROUP * 2 * e.columns;
        f.lane += next, f.power += next, f.turn ^= 1;
        if (++f.step == f.steps) {
            f.step = 0, f.plane++;
            f.power += (uint32_t)(e.ks / DEPTH - f.steps) * next;
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

template <class T, int LIES> __device__ static void load_a(uint32_t (&a)[ROW_BLOCKS][4], const stand &w, uint32_t stage, int group)
{
    const uint32_t turned = stage + place_of_turned<T>(group * GROUP + (w.lane & 7) + (w.lane >> 4) * 8, w.rows / PART + (w.lane >> 3 & 1));
#pragma unroll
    for (int i = 0; i < ROW_BLOCKS; i++) {
        if (LIES == AX_SUM_TURNED) load_fragment_turned(a[i], turned ^ i * 32);      /* a stage begins at a multiple of 128 */
        else load_fragment(a[i], stage + place_of_a(w.rows + i * 16 + (w.lane & 15), group * 2 + (w.lane >> 4)));
    }
}

/* FULL: all of the warp's columns count, and nothing breaks the flow of instructions. */
template <class T, int LIES, bool FULL>
__device__ static void add_sums(float (&acc)[ROW_BLOCKS][COLUMN_BLOCKS][4], const stand &w, const uint32_t (&mine)[8], const uint8_t *stage)
{
#pragma unroll
    for (int group = 0; group < DEPTH / GROUP; group++) {
        uint32_t a[ROW_BLOCKS][4];
        load_a<T, LIES>(a, w, shared_address(stage), group);
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

template <class T, int LIES>
__device__ static void add_products(float (&acc)[ROW_BLOCKS][COLUMN_BLOCKS][4], const stand &w, const uint8_t *stage)
{
#pragma unroll
    for (int group = 0; group < DEPTH / GROUP; group++) {
        uint32_t a[ROW_BLOCKS][4];
        load_a<T, LIES>(a, w, shared_address(stage), group);
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

#endif

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

/* Grid: (column tiles x row tiles, 1, batch x splits). */
template <int WM, int WN, int LIES>
__global__ void __launch_bounds__(WM * WN * 32, 16 / (WM * WN)) sum_mma(const __grid_constant__ ax_cuda_product p,
                                                                       const __grid_constant__ ax_sum_encoded e)
{
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
    typedef tile<WM, WN> T;
    extern __shared__ __align__(128) uint8_t shared[];
    if (!ax_in_range(*p.extents)) return;
    const int warp = __shfl_sync(~0u, threadIdx.x / 32, 0);      /* the compiler sees that it is one number a warp */
    const int batch = blockIdx.z / e.splits, split = blockIdx.z % e.splits, across = e.columns / T::COLUMNS;
    const int first_row = blockIdx.x / across * T::ROWS, first_column = blockIdx.x % across * T::COLUMNS, first_step = split * e.split_steps;
    const int steps = min(e.split_steps, e.ks / DEPTH - first_step);
    stand w = {(int)threadIdx.x % 32, warp % WM * WARP_ROWS, warp / WM * WARP_COLUMNS, 0};
    if (first_row + w.rows < e.live_rows) w.live = (p.n - first_column - w.columns + 7) / 8;

    const uint32_t columns = (uint32_t)first_step * (DEPTH / GROUP) * 2 * e.columns + first_column * 2;
    feeder f = {(uint32_t)(batch * (e.lane_batch / 2)) + columns, (uint32_t)(batch * (e.power_batch / 2)) + columns, steps, 0, 0, 0};
    const corner begin = {(uint32_t)(batch * (e.a_batch / PART)), first_row, first_step * DEPTH};
    walk<T, LIES> walk;
    start(walk, p, e, begin, shared + T::PLACES);

    uint32_t mine[8];
#pragma unroll
    for (int i = 0; i < 8; i++) mine[i] = w.lane / 4 == i ? ~0u : 0u;
    float acc[ROW_BLOCKS][COLUMN_BLOCKS][4] = {};
    float4 *sums = (float4 *)(void *)(shared + STAGES * T::STAGE) + threadIdx.x;
    uint32_t at = 0;
    feed(f, walk, p, e, begin, shared_address(shared));
    for (int plane = 0; plane <= e.rank; plane++)
        for (int step = 0; step < steps;) {
            const int block_end = min(step + BLOCK, steps);
            const bool first = plane == 0 && step == 0;
            for (; step < block_end; step++, at = T::STAGE - at) {
                copies_wait();
                __syncthreads();
                feed(f, walk, p, e, begin, shared_address(shared) + T::STAGE - at);
                if (plane == 0 && w.live >= COLUMN_BLOCKS) add_sums<T, LIES, true>(acc, w, mine, shared + at);
                else if (plane == 0) add_sums<T, LIES, false>(acc, w, mine, shared + at);
                else add_products<T, LIES>(acc, w, shared + at);
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
#endif
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

enum { LEAST_STEPS = 4, MOST_ROWS = 1 << 20 };
static const int64_t most_bytes_of_a = (int64_t)256 << 20, most_bytes_of_tensor = (int64_t)8 << 30;

static int64_t rounded(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

static int64_t tensor_of(const ax_operand &o) { return o.n * o.h * o.w * o.c; }

/* Tensors are encoded as they lie where their channels come in eights. */
static enum ax_sum_lie lies_of(const ax_gemm *g, int rank, int64_t copies)
{
    const ax_operand &o = g->a;
    if (o.kind != AX_OPERAND_PATCHES || o.c % PART || (uintptr_t)o.data % sizeof(float4) || (copies > 1 && g->a_batch % 4)) return AX_SUM_MATRIX;
    if (tensor_of(o) * (1 + rank) * copies * 2 > most_bytes_of_tensor) return AX_SUM_MATRIX;
    return o.transposed ? AX_SUM_TURNED : AX_SUM_PATCHES;
}

/* The parts of the work memory, one after another. */
static size_t lay_out(ax_sum_encoded *e, const ax_cuda_product *p, int64_t a_copies, int64_t b_copies, char *memory)
{
    int64_t a = (int64_t)(1 + e->rank) * e->a_plane, b = (int64_t)e->ks * e->columns / 4;
    int64_t sums = e->splits > 1 ? (int64_t)e->splits * p->batch * e->rows * e->columns : 0;
    e->a_batch = a_copies > 1 ? a : 0;
    e->lane_batch = b_copies > 1 ? b : 0, e->power_batch = e->lane_batch * (1 + e->rank);
    size_t lane_at = (size_t)rounded(a * a_copies, 128) * sizeof *e->a, power_at = lane_at + (size_t)(b * b_copies) * sizeof *e->lane;
    size_t partial_at = power_at + (size_t)(b * b_copies * (1 + e->rank)) * sizeof *e->power;
    e->a = (uint16_t *)(void *)memory, e->lane = (uint2 *)(void *)(memory + lane_at), e->power = (uint2 *)(void *)(memory + power_at);
    e->partial = sums ? (float *)(void *)(memory + partial_at) : nullptr;
    return partial_at + (size_t)sums * sizeof(float);
}

/* Rows that are encoded at a time, and the splits of k, which give each processor its blocks: by the shape alone. */
template <class T> static ax_sum_encoded divide(const ax_gemm *g, const ax_cuda_product *p, int rank, int64_t a_copies)
{
    ax_sum_encoded e = {};
    e.rank = rank, e.columns = (int)rounded(p->n, T::COLUMNS), e.ks = (int)rounded(p->k, DEPTH), e.lies = lies_of(g, rank, a_copies);
    int64_t row_bytes = (int64_t)e.ks * 2 * (1 + rank) * a_copies, most = most_bytes_of_a / row_bytes / T::ROWS * T::ROWS;
    most = most < T::ROWS ? T::ROWS : most > MOST_ROWS ? MOST_ROWS : most;
    e.rows = (int)(p->m < most || e.lies != AX_SUM_MATRIX ? rounded(p->m, T::ROWS) : most);
    e.a_plane = e.lies == AX_SUM_MATRIX ? (int64_t)e.rows * e.ks : tensor_of(g->a);
    int64_t tiles = (int64_t)(e.rows / T::ROWS) * (e.columns / T::COLUMNS) * p->batch, steps = e.ks / DEPTH;
    int64_t enough = AX_CUDA_CUT_FOR * T::BLOCKS, wanted = tiles < enough ? enough / tiles : 1, each = (steps + wanted - 1) / wanted;
    e.split_steps = (int)(each < LEAST_STEPS ? LEAST_STEPS : each);
    e.splits = (int)((steps + e.split_steps - 1) / e.split_steps);
    return e;
}

template <int WM, int WN, int LIES> static void multiply(const ax_cuda_product *p, const ax_sum_encoded *e)
{
    typedef tile<WM, WN> T;
    int bytes = LIES == AX_SUM_TURNED ? T::SHARED : T::PLACES;
    dim3 grid((unsigned)(e->columns / T::COLUMNS) * (unsigned)((e->live_rows + T::ROWS - 1) / T::ROWS), 1, (unsigned)(p->batch * e->splits));
    ax_cuda_check(cudaFuncSetAttribute(sum_mma<WM, WN, LIES>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "gemm");
    sum_mma<WM, WN, LIES><<<grid, T::THREADS, bytes, ax_cuda.stream>>>(*p, *e);
    if (!e->partial) return;
    int64_t blocks = ((int64_t)e->live_rows * p->n * p->batch + AX_CUDA_THREADS - 1) / AX_CUDA_THREADS;
    add_splits<<<(unsigned)(blocks < 4096 ? blocks : 4096), AX_CUDA_THREADS, 0, ax_cuda.stream>>>(*p, *e);
}

template <int WM, int WN> static void launch(const ax_gemm *g, const ax_cuda_product *p, const ax_sum_forms *form)
{
    int64_t a_copies = p->batch > 1 && p->a_batch ? p->batch : 1, b_copies = p->batch > 1 && p->b_batch ? p->batch : 1;
    ax_sum_encoded e = divide<tile<WM, WN>>(g, p, form->host.rank, a_copies);
    void *memory = ax_cuda_work(lay_out(&e, p, a_copies, b_copies, nullptr));
    if (!memory) return;
    lay_out(&e, p, a_copies, b_copies, (char *)memory);
    ax_cuda_phase(AX_PHASE_ENCODE);
    ax_sum_encode_b(g, p, &e, form->device);
    for (; e.first_row < p->m; e.first_row += e.rows) {
        e.live_rows = p->m - e.first_row < e.rows ? p->m - e.first_row : e.rows;
        ax_cuda_phase(AX_PHASE_ENCODE);
        if (e.lies == AX_SUM_MATRIX) ax_sum_encode_a(g, p, &e, form->device);
        else ax_sum_encode_tensor(p, &e, form->device);
        ax_cuda_phase(AX_PHASE_MULTIPLY);
        if (e.lies == AX_SUM_TURNED) multiply<WM, WN, AX_SUM_TURNED>(p, &e);
        else if (e.lies == AX_SUM_PATCHES) multiply<WM, WN, AX_SUM_PATCHES>(p, &e);
        else multiply<WM, WN, AX_SUM_MATRIX>(p, &e);
    }
}

/* Large tiles where they fit the device's shared memory and the product. */
static void run(const ax_gemm *g, const ax_cuda_product *p)
{
    const ax_sum_forms *form = ax_sum_forms_of(g->plan);
    bool large = ax_cuda.shared_bytes >= (size_t)tile<2, 4>::SHARED;
    if (p->n <= 32) launch<4, 1>(g, p, form);
    else if (p->m <= 64 || !large) launch<1, 4>(g, p, form);
    else if (p->n > 64) launch<2, 4>(g, p, form);
    else if (rounded(p->m, 192) < rounded(p->m, 256) && p->m < 2048) launch<3, 2>(g, p, form);
    else launch<4, 2>(g, p, form);
}

/* Encoding touches (m + n) k elements and must be worth it (as must the whole: `least`). */
static int serves(const ax_gemm *g)
{
    double m = (double)g->m, n = (double)g->n, k = (double)g->k;
    if (m * n < 24 * (m + n) || m * n * k < 1 << 22 || n > 1 << 22 || m > 1 << 30 || g->batch > 1 << 15) return 0;
    const ax_sum_forms *form = ax_sum_forms_of(g->plan);
    return form && form->device;
}

const ax_cuda_gemm_kernel ax_cuda_sum_mma_kernels[] = {
    {"cuda-sum-mma", 80, 0, serves, run, 0, 100 << 20},
    {},
};

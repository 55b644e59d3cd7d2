/* Encodes the operands of the row panel kernel, in the order in which it will read them.
 *
 * Rows: a warp takes 8 rows x 16 k at a time, a lane 4 elements of one row: those whose +-2^e its mma wants. Two exchanges between
 * lanes turn the 8 rows of each k, a byte each, around. A lane keeps the half of an address that stays and walks along the other.
 *
 * Columns: a block reads 64 columns x 64 k along whichever is contiguous and turns them around in shared memory. */
#include "kernels/cuda/rowpanel.h"

/* bfloat16, truncated, +0 for a zero: all of a number that a narrow table wants. */
__device__ static uint32_t half_of(float x)
{
    uint32_t bits = ax_bits(x);
    return bits & 0x7f800000u ? bits >> 16 : 0;
}

/* ---- rows ---- */

enum { WARPS = 8, WALK = 8 /* units of 8 rows x 16 k that a warp makes */ };

/* Stores a unit. Of one row, two halves a word: those of k and k + 1, those of k + 8 and k + 9, where k = 2 * (lane % 4). */
__device__ static void store_unit(const ax_rowpanel &x, int64_t unit, uint32_t low, uint32_t high)
{
    const int lane = threadIdx.x % 32, row = lane / 4, upper_k = row % 2, odd_k = row / 2 % 2, upper_rows = row / 4;
    x.power[unit * 32 + lane] = make_uint2(low & 0xff80ff80u, high & 0xff80ff80u);
    uint32_t own = __byte_perm(low, high, 0x6420) & 0x7f7f7f7fu, other = __shfl_xor_sync(~0u, own, 4);
    own = __byte_perm(own, other, upper_k ? 0x3726 : 0x5140);          /* two k, two rows */
    other = __shfl_xor_sync(~0u, own, 8);
    own = __byte_perm(own, other, odd_k ? 0x3276 : 0x5410);            /* one k, four rows */
    uint32_t *index = (uint32_t *)(void *)(x.index + unit * AX_PANEL_DEPTH);
    index[(lane % 4 * 2 + odd_k + upper_k * 8) * 2 + upper_rows] = own;
}

__device__ static int64_t unit_of(const ax_rowpanel &x, int step, int eight)
{
    return ((int64_t)blockIdx.z * x.planes + step) * (x.rows / 8) + eight;
}

/* Where neighbouring k lie together: pairs of them, aligned. A warp walks along k. Grid: (rows / 64, steps / WALK, copies). */
__global__ static void __launch_bounds__(WARPS * 32) encode_rows_in_pairs(const ax_rowpanel x, const ax_cuda_source s, int64_t copy_step, int ks,
                                                                          const ax_cuda_extents *extents)
{
    if (!ax_in_range(*extents)) return;
    const int lane = threadIdx.x % 32, eight = blockIdx.x * WARPS + threadIdx.x / 32, row = eight * 8 + lane / 4;
    const bool live = row < x.live_rows;
    ax_cuda_place at_row = ax_row_place(s, (uint32_t)(x.first_row + (live ? row : 0)));
    at_row.at += blockIdx.z * copy_step;
    auto load = [&](int k) {
        int64_t at = live && k < ks ? ax_offset(s, at_row, ax_k_place(s, (uint32_t)k)) : -1;
        float2 two = at < 0 ? make_float2(0.0f, 0.0f) : __ldg((const float2 *)(const void *)(s.data + at));
        return half_of(two.x) | half_of(two.y) << 16;
    };
    const int first = blockIdx.y * WALK, end = min(x.planes, first + WALK);
#pragma unroll 4
    for (int step = first; step < end; step++) {
        int k = step * AX_PANEL_DEPTH + lane % 4 * 2;
        store_unit(x, unit_of(x, step, eight), load(k), load(k + 8));
    }
}

/* Anything: element by element. A warp walks along rows. Grid: (steps / 8, rows / 8 WALK, copies). */
__global__ static void __launch_bounds__(WARPS * 32) encode_rows(const ax_rowpanel x, const ax_cuda_source s, int64_t copy_step, int ks,
                                                                 const ax_cuda_extents *extents)
{
    if (!ax_in_range(*extents)) return;
    const int lane = threadIdx.x % 32, step = blockIdx.x * WARPS + threadIdx.x / 32;
    if (step >= x.planes) return;
    ax_cuda_place at_k[4];
    bool live[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
        int k = step * AX_PANEL_DEPTH + lane % 4 * 2 + i % 2 + i / 2 * 8;
        live[i] = k < ks;
        at_k[i] = ax_k_place(s, (uint32_t)(live[i] ? k : 0));
        at_k[i].at += blockIdx.z * copy_step;
    }
    const int first = blockIdx.y * WALK, end = min(x.rows / 8, first + WALK);
#pragma unroll 2
    for (int eight = first; eight < end; eight++) {
        const int row = eight * 8 + lane / 4;
        const bool inside = row < x.live_rows;
        const ax_cuda_place at_row = ax_row_place(s, (uint32_t)(x.first_row + (inside ? row : 0)));
        uint32_t half[4];
#pragma unroll
        for (int i = 0; i < 4; i++) half[i] = half_of(inside && live[i] ? ax_fetch(s, at_row, at_k[i]) : 0.0f);
        store_unit(x, unit_of(x, step, eight), half[0] | half[1] << 16, half[2] | half[3] << 16);
    }
}

/* Do k come in aligned pairs that lie together? */
static bool in_pairs(const ax_operand &o, int64_t ks, int64_t batch_step)
{
    int64_t odd = (int64_t)((uintptr_t)o.data / sizeof(float)) | batch_step;
    if (o.kind == AX_OPERAND_PATCHES) return !o.transposed && (odd | o.c) % 2 == 0;
    return o.k_stride == 1 && (odd | ks | o.row_stride | o.k_inner | o.k_outer_stride) % 2 == 0;
}

/* ---- columns ---- */

enum { THREADS = 256, SIDE = 64, PITCH = SIDE + 2, STEPS = SIDE / AX_PANEL_DEPTH };

/* A pitch of 33 words: filling it along either side meets no bank twice. */
typedef uint16_t halves[SIDE][PITCH];

/* A thread keeps one row, or one k, and finds the other in shared memory: an element's place costs no division. */
__device__ static void read_block(halves &to, const ax_cuda_source &s, int64_t offset, int along_rows, int first_row, int rows, int first_k,
                                  int ks)
{
    __shared__ ax_cuda_place others[SIDE];
    const int mine = threadIdx.x % SIDE, step = threadIdx.x / SIDE;
    const int fast = (along_rows ? first_row : first_k) + mine, fast_end = along_rows ? rows : ks;
    const int slow = along_rows ? first_k : first_row, slow_end = along_rows ? ks : rows;
    if (threadIdx.x < SIDE && slow + mine < slow_end)
        others[mine] = along_rows ? ax_k_place(s, (uint32_t)(slow + mine)) : ax_row_place(s, (uint32_t)(slow + mine));
    ax_cuda_place own = {};
    if (fast < fast_end) own = along_rows ? ax_row_place(s, (uint32_t)fast) : ax_k_place(s, (uint32_t)fast);
    own.at += offset;
    __syncthreads();
#pragma unroll 8
    for (int other = step; other < SIDE; other += THREADS / SIDE) {
        uint16_t half = (uint16_t)half_of(fast < fast_end && slow + other < slow_end ? ax_fetch(s, own, others[other]) : 0.0f);
        if (along_rows) to[mine][other] = half;
        else to[other][mine] = half;
    }
    __syncthreads();
}

/* Grid: (ks / 64, columns / 64, copies). */
__global__ static void __launch_bounds__(THREADS) encode_columns(const ax_cuda_product p, const ax_rowpanel x, int along_rows)
{
    __shared__ halves half;
    if (!ax_in_range(*p.extents)) return;
    const int first = blockIdx.y * SIDE, first_k = blockIdx.x * SIDE, live = x.rows_are_b ? p.m : p.n;
    read_block(half, x.rows_are_b ? p.a : p.b, blockIdx.z * (x.rows_are_b ? p.a_batch : p.b_batch), along_rows, first, live, first_k, p.k);
    for (int i = threadIdx.x; i < SIDE * SIDE; i += THREADS) {
        int column = i % SIDE, k = i / SIDE;
        uint32_t bits = half[column][k], row = bits & 0x7f80u ? bits & 127u : (uint32_t)AX_PANEL_ZERO;
        int64_t at = ((int64_t)blockIdx.z * x.steps * AX_PANEL_DEPTH + first_k + k) * x.columns + first + column;
        if (first + column < x.columns && first_k + k < x.steps * AX_PANEL_DEPTH) x.words[at] = (bits & 0xff80u) << 16 | row * AX_PANEL_PITCH;
    }
}

/* ---- launching ---- */

static unsigned tiles(int64_t n, int64_t size) { return (unsigned)((n + size - 1) / size); }

void ax_rowpanel_encode_rows(const ax_gemm *g, const ax_cuda_product &p, const ax_rowpanel &x)
{
    const ax_operand &o = x.rows_are_b ? g->b : g->a;
    const int64_t step = x.rows_are_b ? p.b_batch : p.a_batch;
    ax_cuda_source s = x.rows_are_b ? p.b : p.a;
    int ks = p.k;
    if (x.filter.rows) ks /= x.filter.rows, s.pad_h = 0;
    if (in_pairs(o, ks, step)) {
        dim3 grid(tiles(x.rows, WARPS * 8), tiles(x.planes, WALK), (unsigned)x.row_copies);
        encode_rows_in_pairs<<<grid, WARPS * 32, 0, ax_cuda.stream>>>(x, s, step, ks, p.extents);
    } else {
        dim3 grid(tiles(x.planes, WARPS), tiles(x.rows, WALK * 8), (unsigned)x.row_copies);
        encode_rows<<<grid, WARPS * 32, 0, ax_cuda.stream>>>(x, s, step, ks, p.extents);
    }
}

void ax_rowpanel_encode_columns(const ax_gemm *g, const ax_cuda_product &p, const ax_rowpanel &x)
{
    dim3 grid(tiles(x.steps, STEPS), tiles(x.columns, SIDE), (unsigned)x.column_copies);
    encode_columns<<<grid, THREADS, 0, ax_cuda.stream>>>(p, x, ax_rows_run(x.rows_are_b ? g->a : g->b));
}

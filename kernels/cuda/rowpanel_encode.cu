/* Encodes the operands of the row panel kernel: a block reads 64 rows x 64 k where they lie, along whichever is contiguous, keeps
 * their upper halves, which hold all that a narrow table wants, and writes them in the order in which they will be read. */
#include "kernels/cuda/rowpanel.h"

enum { THREADS = 256, SIDE = 64, PITCH = SIDE + 2, STEPS = SIDE / AX_PANEL_DEPTH, EIGHTS = SIDE / 8 };

/* bfloat16, truncated, +0 for a zero. A pitch of 33 words: filling it along either side meets no bank twice. */
typedef uint16_t halves[SIDE][PITCH];

__device__ static uint16_t half_of(float x)
{
    uint32_t bits = ax_bits(x);
    return (uint16_t)(bits & 0x7f800000u ? bits >> 16 : 0);
}

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
#pragma unroll 4
    for (int other = step; other < SIDE; other += THREADS / SIDE) {
        uint16_t half = half_of(fast < fast_end && slow + other < slow_end ? ax_fetch(s, own, others[other]) : 0.0f);
        if (along_rows) to[mine][other] = half;
        else to[other][mine] = half;
    }
    __syncthreads();
}

__device__ static uint32_t pair(uint32_t low, uint32_t high) { return (low & 0xff80u) | (high & 0xff80u) << 16; }

/* Grid: (ks / 64, rows / 64, copies). */
__global__ static void __launch_bounds__(THREADS) encode_rows(const ax_cuda_product p, const ax_rowpanel x, int along_rows)
{
    __shared__ halves half;
    if (!ax_in_range(*p.extents)) return;
    const int first = blockIdx.y * SIDE, step0 = blockIdx.x * STEPS, eights = x.rows / 8;
    read_block(half, x.rows_are_b ? p.b : p.a, blockIdx.z * (x.rows_are_b ? p.b_batch : p.a_batch), along_rows, x.first_row + first,
               x.first_row + x.live_rows, step0 * AX_PANEL_DEPTH, p.k);
    for (int i = threadIdx.x; i < STEPS * EIGHTS * AX_PANEL_DEPTH; i += THREADS) {
        int k = i % AX_PANEL_DEPTH, eight = i / AX_PANEL_DEPTH % EIGHTS, step = i / AX_PANEL_DEPTH / EIGHTS;
        uint32_t byte[2] = {0, 0};
        for (int r = 0; r < 8; r++) byte[r / 4] |= (half[eight * 8 + r][step * AX_PANEL_DEPTH + k] & 127u) << r % 4 * 8;
        int64_t at = ((int64_t)blockIdx.z * x.steps + step0 + step) * eights + first / 8 + eight;
        if (step0 + step < x.steps) x.index[at * AX_PANEL_DEPTH + k] = make_uint2(byte[0], byte[1]);
    }
    for (int i = threadIdx.x; i < STEPS * EIGHTS * 32; i += THREADS) {
        int lane = i % 32, eight = i / 32 % EIGHTS, step = i / 32 / EIGHTS;
        const uint16_t *k = &half[eight * 8 + lane / 4][step * AX_PANEL_DEPTH + lane % 4 * 2];
        int64_t at = ((int64_t)blockIdx.z * x.steps + step0 + step) * eights + first / 8 + eight;
        if (step0 + step < x.steps) x.power[at * 32 + lane] = make_uint2(pair(k[0], k[1]), pair(k[8], k[9]));
    }
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

void ax_rowpanel_encode_rows(const ax_cuda_product &p, const ax_rowpanel &x, int along_rows)
{
    dim3 grid((unsigned)((x.steps + STEPS - 1) / STEPS), (unsigned)(x.rows / SIDE), (unsigned)x.row_copies);
    encode_rows<<<grid, THREADS, 0, ax_cuda.stream>>>(p, x, along_rows);
}

void ax_rowpanel_encode_columns(const ax_cuda_product &p, const ax_rowpanel &x, int along_rows)
{
    dim3 grid((unsigned)((x.steps + STEPS - 1) / STEPS), (unsigned)((x.columns + SIDE - 1) / SIDE), (unsigned)x.column_copies);
    encode_columns<<<grid, THREADS, 0, ax_cuda.stream>>>(p, x, along_rows);
}

/* Products by a user's own function, which stands behind this text in the program that gemm_user.cu has compiled for the open device.
 * One thread sums TM x TN outputs in registers, ascending k, from tiles in shared memory, as in simt_kernel.h; in parts as there. */
#ifndef AX_CUDA_USER_KERNEL_H
#define AX_CUDA_USER_KERNEL_H

#include "kernels/cuda/gemm.h"
#include "kernels/cuda/simt_fetch.h"
#include "kernels/sum.h"

namespace ax_c {
namespace user {
__device__ unsigned approxrun_word(unsigned i, unsigned j);      /* the word of two fractions */
}
}

/* A long function is called: expanded in place for each of a thread's outputs it would not fit the instruction caches. */
#ifdef AX_USER_CALLED
#define AX_USER_CALL __noinline__
#else
#define AX_USER_CALL __forceinline__
#endif
__device__ static AX_USER_CALL uint32_t ax_user_word(uint32_t i, uint32_t j) { return ax_c::user::approxrun_word(i, j); }

struct ax_user_task {
    float *sums;                     /* (parts, batch, m, n); NULL: C is stored */
    int parts, part_ks, rows_run_a, rows_run_b, wide_a;
};

/* The fraction as the function takes it; all bits of `live` unless the operand is zero. */
struct ax_user_first {
    uint32_t fraction, live, power;
};

struct ax_user_second {
    uint32_t fraction;
    float power;
};

__device__ static inline uint32_t ax_user_fraction(uint32_t bits, int width) { return (bits & 0x7fffffu) >> (23 - width); }
__device__ static inline uint32_t ax_user_power(uint32_t bits) { return bits & 0x7f800000u ? bits & 0xff800000u : 0; }

__device__ static inline float ax_user_step(float acc, const ax_user_first &a, const ax_user_second &b)
{
    const uint32_t word = ax_user_word(a.fraction, b.fraction) & a.live;
    return __fadd_rn(acc, __fmul_rn(__uint_as_float(word + a.power), b.power));
}

/* A sum's end, once in the program: its text is longer than the rest of a kernel. */
__device__ static __noinline__ void ax_user_store(const ax_cuda_product &p, int batch, int row, int column, float sum)
{
    p.c[batch * p.c_batch + row * p.ldc + column] = ax_sum_end(sum, p.bias ? p.bias[column] : 0.0f, p.bias != nullptr, p.activation);
}

/* One k: Y x X threads, each with TM rows and TN columns that lie Y and X apart. */
template <int TM, int TN, int X, int Y>
__device__ static inline void ax_user_add(float (&acc)[TM][TN], const float *a, const float *b, int width)
{
    ax_user_second y[TN];
#pragma unroll
    for (int j = 0; j < TN; j++) {
        const uint32_t bits = ax_bits(b[threadIdx.x % X + j * X]);
        y[j] = {ax_user_fraction(bits, width), __uint_as_float(ax_user_power(bits))};
    }
#pragma unroll
    for (int i = 0; i < TM; i++) {
        const uint32_t bits = ax_bits(a[threadIdx.x / X + i * Y]), power = ax_user_power(bits);
        const ax_user_first x = {ax_user_fraction(bits, width), power ? ~0u : 0u, power};
#pragma unroll
        for (int j = 0; j < TN; j++) acc[i][j] = ax_user_step(acc[i][j], x, y[j]);
    }
}

/* OF_A reads the first operand: a matrix or patches. The second is a matrix always. */
template <int BM, int BN, class OF_A> __device__ static inline void ax_user_multiply(const ax_cuda_product &p, const ax_user_task &task)
{
    enum { X = BN < 16 ? BN : 16, Y = AX_SIMT_THREADS / X, TM = BM / Y, TN = BN / X, PITCH_A = BM + 4, PITCH_B = BN + 4 };
    typedef ax_simt_matrix<BN, PITCH_B> of_b_type;
    alignas(16) __shared__ float a[2][AX_SIMT_DEPTH][PITCH_A], b[2][AX_SIMT_DEPTH][PITCH_B];
    __shared__ typename OF_A::shared shared_a;
    __shared__ typename of_b_type::shared shared_b;
    if (!ax_in_range(*p.extents)) return;

    const int m0 = blockIdx.x * BM, n0 = blockIdx.y * BN, batch = blockIdx.z / task.parts, part = blockIdx.z % task.parts;
    const int first = part * task.part_ks, last = min(p.k, first + task.part_ks);
    const OF_A of_a(p.a, shared_a, {m0, p.m, last, task.rows_run_a, task.wide_a, batch * p.a_batch});
    const of_b_type of_b(p.b, shared_b, {n0, p.n, last, task.rows_run_b, 0, batch * p.b_batch});
    float raw_a[OF_A::COUNT], raw_b[of_b_type::COUNT], acc[TM][TN] = {};
    of_a.find_ks(0, first);
    __syncthreads();
    of_a.fetch(raw_a, 0, first);
    of_b.fetch(raw_b, 0, first);
    int turn = 0;
#pragma unroll 1
    for (int k0 = first; k0 < last; k0 += AX_SIMT_DEPTH, turn ^= 1) {
        of_a.find_ks(turn ^ 1, k0 + AX_SIMT_DEPTH);
        of_a.store(a[turn], raw_a, [](float x) { return x; });
        of_b.store(b[turn], raw_b, [](float x) { return x; });
        __syncthreads();
        if (k0 + AX_SIMT_DEPTH < last) {
            of_a.fetch(raw_a, turn ^ 1, k0 + AX_SIMT_DEPTH);
            of_b.fetch(raw_b, turn ^ 1, k0 + AX_SIMT_DEPTH);
        }
        const int depth = min((int)AX_SIMT_DEPTH, last - k0);
#pragma unroll 1
        for (int k = 0; k < depth; k++) ax_user_add<TM, TN, X, Y>(acc, a[turn][k], b[turn][k], p.mult.width);
    }
    float *sums = task.sums ? task.sums + ((int64_t)part * p.batch + batch) * p.m * p.n : nullptr;
#pragma unroll
    for (int i = 0; i < TM; i++)
#pragma unroll
        for (int j = 0; j < TN; j++) {
            const int row = m0 + threadIdx.x / X + i * Y, column = n0 + threadIdx.x % X + j * X;
            if (row >= p.m || column >= p.n) continue;
            if (sums) sums[(int64_t)row * p.n + column] = acc[i][j];
            else ax_user_store(p, batch, row, column, acc[i][j]);
        }
}

/* Operands beyond ax_in_range follow the rule as it is written: one thread an output. The last block then leaves the extents zero
 * for the next product, as the literal kernel of gemm.cu does for the others. */
__device__ static inline void ax_user_sum_literally(const ax_cuda_product &p)
{
    const int64_t outputs = (int64_t)p.m * p.n * p.batch;
    for (int64_t i = blockIdx.x * (int64_t)blockDim.x + threadIdx.x; i < outputs; i += (int64_t)gridDim.x * blockDim.x) {
        const int64_t b = i / ((int64_t)p.m * p.n), rest = i % ((int64_t)p.m * p.n), row = rest / p.n, column = rest % p.n;
        ax_cuda_place at_a = ax_row_place(p.a, (uint32_t)row), at_b = ax_row_place(p.b, (uint32_t)column);
        at_a.at += b * p.a_batch;
        at_b.at += b * p.b_batch;
        float acc = 0.0f;
#pragma unroll 1
        for (int k = 0; k < p.k; k++) {
            const float x = ax_fetch(p.a, at_a, ax_k_place(p.a, (uint32_t)k)), y = ax_fetch(p.b, at_b, ax_k_place(p.b, (uint32_t)k));
            const int width = p.mult.width;
            const uint32_t word = ax_user_word(ax_user_fraction(ax_bits(x), width), ax_user_fraction(ax_bits(y), width));
            acc = ax_sum_step(0, word, acc, x, y);
        }
        ax_user_store(p, (int)b, (int)row, (int)column, acc);
    }
}

extern "C" __global__ void ax_user_literal(const __grid_constant__ ax_cuda_product p, const ax_user_task)
{
    if (!ax_in_range(*p.extents)) ax_user_sum_literally(p);
    __syncthreads();
    if (threadIdx.x) return;
    __threadfence();
    if (atomicAdd(&p.extents->left, 1) == gridDim.x - 1) *p.extents = {};
}

#define AX_USER_TILE(bm, bn)                                                                                           \
    extern "C" __global__ void __launch_bounds__(AX_SIMT_THREADS, 2)                                                   \
        ax_user_matrix_##bm##x##bn(const __grid_constant__ ax_cuda_product p, const ax_user_task task)                 \
    {                                                                                                                  \
        ax_user_multiply<bm, bn, ax_simt_matrix<bm, bm + 4>>(p, task);                                                 \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(AX_SIMT_THREADS, 2)                                                   \
        ax_user_patches_##bm##x##bn(const __grid_constant__ ax_cuda_product p, const ax_user_task task)                \
    {                                                                                                                  \
        ax_user_multiply<bm, bn, ax_simt_patches<bm, bm + 4>>(p, task);                                                \
    }
#include "kernels/cuda/user_tiles.def"
#undef AX_USER_TILE

#endif

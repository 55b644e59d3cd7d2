/* Products by ordinary arithmetic, in the strict order: one thread sums TM x TN outputs in registers, ascending k, from tiles in
 * shared memory. A kind (kinds.h) says how operands are kept there and what a step is; a tile's shape is chosen by the product's.
 *
 * Where no strict order is asked for, a long sum of few outputs is cut into parts, a number that the shape alone decides; each is
 * summed in order, and they are added in order.
 *
 * For the files simt_*.cu alone, each of which makes some kinds: all in one take long to compile. */
#ifndef AX_CUDA_SIMT_KERNEL_H
#define AX_CUDA_SIMT_KERNEL_H

#include "kernels/cuda/parts.h"
#include "kernels/cuda/simt.h"
#include "kernels/cuda/simt_fetch.h"

#include "kernels/sum.h"

enum { THREADS = AX_SIMT_THREADS, DEPTH = AX_SIMT_DEPTH };

struct simt_task {
    float *sums;                     /* (parts, batch, m, n); NULL: C is stored */
    int parts, part_ks, rows_run_a, rows_run_b, wide_a;
    uint32_t one;
};

/* ---- tiles in shared memory ---- */

/* Threads along n, of a kind's LANES: where a warp need not share a row of a table, so many that a thread's outputs are near a square. */
static constexpr int lanes(int of_kind, int bm, int bn)
{
    if (of_kind != 16) return bn < of_kind ? bn : of_kind;
    return bm >= 4 * bn ? 8 : bn >= 4 * bm ? 32 : 16;
}

/* How a tile of BM x BN outputs is shared out: X x Y threads of TM x TN. A thread's rows and columns come in groups that lie
 * together and are one load of at most 16 bytes. */
template <class K, int BM, int BN> struct shape {
    enum { X = lanes(K::LANES, BM, BN), Y = THREADS / X, TM = BM / Y, TN = BN / X };
    enum { MOST_A = 16 / sizeof(typename K::A), MOST_B = 16 / sizeof(typename K::B) };
    enum { GROUP_A = TM < MOST_A ? TM : MOST_A, GROUP_B = TN < MOST_B ? TN : MOST_B };
    __device__ static int row(int i) { return (i / GROUP_A * Y + threadIdx.x / X) * GROUP_A + i % GROUP_A; }
    __device__ static int column(int j) { return (j / GROUP_B * X + threadIdx.x % X) * GROUP_B + j % GROUP_B; }
};

/* Rows are padded by 16 bytes, so that storing along k meets no bank twice. PATCHES: A is patches; B is a matrix always. */
template <class K, int BM, int BN, int PATCHES> struct tile {
    enum { PITCH_A = BM + 16 / sizeof(typename K::A), PITCH_B = BN + 16 / sizeof(typename K::B) };
    typedef std::conditional_t<PATCHES, ax_simt_patches<BM, PITCH_A>, ax_simt_matrix<BM, PITCH_A>> operand_a;
    typedef ax_simt_matrix<BN, PITCH_B> operand_b;
    alignas(16) typename K::A a[2][DEPTH][PITCH_A];
    alignas(16) typename K::B b[2][DEPTH][PITCH_B];
    typename operand_a::shared of_a;
    typename operand_b::shared of_b;
};

template <int N, class T> __device__ static ax_simt_group<N, T> load_group(const T *p) { return *(const ax_simt_group<N, T> *)(const void *)p; }

/* ---- the kernel ---- */

template <class K, int BM, int BN>
__device__ static void add_step(float (&acc)[shape<K, BM, BN>::TM][shape<K, BM, BN>::TN], const typename K::A *a, const typename K::B *b,
                                const ax_step_of &of)
{
    typedef shape<K, BM, BN> S;
    ax_simt_group<S::GROUP_B, typename K::B> y[S::TN / S::GROUP_B];
#pragma unroll
    for (int j = 0; j < S::TN; j += S::GROUP_B) y[j / S::GROUP_B] = load_group<S::GROUP_B>(b + S::column(j));
#pragma unroll
    for (int g = 0; g < S::TM; g += S::GROUP_A) {
        ax_simt_group<S::GROUP_A, typename K::A> x = load_group<S::GROUP_A>(a + S::row(g));
#pragma unroll
        for (int i = 0; i < S::GROUP_A; i++)
#pragma unroll
            for (int j = 0; j < S::TN; j++) {
                const typename K::B &by = y[j / S::GROUP_B].at[j % S::GROUP_B];
                acc[g + i][j] = K::step(of, acc[g + i][j], x.at[i], by, i * S::TN + j);
            }
    }
}

/* The same by the careful step. It is rare, and must not cost the other any registers: nothing is kept from row to row. */
template <class K, int BM, int BN>
__device__ static void add_carefully(float (&acc)[shape<K, BM, BN>::TM][shape<K, BM, BN>::TN], const typename K::A *a, const typename K::B *b)
{
    typedef shape<K, BM, BN> S;
#pragma unroll
    for (int i = 0; i < S::TM; i++)
#pragma unroll
        for (int j = 0; j < S::TN; j++) {
            acc[i][j] = K::careful_step(acc[i][j], a[S::row(i)], b[S::column(j)]);
            asm volatile("" ::: "memory");
        }
}

template <class K, int BM, int BN, int PATCHES>
__global__ void __launch_bounds__(THREADS, 2) simt(const __grid_constant__ ax_cuda_product p, const simt_task task)
{
    typedef shape<K, BM, BN> S;
    typedef tile<K, BM, BN, PATCHES> tile_of;
    extern __shared__ __align__(16) uint8_t shared[];
    tile_of &t = *(tile_of *)(void *)(shared + K::SHARED);
    if (K::GATED && !ax_in_range(*p.extents)) return;
    for (int i = threadIdx.x * 4; i < K::SHARED; i += THREADS * 4) *(uint32_t *)(shared + i) = *(const uint32_t *)(p.mult.bytes + i);

    const int m0 = blockIdx.x * BM, n0 = blockIdx.y * BN, batch = blockIdx.z / task.parts, part = blockIdx.z % task.parts;
    const int first = part * task.part_ks, last = min(p.k, first + task.part_ks);
    const ax_step_of of = {p.mult, shared, task.one};
    const typename tile_of::operand_a of_a(p.a, t.of_a, {m0, p.m, last, task.rows_run_a, task.wide_a, batch * p.a_batch});
    const typename tile_of::operand_b of_b(p.b, t.of_b, {n0, p.n, last, task.rows_run_b, 0, batch * p.b_batch});
    float raw_a[of_a.COUNT], raw_b[of_b.COUNT], acc[S::TM][S::TN] = {};
    of_a.find_ks(0, first);
    __syncthreads();
    of_a.fetch(raw_a, 0, first);
    of_b.fetch(raw_b, 0, first);
    int turn = 0;
    for (int k0 = first; k0 < last; k0 += DEPTH, turn ^= 1) {
        int tiny = 0;
        of_a.find_ks(turn ^ 1, k0 + DEPTH);
        of_a.store(t.a[turn], raw_a, [&](float raw) {
            const typename K::A x = K::pack_a(p.mult, raw);
            tiny |= K::tiny_a(x);
            return x;
        });
        of_b.store(t.b[turn], raw_b, [&](float raw) {
            const typename K::B y = K::pack_b(p.mult, raw);
            tiny |= K::tiny_b(y);
            return y;
        });
        if (K::CAREFUL) tiny = __syncthreads_or(tiny);
        else __syncthreads();
        if (k0 + DEPTH < last) {
            of_a.fetch(raw_a, turn ^ 1, k0 + DEPTH);
            of_b.fetch(raw_b, turn ^ 1, k0 + DEPTH);
        }
        if (K::CAREFUL && tiny) {
#pragma unroll 1
            for (int k = 0; k < DEPTH; k++) add_carefully<K, BM, BN>(acc, t.a[turn][k], t.b[turn][k]);
        } else if (k0 + DEPTH <= last) {
#pragma unroll
            for (int k = 0; k < DEPTH; k++) add_step<K, BM, BN>(acc, t.a[turn][k], t.b[turn][k], of);
        } else {
#pragma unroll 1
            for (int k = 0; k < last - k0; k++) add_step<K, BM, BN>(acc, t.a[turn][k], t.b[turn][k], of);
        }
    }
    float *sums = task.sums ? task.sums + ((int64_t)part * p.batch + batch) * p.m * p.n : nullptr, *c = p.c + batch * p.c_batch;
#pragma unroll
    for (int i = 0; i < S::TM; i++)
#pragma unroll
        for (int j = 0; j < S::TN; j++) {
            int row = m0 + S::row(i), column = n0 + S::column(j);
            if (row >= p.m || column >= p.n) continue;
            if (sums) sums[(int64_t)row * p.n + column] = acc[i][j];
            else c[row * p.ldc + column] = ax_sum_end(acc[i][j], p.bias ? p.bias[column] : 0.0f, p.bias != nullptr, p.activation);
        }
}

/* ---- launching ---- */

/* Whether four channels, neighbours in memory, lie in 16 aligned bytes wherever they begin. */
static int is_wide(const ax_cuda_product *p)
{
    return p->a.patches && p->a.c % 4 == 0 && (uintptr_t)p->a.data % 16 == 0 && (p->batch == 1 || p->a_batch % 4 == 0);
}

template <class K, int BM, int BN, int PATCHES> static void launch(const ax_gemm *g, const ax_cuda_product *p, int parts, float *sums)
{
    size_t bytes = K::SHARED + sizeof(tile<K, BM, BN, PATCHES>);
    if (bytes > 48 << 10)
        ax_cuda_check(cudaFuncSetAttribute(simt<K, BM, BN, PATCHES>, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes), "gemm");
    dim3 grid((unsigned)ax_tiles(p->m, BM), (unsigned)ax_tiles(p->n, BN), (unsigned)(p->batch * parts));
    simt_task task = {sums, parts, ax_cuda_part_ks(p->k, parts, DEPTH), ax_rows_run(g->a), ax_rows_run(g->b), is_wide(p), 1};
    ax_cuda_phase(AX_PHASE_MULTIPLY);
    simt<K, BM, BN, PATCHES><<<grid, THREADS, bytes, ax_cuda.stream>>>(*p, task);
}

/* Small devices have no room for a tall tile of the kind with the longest packed rows. */
template <class K, int BM, int BN, int PATCHES> static bool fits(void)
{
    return K::SHARED + sizeof(tile<K, BM, BN, PATCHES>) <= ax_cuda.shared_bytes;
}

/* The large tile that wastes least. There is no broad one for patches: few taps and many columns are rare. A kind that waits
 * for the caches gains nothing from a better fit. */
template <class K, int PATCHES> static void launch_large(const ax_gemm *g, const ax_cuda_product *p, int parts, float *sums)
{
    const int64_t squares = ax_square_blocks(p->m, p->n), talls = ax_tall_blocks(p->m, p->n);
    const int64_t broads = PATCHES ? squares : ax_broad_blocks(p->m, p->n);
    if constexpr (!K::CACHED) {
        if (talls < squares && talls <= broads && fits<K, 256, 64, PATCHES>()) {
            launch<K, 256, 64, PATCHES>(g, p, parts, sums);
            return;
        }
    }
    if constexpr (!PATCHES && !K::CACHED) {
        if (broads < squares && fits<K, 64, 256, 0>()) {
            launch<K, 64, 256, 0>(g, p, parts, sums);
            return;
        }
    }
    launch<K, 128, 128, PATCHES>(g, p, parts, sums);
}

/* The largest tile that leaves no processor idle and covers less than a third more than small ones; thin products get thin tiles. */
template <class K, int PATCHES> static void launch_tile(const ax_gemm *g, const ax_cuda_product *p, int parts, float *sums)
{
    const int64_t m = p->m, n = p->n, copies = (int64_t)p->batch * parts, small = ax_tiles(m, 64) * ax_tiles(n, 64);
    const int64_t large = PATCHES ? min(ax_square_blocks(m, n), ax_tall_blocks(m, n)) : ax_cuda_least_blocks(m, n);
    if (n <= 16 && (m <= 32 || ax_tiles(m, 128) * copies < ax_cuda.processors)) launch<K, 32, 16, PATCHES>(g, p, parts, sums);
    else if (PATCHES && n <= 8) launch<K, 128, PATCHES ? 8 : 16, PATCHES>(g, p, parts, sums);
    else if (n <= 16) launch<K, 128, 16, PATCHES>(g, p, parts, sums);
    else if (n <= 32 && m <= 32) launch<K, 32, 32, PATCHES>(g, p, parts, sums);
    else if (n <= 32) launch<K, 128, 32, PATCHES>(g, p, parts, sums);
    else if (m <= 32) launch<K, 32, 64, PATCHES>(g, p, parts, sums);
    else if (large * copies >= ax_cuda.processors && small > 3 * large) launch_large<K, PATCHES>(g, p, parts, sums);
    else if (small * copies >= ax_cuda.processors) launch<K, 64, 64, PATCHES>(g, p, parts, sums);
    else launch<K, 32, 32, PATCHES>(g, p, parts, sums);
}

template <class K> static void launch_best(const ax_gemm *g, const ax_cuda_product *p, int parts, float *sums)
{
    if (p->a.patches) launch_tile<K, 1>(g, p, parts, sums);
    else launch_tile<K, 0>(g, p, parts, sums);
}

template <class K> void ax_simt_run(const ax_gemm *g, const ax_cuda_product *p) { launch_best<K>(g, p, 1, nullptr); }

template <class K> void ax_simt_run_in_parts(const ax_gemm *g, const ax_cuda_product *p)
{
    int parts = ax_cuda_parts_of(g);
    float *sums = ax_cuda_part_sums(p, parts);
    if (!sums) return;
    launch_best<K>(g, p, parts, sums);
    ax_cuda_add_parts(p, sums, parts, K::GATED);
}

#endif

/* Products by ordinary arithmetic, in the strict order: one thread sums TM x TN outputs in registers, ascending k, from tiles in
 * shared memory. A kind (kinds.h) says how operands are kept there and what a step is; a tile's shape is chosen by the product's.
 *
 * Where no strict order is asked for, a long sum of few outputs is cut into parts, a number that the shape alone decides; each is
 * summed in order, and they are added in order. */
#include "kernels/cuda/kinds.h"
#include "kernels/cuda/parts.h"

#include "kernels/sum.h"

enum { THREADS = 256, DEPTH = 8 };

struct simt_task {
    float *sums;                     /* (parts, batch, m, n); NULL: C is stored */
    int parts, part_ks, rows_run_a, rows_run_b;
    uint32_t one;
};

/* ---- tiles in shared memory ---- */

/* How a tile of BM x BN outputs is shared out: X x Y threads of TM x TN. A thread's rows and columns come in groups that lie
 * together and are one load of at most 16 bytes. */
template <class K, int BM, int BN> struct shape {
    enum { X = BN < K::LANES ? BN : K::LANES, Y = THREADS / X, TM = BM / Y, TN = BN / X };
    enum { MOST_A = 16 / sizeof(typename K::A), MOST_B = 16 / sizeof(typename K::B) };
    enum { GROUP_A = TM < MOST_A ? TM : MOST_A, GROUP_B = TN < MOST_B ? TN : MOST_B };
    __device__ static int row(int i) { return (i / GROUP_A * Y + threadIdx.x / X) * GROUP_A + i % GROUP_A; }
    __device__ static int column(int j) { return (j / GROUP_B * X + threadIdx.x % X) * GROUP_B + j % GROUP_B; }
};

/* Rows are padded by 16 bytes, so that storing along k meets no bank twice. */
template <class K, int BM, int BN> struct tile {
    ax_cuda_place rows_a[BM], rows_b[BN], ks_a[2][DEPTH], ks_b[2][DEPTH];
    alignas(16) typename K::A a[2][DEPTH][BM + 16 / sizeof(typename K::A)];
    alignas(16) typename K::B b[2][DEPTH][BN + 16 / sizeof(typename K::B)];
};

template <int N, class T> struct alignas(N * sizeof(T)) group {
    T at[N];
};

template <int N, class T> __device__ static group<N, T> load_group(const T *p) { return *(const group<N, T> *)(const void *)p; }

/* ---- reading operands ---- */

/* The places of a tile's rows, found once; rows beyond the operand repeat its last. */
__device__ static void find_rows(ax_cuda_place *places, int n, const ax_cuda_source &s, int first, int rows, int64_t offset)
{
    for (int r = threadIdx.x; r < n; r += THREADS) {
        places[r] = ax_flatten(s, ax_row_place(s, (uint32_t)min(first + r, rows - 1)));
        places[r].at += offset;
    }
}

/* A thread's part of a block of an operand: elements (ROWS, DEPTH), element e = threadIdx.x + i * THREADS, along rows or along k,
 * whichever lies together in memory. Zeros beyond the last k. */
template <int ROWS> struct fetcher {
    enum { COUNT = (ROWS * DEPTH + THREADS - 1) / THREADS };
    const ax_cuda_source &s;
    const ax_cuda_place *rows;
    ax_cuda_place (*ks)[DEPTH];      /* of this stage and the next, by turns */
    int along_rows;
    bool even;                       /* a matrix, and no row is beyond it: a thread's elements are a constant step apart */
    __device__ int row(int i) const { int e = threadIdx.x + i * THREADS; return along_rows ? e % ROWS : e / DEPTH; }
    __device__ int k(int i) const { int e = threadIdx.x + i * THREADS; return along_rows ? e / ROWS : e % DEPTH; }
    __device__ bool mine(int i) const { return ROWS * DEPTH % THREADS == 0 || threadIdx.x + i * THREADS < ROWS * DEPTH; }
    __device__ bool steady(int first_k, int last_k) const { return even && first_k + DEPTH <= last_k; }
    /* The places of a stage's k, by DEPTH threads from `thread`: found once for the block, a barrier before they are fetched. */
    __device__ void find_ks(int turn, int first_k, int last_k, int thread) const
    {
        const int k = (int)threadIdx.x - thread;
        if (k < 0 || k >= DEPTH || first_k + k >= last_k || steady(first_k, last_k)) return;
        ks[turn][k] = ax_flatten(s, ax_k_place(s, (uint32_t)(first_k + k)));
    }
    __device__ void fetch(float *out, int turn, int first_k, int last_k) const
    {
        if (steady(first_k, last_k)) {
            const float *at = s.data + rows[mine(0) ? row(0) : 0].at + (first_k + k(0)) * s.k_stride;
            const int64_t step = along_rows ? THREADS / ROWS * s.k_stride : THREADS / DEPTH * s.row_stride;
#pragma unroll
            for (int i = 0; i < COUNT; i++) out[i] = mine(i) ? __ldg(at + i * step) : 0.0f;
        } else {
#pragma unroll
            for (int i = 0; i < COUNT; i++) {
                out[i] = mine(i) && first_k + k(i) < last_k ? ax_fetch_flattened(s, rows[row(i)], ks[turn][k(i)]) : 0.0f;
            }
        }
    }
};

__device__ static bool is_even(const ax_cuda_source &s, int ks, int end, int rows) { return !s.patches && s.k_inner.d >= (uint32_t)ks && end <= rows; }

/* ---- the kernel ---- */

template <class K, int BM, int BN>
__device__ static void add_step(float (&acc)[shape<K, BM, BN>::TM][shape<K, BM, BN>::TN], const typename K::A *a, const typename K::B *b,
                                const ax_step_of &of)
{
    typedef shape<K, BM, BN> S;
    group<S::GROUP_B, typename K::B> y[S::TN / S::GROUP_B];
#pragma unroll
    for (int j = 0; j < S::TN; j += S::GROUP_B) y[j / S::GROUP_B] = load_group<S::GROUP_B>(b + S::column(j));
#pragma unroll
    for (int g = 0; g < S::TM; g += S::GROUP_A) {
        group<S::GROUP_A, typename K::A> x = load_group<S::GROUP_A>(a + S::row(g));
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

template <class K, int BM, int BN> __global__ void __launch_bounds__(THREADS, 2) simt(const __grid_constant__ ax_cuda_product p, const simt_task task)
{
    typedef shape<K, BM, BN> S;
    extern __shared__ __align__(16) uint8_t shared[];
    tile<K, BM, BN> &t = *(tile<K, BM, BN> *)(void *)(shared + K::SHARED);
    if (K::GATED && !ax_in_range(*p.extents)) return;
    for (int i = threadIdx.x * 4; i < K::SHARED; i += THREADS * 4) *(uint32_t *)(shared + i) = *(const uint32_t *)(p.mult.bytes + i);

    const int m0 = blockIdx.x * BM, n0 = blockIdx.y * BN, batch = blockIdx.z / task.parts, part = blockIdx.z % task.parts;
    const int first = part * task.part_ks, last = min(p.k, first + task.part_ks);
    find_rows(t.rows_a, BM, p.a, m0, p.m, batch * p.a_batch);
    find_rows(t.rows_b, BN, p.b, n0, p.n, batch * p.b_batch);

    const ax_step_of of = {p.mult, shared, task.one};
    const fetcher<BM> of_a = {p.a, t.rows_a, t.ks_a, task.rows_run_a, is_even(p.a, p.k, m0 + BM, p.m)};
    const fetcher<BN> of_b = {p.b, t.rows_b, t.ks_b, task.rows_run_b, is_even(p.b, p.k, n0 + BN, p.n)};
    float raw_a[of_a.COUNT], raw_b[of_b.COUNT], acc[S::TM][S::TN] = {};
    of_a.find_ks(0, first, last, 0);
    of_b.find_ks(0, first, last, 32);
    __syncthreads();
    of_a.fetch(raw_a, 0, first, last);
    of_b.fetch(raw_b, 0, first, last);
    int turn = 0;
    for (int k0 = first; k0 < last; k0 += DEPTH, turn ^= 1) {
        int tiny = 0;
        of_a.find_ks(turn ^ 1, k0 + DEPTH, last, 0);
        of_b.find_ks(turn ^ 1, k0 + DEPTH, last, 32);
#pragma unroll
        for (int i = 0; i < of_a.COUNT; i++) {
            typename K::A x = K::pack_a(p.mult, raw_a[i]);
            tiny |= K::tiny_a(x);
            if (of_a.mine(i)) t.a[turn][of_a.k(i)][of_a.row(i)] = x;
        }
#pragma unroll
        for (int i = 0; i < of_b.COUNT; i++) {
            typename K::B y = K::pack_b(p.mult, raw_b[i]);
            tiny |= K::tiny_b(y);
            if (of_b.mine(i)) t.b[turn][of_b.k(i)][of_b.row(i)] = y;
        }
        if (K::CAREFUL) tiny = __syncthreads_or(tiny);
        else __syncthreads();
        if (k0 + DEPTH < last) {
            of_a.fetch(raw_a, turn ^ 1, k0 + DEPTH, last);
            of_b.fetch(raw_b, turn ^ 1, k0 + DEPTH, last);
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

static int64_t tiles(int64_t n, int64_t size) { return (n + size - 1) / size; }

template <class K, int BM, int BN> static void launch(const ax_gemm *g, const ax_cuda_product *p, int parts, float *sums)
{
    size_t bytes = K::SHARED + sizeof(tile<K, BM, BN>);
    if (bytes > 48 << 10)
        ax_cuda_check(cudaFuncSetAttribute(simt<K, BM, BN>, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes), "gemm");
    dim3 grid((unsigned)tiles(p->m, BM), (unsigned)tiles(p->n, BN), (unsigned)(p->batch * parts));
    simt_task task = {sums, parts, (int)tiles(tiles(p->k, parts), DEPTH) * DEPTH, ax_rows_run(g->a), ax_rows_run(g->b), 1};
    ax_cuda_phase(AX_PHASE_MULTIPLY);
    simt<K, BM, BN><<<grid, THREADS, bytes, ax_cuda.stream>>>(*p, task);
}

/* The largest tile that wastes little and leaves no processor idle; thin products get thin tiles. */
template <class K> static void launch_best(const ax_gemm *g, const ax_cuda_product *p, int parts, float *sums)
{
    int64_t m = p->m, n = p->n, copies = (int64_t)p->batch * parts;
    if (n <= 16 && (m <= 32 || tiles(m, 128) * copies < ax_cuda.processors)) launch<K, 32, 16>(g, p, parts, sums);
    else if (n <= 16) launch<K, 128, 16>(g, p, parts, sums);
    else if (n <= 32) launch<K, 128, 32>(g, p, parts, sums);
    else if (m <= 16) launch<K, 16, 128>(g, p, parts, sums);
    else if (m <= 32) launch<K, 32, 128>(g, p, parts, sums);
    else if (tiles(m, 128) * tiles(n, 128) * copies >= ax_cuda.processors) launch<K, 128, 128>(g, p, parts, sums);
    else if (tiles(m, 64) * tiles(n, 64) * copies >= ax_cuda.processors) launch<K, 64, 64>(g, p, parts, sums);
    else launch<K, 32, 32>(g, p, parts, sums);
}

template <class K> static void run(const ax_gemm *g, const ax_cuda_product *p) { launch_best<K>(g, p, 1, nullptr); }

/* How many parts a sum is cut into: enough that blocks of 64 x 64 outputs occupy the processors twice, none shorter than 256. */
static int parts_of(const ax_gemm *g)
{
    int64_t blocks = tiles(g->m, 64) * tiles(g->n, 64) * g->batch, wanted = 2 * AX_CUDA_CUT_FOR / blocks, most = g->k / 256;
    return (int)(wanted < most ? wanted : most);
}

template <class K> static void run_in_parts(const ax_gemm *g, const ax_cuda_product *p)
{
    int parts = parts_of(g);
    float *sums = (float *)ax_cuda_work(sizeof(float) * parts * p->batch * p->m * p->n);
    if (!sums) return;
    launch_best<K>(g, p, parts, sums);
    ax_cuda_add_parts(p, sums, parts, K::GATED);
}

/* ---- which products are served ---- */

template <int (*SERVES)(const ax_plan *)> static int serves(const ax_gemm *g) { return SERVES(g->plan); }
template <int (*SERVES)(const ax_plan *)> static int serves_in_parts(const ax_gemm *g) { return parts_of(g) >= 2 && SERVES(g->plan); }

const ax_cuda_gemm_kernel ax_cuda_simt_kernels[] = {
    {"cuda-fma-parts", 0, 0, serves_in_parts<ax_is_native>, run_in_parts<ax_native>},
    {"cuda-linear-parts", 0, 0, serves_in_parts<ax_is_linear>, run_in_parts<ax_linear>},
    {"cuda-sum-parts", 0, 0, serves_in_parts<ax_is_additive>, run_in_parts<ax_additive>},
    {"cuda-product-parts", 0, 0, serves_in_parts<ax_is_truncated>, run_in_parts<ax_truncated>},
    {"cuda-biased-parts", 0, 0, serves_in_parts<ax_is_biased>, run_in_parts<ax_biased>},
    {"cuda-bytes-parts", 0, 0, serves_in_parts<ax_is_bytes>, run_in_parts<ax_bytes>},
    {"cuda-words-fused-parts", 0, 0, serves_in_parts<ax_is_fused_words>, run_in_parts<ax_words<1>>},
    {"cuda-words-parts", 0, 0, serves_in_parts<ax_is_words>, run_in_parts<ax_words<0>>},
    {"cuda-fma", 0, 1, serves<ax_is_native>, run<ax_native>},
    {"cuda-linear", 0, 1, serves<ax_is_linear>, run<ax_linear>},
    {"cuda-sum", 0, 1, serves<ax_is_additive>, run<ax_additive>},
    {"cuda-product", 0, 1, serves<ax_is_truncated>, run<ax_truncated>},
    {"cuda-biased", 0, 1, serves<ax_is_biased>, run<ax_biased>},
    {"cuda-bytes", 0, 1, serves<ax_is_bytes>, run<ax_bytes>},
    {"cuda-words-fused", 0, 1, serves<ax_is_fused_words>, run<ax_words<1>>},
    {"cuda-words", 0, 1, serves<ax_is_words>, run<ax_words<0>>},
    {},
};

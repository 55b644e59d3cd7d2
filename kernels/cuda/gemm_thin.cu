/* Few outputs, in the strict order: a sum may not be cut, so one thread makes one output and its chain of additions is all there is
 * to wait for. Of a block's warps two add, 8 x 8 outputs; the others fetch and pack STAGE k ahead of them, each thread one k of one
 * operand, its loads two stages ahead. Steps and operands as in simt_kernel.h (kinds.h). */
#include "kernels/cuda/kinds.h"

#include "kernels/sum.h"

enum { SIDE = 8, ADDERS = SIDE * SIDE, STAGE = 96, FETCHERS = 2 * STAGE, THREADS = ADDERS + FETCHERS, RUN = 16 };

/* Elements of 16 bytes more a row: the 8 rows that a warp reads at one k lie in different banks. */
template <class T> struct stage_of {
    enum { GROUP = 16 / sizeof(T) };
    alignas(16) T at[SIDE][STAGE + GROUP];
};

template <class K> struct stages {
    stage_of<typename K::A> a[2];
    stage_of<typename K::B> b[2];
    ax_cuda_place rows_a[SIDE], rows_b[SIDE];
};

template <class T> struct alignas(16) group {
    T at[16 / sizeof(T)];
};

/* ---- fetching ---- */

/* Rows beyond the operand repeat its last. */
__device__ static void find_rows(ax_cuda_place *places, const ax_cuda_source &s, int first, int rows, int64_t offset)
{
    if (threadIdx.x >= SIDE) return;
    places[threadIdx.x] = ax_row_place(s, (uint32_t)min(first + (int)threadIdx.x, rows - 1));
    places[threadIdx.x].at += offset;
}

/* One k of all rows; zeros beyond the last. */
__device__ static void fetch(float (&raw)[SIDE], const ax_cuda_source &s, const ax_cuda_place *rows, int k, int ks)
{
    if (k >= ks) {
#pragma unroll
        for (int r = 0; r < SIDE; r++) raw[r] = 0.0f;
        return;
    }
    const ax_cuda_place at = ax_k_place(s, (uint32_t)k);
#pragma unroll
    for (int r = 0; r < SIDE; r++) raw[r] = ax_fetch(s, rows[r], at);
}

template <class T, class PACK> __device__ static void store(stage_of<T> &out, const float (&raw)[SIDE], int k, PACK pack)
{
#pragma unroll
    for (int r = 0; r < SIDE; r++) out.at[r][k] = pack(raw[r]);
}

/* ---- adding ---- */

/* RUN steps: all that a step needs besides the sum is ready long before it. */
template <class K> __device__ static float add_run(float acc, const typename K::A *a, const typename K::B *b, const ax_step_of &of)
{
    enum { GROUP_A = 16 / sizeof(typename K::A), GROUP_B = 16 / sizeof(typename K::B) };
    group<typename K::A> x[RUN / GROUP_A];
    group<typename K::B> y[RUN / GROUP_B];
#pragma unroll
    for (int i = 0; i < RUN / GROUP_A; i++) x[i] = *(const group<typename K::A> *)(const void *)(a + i * GROUP_A);
#pragma unroll
    for (int i = 0; i < RUN / GROUP_B; i++) y[i] = *(const group<typename K::B> *)(const void *)(b + i * GROUP_B);
#pragma unroll
    for (int k = 0; k < RUN; k++) acc = K::step(of, acc, x[k / GROUP_A].at[k % GROUP_A], y[k / GROUP_B].at[k % GROUP_B], k);
    return acc;
}

template <class K> __device__ static float add_stage(float acc, const typename K::A *a, const typename K::B *b, int ks, int tiny, const ax_step_of &of)
{
    if (K::CAREFUL && tiny) {
#pragma unroll 1
        for (int k = 0; k < ks; k++) acc = K::careful_step(acc, a[k], b[k]);
        return acc;
    }
#pragma unroll 1
    for (int k = 0; k < ks; k += RUN) acc = add_run<K>(acc, a + k, b + k, of);
    return acc;
}

template <class K> __global__ void __launch_bounds__(THREADS, 2) thin(const __grid_constant__ ax_cuda_product p, int tiles_m, int tiles_n, uint32_t one)
{
    extern __shared__ __align__(16) uint8_t shared[];
    stages<K> &t = *(stages<K> *)(void *)(shared + K::SHARED);
    if (K::GATED && !ax_in_range(*p.extents)) return;
    for (int i = threadIdx.x * 4; i < K::SHARED; i += THREADS * 4) *(uint32_t *)(shared + i) = *(const uint32_t *)(p.mult.bytes + i);

    const int tile = blockIdx.x, m0 = tile % tiles_m * SIDE, n0 = tile / tiles_m % tiles_n * SIDE, batch = tile / tiles_m / tiles_n;
    find_rows(t.rows_a, p.a, m0, p.m, batch * p.a_batch);
    find_rows(t.rows_b, p.b, n0, p.n, batch * p.b_batch);
    __syncthreads();

    const ax_step_of of = {p.mult, shared, one};
    const bool adds = threadIdx.x < ADDERS, of_a = threadIdx.x < ADDERS + STAGE;
    const int row = threadIdx.x / SIDE % SIDE, column = threadIdx.x % SIDE, my_k = (threadIdx.x + 2 * STAGE - ADDERS) % STAGE;
    float acc = 0.0f, raw[SIDE];
    int tiny = 0;
    if (!adds) of_a ? fetch(raw, p.a, t.rows_a, my_k, p.k) : fetch(raw, p.b, t.rows_b, my_k, p.k);
    for (int k0 = -STAGE, turn = 1; k0 < p.k; k0 += STAGE, turn ^= 1) {
        int next_tiny = 0, fetched = k0 + 2 * STAGE + my_k;
        if (adds) {
            if (k0 >= 0) acc = add_stage<K>(acc, t.a[turn].at[row], t.b[turn].at[column], min((int)STAGE, p.k - k0), tiny, of);
        } else if (of_a) {
            store(t.a[turn ^ 1], raw, my_k, [&](float value) {
                const typename K::A x = K::pack_a(p.mult, value);
                next_tiny |= K::tiny_a(x);
                return x;
            });
            fetch(raw, p.a, t.rows_a, fetched, p.k);
        } else {
            store(t.b[turn ^ 1], raw, my_k, [&](float value) {
                const typename K::B y = K::pack_b(p.mult, value);
                next_tiny |= K::tiny_b(y);
                return y;
            });
            fetch(raw, p.b, t.rows_b, fetched, p.k);
        }
        if (K::CAREFUL) tiny = __syncthreads_or(next_tiny);
        else __syncthreads();
    }
    if (!adds || m0 + row >= p.m || n0 + column >= p.n) return;
    p.c[batch * p.c_batch + (m0 + row) * p.ldc + n0 + column] =
        ax_sum_end(acc, p.bias ? p.bias[n0 + column] : 0.0f, p.bias != nullptr, p.activation);
}

/* ---- launching ---- */

static int64_t tiles(int64_t n) { return (n + SIDE - 1) / SIDE; }
static int64_t blocks_of(const ax_gemm *g) { return tiles(g->m) * tiles(g->n) * g->batch; }

template <class K> static void run(const ax_gemm *g, const ax_cuda_product *p)
{
    size_t bytes = K::SHARED + sizeof(stages<K>);
    if (bytes > 48 << 10) ax_cuda_check(cudaFuncSetAttribute(thin<K>, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes), "gemm");
    ax_cuda_phase(AX_PHASE_MULTIPLY);
    thin<K><<<(unsigned)blocks_of(g), THREADS, bytes, ax_cuda.stream>>>(*p, (int)tiles(p->m), (int)tiles(p->n), 1);
}

/* Few: every output's block is on a processor at once. From there on larger tiles, which fetch less for an output, are faster; and
 * where the order is free, a long sum is better cut. */
template <int (*SERVES)(const ax_plan *)> static int serves(const ax_gemm *g)
{
    return blocks_of(g) <= 4 * (int64_t)ax_cuda.processors && (g->strict || g->k < 512) && SERVES(g->plan);
}

const ax_cuda_gemm_kernel ax_cuda_thin_kernels[] = {
    {"cuda-thin-fma", 0, 1, serves<ax_is_native>, run<ax_native>},
    {"cuda-thin-linear", 0, 1, serves<ax_is_linear>, run<ax_linear>},
    {"cuda-thin-sum", 0, 1, serves<ax_is_additive>, run<ax_additive>},
    {"cuda-thin-product", 0, 1, serves<ax_is_truncated>, run<ax_truncated>},
    {"cuda-thin-biased", 0, 1, serves<ax_is_biased>, run<ax_biased>},
    {"cuda-thin-bytes", 0, 1, serves<ax_is_bytes>, run<ax_bytes>},
    {"cuda-thin-words", 0, 1, serves<ax_is_words>, run<ax_words>},
    {},
};

/* Encodes the operands of a sum on tensor cores: a block reads 64 rows x 64 ks where they lie, along whichever is contiguous, and
 * writes their planes in the order in which they will be read. */
#include "kernels/cuda/sum_mma.h"

enum { THREADS = 256, SIDE = 64, PITCH = SIDE + 2 };

/* A pitch of 33 words: both ways of filling a plane are free of conflicts. */
typedef uint16_t plane[SIDE][PITCH];

struct number {
    uint32_t head;                   /* sign and scaled exponent, a bfloat16; 0 for a zero */
    uint32_t fraction;               /* 7 leading bits */
};

__device__ static int scale_of(uint32_t largest, int top)
{
    int exponent = (int)(largest >> 23);
    return exponent ? top - exponent : 0;
}

__device__ static number number_of(float x, int scale)
{
    uint32_t bits = ax_bits(x);
    int exponent = (int)(bits >> 23 & 255u), scaled = exponent + scale;
    bool zero = exponent == 0 || scaled < 1;
    return {zero ? 0u : (bits >> 16 & 0x8000u) | (uint32_t)scaled << 7, bits >> 16 & 127u};
}

__device__ static uint4 packed(const uint32_t (&x)[8])
{
    return {x[0] | x[1] << 16, x[2] | x[3] << 16, x[4] | x[5] << 16, x[6] | x[7] << 16};
}

/* A power of two times a factor: exact. */
__device__ static uint16_t times(uint32_t head, float factor) { return (uint16_t)(ax_bits(__uint_as_float(head << 16) * factor) >> 16); }

__device__ static void load(ax_sum_side *to, const ax_sum_side *from)
{
    for (int i = threadIdx.x; i < (int)(sizeof *to / sizeof(uint32_t)); i += THREADS) ((uint32_t *)to)[i] = ((const uint32_t *)from)[i];
}

/* RUN elements that lie together, or zeros. */
template <int RUN> struct run_of {
    float x[RUN];
};

template <int RUN> __device__ static run_of<RUN> load_run(const float *data, int64_t at)
{
    run_of<RUN> r = {};
    if (at < 0) return r;
    const float *from = data + at;
    if (RUN == 1) {
        r.x[0] = __ldg(from);
    } else {
        const float4 v = __ldg((const float4 *)(const void *)from);
        r.x[0] = v.x, r.x[RUN / 4] = v.y, r.x[RUN / 2] = v.z, r.x[RUN - 1] = v.w;
    }
    return r;
}

/* Calls put(row, k, value) for the block's elements, +0 outside the operand; in the fast direction RUN of them at a time. A thread
 * keeps its place in the fast direction and finds the others in shared memory: an element's place costs no division. */
template <int RUN, class Put>
__device__ static void visit(const ax_cuda_source &s, int along_rows, int first_row, int rows, int first_k, int ks, Put put)
{
    enum { LANES = SIDE / RUN, AT_ONCE = THREADS / LANES };
    __shared__ ax_cuda_place others[SIDE];
    const int mine = threadIdx.x % LANES * RUN, t = threadIdx.x;
    const int fast = (along_rows ? first_row : first_k) + mine, fast_end = along_rows ? rows : ks;
    const int slow = along_rows ? first_k : first_row, slow_end = along_rows ? ks : rows;
    if (t < SIDE && slow + t < slow_end)
        others[t] = along_rows ? ax_k_place(s, (uint32_t)(slow + t)) : ax_row_place(s, (uint32_t)(slow + t));
    ax_cuda_place own = {};
    if (fast < fast_end) own = along_rows ? ax_row_place(s, (uint32_t)fast) : ax_k_place(s, (uint32_t)fast);
    __syncthreads();
#pragma unroll 2
    for (int other = t / LANES; other < SIDE; other += AT_ONCE) {
        const bool inside = fast < fast_end && slow + other < slow_end;
        const run_of<RUN> r = load_run<RUN>(s.data, inside ? ax_offset(s, own, others[other]) : -1);
#pragma unroll
        for (int i = 0; i < RUN; i++) {
            if (along_rows) put(mine + i, other, r.x[i]);
            else put(other, mine + i, r.x[i]);
        }
    }
}

/* One operand, as both encoders take it. */
struct encoded_side {
    ax_cuda_source source;
    int64_t batch_step;
    int first_row, rows, ks;         /* of the operand: the first that counts, and where they end */
    int blocks_of_k;
    int along_rows, top;
};

/* Reads the block's elements and calls put(row, k, number, side) for each. A block is 64 ks of 64 rows; it gets its first of both. */
template <int RUN, class Put>
__device__ static void begin(const encoded_side &o, uint32_t largest, const ax_sum_side *form, int *first_row, int *first_k, Put put)
{
    __shared__ ax_sum_side side;
    load(&side, form);
    *first_row = (int)(blockIdx.x / o.blocks_of_k) * SIDE, *first_k = (int)(blockIdx.x % o.blocks_of_k) * SIDE;
    const int scale = scale_of(largest, o.top);
    ax_cuda_source s = o.source;
    s.data += blockIdx.y * o.batch_step;
    visit<RUN>(s, o.along_rows, o.first_row + *first_row, o.rows, *first_k, o.ks,
               [&](int row, int k, float x) { put(row, k, number_of(x, scale), side); });
    __syncthreads();
}

/* Grid: (ks / 64 x rows / 64, batch). */
template <int RUN>
__global__ static void __launch_bounds__(THREADS, 4) encode_a(const __grid_constant__ encoded_side o, ax_cuda_extents *extents, ax_sum_encoded e, const ax_sum_form *form)
{
    extern __shared__ __align__(16) plane planes[];
    if (!ax_in_range(*extents)) return;
    int first_row, first_k;
    begin<RUN>(o, extents->a, &form->side[0], &first_row, &first_k, [&](int row, int k, const number &n, const ax_sum_side &side) {
        planes[0][row][k] = (uint16_t)(n.head ? n.head + side.word[n.fraction] : 0u);
        for (int r = 0; r < e.rank; r++) planes[1 + r][row][k] = times(n.head, side.factor[r][n.fraction]);
    });
    for (int i = threadIdx.x; i < (1 + e.rank) * SIDE * SIDE / 2; i += THREADS) {
        int r = i / (SIDE * SIDE / 2), row = i / (SIDE / 2) % SIDE, k = i % (SIDE / 2) * 2;
        uint16_t *out = e.a + blockIdx.y * e.a_batch + ((int64_t)r * e.rows + first_row + row) * e.ks + first_k + k;
        if (first_row + row < e.rows && first_k + k < e.ks) *(uint32_t *)out = *(const uint32_t *)&planes[r][row][k];
    }
}

/* 8 elements of a tensor, as 8 bfloat16s of each plane. Grid: (any, batch). */
__global__ static void __launch_bounds__(THREADS, 4) encode_tensor(ax_cuda_product p, ax_sum_encoded e, const ax_sum_form *form)
{
    enum { EIGHT = 8 };
    __shared__ ax_sum_side side;
    if (!ax_in_range(*p.extents)) return;
    load(&side, &form->side[0]);
    __syncthreads();
    const int scale = scale_of(p.extents->a, AX_SUM_TOP_A);
    const float4 *from = (const float4 *)(const void *)(p.a.data + blockIdx.y * p.a_batch);
    uint4 *to = (uint4 *)(void *)(e.a + blockIdx.y * e.a_batch);
    for (int64_t i = blockIdx.x * (int64_t)THREADS + threadIdx.x; i < e.a_plane / EIGHT; i += gridDim.x * (int64_t)THREADS) {
        const float4 low = __ldg(from + 2 * i), high = __ldg(from + 2 * i + 1);
        const float x[EIGHT] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
        number n[EIGHT];
        uint32_t out[EIGHT];
#pragma unroll
        for (int j = 0; j < EIGHT; j++) n[j] = number_of(x[j], scale), out[j] = n[j].head ? n[j].head + side.word[n[j].fraction] : 0u;
        to[i] = packed(out);
        for (int r = 0; r < e.rank; r++) {
#pragma unroll
            for (int j = 0; j < EIGHT; j++) out[j] = times(n[j].head, side.factor[r][n[j].fraction]);
            to[(1 + r) * (e.a_plane / EIGHT) + i] = packed(out);
        }
    }
}

/* The 4 ks of a fragment. */
__device__ static uint2 fragment(const plane &from, int column, int group, int q)
{
    int k = group * AX_SUM_GROUP + 2 * q;
    return {*(const uint32_t *)&from[column][k], *(const uint32_t *)&from[column][k + 8]};
}

/* Grid: (ks / 64 x columns / 64, batch). Planes: lane words, powers, then each product's. */
template <int RUN>
__global__ static void __launch_bounds__(THREADS, 4) encode_b(const __grid_constant__ encoded_side o, ax_cuda_extents *extents, ax_sum_encoded e, const ax_sum_form *form)
{
    extern __shared__ __align__(16) plane planes[];
    if (!ax_in_range(*extents)) return;
    int first, first_k;
    begin<RUN>(o, extents->b, &form->side[1], &first, &first_k, [&](int column, int k, const number &n, const ax_sum_side &side) {
        planes[0][column][k] = side.word[n.fraction];
        planes[1][column][k] = (uint16_t)n.head;
        for (int r = 0; r < e.rank; r++) planes[2 + r][column][k] = times(n.head, side.factor[r][n.fraction]);
    });
    const int groups = e.ks / AX_SUM_GROUP;
    uint2 *lanes = e.lane + blockIdx.y * e.lane_batch, *powers = e.power + blockIdx.y * e.power_batch;
    for (int i = threadIdx.x; i < (2 + e.rank) * SIDE * SIDE / 4; i += THREADS) {
        int at = i / (SIDE * SIDE / 4), group = i / (SIDE * 4) % (SIDE / AX_SUM_GROUP), rest = i % (SIDE * 4);
        int column = at ? rest / 4 : rest / 8 * 2 + rest % 2, q = at ? rest % 4 : rest / 2 % 4;
        int64_t place = (int64_t)(first_k / AX_SUM_GROUP + group) * e.columns * 4 + (int64_t)first * 4 + rest;
        if (first + column >= e.columns || first_k / AX_SUM_GROUP + group >= groups) continue;
        uint2 *out = at ? powers + (int64_t)(at - 1) * groups * e.columns * 4 : lanes;
        out[place] = fragment(planes[at], column, group, q);
    }
}

static unsigned blocks(int64_t n) { return (unsigned)((n + SIDE - 1) / SIDE); }

/* Does the operand fall into aligned runs of 4 floats in the direction its threads run? */
static bool in_fours(const ax_operand &o, int64_t rows, int64_t ks, int64_t batch_step)
{
    int64_t odd = (int64_t)((uintptr_t)o.data / sizeof(float)) | batch_step;
    if (o.kind == AX_OPERAND_PATCHES) odd |= o.c;
    else if (ax_rows_run(o)) odd |= rows | o.k_stride | o.k_outer_stride;
    else if (o.k_stride == 1) odd |= ks | o.row_stride | o.k_inner | o.k_outer_stride;
    else return false;
    return odd % 4 == 0;
}

void ax_sum_encode_a(const ax_gemm *g, const ax_cuda_product *p, const ax_sum_encoded *e, const ax_sum_form *form)
{
    encoded_side o = {p->a, p->a_batch, e->first_row, e->first_row + e->live_rows, p->k, (int)blocks(e->ks), ax_rows_run(g->a), AX_SUM_TOP_A};
    dim3 grid(blocks(e->ks) * blocks(e->rows), e->a_batch ? (unsigned)p->batch : 1);
    size_t bytes = (size_t)(1 + e->rank) * sizeof(plane);
    auto *encode = in_fours(g->a, p->m, p->k, p->a_batch) ? encode_a<4> : encode_a<1>;
    encode<<<grid, THREADS, bytes, ax_cuda.stream>>>(o, p->extents, *e, form);
}

void ax_sum_encode_tensor(const ax_cuda_product *p, const ax_sum_encoded *e, const ax_sum_form *form)
{
    int64_t wanted = (e->a_plane / 8 + THREADS - 1) / THREADS, most = 8 * (int64_t)ax_cuda.processors;
    dim3 grid((unsigned)(wanted < most ? wanted : most), e->a_batch ? (unsigned)p->batch : 1);
    encode_tensor<<<grid, THREADS, 0, ax_cuda.stream>>>(*p, *e, form);
}

void ax_sum_encode_b(const ax_gemm *g, const ax_cuda_product *p, const ax_sum_encoded *e, const ax_sum_form *form)
{
    encoded_side o = {p->b, p->b_batch, 0, p->n, p->k, (int)blocks(e->ks), ax_rows_run(g->b), AX_SUM_TOP_B};
    dim3 grid(blocks(e->ks) * blocks(e->columns), e->lane_batch ? (unsigned)p->batch : 1);
    size_t bytes = (size_t)(2 + e->rank) * sizeof(plane);
    auto *encode = in_fours(g->b, p->n, p->k, p->b_batch) ? encode_b<4> : encode_b<1>;
    encode<<<grid, THREADS, bytes, ax_cuda.stream>>>(o, p->extents, *e, form);
}

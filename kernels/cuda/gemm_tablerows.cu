/* Products of any table of 8 to 11 bits, in the strict order. Such a table is read through the caches one sector a look-up; here a
 * block copies the rows of the table that its few rows of A select, one k at a time, into shared memory, and all its columns of B
 * look theirs up there. A row of the table that costs a block 2^m words serves 256 C look-ups. Where B has few columns, B and A
 * change places and the table is read turned: in range, a product is the same whichever exponent it takes first.
 *
 * A cell of 16 bytes holds what one fraction of B selects from all of the block's rows: 8 of them if words have at most 15 fraction
 * bits and are kept as halves, else 4. One load is 8 or 4 look-ups, of random banks: the 8 lanes that are served together meet in
 * about 2.6 of the 8 groups of banks. Columns are packed before, some at a time, in the order in which the lanes read them. */
#include "kernels/cuda/kinds.h"

#include "kernels/sum.h"

#include <math.h>

enum { THREADS = 256, CELL = 16, PACKED = 32 /* the side of a square that packing turns */, OFFSET = AX_FRACTION };

/* How a table of M bits is read, WIDE: as words. A block sums ROWS x C THREADS outputs, STEP k between two barriers; a stage of A is
 * one element a thread. */
template <int M, bool WIDE> struct shape {
    enum { SIDE = 1 << M, ROWS = WIDE ? 4 : 8, STEP = M <= 9 ? 2 : 1, DEPTH = THREADS / ROWS, STEPS_OF_STAGE = DEPTH / STEP };
    enum { ROW_SHIFT = M + (WIDE ? 2 : 1), K_BYTES = SIDE * CELL, STEP_BYTES = STEP * K_BYTES };
    enum { COUNT = STEP * SIDE / THREADS, RUN = WIDE ? COUNT : COUNT / 2 };      /* a thread's part of a row: elements, registers */
};

/* Below, a is the operand whose elements select rows of the table, m of them, and b the other, whichever they are in the product. */

/* Of each k and row: where its row of the table begins, in bytes, and +-2^ea. */
template <class S> struct alignas(16) stage {
    uint32_t at[S::DEPTH][S::ROWS];
    float power[S::DEPTH][S::ROWS];
};

template <class S> struct memory {
    uint8_t cells[2][S::STEP_BYTES];
    stage<S> a[2];
};

struct tablerows_task {
    uint32_t *columns;               /* (batch or 1, ks, pitch): sign and exponent of an element of b | offset of its cell */
    int64_t batch_step;
    int pitch, ks, first, steps, swapped, rows_run_a, rows_run_b;
};

/* ---- columns ---- */

/* Cells lie so that the lanes that store neighbouring ones meet no bank twice, however many each has. */
__device__ static uint32_t cell_of(uint32_t index) { return index ^ (index >> 3 & 7); }

__device__ static uint32_t packed(float y, int width)
{
    return ax_bits(ax_power_of(ax_bits(y))) | cell_of(ax_index_of(ax_bits(y), width)) * CELL;
}

/* A square of b, (k, column), turned if b lies along k. Zeros beyond the operand. */
__global__ static void pack_columns(const __grid_constant__ ax_cuda_product p, const tablerows_task task)
{
    __shared__ uint32_t square[PACKED][PACKED + 1];
    const int x = threadIdx.x % PACKED, y0 = threadIdx.x / PACKED, k0 = blockIdx.x * PACKED, n0 = blockIdx.y * PACKED, rows_run = task.rows_run_b;
    for (int y = y0; y < PACKED; y += THREADS / PACKED) {
        const int k = k0 + (rows_run ? y : x), column = task.first + n0 + (rows_run ? x : y);
        float element = 0.0f;
        if (k < p.k && column < p.n) {
            ax_cuda_place row = ax_row_place(p.b, (uint32_t)column);
            row.at += blockIdx.z * p.b_batch;
            element = ax_fetch(p.b, row, ax_k_place(p.b, (uint32_t)k));
        }
        square[rows_run ? y : x][rows_run ? x : y] = packed(element, p.mult.width);
    }
    __syncthreads();
    uint32_t *out = task.columns + blockIdx.z * task.batch_step + n0 + x;
    for (int y = y0; y < PACKED && k0 + y < task.ks; y += THREADS / PACKED) out[(int64_t)(k0 + y) * task.pitch] = square[y][x];
}

/* ---- rows ---- */

/* The element of a that a thread fetches of every stage. Rows beyond a repeat its last. */
template <class S> struct first_operand {
    const ax_cuda_source &s;
    ax_cuda_place place;
    int row, k, ks;
    __device__ first_operand(const ax_cuda_product &p, int rows_run, int m0, int batch) : s(p.a), ks(p.k)
    {
        row = threadIdx.x % S::ROWS, k = threadIdx.x / S::ROWS;
        if (!rows_run) row = threadIdx.x / S::DEPTH, k = threadIdx.x % S::DEPTH;
        place = ax_flatten(s, ax_row_place(s, (uint32_t)min(m0 + row, p.m - 1)));
        place.at += batch * p.a_batch;
    }
    __device__ float fetch(int first) const
    {
        const int at = first + k;
        return at < ks ? ax_fetch_flattened(s, place, ax_flatten(s, ax_k_place(s, (uint32_t)at))) : 0.0f;
    }
    __device__ void keep(stage<S> &to, float x, int width) const
    {
        const uint32_t bits = ax_bits(x), row_of_table = ax_is_zero(bits) ? S::SIDE : ax_index_of(bits, width);
        to.at[k][row] = row_of_table << S::ROW_SHIFT;
        to.power[k][row] = ax_power_of(bits);
    }
};

/* ---- cells ---- */

template <int N> __device__ static void load_run(uint32_t (&to)[N], const uint8_t *from)
{
    if constexpr (N == 1) {
        to[0] = __ldg((const uint32_t *)(const void *)from);
    } else if constexpr (N == 2) {
        const uint2 v = __ldg((const uint2 *)(const void *)from);
        to[0] = v.x, to[1] = v.y;
    } else {
#pragma unroll
        for (int i = 0; i < N; i += 4) {
            const uint4 v = __ldg((const uint4 *)(const void *)from + i / 4);
            to[i] = v.x, to[i + 1] = v.y, to[i + 2] = v.z, to[i + 3] = v.w;
        }
    }
}

/* A thread's part of the rows that one k selects: COUNT neighbouring cells. It lies in registers while the step before is summed. */
template <int M, bool WIDE> struct part {
    typedef shape<M, WIDE> S;
    uint32_t run[S::ROWS][S::RUN];
    __device__ static int k() { return threadIdx.x / (THREADS / S::STEP); }
    __device__ static int first() { return threadIdx.x % (THREADS / S::STEP) * S::COUNT; }
    __device__ void load(const uint8_t *table, const stage<S> *stages, int step)
    {
        const uint32_t *at = stages[step / S::STEPS_OF_STAGE % 2].at[step % S::STEPS_OF_STAGE * S::STEP + k()];
        table += (unsigned)first() << (WIDE ? 2 : 1);
#pragma unroll
        for (int r = 0; r < S::ROWS; r++) load_run(run[r], table + at[r]);
    }
    __device__ uint32_t word(int cell, int i) const
    {
        if constexpr (WIDE) return run[i][cell];
        else return __byte_perm(run[2 * i][cell / 2], run[2 * i + 1][cell / 2], cell % 2 ? 0x7632 : 0x5410);
    }
    __device__ void store(uint8_t *cells) const
    {
        const uint32_t at = cell_of((uint32_t)first()) * CELL;
        cells += k() * S::K_BYTES;
#pragma unroll
        for (int j = 0; j < S::COUNT; j++)
            *(uint4 *)(void *)(cells + (at ^ (uint32_t)(j * CELL))) = make_uint4(word(j, 0), word(j, 1), word(j, 2), word(j, 3));
    }
};

/* ---- sums ---- */

template <bool WIDE> __device__ static uint32_t word_in(const uint4 &cell, int row)
{
    const uint32_t words[4] = {cell.x, cell.y, cell.z, cell.w};
    if constexpr (WIDE) return words[row];
    else return __byte_perm(words[row / 2], 0, row % 2 ? 0x4324 : 0x4104);       /* a half, times 256 */
}

template <bool FUSED> __device__ static float add(float acc, uint32_t word, float a_power, float b_power)
{
    const float u = __uint_as_float(word + ax_bits(a_power));
    return FUSED ? __fmaf_rn(u, b_power, acc) : __fadd_rn(acc, __fmul_rn(u, b_power));
}

template <int M, bool WIDE, bool FUSED, int C>
__device__ static void add_k(float (&acc)[C][shape<M, WIDE>::ROWS], const uint8_t *cells, const float *powers, const uint32_t (&columns)[C])
{
    enum { ROWS = shape<M, WIDE>::ROWS };
    float power[ROWS];
#pragma unroll
    for (int r = 0; r < ROWS; r += 4) {
        const float4 v = *(const float4 *)(const void *)(powers + r);
        power[r] = v.x, power[r + 1] = v.y, power[r + 2] = v.z, power[r + 3] = v.w;
    }
#pragma unroll
    for (int c = 0; c < C; c++) {
        const uint4 cell = *(const uint4 *)(const void *)(cells + (columns[c] & OFFSET));
        const float b_power = __uint_as_float(columns[c] & ~(uint32_t)OFFSET);
#pragma unroll
        for (int r = 0; r < ROWS; r++) acc[c][r] = add<FUSED>(acc[c][r], word_in<WIDE>(cell, r), power[r], b_power);
    }
}

template <int STEP, int C> __device__ static void load_columns(uint32_t (&to)[STEP][C], const uint32_t *from, int pitch)
{
#pragma unroll
    for (int k = 0; k < STEP; k++)
#pragma unroll
        for (int c = 0; c < C; c++) to[k][c] = __ldg(from + k * pitch + c * THREADS);
}

template <int C, int ROWS>
__device__ static void store_sums(const ax_cuda_product &p, const float (&acc)[C][ROWS], int m0, int n0, int batch, int swapped)
{
    const int64_t row_step = swapped ? 1 : p.ldc, column_step = swapped ? p.ldc : 1;
    float *to = p.c + batch * p.c_batch;
#pragma unroll
    for (int c = 0; c < C; c++)
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            const int row = m0 + r, column = n0 + c * THREADS;
            if (row >= p.m || column >= p.n) continue;
            const float bias = p.bias ? p.bias[swapped ? row : column] : 0.0f;
            to[row * row_step + column * column_step] = ax_sum_end(acc[c][r], bias, p.bias != nullptr, p.activation);
        }
}

/* Grid: (rows / ROWS, columns / (C THREADS), batch). While a step is summed, the next one's rows and columns are under way. */
template <int M, bool WIDE, bool FUSED, int C>
__global__ void __launch_bounds__(THREADS, 2) tablerows(const __grid_constant__ ax_cuda_product p, const tablerows_task task)
{
    typedef shape<M, WIDE> S;
    extern __shared__ __align__(16) uint8_t shared[];
    memory<S> &t = *(memory<S> *)(void *)shared;
    if (!ax_in_range(*p.extents)) return;
    const uint8_t *table = (const uint8_t *)p.mult.rows[task.swapped];
    const int m0 = blockIdx.x * S::ROWS, n0 = blockIdx.y * C * THREADS + threadIdx.x, batch = blockIdx.z;
    const uint32_t *columns = task.columns + batch * task.batch_step + n0;
    const int64_t step_columns = (int64_t)S::STEP * task.pitch;

    const first_operand<S> of_a(p, task.rows_run_a, m0, batch);
    of_a.keep(t.a[0], of_a.fetch(0), M);
    float raw = of_a.fetch(S::DEPTH), acc[C][S::ROWS] = {};
    uint32_t next[S::STEP][C], now[S::STEP][C];
    part<M, WIDE> rows;
    __syncthreads();
    load_columns(next, columns, task.pitch);
    rows.load(table, t.a, 0);
    rows.store(t.cells[0]);
    for (int step = 0; step < task.steps; step++) {
        const bool more = step + 1 < task.steps;
        __syncthreads();             /* this step's cells are here, the last step's are free */
#pragma unroll
        for (int k = 0; k < S::STEP; k++)
#pragma unroll
            for (int c = 0; c < C; c++) now[k][c] = next[k][c];
        columns += step_columns;
        if (more) {
            load_columns(next, columns, task.pitch);
            rows.load(table, t.a, step + 1);
        }
        const float(*powers)[S::ROWS] = t.a[step / S::STEPS_OF_STAGE % 2].power + step % S::STEPS_OF_STAGE * S::STEP;
#pragma unroll
        for (int k = 0; k < S::STEP; k++) add_k<M, WIDE, FUSED>(acc, t.cells[step % 2] + k * S::K_BYTES, powers[k], now[k]);
        if (more) rows.store(t.cells[(step + 1) % 2]);
        if ((step + 2) % S::STEPS_OF_STAGE == 0) {
            of_a.keep(t.a[(step + 2) / S::STEPS_OF_STAGE % 2], raw, M);
            raw = of_a.fetch((step + 2) * S::STEP + S::DEPTH);
        }
    }
    store_sums(p, acc, m0, task.first + n0, batch, task.swapped);
}

/* ---- choosing ---- */

const int64_t COLUMN_BYTES = 256 << 20;      /* packed at a time; or one block's */

static int64_t tiles(int64_t n, int64_t size) { return (n + size - 1) / size; }
static bool is_wide(const ax_plan *p) { return p->out_bits > AX_HALF_BITS; }

/* How a product is cut up: which operand selects rows, columns a thread; what that costs, in clocks of a processor. */
struct cut {
    int swapped, c;
    double cost;
};

/* L2: bytes a clock that one processor gets while all read; LOAD, STORE: of cells, 8 warps x 10.3 clocks of shared memory and bytes a
 * clock; LATENCY: of a step that waits for L2; PACK: columns packed a clock. */
static cut cut_for(const ax_gemm *g, int swapped, int c)
{
    const double L2 = 20, LOAD = 110, STORE = 40, EACH_K = 60, LATENCY = 800, PACK = 3;
    const int width = g->plan->lut.width, step = width <= 9 ? 2 : 1;
    const int64_t m = swapped ? g->n : g->m, n = swapped ? g->m : g->n, copies = (swapped ? g->a_batch : g->b_batch) ? g->batch : 1;
    const int64_t blocks = tiles(m, is_wide(g->plan) ? 4 : 8) * tiles(n, c * THREADS) * g->batch, each = tiles(blocks, ax_cuda.processors);
    const double bytes = CELL * (double)(1 << width), k = fmax(bytes / L2, LOAD * c + bytes / STORE) + EACH_K;
    const double alone = fmax(k, LATENCY / step), pair = fmax(2 * k, LATENCY / step);
    const double packing = (double)(n * copies) / (PACK * ax_cuda.processors);
    const double stores = swapped ? 1.02 : 1;      /* of sums that lie apart */
    return {swapped, c, stores * (double)g->k * ((double)(each / 2) * pair + (double)(each % 2) * alone + packing)};
}

/* The same where every look-up reads the table through the caches (H100, products of 4096^3). */
static double cost_of_words(const ax_gemm *g)
{
    static const double each_clock[] = {6.7, 2.9, 1.6, 0.9};
    return (double)g->m * (double)g->n * (double)g->k * (double)g->batch / (ax_cuda.processors * each_clock[g->plan->lut.width - 8]);
}

/* A wide cell has half the rows, and a block then twice the columns. */
static cut best_cut(const ax_gemm *g)
{
    const int least = is_wide(g->plan) ? 2 : 1;
    cut best = cut_for(g, 0, least);
    for (int swapped = 0; swapped < 2; swapped++)
        for (int c = least; c <= 4 * least; c *= 2) {
            const cut x = cut_for(g, swapped, c);
            if (x.cost <= best.cost) best = x;
        }
    return best;
}

static size_t shared_bytes(int width, bool wide)
{
    if (width == 8) return wide ? sizeof(memory<shape<8, true>>) : sizeof(memory<shape<8, false>>);
    if (width == 9) return wide ? sizeof(memory<shape<9, true>>) : sizeof(memory<shape<9, false>>);
    if (width == 10) return wide ? sizeof(memory<shape<10, true>>) : sizeof(memory<shape<10, false>>);
    return wide ? sizeof(memory<shape<11, true>>) : sizeof(memory<shape<11, false>>);
}

static int64_t kept_ks(const ax_gemm *g) { return tiles(g->k, 2) * 2; }

/* Bytes of all k of one column, of all products of the batch. */
static int64_t column_bytes(const ax_gemm *g, const cut &x)
{
    return ((x.swapped ? g->a_batch : g->b_batch) ? g->batch : 1) * kept_ks(g) * (int64_t)sizeof(uint32_t);
}

template <bool FUSED> static int serves(const ax_gemm *g)
{
    if (!ax_cuda_has_rows(g->plan) || g->plan->lut.fused != FUSED || g->k <= 0) return 0;
    if (ax_cuda.shared_bytes < shared_bytes(g->plan->lut.width, is_wide(g->plan))) return 0;
    const cut x = best_cut(g);
    return x.cost < cost_of_words(g) && column_bytes(g, x) * x.c * THREADS <= 4 * COLUMN_BYTES;
}

/* ---- launching ---- */

template <int M, bool WIDE, bool FUSED, int C> static void launch(const ax_cuda_product *p, tablerows_task task)
{
    typedef shape<M, WIDE> S;
    const size_t bytes = sizeof(memory<S>);
    if (bytes > 48 << 10)
        ax_cuda_check(cudaFuncSetAttribute(tablerows<M, WIDE, FUSED, C>, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes), "gemm");
    task.steps = (int)tiles(p->k, S::STEP);
    const dim3 grid((unsigned)tiles(p->m, S::ROWS), (unsigned)(task.pitch / (C * THREADS)), (unsigned)p->batch);
    tablerows<M, WIDE, FUSED, C><<<grid, THREADS, bytes, ax_cuda.stream>>>(*p, task);
}

template <int M, bool FUSED> static void launch_cut(const ax_cuda_product *p, const tablerows_task &task, bool wide, int c)
{
    if (wide) {
        if (c == 2) launch<M, true, FUSED, 2>(p, task);
        else if (c == 4) launch<M, true, FUSED, 4>(p, task);
        else launch<M, true, FUSED, 8>(p, task);
    } else {
        if (c == 1) launch<M, false, FUSED, 1>(p, task);
        else if (c == 2) launch<M, false, FUSED, 2>(p, task);
        else launch<M, false, FUSED, 4>(p, task);
    }
}

static ax_cuda_product swap(const ax_cuda_product &p)
{
    ax_cuda_product q = p;
    q.a = p.b, q.b = p.a, q.a_batch = p.b_batch, q.b_batch = p.a_batch, q.m = p.n, q.n = p.m;
    return q;
}

template <bool FUSED> static void run(const ax_gemm *g, const ax_cuda_product *p)
{
    const cut x = best_cut(g);
    const ax_cuda_product q = x.swapped ? swap(*p) : *p;
    const int64_t tile = x.c * THREADS, tile_bytes = tile * column_bytes(g, x), most = COLUMN_BYTES / tile_bytes * tile;
    const int64_t all = tiles(q.n, tile) * tile, pitch = most < tile ? tile : most < all ? most : all, ks = kept_ks(g);
    uint32_t *columns = (uint32_t *)ax_cuda_work((size_t)(pitch / tile * tile_bytes));
    if (!columns) return;
    tablerows_task task = {columns, q.b_batch ? ks * pitch : 0, (int)pitch, (int)ks, 0, 0, x.swapped, ax_rows_run(x.swapped ? g->b : g->a),
                           ax_rows_run(x.swapped ? g->a : g->b)};
    const dim3 squares((unsigned)tiles(ks, PACKED), (unsigned)(pitch / PACKED), q.b_batch ? (unsigned)q.batch : 1);
    for (; task.first < q.n; task.first += (int)pitch) {
        ax_cuda_phase(AX_PHASE_ENCODE);
        pack_columns<<<squares, THREADS, 0, ax_cuda.stream>>>(q, task);
        ax_cuda_phase(AX_PHASE_MULTIPLY);
        if (q.mult.width == 8) launch_cut<8, FUSED>(&q, task, is_wide(g->plan), x.c);
        else if (q.mult.width == 9) launch_cut<9, FUSED>(&q, task, is_wide(g->plan), x.c);
        else if (q.mult.width == 10) launch_cut<10, FUSED>(&q, task, is_wide(g->plan), x.c);
        else launch_cut<11, FUSED>(&q, task, is_wide(g->plan), x.c);
    }
}

const ax_cuda_gemm_kernel ax_cuda_tablerows_kernels[] = {
    {"cuda-tablerows-fused", 0, 1, serves<true>, run<true>},
    {"cuda-tablerows", 0, 1, serves<false>, run<false>},
    {},
};

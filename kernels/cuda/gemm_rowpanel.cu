/* Any table of at most 7 bits on tensor cores, in another order than the strict one. A product of 7 fraction bits is a bfloat16, and
 *
 *     f(a, b) = +-2^ea * panel(k)[a's fraction][b], panel(k)[i][b] = T[i][b's fraction] * +-2^eb,
 *
 * each factor exact. For 16 columns of C and 16 k the panels of all 128 fractions are built in shared memory. ldmatrix takes a row
 * address for each of its lanes: with the addresses of the rows that one row of A selects, one per k, it gathers that row's 16 x 16
 * products as the fragment of an mma, which sums them over k; the mma's other operand holds the row's +-2^ea in one of 8 columns and
 * zeros in the rest. So 8 gathers and 8 mma make a block of 16 columns x 8 rows x 16 k.
 *
 * Tensor cores truncate what they add: after PROMOTED steps the sums are added to FP32 sums by ordinary additions. Those are kept in C
 * itself, each by the one thread it belongs to, or, where the sum over k is cut into parts, in work memory. */
#include "kernels/cuda/parts.h"
#include "kernels/cuda/rowpanel.h"

#include "kernels/sum.h"

#include <math.h>

enum {
    THREADS = 512,
    WARPS = THREADS / 32,
    PROMOTED = 512 / AX_PANEL_DEPTH,
    BLOCK_BYTES = AX_NARROW * 8 * 16,                    /* 128 rows of the table x 8 k x 8 columns */
    PANEL_BYTES = 4 * BLOCK_BYTES,
    TABLE_BYTES = (AX_NARROW + 1) * AX_PANEL_PITCH,
    WORDS_PITCH = AX_PANEL_COLUMNS + 4,
    WORDS_AT = 2 * PANEL_BYTES + (TABLE_BYTES + 127) / 128 * 128,
    SHARED_BYTES = WORDS_AT + 2 * AX_PANEL_DEPTH * WORDS_PITCH * (int)sizeof(uint32_t),
    TOGETHER = 2                                         /* groups of 8 rows whose gathers are interleaved */
};

struct panel_task {
    float *sums;                     /* (parts, batch, m, n); NULL: C */
    int parts, part_steps;
};

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800

__device__ static void copy_16(void *to, const void *from)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"((uint32_t)__cvta_generic_to_shared(to)), "l"(from));
}

__device__ static void wait_copies() { asm volatile("cp.async.wait_all;" ::: "memory"); }

__device__ static void gather(uint32_t (&f)[4], uint32_t address)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(f[0]), "=r"(f[1]), "=r"(f[2]), "=r"(f[3]) : "r"(address) : "memory");
}

__device__ static void add_products(float (&acc)[4], const uint32_t (&f)[4], uint32_t b0, uint32_t b1)
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(acc[0]), "+f"(acc[1]), "+f"(acc[2]), "+f"(acc[3])
                 : "r"(f[0]), "r"(f[1]), "r"(f[2]), "r"(f[3]), "r"(b0), "r"(b1));
}

/* ---- the panels of 16 k ---- */

/* Which part of a panel a thread builds: one k, 8 columns, 8 rows of the table. A panel's blocks are (k / 8, column / 8), a block
 * (row, k, column): whatever rows are gathered, the 8 k of a matrix lie in different banks. */
struct builder {
    int k, half, row;
    uint32_t to;
    __device__ builder()
    {
        int lane = threadIdx.x % 32, warp = threadIdx.x / 32, upper = warp / 4 % 2;
        k = upper * 8 + lane % 8, half = warp / 8, row = (warp % 4 * 4 + lane / 8) * 8;
        to = (uint32_t)((upper * 2 + half) * BLOCK_BYTES + row * 128 + lane % 8 * 16);
    }
    /* Rows of the table lie by the panelled operand's fraction: byte j of v[c] is T of row + j and column c. */
    __device__ void build(uint8_t *panel, const uint8_t *table, const uint32_t *words) const
    {
        const uint32_t *w = words + k * WORDS_PITCH + half * 8;
        const uint4 low = *(const uint4 *)(const void *)w, high = *(const uint4 *)(const void *)(w + 4);
        const uint32_t word[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
        uint2 v[8];
        uint32_t power[4];
#pragma unroll
        for (int c = 0; c < 8; c++) v[c] = *(const uint2 *)(const void *)(table + row + (word[c] & 0xffffu));
#pragma unroll
        for (int c = 0; c < 4; c++) power[c] = __byte_perm(word[2 * c], word[2 * c + 1], 0x7632);
#pragma unroll
        for (int j = 0; j < 8; j++) {
            const uint32_t both = (uint32_t)(j % 4 * 0x0011 + (4 + j % 4) * 0x1100);
            uint32_t out[4];
#pragma unroll
            for (int c = 0; c < 4; c++)
                out[c] = (__byte_perm(j < 4 ? v[2 * c].x : v[2 * c].y, j < 4 ? v[2 * c + 1].x : v[2 * c + 1].y, both) & 0x00ff00ffu) + power[c];
            *(uint4 *)(void *)(panel + to + j * 128) = make_uint4(out[0], out[1], out[2], out[3]);
        }
    }
};

/* ---- the kernel ---- */

/* What a thread has of 8 rows and 16 k: the rows of the table its lane gathers by, and the powers. */
struct eight {
    uint2 index, power;
};

/* Where a warp reads its rows of one step, group g being 8 of them. */
template <bool FILTER> struct row_reader {
    const uint2 *index, *power;
    uint32_t inside;                 /* FILTER: bit g: group g lies in its image */
    __device__ eight at(int g) const
    {
        if (FILTER && !(inside >> g & 1)) return {};
        return {index[g * 16], power[g * 32]};
    }
};

/* The output row of the first position of group `lane` of a warp; far outside where no such group exists. */
__device__ static int output_row(const ax_rowpanel &x, int row0, int groups)
{
    const int lane = threadIdx.x % 32, first = row0 + lane * 8;
    uint32_t rest, row;
    ax_divide(&row, ax_divide(&rest, (uint32_t)first / 8, x.filter.eights), x.filter.image_rows);
    return lane < groups && first < x.live_rows ? (int)row : -(1 << 30);
}

template <bool FILTER>
__device__ static row_reader<FILTER> rows_at(const ax_rowpanel &x, int step, int copy, int row0, int my_output_row)
{
    const int lane = threadIdx.x % 32;
    uint32_t plane = (uint32_t)step, inside = ~0u;
    int64_t unit = row0 / 8;
    if (FILTER) {
        const int shift = (int)ax_divide(&plane, (uint32_t)step, x.filter.planes) * x.filter.step - x.filter.pad;
        inside = __ballot_sync(~0u, (uint32_t)(my_output_row + shift) < x.filter.image_rows.d);
        unit += shift * (int)x.filter.eights.d;
    }
    unit += ((int64_t)copy * x.planes + plane) * (x.rows / 8);
    return {x.index + unit * 16 + lane % 8 + lane / 16 * 8, x.power + unit * 32 + lane, inside};
}

/* Adds 16 k to all groups of a warp; reads the next step's first groups on the way. */
template <int GROUPS, bool FILTER>
__device__ static void add_step(float (&acc)[GROUPS][4], eight (&ahead)[TOGETHER], const row_reader<FILTER> &rows,
                                const row_reader<FILTER> &after, uint32_t panel)
{
    const int mine = threadIdx.x % 32 / 4;
#pragma unroll
    for (int g = 0; g < GROUPS; g += TOGETHER) {
        eight now[TOGETHER];
#pragma unroll
        for (int j = 0; j < TOGETHER; j++) {
            now[j] = ahead[j];
            ahead[j] = g + TOGETHER < GROUPS ? rows.at(g + TOGETHER + j) : after.at(j);
        }
#pragma unroll
        for (int i = 0; i < 8; i++) {
            uint32_t f[TOGETHER][4];
#pragma unroll
            for (int j = 0; j < TOGETHER; j++)
                gather(f[j], panel + ((i < 4 ? now[j].index.x : now[j].index.y) >> i % 4 * 8 & 255u) * 128u);
#pragma unroll
            for (int j = 0; j < TOGETHER; j++)
                add_products(acc[g + j], f[j], mine == i ? now[j].power.x : 0u, mine == i ? now[j].power.y : 0u);
        }
    }
}

/* Where a thread's sums belong. */
struct outputs {
    float *sums;                     /* of its first row and column */
    int64_t row_stride, column_stride;
    const float *bias;               /* of the same; NULL: none */
    int bias_row, bias_column;       /* its strides */
    int rows, columns;               /* how many lie from there on */
};

/* sums += acc; after the last block they get their end. */
template <int GROUPS>
__device__ static void promote(const float (&acc)[GROUPS][4], const outputs &o, bool first, bool ends, enum ax_activation activation)
{
    float *at = o.sums;
#pragma unroll
    for (int g = 0; g < GROUPS; g++, at += 8 * o.row_stride)
#pragma unroll
        for (int e = 0; e < 4; e++) {
            int row = g * 8 + e % 2, column = e / 2 * 8;
            if (row >= o.rows || column >= o.columns) continue;
            float *to = at + e % 2 * o.row_stride + column * o.column_stride, sum = first ? acc[g][e] : __fadd_rn(*to, acc[g][e]);
            float bias = ends && o.bias ? o.bias[row * o.bias_row + column * o.bias_column] : 0.0f;
            *to = ends ? ax_sum_end(sum, bias, o.bias != nullptr, activation == AX_RELU ? AX_RELU : AX_LINEAR) : sum;
        }
}

__device__ static outputs outputs_of(const ax_cuda_product &p, const ax_rowpanel &x, const panel_task &task, int row, int column)
{
    const int part = blockIdx.z % task.parts, batch = blockIdx.z / task.parts, by_b = x.rows_are_b;
    float *sums = task.sums ? task.sums + ((int64_t)part * p.batch + batch) * p.m * p.n : p.c + batch * p.c_batch;
    const int64_t ldc = task.sums ? p.n : p.ldc, row_stride = by_b ? 1 : ldc, column_stride = by_b ? ldc : 1;
    return {sums + (x.first_row + row) * row_stride + column * column_stride, row_stride, column_stride,
            p.bias ? p.bias + (by_b ? x.first_row + row : column) : nullptr, by_b, !by_b, x.live_rows - row, (by_b ? p.m : p.n) - column};
}

/* Grid: (columns / 16, rows / (16 GROUPS * 8), batch * parts). */
template <int GROUPS, bool FILTER>
__global__ void __launch_bounds__(THREADS, 1) rowpanel(const ax_cuda_product p, const ax_rowpanel x, const panel_task task)
{
    extern __shared__ __align__(128) uint8_t shared[];
    uint8_t *table = shared + 2 * PANEL_BYTES;
    uint32_t *words = (uint32_t *)(void *)(shared + WORDS_AT);
    if (!ax_in_range(*p.extents)) return;
    for (int i = threadIdx.x; i < (AX_NARROW + 1) * AX_NARROW; i += THREADS) {
        int of_panel = i / AX_NARROW, of_row = i % AX_NARROW, zero = of_panel == AX_PANEL_ZERO;
        table[of_panel * AX_PANEL_PITCH + of_row] = zero ? 0 : p.mult.bytes[x.rows_are_b ? i : of_row * AX_NARROW + of_panel];
    }

    const int lane = threadIdx.x % 32, part = blockIdx.z % task.parts, batch = blockIdx.z / task.parts;
    const int first_step = part * task.part_steps, last_step = min(x.steps, first_step + task.part_steps);
    const int row0 = (blockIdx.y * WARPS + threadIdx.x / 32) * GROUPS * 8, column0 = blockIdx.x * AX_PANEL_COLUMNS;
    const int copy = x.row_copies > 1 ? batch : 0, my_output_row = FILTER ? output_row(x, row0, GROUPS) : 0;
    const uint32_t *column_words = x.words + (int64_t)(x.column_copies > 1 ? batch : 0) * x.steps * AX_PANEL_DEPTH * x.columns + column0;
    auto copy_words = [&](int step) {
        int k = threadIdx.x / 4, c = threadIdx.x % 4 * 4;
        if (step < last_step && threadIdx.x < AX_PANEL_DEPTH * AX_PANEL_COLUMNS / 4)
            copy_16(words + (step % 2 * AX_PANEL_DEPTH + k) * WORDS_PITCH + c, column_words + ((int64_t)step * AX_PANEL_DEPTH + k) * x.columns + c);
    };

    const builder of_panel;
    const uint32_t lane_at = (uint32_t)__cvta_generic_to_shared(shared) + (uint32_t)(lane / 8) * BLOCK_BYTES + lane % 8 * 16;
    row_reader<FILTER> rows = rows_at<FILTER>(x, first_step, copy, row0, my_output_row);
    eight ahead[TOGETHER];
#pragma unroll
    for (int j = 0; j < TOGETHER; j++) ahead[j] = rows.at(j);
    copy_words(first_step);
    wait_copies();
    __syncthreads();
    of_panel.build(shared + first_step % 2 * PANEL_BYTES, table, words + first_step % 2 * AX_PANEL_DEPTH * WORDS_PITCH);
    copy_words(first_step + 1);

    for (int block = first_step; block < last_step; block += PROMOTED) {
        const int end = min(block + PROMOTED, last_step);
        float acc[GROUPS][4] = {};
        for (int step = block; step < end; step++) {
            wait_copies();
            __syncthreads();         /* this step's panel is built, the next's words are here, the last's panel is free */
            const int next = step + 1;
            if (next < last_step) of_panel.build(shared + next % 2 * PANEL_BYTES, table, words + next % 2 * AX_PANEL_DEPTH * WORDS_PITCH);
            copy_words(step + 2);
            const row_reader<FILTER> after = rows_at<FILTER>(x, min(next, last_step - 1), copy, row0, my_output_row);
            add_step(acc, ahead, rows, after, lane_at + step % 2 * PANEL_BYTES);
            rows = after;
        }
        int row = row0 + lane % 4 * 2, column = column0 + lane / 4;
        asm volatile("" : "+r"(row), "+r"(column));      /* or all addresses are found before the loop, more than registers hold */
        promote(acc, outputs_of(p, x, task, row, column), block == first_step, !task.sums && end == last_step, p.activation);
    }
}

#else
template <int GROUPS, bool FILTER> __global__ void rowpanel(const ax_cuda_product, const ax_rowpanel, const panel_task) {}
#endif

/* ---- choosing ---- */

static int64_t tiles(int64_t n, int64_t size) { return (n + size - 1) / size; }

/* How a product is cut up, and what that costs: in passes of 16 products through a processor's shared memory. */
struct cut {
    int rows_are_b, tile_rows, parts, part_steps;
    double cost;
};

enum { BUILD = 280 /* what building a panel costs, in rows */, LAUNCH = 40000 /* encoding's launches */ };

const int64_t ROW_BYTES_MAX = 256 << 20, WORD_BYTES_MAX = 1 << 30;
const int64_t GRID_MAX = 65535 /* blocks along y and z */, ROWS_MAX = GRID_MAX * 64, STEPS_MAX = GRID_MAX * 8;

/* Passes in which the table's bytes would be read one by one instead. */
static double cost_of_bytes(const ax_gemm *g) { return (double)g->m * (double)g->n * (double)g->k * (double)g->batch / (AX_CUDA_CUT_FOR * 16 * 0.4); }

static cut cut_for(const ax_gemm *g, int rows_are_b, int tile_rows, int parts)
{
    int64_t steps = tiles(g->k, AX_PANEL_DEPTH), part_steps = tiles(steps, parts);
    int64_t rows = rows_are_b ? g->n : g->m, columns = rows_are_b ? g->m : g->n;
    int64_t blocks = tiles(rows, tile_rows) * tiles(columns, AX_PANEL_COLUMNS) * g->batch * parts;
    double passes = (double)tiles(blocks, AX_CUDA_CUT_FOR) * (double)(part_steps * AX_PANEL_DEPTH) * (tile_rows + BUILD);
    if (columns * steps * AX_PANEL_DEPTH * (int64_t)sizeof(uint32_t) > WORD_BYTES_MAX) passes = HUGE_VAL;
    if (columns > ROWS_MAX || steps > STEPS_MAX || g->batch * parts > GRID_MAX) passes = HUGE_VAL;
    double adding = parts > 1 ? 0.02 * (double)(g->m * g->n * g->batch * parts) + LAUNCH / 2 : 0;
    return {rows_are_b, tile_rows, (int)tiles(steps, part_steps), (int)part_steps, passes + adding + LAUNCH};
}

static cut best_cut(const ax_gemm *g)
{
    cut best = cut_for(g, 0, 2048, 1);
    for (int rows_are_b = 0; rows_are_b < 2; rows_are_b++)
        for (int tile_rows = 512; tile_rows <= 2048; tile_rows *= 2)
            for (int parts = 1; parts <= 64 && (parts == 1 || g->k / parts >= 256); parts *= 2) {
                cut c = cut_for(g, rows_are_b, tile_rows, parts);
                if (c.cost < best.cost) best = c;
            }
    return best;
}

static int serves(const ax_gemm *g)
{
    return g->plan->narrow && !g->plan->additive && g->k > 0 && ax_cuda.shared_bytes >= (size_t)SHARED_BYTES && best_cut(g).cost < cost_of_bytes(g);
}

/* ---- launching ---- */

template <int GROUPS> static void launch(const ax_cuda_product *p, const ax_rowpanel &x, const panel_task &task)
{
    auto *multiply = x.filter.rows ? rowpanel<GROUPS, true> : rowpanel<GROUPS, false>;
    ax_cuda_check(cudaFuncSetAttribute(multiply, cudaFuncAttributeMaxDynamicSharedMemorySize, SHARED_BYTES), "gemm");
    dim3 grid((unsigned)(x.columns / AX_PANEL_COLUMNS), (unsigned)tiles(x.rows, WARPS * GROUPS * 8), (unsigned)(p->batch * task.parts));
    multiply<<<grid, THREADS, SHARED_BYTES, ax_cuda.stream>>>(*p, x, task);
}

static int64_t rounded(int64_t n, int64_t unit) { return tiles(n, unit) * unit; }

struct sizes {
    int64_t index, power, words, sums;      /* bytes */
};

static sizes sizes_of(const ax_rowpanel &x, const ax_cuda_product *p, int parts)
{
    int64_t ks = (int64_t)x.steps * AX_PANEL_DEPTH, kept = (int64_t)x.row_copies * x.planes * AX_PANEL_DEPTH * x.rows;
    return {rounded(kept, 256), rounded(2 * kept, 256),
            rounded(x.column_copies * ks * x.columns * (int64_t)sizeof(uint32_t), 256),
            parts > 1 ? parts * (int64_t)p->batch * p->m * p->n * (int64_t)sizeof(float) : 0};
}

/* Where a filter's rows can share what is kept, all rows of the operand at once. */
static void keep_one_filter_row(ax_rowpanel &x, const ax_operand &o, int64_t rows)
{
    if (o.kind != AX_OPERAND_PATCHES || o.transposed || o.kernel_h == 1 || o.stride_h != 1 || o.dilation_h != 1) return;
    int64_t ks = o.kernel_w * o.c, planes = ks / AX_PANEL_DEPTH;
    if (o.out_h != o.h || o.out_w % 8 || ks % AX_PANEL_DEPTH) return;
    if (rows > ROWS_MAX / 2 || 3 * ks * rows * x.row_copies > ROW_BYTES_MAX) return;
    x.planes = (int)planes;
    x.filter = {(int)o.kernel_h, o.step, (int)o.pad_h, ax_divisor_of(o.out_h), ax_divisor_of(o.out_w / 8), ax_divisor_of(planes)};
}

static ax_rowpanel describe(const ax_gemm *g, const ax_cuda_product *p, const cut &c)
{
    ax_rowpanel x = {};
    x.rows_are_b = c.rows_are_b;
    x.columns = (int)rounded(c.rows_are_b ? p->m : p->n, AX_PANEL_COLUMNS);
    x.steps = (int)tiles(p->k, AX_PANEL_DEPTH);
    x.row_copies = (c.rows_are_b ? g->b_batch : g->a_batch) ? p->batch : 1;
    x.column_copies = (c.rows_are_b ? g->a_batch : g->b_batch) ? p->batch : 1;
    x.planes = x.steps;
    keep_one_filter_row(x, c.rows_are_b ? g->b : g->a, rounded(c.rows_are_b ? p->n : p->m, c.tile_rows));
    int64_t row_bytes = 3ll * x.planes * AX_PANEL_DEPTH * x.row_copies, tile_rows = c.tile_rows, rows = c.rows_are_b ? p->n : p->m;
    int64_t most = ROW_BYTES_MAX / row_bytes < ROWS_MAX ? ROW_BYTES_MAX / row_bytes : ROWS_MAX, all = rounded(rows, tile_rows);
    most = most < tile_rows ? tile_rows : most / tile_rows * tile_rows;
    x.rows = (int)(most < all ? most : all);
    return x;
}

/* Rows are encoded and multiplied some at a time if there are many, in the same work memory. */
static void run(const ax_gemm *g, const ax_cuda_product *p)
{
    const cut c = best_cut(g);
    ax_rowpanel x = describe(g, p, c);
    const sizes size = sizes_of(x, p, c.parts);
    const int rows = c.rows_are_b ? p->n : p->m;
    uint8_t *work = (uint8_t *)ax_cuda_work((size_t)(size.index + size.power + size.words + size.sums));
    if (!work) return;
    x.index = (uint2 *)(void *)work, x.power = (uint2 *)(void *)(work + size.index), x.words = (uint32_t *)(void *)(work + size.index + size.power);
    panel_task task = {c.parts > 1 ? (float *)(void *)(work + size.index + size.power + size.words) : nullptr, c.parts, c.part_steps};
    ax_cuda_phase(AX_PHASE_ENCODE);
    ax_rowpanel_encode_columns(g, *p, x);
    for (x.first_row = 0; x.first_row < rows; x.first_row += x.rows) {
        x.live_rows = rows - x.first_row < x.rows ? rows - x.first_row : x.rows;
        ax_cuda_phase(AX_PHASE_ENCODE);
        ax_rowpanel_encode_rows(g, *p, x);
        ax_cuda_phase(AX_PHASE_MULTIPLY);
        if (c.tile_rows == 512) launch<4>(p, x, task);
        else if (c.tile_rows == 1024) launch<8>(p, x, task);
        else launch<16>(p, x, task);
    }
    if (c.parts > 1) ax_cuda_add_parts(p, task.sums, c.parts, 1);
    else if (p->activation > AX_RELU) ax_cuda_activate(p);
}

const ax_cuda_gemm_kernel ax_cuda_rowpanel_kernels[] = {
    {"cuda-rowpanel", 80, 0, serves, run},
    {},
};

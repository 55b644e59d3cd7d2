/* The encoding passes of the one-hot products. Each reads its operand where it lies, 8 rows x 4 floats or 8 x 8 a warp, so that
 * whole sectors are read whichever way the operand runs, and takes the extents on the way. */
#include "kernels/cuda/onehot.h"

#include <string.h>

enum { THREADS = 256, WARPS = THREADS / 32, RUN = 8 /* groups a warp encodes for the same rows */, FRACTIONS = 128 };

/* ---- classes ---- */

void ax_cuda_find_classes(ax_cuda_mult *mult, const uint8_t *bytes)
{
    uint8_t class_of[FRACTIONS], rows[AX_ONEHOT_CLASSES][FRACTIONS];
    int classes = 0;
    for (int i = 0; i < FRACTIONS; i++) {
        int c = 0;
        while (c < classes && memcmp(rows[c], bytes + i * FRACTIONS, FRACTIONS)) c++;
        if (c == AX_ONEHOT_CLASSES) return;
        if (c == classes) memcpy(rows[classes++], bytes + i * FRACTIONS, FRACTIONS);
        class_of[i] = (uint8_t)c;
    }
    mult->class_of = (const uint8_t *)ax_cuda_keep(class_of, sizeof class_of);
    mult->class_bytes = (const uint8_t *)ax_cuda_keep(rows, (size_t)classes * FRACTIONS);
    mult->classes = classes;
}

/* ---- what the passes share ---- */

__device__ static bool is_zero(uint32_t bits) { return !(bits & 0x7f800000u); }
__device__ static uint32_t power_of(uint32_t bits) { return bits >> 16 & 0xff80u; }
__device__ static uint32_t fraction_of(uint32_t bits) { return bits >> 16 & 127u; }

/* The bits of `rows` x `ks` elements, 0 outside. PLAIN: of a matrix whose k are all equally far apart. */
template <bool PLAIN> struct reader {
    ax_cuda_source s;
    int rows, ks;
    uint32_t largest;      /* magnitude seen */
    __device__ ax_cuda_place row(int r) const
    {
        r = min(r, rows - 1);
        return PLAIN ? ax_cuda_place{r * s.row_stride, 0, 0} : ax_row_place(s, (uint32_t)r);
    }
    __device__ ax_cuda_place k(int k) const
    {
        k = min(k, ks - 1);
        return PLAIN ? ax_cuda_place{k * s.k_stride, 0, 0} : ax_k_place(s, (uint32_t)k);
    }
    __device__ uint32_t read(const ax_cuda_place &at_row, const ax_cuda_place &at_k, bool inside)
    {
        if (!inside) return 0;
        return see(ax_bits(PLAIN ? __ldg(s.data + at_row.at + at_k.at) : ax_fetch(s, at_row, at_k)));
    }
    __device__ uint32_t see(uint32_t bits)
    {
        largest = max(largest, bits & 0x7fffffffu);
        return bits;
    }
    /* By all of a block. A maximum of integers has no order; most blocks find that theirs is no news. */
    __device__ void report(uint32_t *extent)
    {
        __shared__ uint32_t warps[WARPS];
        for (int step = 16; step; step /= 2) largest = max(largest, __shfl_xor_sync(~0u, largest, step));
        if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = largest;
        __syncthreads();
        if (threadIdx.x) return;
        for (int i = 1; i < WARPS; i++) largest = max(largest, warps[i]);
        if (largest > __ldcg(extent)) atomicMax(extent, largest);
    }
};

template <bool PLAIN> __device__ static reader<PLAIN> reader_of(const ax_cuda_source &s, int64_t batch_step, int rows, int ks)
{
    reader<PLAIN> r = {s, rows, ks, 0};
    r.s.data += blockIdx.y * batch_step;
    return r;
}

static int is_plain(const ax_cuda_source &s, int ks) { return !s.patches && s.k_inner.d >= (uint32_t)ks; }

static int blocks_for(int64_t units)
{
    int64_t blocks = (units + WARPS - 1) / WARPS, most = 16 * (int64_t)ax_cuda.processors;
    return (int)(blocks < most ? blocks : most);
}

/* ---- A: fragments of 16 rows x 16 k ---- */

/* Lane 4 r + t holds rows r and r + 8, k 2 t, 2 t + 1 and those 8 further on, as wgmma has a 64 x 16 matrix in registers. An
 * element's place among the two numbers of its pair of classes is its class's lowest bit; k + 1's pair comes 2 places later.
 * Metadata: lane 4 r + h has k 8 h .. 8 h + 7, row r in the lower half, r + 8 in the upper, 4 bits for two k. */
struct two_elements {
    uint32_t value, places;
};

__device__ static two_elements encode_two(const uint8_t *class_of, uint32_t first, uint32_t second)
{
    uint32_t c0 = class_of[fraction_of(first)], c1 = class_of[fraction_of(second)];
    uint32_t low = is_zero(first) ? 0 : power_of(first) | c0 >> 1, high = is_zero(second) ? 0 : power_of(second) | c1 >> 1;
    return {low | high << 16, (c0 & 1) | (2 + (c1 & 1)) << 2};
}

/* e: (half of k, half of the rows). */
__device__ static void write_fragments(const ax_onehot &x, int block, int group, const two_elements (&e)[2][2])
{
    const int lane = threadIdx.x % 32, t = lane % 4;
    uint32_t places[2];
#pragma unroll
    for (int half = 0; half < 2; half++) {
        places[half] = e[half][0].places << (4 * t) | e[half][1].places << (16 + 4 * t);
        places[half] |= __shfl_xor_sync(~0u, places[half], 1);
        places[half] |= __shfl_xor_sync(~0u, places[half], 2);
    }
    const int64_t at = ((int64_t)blockIdx.y * x.row_blocks + block) * x.groups + group;
    x.values[at * 32 + lane] = make_uint4(e[0][0].value, e[0][1].value, e[1][0].value, e[1][1].value);
    if (t < 2) x.places[at * 16 + lane / 4 * 2 + t] = t ? places[1] : places[0];
}

template <bool PLAIN>
__device__ static void encode_rows(const ax_cuda_product &p, const ax_onehot &x, const uint8_t *class_of, int64_t first_warp, int64_t warps)
{
    const int lane = threadIdx.x % 32, t = lane % 4, runs = (x.groups + RUN - 1) / RUN;
    reader<PLAIN> a = reader_of<PLAIN>(p.a, p.a_batch, p.m, p.k);
    for (int64_t unit = first_warp; unit < (int64_t)x.row_blocks * runs; unit += warps) {
        const int block = (int)(unit / runs), first = (int)(unit % runs) * RUN, row = block * 16 + lane / 4;
        const ax_cuda_place at_row[2] = {a.row(row), a.row(row + 8)};
        for (int group = first; group < min(first + RUN, x.groups); group++) {
            two_elements e[2][2];
#pragma unroll
            for (int half = 0; half < 2; half++) {
                int k = group * AX_ONEHOT_GROUP + half * 8 + t * 2;
                ax_cuda_place k0 = a.k(k), k1 = a.k(k + 1);
#pragma unroll
                for (int i = 0; i < 2; i++) {
                    bool inside = row + i * 8 < p.m;
                    e[half][i] = encode_two(class_of, a.read(at_row[i], k0, inside && k < p.k), a.read(at_row[i], k1, inside && k + 1 < p.k));
                }
            }
            write_fragments(x, block, group, e);
        }
    }
    a.report(&p.extents->a);
}

/* Rows that are taps of 16 n channels, k that are positions: 16 rows share a position's pixel. */
__device__ static void encode_taps(const ax_cuda_product &p, const ax_onehot &x, const uint8_t *class_of, int64_t first_warp, int64_t warps)
{
    const int lane = threadIdx.x % 32, t = lane % 4, runs = (x.groups + RUN - 1) / RUN;
    reader<true> a = reader_of<true>(p.a, p.a_batch, p.m, p.k);
    for (int64_t unit = first_warp; unit < (int64_t)x.row_blocks * runs; unit += warps) {
        const int block = (int)(unit / runs), first = (int)(unit % runs) * RUN;
        const ax_cuda_place tap = ax_row_place(a.s, (uint32_t)min(block * 16, p.m - 1));
        for (int group = first; group < min(first + RUN, x.groups); group++) {
            const int k = group * AX_ONEHOT_GROUP + lane % 16;
            const bool inside = block * 16 < p.m && k < p.k;
            const int at = inside ? (int)(ax_offset(a.s, tap, ax_k_place(a.s, (uint32_t)k)) >> 4) : -1;      /* in 16 floats */
            two_elements e[2][2];
#pragma unroll
            for (int half = 0; half < 2; half++) {
                const int at0 = __shfl_sync(~0u, at, half * 8 + t * 2), at1 = __shfl_sync(~0u, at, half * 8 + t * 2 + 1);
#pragma unroll
                for (int i = 0; i < 2; i++) {
                    const float *from = a.s.data + lane / 4 + i * 8;
                    uint32_t first_bits = a.see(at0 < 0 ? 0 : ax_bits(__ldg(from + (int64_t)at0 * 16)));
                    uint32_t second_bits = a.see(at1 < 0 ? 0 : ax_bits(__ldg(from + (int64_t)at1 * 16)));
                    e[half][i] = encode_two(class_of, first_bits, second_bits);
                }
            }
            write_fragments(x, block, group, e);
        }
    }
    a.report(&p.extents->a);
}

/* ---- A: the tensor that patches are of, 8 pixels x 16 channels a warp ---- */

struct four_channels {
    float2 two[2];                   /* 2 t, 2 t + 1 of the group's 16 channels and those 8 further on */
};

/* Lane 4 r + t of a warp has pixel r. */
__device__ static four_channels read_pixel(const ax_onehot &x, const float *tensor, int64_t unit)
{
    uint32_t group, block = ax_divide(&group, (uint32_t)unit, x.by_tap_groups), pixel = block * 8 + threadIdx.x % 32 / 4;
    if (pixel >= x.outside) return {};
    const float2 *from = (const float2 *)(tensor + ((int64_t)pixel * x.tap_groups + group) * AX_ONEHOT_GROUP) + threadIdx.x % 4;
    return {__ldg(from), __ldg(from + 4)};
}

__device__ static void write_pixel(const ax_onehot &x, int64_t unit, const two_elements (&e)[2])
{
    const int t = threadIdx.x % 4;
    uint32_t group, block = ax_divide(&group, (uint32_t)unit, x.by_tap_groups), pixel = block * 8 + threadIdx.x % 32 / 4;
    uint32_t places = (e[0].places | e[1].places << 16) << (4 * t);
    places |= __shfl_xor_sync(~0u, places, 1);
    places |= __shfl_xor_sync(~0u, places, 2);
    const int64_t at = ((int64_t)blockIdx.y * x.tap_groups + group) * x.plane + pixel;
    ((uint2 *)x.values)[at * 4 + t] = make_uint2(e[0].value, e[1].value);
    if (t == 0) x.places[at] = places;
}

__device__ static void encode_tensor(const ax_cuda_product &p, const ax_onehot &x, const uint8_t *class_of, int64_t first_warp, int64_t warps)
{
    enum { AHEAD = 2 };
    const int64_t units = (int64_t)x.plane / 8 * x.tap_groups;
    reader<true> a = reader_of<true>(p.a, p.a_batch, p.m, p.k);
    for (int64_t first = first_warp; first < units; first += AHEAD * warps) {
        four_channels all[AHEAD];
#pragma unroll
        for (int i = 0; i < AHEAD; i++) all[i] = first + i * warps < units ? read_pixel(x, a.s.data, first + i * warps) : four_channels{};
#pragma unroll
        for (int i = 0; i < AHEAD; i++) {
            if (first + i * warps >= units) break;
            two_elements e[2];
#pragma unroll
            for (int half = 0; half < 2; half++)
                e[half] = encode_two(class_of, a.see(ax_bits(all[i].two[half].x)), a.see(ax_bits(all[i].two[half].y)));
            write_pixel(x, first + i * warps, e);
        }
    }
    a.report(&p.extents->a);
}

/* ---- B: blocks of 8 columns x 16 k, once for each pair of classes ---- */

template <bool PLAIN>
__device__ static void encode_columns(const ax_cuda_product &p, const ax_onehot &x, uint32_t *words, int64_t first_warp, int64_t warps)
{
    for (int i = threadIdx.x; i < x.pairs * FRACTIONS; i += THREADS) {
        int c = i / FRACTIONS * 2, j = i % FRACTIONS;
        uint32_t low = c < p.mult.classes ? p.mult.class_bytes[c * FRACTIONS + j] : 0;
        uint32_t high = c + 1 < p.mult.classes ? p.mult.class_bytes[(c + 1) * FRACTIONS + j] : 0;
        words[i] = low | high << 16;
    }
    __syncthreads();
    const int lane = threadIdx.x % 32, tile_blocks = x.tile_columns / 8, tile_bytes = x.tile_columns * 64;
    reader<PLAIN> b = reader_of<PLAIN>(p.b, p.b_batch, p.n, p.k);
    const int64_t units = (int64_t)x.column_blocks * x.groups;
    for (int64_t unit = first_warp; unit < units; unit += warps) {
        const int group = (int)(unit / x.column_blocks), block = (int)(unit % x.column_blocks);
        const int column = block * 8 + lane % 8, k = group * AX_ONEHOT_GROUP + lane / 8 * 4;
        const ax_cuda_place at_column = b.row(column);
        uint32_t power[4], fraction[4];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            uint32_t bits = b.read(at_column, b.k(k + i), column < p.n && k + i < p.k);
            power[i] = is_zero(bits) ? 0 : power_of(bits) * 0x10001u;
            fraction[i] = is_zero(bits) ? ~0u : fraction_of(bits);
        }
        int64_t tile = ((int64_t)blockIdx.y * (x.column_blocks / tile_blocks) + block / tile_blocks) * x.groups + group;
        uint8_t *to = x.columns + tile * x.pairs * tile_bytes + block % tile_blocks * 512 + lane * 16;
        for (int pair = 0; pair < x.pairs; pair++, to += tile_bytes) {
            uint32_t w[4];
#pragma unroll
            for (int i = 0; i < 4; i++) w[i] = fraction[i] == ~0u ? 0 : power[i] + words[pair * FRACTIONS + fraction[i]];
            *(uint4 *)to = make_uint4(w[0], w[1], w[2], w[3]);
        }
    }
    b.report(&p.extents->b);
}

/* ---- both: the first blocks encode B, which is small and goes through its table first, the others A ---- */

enum a_is { A_ANY, A_PLAIN, A_TAPS, A_TENSOR };

template <a_is A, bool B_PLAIN> __global__ static void __launch_bounds__(THREADS) encode(const ax_cuda_product p, const ax_onehot x, int b_blocks)
{
    __shared__ uint32_t words[AX_ONEHOT_CLASSES / 2 * FRACTIONS];      /* (pairs, 128): two rows side by side */
    const int64_t warp = (int64_t)blockIdx.x * WARPS + threadIdx.x / 32;
    if (blockIdx.x < b_blocks) {
        if (blockIdx.y < x.b_copies) encode_columns<B_PLAIN>(p, x, words, warp, (int64_t)b_blocks * WARPS);
        return;
    }
    if (blockIdx.y >= x.a_copies) return;
    uint8_t *class_of = (uint8_t *)words;
    if (threadIdx.x < FRACTIONS) class_of[threadIdx.x] = p.mult.class_of[threadIdx.x];
    __syncthreads();
    const int64_t first = warp - (int64_t)b_blocks * WARPS, warps = (int64_t)(gridDim.x - b_blocks) * WARPS;
    if (A == A_TENSOR) encode_tensor(p, x, class_of, first, warps);
    else if (A == A_TAPS) encode_taps(p, x, class_of, first, warps);
    else encode_rows<A == A_PLAIN>(p, x, class_of, first, warps);
}

/* ---- one class: rows of bfloat16 ---- */

/* `words`: the class's row, or NULL for powers of two alone. */
template <bool PLAIN> __global__ static void __launch_bounds__(THREADS)
    encode_powers(uint16_t *to, const ax_cuda_source s, int64_t batch_step, int rows, int ks, int depth, const uint8_t *words, uint32_t *extent)
{
    const int lane = threadIdx.x % 32, groups = depth / AX_ONEHOT_GROUP, blocks = (rows + 7) / 8;
    reader<PLAIN> a = reader_of<PLAIN>(s, batch_step, rows, ks);
    for (int64_t unit = blockIdx.x * WARPS + threadIdx.x / 32; unit < (int64_t)blocks * groups; unit += gridDim.x * WARPS) {
        const int row = (int)(unit / groups) * 8 + lane % 8, k = (int)(unit % groups) * AX_ONEHOT_GROUP + lane / 8 * 4;
        const ax_cuda_place at_row = a.row(row);
        uint32_t word[4];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            uint32_t bits = a.read(at_row, a.k(k + i), row < rows && k + i < ks);
            word[i] = is_zero(bits) ? 0 : power_of(bits) + (words ? __ldg(words + fraction_of(bits)) : 0);
        }
        if (row < rows)
            *(uint2 *)(to + ((int64_t)blockIdx.y * rows + row) * depth + k) = make_uint2(word[0] | word[1] << 16, word[2] | word[3] << 16);
    }
    a.report(extent);
}

/* ---- launching ---- */

static size_t a_groups(const ax_onehot &x)      /* of 16 k of a row, or of 16 channels of a pixel */
{
    return (size_t)x.a_copies * (x.taps ? (size_t)x.tap_groups * x.plane : (size_t)x.row_blocks * 16 * x.groups);
}

size_t ax_onehot_values_bytes(const ax_onehot &x) { return a_groups(x) * 32; }
size_t ax_onehot_places_bytes(const ax_onehot &x) { return a_groups(x) * 4; }
size_t ax_onehot_columns_bytes(const ax_onehot &x) { return (size_t)x.b_copies * x.column_blocks * x.groups * x.pairs * 512; }

template <a_is A> static void launch(const ax_cuda_product &p, const ax_onehot &x)
{
    int64_t runs = (x.groups + RUN - 1) / RUN, units = A == A_TENSOR ? (int64_t)x.plane / 8 * x.tap_groups : x.row_blocks * runs;
    int a_blocks = blocks_for(units), b_blocks = blocks_for((int64_t)x.column_blocks * x.groups);
    dim3 grid((unsigned)(a_blocks + b_blocks), (unsigned)(x.a_copies > x.b_copies ? x.a_copies : x.b_copies));
    if (is_plain(p.b, p.k)) encode<A, true><<<grid, THREADS, 0, ax_cuda.stream>>>(p, x, b_blocks);
    else encode<A, false><<<grid, THREADS, 0, ax_cuda.stream>>>(p, x, b_blocks);
}

void ax_onehot_encode(const ax_cuda_product &p, const ax_onehot &x)
{
    if (x.taps) launch<A_TENSOR>(p, x);
    else if (is_plain(p.a, p.k)) launch<A_PLAIN>(p, x);
    else if (p.a.patches && p.a.transposed && p.a.c % 16 == 0) launch<A_TAPS>(p, x);
    else launch<A_ANY>(p, x);
}

static void encode_powers(uint16_t *to, const ax_cuda_source &s, int64_t batch_step, int batch, int rows, int ks, int depth, const uint8_t *words,
                          uint32_t *extent)
{
    const dim3 grid((unsigned)blocks_for((rows + 7) / 8 * (int64_t)(depth / AX_ONEHOT_GROUP)), (unsigned)(batch_step ? batch : 1));
    if (is_plain(s, ks)) encode_powers<true><<<grid, THREADS, 0, ax_cuda.stream>>>(to, s, batch_step, rows, ks, depth, words, extent);
    else encode_powers<false><<<grid, THREADS, 0, ax_cuda.stream>>>(to, s, batch_step, rows, ks, depth, words, extent);
}

void ax_powers_encode(const ax_cuda_product &p, int depth, uint16_t *a, uint16_t *b)
{
    encode_powers(a, p.a, p.a_batch, p.batch, p.m, p.k, depth, nullptr, &p.extents->a);
    encode_powers(b, p.b, p.b_batch, p.batch, p.n, p.k, depth, p.mult.class_bytes, &p.extents->b);
}

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

/* The bits of `rows` x `ks` elements, 0 outside. */
struct reader {
    ax_cuda_source s;
    int rows, ks;
    uint32_t largest;      /* magnitude seen */
    __device__ ax_cuda_place row(int r) const { return ax_row_place(s, (uint32_t)min(r, rows - 1)); }
    __device__ ax_cuda_place k(int k) const { return ax_k_place(s, (uint32_t)min(k, ks - 1)); }
    __device__ uint32_t read(const ax_cuda_place &at_row, const ax_cuda_place &at_k, bool inside)
    {
        uint32_t bits = inside ? ax_bits(ax_fetch(s, at_row, at_k)) : 0;
        largest = max(largest, bits & 0x7fffffffu);
        return bits;
    }
    /* A maximum of integers has no order. Most warps find that theirs is no news. */
    __device__ void report(uint32_t *extent)
    {
        for (int step = 16; step; step /= 2) largest = max(largest, __shfl_xor_sync(~0u, largest, step));
        if (threadIdx.x % 32 == 0 && largest > __ldcg(extent)) atomicMax(extent, largest);
    }
};

__device__ static reader reader_of(const ax_cuda_source &s, int64_t batch_step, int rows, int ks)
{
    reader r = {s, rows, ks, 0};
    r.s.data += blockIdx.y * batch_step;
    return r;
}

static dim3 grid_for(int64_t units, int copies)
{
    int64_t blocks = (units + WARPS - 1) / WARPS, most = 16 * (int64_t)ax_cuda.processors;
    return dim3((unsigned)(blocks < most ? blocks : most), (unsigned)copies);
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

__global__ static void __launch_bounds__(THREADS) encode_rows(const ax_cuda_product p, const ax_onehot x)
{
    __shared__ uint8_t class_of[FRACTIONS];
    if (threadIdx.x < FRACTIONS) class_of[threadIdx.x] = p.mult.class_of[threadIdx.x];
    __syncthreads();
    const int lane = threadIdx.x % 32, t = lane % 4, runs = (x.groups + RUN - 1) / RUN;
    reader a = reader_of(p.a, p.a_batch, p.m, p.k);
    for (int64_t unit = blockIdx.x * WARPS + threadIdx.x / 32; unit < (int64_t)x.row_blocks * runs; unit += gridDim.x * WARPS) {
        const int block = (int)(unit / runs), first = (int)(unit % runs) * RUN, row = block * 16 + lane / 4;
        const ax_cuda_place at_row[2] = {a.row(row), a.row(row + 8)};
        for (int group = first; group < min(first + RUN, x.groups); group++) {
            two_elements e[2][2];      /* (half of k, half of the rows) */
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
            uint32_t places[2];
#pragma unroll
            for (int half = 0; half < 2; half++) {
                places[half] = e[half][0].places << (4 * t) | e[half][1].places << (16 + 4 * t);
                places[half] |= __shfl_xor_sync(~0u, places[half], 1);
                places[half] |= __shfl_xor_sync(~0u, places[half], 2);
            }
            int64_t at = ((int64_t)blockIdx.y * x.row_blocks + block) * x.groups + group;
            x.values[at * 32 + lane] = make_uint4(e[0][0].value, e[0][1].value, e[1][0].value, e[1][1].value);
            if (t < 2) x.places[at * 16 + lane / 4 * 2 + t] = places[t];
        }
    }
    a.report(&p.extents->a);
}

/* ---- B: blocks of 8 columns x 16 k, once for each pair of classes ---- */

__global__ static void __launch_bounds__(THREADS) encode_columns(const ax_cuda_product p, const ax_onehot x)
{
    __shared__ uint32_t words[AX_ONEHOT_CLASSES / 2 * FRACTIONS];      /* (pairs, 128): two rows side by side */
    for (int i = threadIdx.x; i < x.pairs * FRACTIONS; i += THREADS) {
        int c = i / FRACTIONS * 2, j = i % FRACTIONS;
        uint32_t low = c < p.mult.classes ? p.mult.class_bytes[c * FRACTIONS + j] : 0;
        uint32_t high = c + 1 < p.mult.classes ? p.mult.class_bytes[(c + 1) * FRACTIONS + j] : 0;
        words[i] = low | high << 16;
    }
    __syncthreads();
    const int lane = threadIdx.x % 32, tile_blocks = x.tile_columns / 8, tile_bytes = x.tile_columns * 64;
    reader b = reader_of(p.b, p.b_batch, p.n, p.k);
    for (int64_t unit = blockIdx.x * WARPS + threadIdx.x / 32; unit < (int64_t)x.column_blocks * x.groups; unit += gridDim.x * WARPS) {
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

/* ---- one class: rows of bfloat16 ---- */

/* `words`: the class's row, or NULL for powers of two alone. */
__global__ static void __launch_bounds__(THREADS)
    encode_powers(uint16_t *to, const ax_cuda_source s, int64_t batch_step, int rows, int ks, int depth, const uint8_t *words, uint32_t *extent)
{
    const int lane = threadIdx.x % 32, groups = depth / AX_ONEHOT_GROUP, blocks = (rows + 7) / 8;
    reader a = reader_of(s, batch_step, rows, ks);
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

size_t ax_onehot_values_bytes(const ax_onehot &x) { return (size_t)x.a_copies * x.row_blocks * x.groups * 32 * sizeof(uint4); }
size_t ax_onehot_places_bytes(const ax_onehot &x) { return (size_t)x.a_copies * x.row_blocks * x.groups * 16 * sizeof(uint32_t); }
size_t ax_onehot_columns_bytes(const ax_onehot &x) { return (size_t)x.b_copies * x.column_blocks * x.groups * x.pairs * 512; }

void ax_onehot_encode(const ax_cuda_product &p, const ax_onehot &x)
{
    int64_t runs = (x.groups + RUN - 1) / RUN;
    encode_rows<<<grid_for(x.row_blocks * runs, x.a_copies), THREADS, 0, ax_cuda.stream>>>(p, x);
    encode_columns<<<grid_for((int64_t)x.column_blocks * x.groups, x.b_copies), THREADS, 0, ax_cuda.stream>>>(p, x);
}

void ax_powers_encode(const ax_cuda_product &p, int depth, uint16_t *a, uint16_t *b)
{
    int64_t groups = depth / AX_ONEHOT_GROUP;
    int a_copies = p.a_batch ? p.batch : 1, b_copies = p.b_batch ? p.batch : 1;
    encode_powers<<<grid_for((p.m + 7) / 8 * groups, a_copies), THREADS, 0, ax_cuda.stream>>>(a, p.a, p.a_batch, p.m, p.k, depth, nullptr,
                                                                                              &p.extents->a);
    encode_powers<<<grid_for((p.n + 7) / 8 * groups, b_copies), THREADS, 0, ax_cuda.stream>>>(b, p.b, p.b_batch, p.n, p.k, depth,
                                                                                              p.mult.class_bytes, &p.extents->b);
}

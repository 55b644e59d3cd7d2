/* How products by ordinary arithmetic read an operand: a thread's part of a block of ROWS x DEPTH elements, from memory to
 * registers and, packed, on to a tile (DEPTH, PITCH) in shared memory. A matrix and patches are two types with the same members,
 * so that neither's code holds registers for the other.
 *
 * Invariant: beyond the operand's last k a tile holds zeros, and beyond its last row zeros or that row again. */
#ifndef AX_CUDA_SIMT_FETCH_H
#define AX_CUDA_SIMT_FETCH_H

#include "kernels/cuda/source.h"

enum { AX_SIMT_THREADS = 256, AX_SIMT_DEPTH = 8, AX_SIMT_OUTSIDE = -(1 << 29) };

/* One operand of a block of outputs. */
struct ax_simt_view {
    int first_row, rows;             /* the block's first, and how many there are */
    int last_k;                      /* of this block's part of the sum: one beyond */
    int along_rows;                  /* neighbouring rows lie together in memory, not neighbouring k */
    int wide;                        /* patches: four neighbours lie in one aligned 16 bytes */
    int64_t offset;                  /* of the batch, in floats */
};

/* N neighbours as one load or store of at most 16 bytes. */
template <int N, class T> struct alignas(N * sizeof(T)) ax_simt_group {
    T at[N];
};

/* ---- a matrix: element e = threadIdx.x + i * THREADS, along rows or along k, whichever lies together ---- */

template <int ROWS, int PITCH> struct ax_simt_matrix {
    enum { SIZE = ROWS * AX_SIMT_DEPTH, COUNT = (SIZE + AX_SIMT_THREADS - 1) / AX_SIMT_THREADS };
    enum { FAR_K = AX_SIMT_THREADS / ROWS, FAR_ROW = AX_SIMT_THREADS / AX_SIMT_DEPTH };
    struct shared {
        int64_t rows[ROWS];          /* rows beyond the operand repeat its last */
    };
    const ax_cuda_source &s;
    const int64_t *rows;
    const int along_rows, last_k, row0, k0;          /* of the thread's first element; the others are FAR_K or FAR_ROW apart */
    const bool even;                 /* no row is beyond it, and a block of k lies together: elements are a constant step apart */

    __device__ ax_simt_matrix(const ax_cuda_source &source, shared &of, const ax_simt_view &v)
        : s(source), rows(of.rows), along_rows(v.along_rows), last_k(v.last_k),
          row0(along_rows ? threadIdx.x % ROWS : threadIdx.x / AX_SIMT_DEPTH), k0(along_rows ? threadIdx.x / ROWS : threadIdx.x % AX_SIMT_DEPTH),
          even(v.first_row + ROWS <= v.rows && (s.k_inner.d >= (uint32_t)v.last_k || s.k_inner.d % AX_SIMT_DEPTH == 0))
    {
        for (int r = threadIdx.x; r < ROWS; r += AX_SIMT_THREADS)
            of.rows[r] = min(v.first_row + r, v.rows - 1) * s.row_stride + v.offset;
    }
    __device__ static bool mine(int i) { return SIZE % AX_SIMT_THREADS == 0 || threadIdx.x + i * AX_SIMT_THREADS < SIZE; }
    __device__ void find_ks(int, int) const {}
    __device__ void fetch(float *out, int, int first_k) const { along_rows ? fetch_some<1>(out, first_k) : fetch_some<0>(out, first_k); }
    template <int ALONG> __device__ void fetch_some(float *out, int first_k) const
    {
        if (even && first_k + AX_SIMT_DEPTH <= last_k) {
            const float *at = s.data + rows[mine(0) ? row0 : 0] + ax_matrix_k(s, (uint32_t)(first_k + k0));
            int64_t step = ALONG ? FAR_K * s.k_stride : FAR_ROW * s.row_stride;
            asm volatile("" : "+l"(step));           /* or its multiples would occupy registers throughout */
#pragma unroll
            for (int i = 0; i < COUNT; i++, at += step) out[i] = mine(i) ? __ldg(at) : 0.0f;
        } else {
#pragma unroll
            for (int i = 0; i < COUNT; i++) {
                const int at = first_k + k0 + (ALONG ? i * FAR_K : 0);
                const int row = row0 + (ALONG ? 0 : i * FAR_ROW);
                out[i] = mine(i) && at < last_k ? __ldg(s.data + rows[row] + ax_matrix_k(s, (uint32_t)at)) : 0.0f;
            }
        }
    }
    template <class T, class PACK> __device__ void store(T (*tile)[PITCH], const float *raw, PACK pack) const
    {
        T *at = &tile[0][k0 * PITCH + row0];
        along_rows ? store_some<FAR_K * PITCH>(at, raw, pack) : store_some<FAR_ROW>(at, raw, pack);
    }
    template <int STEP, class T, class PACK> __device__ static void store_some(T *at, const float *raw, PACK pack)
    {
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
            const T x = pack(raw[i]);
            if (mine(i)) at[i * STEP] = x;
        }
    }
};

/* ---- patches: four neighbours, channels of one tap, are fetched by one thread ---- */

/* They are neighbouring rows where patches are transposed, else neighbouring k. Where they lie together they are one load, with
 * one address and one test of its bounds; where not, as with 3 channels, each is fetched alone. */
template <int ROWS, int PITCH> struct ax_simt_patches {
    enum { FOURS = ROWS * AX_SIMT_DEPTH / 4, COUNT = (FOURS + AX_SIMT_THREADS - 1) / AX_SIMT_THREADS * 4 };
    enum { FAR_K = 4 * AX_SIMT_THREADS / ROWS, FAR_ROW = 4 * AX_SIMT_THREADS / AX_SIMT_DEPTH };
    struct shared {
        ax_cuda_place rows[ROWS], ks[2][AX_SIMT_DEPTH];      /* flattened; ks of this stage and the next, by turns */
    };
    const ax_cuda_source &s;
    shared &of;
    const int along_rows, wide, last_k, row0, k0;    /* of the thread's first four; the others are FAR_K or FAR_ROW apart */

    __device__ ax_simt_patches(const ax_cuda_source &source, shared &shared_of, const ax_simt_view &v)
        : s(source), of(shared_of), along_rows(v.along_rows), wide(v.wide), last_k(v.last_k),
          row0(along_rows ? threadIdx.x % (ROWS / 4) * 4 : threadIdx.x / (AX_SIMT_DEPTH / 4)),
          k0(along_rows ? threadIdx.x / (ROWS / 4) : threadIdx.x % (AX_SIMT_DEPTH / 4) * 4)
    {
        for (int r = threadIdx.x; r < ROWS; r += AX_SIMT_THREADS) {
            of.rows[r] = {0, AX_SIMT_OUTSIDE, 0};
            if (v.first_row + r >= v.rows) continue;
            of.rows[r] = ax_flatten(s, ax_row_place(s, (uint32_t)(v.first_row + r)));
            of.rows[r].at += v.offset;
        }
    }
    __device__ static bool mine() { return FOURS % AX_SIMT_THREADS == 0 || threadIdx.x < FOURS; }

    /* The places of a stage's k, by DEPTH threads: found once for the block, a barrier before they are fetched. */
    __device__ void find_ks(int turn, int first_k) const
    {
        const int k = threadIdx.x;
        if (k >= AX_SIMT_DEPTH) return;
        of.ks[turn][k] = {0, AX_SIMT_OUTSIDE, 0};
        if (first_k + k < last_k) of.ks[turn][k] = ax_flatten(s, ax_k_place(s, (uint32_t)(first_k + k)));
    }
    __device__ void fetch(float *out, int turn, int) const { along_rows ? fetch_some<1>(out, turn) : fetch_some<0>(out, turn); }
    template <int ALONG> __device__ void fetch_some(float *out, int turn) const
    {
#pragma unroll
        for (int i = 0; i < COUNT; i += 4) {
            const ax_cuda_place *rows = of.rows + row0 + (ALONG ? 0 : i / 4 * FAR_ROW), *ks = of.ks[turn] + k0 + (ALONG ? i / 4 * FAR_K : 0);
            float4 x = {};
            if (mine() && wide) x = ax_fetch_four(s, *rows, *ks);
            else if (mine()) x = fetch_apart<ALONG>(rows, ks);
            out[i] = x.x, out[i + 1] = x.y, out[i + 2] = x.z, out[i + 3] = x.w;
        }
    }
    template <int ALONG> __device__ float4 fetch_apart(const ax_cuda_place *rows, const ax_cuda_place *ks) const
    {
        enum { R = ALONG, K = !ALONG };
        return {ax_fetch_flattened(s, rows[0], ks[0]), ax_fetch_flattened(s, rows[R], ks[K]), ax_fetch_flattened(s, rows[2 * R], ks[2 * K]),
                ax_fetch_flattened(s, rows[3 * R], ks[3 * K])};
    }
    template <class T, class PACK> __device__ void store(T (*tile)[PITCH], const float *raw, PACK pack) const
    {
        T *at = &tile[0][k0 * PITCH + row0];
        if (!mine()) return;
        along_rows ? store_some<1, FAR_K * PITCH>(at, raw, pack) : store_some<PITCH, FAR_ROW>(at, raw, pack);
    }
    /* Neighbours lie NEAR each other in the tile, fours FAR. */
    template <int NEAR, int FAR, class T, class PACK> __device__ static void store_some(T *at, const float *raw, PACK pack)
    {
        enum { MOST = 16 / sizeof(T), TOGETHER = NEAR > 1 ? 1 : MOST < 4 ? MOST : 4 };
#pragma unroll
        for (int i = 0; i < COUNT; i += TOGETHER) {
            ax_simt_group<TOGETHER, T> x;
#pragma unroll
            for (int j = 0; j < TOGETHER; j++) x.at[j] = pack(raw[i + j]);
            *(ax_simt_group<TOGETHER, T> *)(void *)(at + i / 4 * FAR + i % 4 * NEAR) = x;
        }
    }
};

#endif

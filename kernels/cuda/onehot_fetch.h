/* How the one-hot kernel's warps fetch their fragments of A: as a matrix was encoded, or the patches of an encoded tensor. */
#ifndef AX_CUDA_ONEHOT_FETCH_H
#define AX_CUDA_ONEHOT_FETCH_H

#include "kernels/cuda/onehot.h"

/* What a lane holds of KS groups of 16 k and MT blocks of 16 rows, 64 rows apart. */
template <int KS, int MT> struct ax_onehot_fragments {
    uint4 value[KS][MT];
    uint32_t places[KS][MT];
};

template <int KS, int MT> struct ax_onehot_matrix {
    const uint4 *values;             /* of the first block, at the lane's */
    const uint32_t *places;
    int group, groups, step;         /* step: groups between blocks 64 rows apart */

    __device__ ax_onehot_matrix(const ax_cuda_product &, const ax_onehot &x, int row0, int first_group, int count)
    {
        const int lane = threadIdx.x % 32;
        const int64_t block0 = (int64_t)(x.a_copies > 1 ? blockIdx.y : 0) * x.row_blocks + row0 / 16, at = block0 * x.groups + first_group;
        values = x.values + at * 32 + lane;
        places = x.places + at * 16 + lane / 4 * 2 + lane % 2;
        group = 0, groups = count, step = 4 * x.groups;
    }

    /* The next KS groups; after the last, any. */
    __device__ void fetch(ax_onehot_fragments<KS, MT> &f)
    {
#pragma unroll
        for (int k = 0; k < KS; k++)
#pragma unroll
            for (int m = 0; m < MT; m++) {
                int at = m * step + min(group + k, groups - 1);
                f.value[k][m] = values[(int64_t)at * 32];
                f.places[k][m] = places[(int64_t)at * 16];
            }
        group += KS;
    }

    __device__ ax_onehot_fragments<KS, MT> arrived(const ax_onehot_fragments<KS, MT> &f) const { return f; }
};

/* A group of k lies in one tap. Where the lane's rows have their pixels is found anew at each tap. */
template <int KS, int MT> struct ax_onehot_patches {
    const ax_cuda_source &pixels;
    const ax_onehot &x;
    const uint2 *values;             /* of the copy, at the lane's numbers of a pixel */
    const uint32_t *places;          /* of the copy */
    int image[2 * MT], corner[2 * MT];                 /* rows r and r + 8 of each block: where their patches begin, top << 16 | left */
    uint32_t pixel[2 * MT];
    int tap, channels;               /* the next group: its tap, its group of channels */
    uint32_t plane;                  /* x.plane * channels */

    __device__ ax_onehot_patches(const ax_cuda_product &p, const ax_onehot &encoded, int row0, int first_group, int)
        : pixels(encoded.pixels), x(encoded)
    {
        const int lane = threadIdx.x % 32;
        const int64_t copy = (int64_t)(x.a_copies > 1 ? blockIdx.y : 0) * x.tap_groups * x.plane;
        values = (const uint2 *)x.values + copy * 4 + lane % 4;
        places = x.places + copy;
#pragma unroll
        for (int i = 0; i < 2 * MT; i++) {
            const int row = row0 + i / 2 * 64 + i % 2 * 8 + lane / 4;
            const ax_cuda_place at = ax_row_place(pixels, (uint32_t)min(row, p.m - 1));
            image[i] = (int)at.at, corner[i] = (row < p.m ? at.y : -AX_ONEHOT_SIDE) * 65536 | (at.x & 0xffff);
        }
        tap = first_group / x.tap_groups, channels = first_group % x.tap_groups, plane = channels * x.plane;
        find_pixels();
    }

    __device__ void find_pixels()
    {
        const ax_cuda_place at = ax_k_place(pixels, (uint32_t)tap);
#pragma unroll
        for (int i = 0; i < 2 * MT; i++) {
            const int64_t found = tap < x.taps ? ax_offset(pixels, {image[i], corner[i] >> 16, (int16_t)corner[i]}, at) : -1;
            pixel[i] = found < 0 ? (uint32_t)x.outside : (uint32_t)found;
        }
    }

    /* The next KS groups; after the last tap, zeros. Of the places, even lanes fetch row r's, odd ones row r + 8's. */
    __device__ void fetch(ax_onehot_fragments<KS, MT> &f)
    {
#pragma unroll
        for (int k = 0; k < KS; k++) {
            if (channels == x.tap_groups) {
                tap++, channels = 0, plane = 0;
                find_pixels();
            }
#pragma unroll
            for (int m = 0; m < MT; m++) {
                const uint32_t upper = plane + pixel[2 * m], lower = plane + pixel[2 * m + 1];
                const uint2 u = __ldg(values + (size_t)upper * 4), l = __ldg(values + (size_t)lower * 4);
                f.value[k][m] = make_uint4(u.x, l.x, u.y, l.y);
                f.places[k][m] = __ldg(places + (threadIdx.x % 2 ? lower : upper));
            }
            channels++, plane += x.plane;
        }
    }

    /* Even lanes want the lower halves of both rows' places, k 0 .. 7, odd ones the upper. */
    __device__ ax_onehot_fragments<KS, MT> arrived(ax_onehot_fragments<KS, MT> f) const
    {
        const uint32_t halves = threadIdx.x % 2 ? 0x3276 : 0x5410;
#pragma unroll
        for (int k = 0; k < KS; k++)
#pragma unroll
            for (int m = 0; m < MT; m++) f.places[k][m] = __byte_perm(f.places[k][m], __shfl_xor_sync(~0u, f.places[k][m], 1), halves);
        return f;
    }
};

#endif

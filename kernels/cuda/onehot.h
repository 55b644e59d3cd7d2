/* One-hot expansion. A table of few different rows T[q] makes a product a sum of products of bfloat16, each factor exact:
 *
 *     f(a, b) = sum over q of ([a's row is q] * +-2^ea) * (T[q][b's fraction] * +-2^eb),
 *
 * a matrix product of depth K * Q. Rows are taken in pairs, so of the two numbers that stand for a and a pair one at most is not 0,
 * and of the four of k and k + 1 two at most: the 2:4 pattern of the sparse tensor cores. What is stored of A is one number an
 * element whatever Q is; which pair it belongs to is in its low bits, which of the two in 2 bits beside it. */
#ifndef AX_CUDA_ONEHOT_H
#define AX_CUDA_ONEHOT_H

#include "kernels/cuda/gemm.h"

enum {
    AX_ONEHOT_CLASSES = 32,
    AX_ONEHOT_GROUP = 16,            /* k of one sparse product */
    AX_ONEHOT_SIDE = 1 << 14         /* more than a patch's tap is from the tensor's edge, either way */
};

/* The encoded operands, padded with zeros to whole tiles.
 *
 * A that is patches of a tensor of 16 n channels is never written as a matrix: the tensor is encoded, and the product fetches patches
 * of it (taps > 0). Values: (a_copies, tap_groups, plane, 16), the 16 channels in the order 0 1 8 9, 2 3 10 11, ..: what the four
 * lanes of a row hold. Places: (a_copies, tap_groups, plane), 4 bits for two channels. */
struct ax_onehot {
    int pairs;                       /* of classes */
    int groups;                      /* of 16 k */
    int row_blocks, column_blocks;   /* of 16 rows and of 8 columns */
    int tile_rows, tile_columns;
    int a_copies, b_copies;          /* batch, or 1 where all products share the operand */
    int taps;                        /* of a patch; 0: A is a matrix */
    int tap_groups;                  /* of 16 channels */
    ax_divisor by_tap_groups;
    int outside, plane;              /* pixels of the tensor; the same and some that are zero */
    ax_cuda_source pixels;           /* A as if it had one channel: rows and taps find their pixels */
    uint4 *values;                   /* (a_copies, row_blocks, groups, 32): A's fragments: sign and exponent << 7 | pair */
    uint32_t *places;                /* (a_copies, row_blocks, groups, 8, 2): the fragments' metadata */
    uint8_t *columns;                /* (b_copies, tiles, groups, pairs, tile_columns / 8, 4, 8, 16): B as wgmma reads it */
};

size_t ax_onehot_values_bytes(const ax_onehot &x);
size_t ax_onehot_places_bytes(const ax_onehot &x);
size_t ax_onehot_columns_bytes(const ax_onehot &x);

/* Fill the above and find the operands' extents. */
void ax_onehot_encode(const ax_cuda_product &p, const ax_onehot &x);

/* One class: a (rows, depth) as +-2^ea, b as T * +-2^eb, bfloat16; depth is a multiple of 16. */
void ax_powers_encode(const ax_cuda_product &p, int depth, uint16_t *a, uint16_t *b);
void ax_powers_run(const ax_gemm *g, const ax_cuda_product *p);

#endif

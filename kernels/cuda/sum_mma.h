/* Operands of sums on tensor cores, encoded: gemm_sum_mma.cu reads what sum_encode.cu writes.
 *
 * Each operand is scaled by a power of two that brings its largest exponent to a fixed one, so that what is added for a zero of A,
 * whose word is 0 plus B's, is far below every product that counts; the end of a sum takes the scale back.
 *
 * Patches whose channels come in eights are never written out: the tensor is encoded once, as it lies, and the sums fetch 8 channels
 * of a position and a tap at a time, or zeros. */
#ifndef AX_CUDA_SUM_MMA_H
#define AX_CUDA_SUM_MMA_H

#include "kernels/cuda/gemm.h"
#include "kernels/cuda/sum_form.h"

enum {
    AX_SUM_DEPTH = 32,               /* ks are padded to it */
    AX_SUM_TOP_A = 180,              /* the largest exponents after scaling: 2^31 products of less than 2^88 */
    AX_SUM_TOP_B = 160,
    AX_SUM_GROUP = 16                /* ks of one matrix instruction */
};

/* How A lies: as (rows, ks), or as a tensor whose positions, or (transposed) whose taps and channels, are the rows. */
enum ax_sum_lie { AX_SUM_MATRIX, AX_SUM_PATCHES, AX_SUM_TURNED };

/* Buffers of bfloat16, those of B in the order of the fragments: 4 ks (2q, 2q + 1, 2q + 8, 2q + 9 of a group) together. Plane 0
 * is the sum's, plane r the r-th product's. Padding is 0. */
struct ax_sum_encoded {
    uint16_t *a;                     /* (batch or 1, 1 + rank, rows, ks, or n, h, w, c): sign, exponent and row word */
    uint2 *lane;                     /* (batch or 1, groups, columns / 2, q, 2): lane words */
    uint2 *power;                    /* (batch or 1, 1 + rank, groups, columns, q): +-2^eb, times a factor from plane 1 on */
    float *partial;                  /* (splits, batch, rows, columns), or NULL: sums are ended at once */
    int64_t a_plane, a_batch, lane_batch, power_batch;      /* elements; a batch's 0: shared by the batch */
    enum ax_sum_lie lies;
    int rank, rows, columns, ks;     /* padded */
    int first_row, live_rows;        /* of the product: which rows these are */
    int splits, split_steps;         /* steps of AX_SUM_DEPTH ks in a split */
};

void ax_sum_encode_a(const ax_gemm *g, const ax_cuda_product *p, const ax_sum_encoded *e, const ax_sum_form *form);
void ax_sum_encode_tensor(const ax_cuda_product *p, const ax_sum_encoded *e, const ax_sum_form *form);
void ax_sum_encode_b(const ax_gemm *g, const ax_cuda_product *p, const ax_sum_encoded *e, const ax_sum_form *form);

#endif

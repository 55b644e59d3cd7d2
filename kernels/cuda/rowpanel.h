/* Any table of at most 7 bits by panels of its rows (gemm_rowpanel.cu): the operands as its kernel reads them.
 *
 * One operand is panelled: 16 of its rows at a time, `columns` here. The other's rows select rows of the table. Which of A and B is
 * which is chosen by the product's shape. */
#ifndef AX_CUDA_ROWPANEL_H
#define AX_CUDA_ROWPANEL_H

#include "kernels/cuda/gemm.h"

enum {
    AX_PANEL_COLUMNS = 16,
    AX_PANEL_DEPTH = 16,             /* k of one mma */
    AX_PANEL_PITCH = 136,            /* bytes a row of the table takes in shared memory */
    AX_PANEL_ZERO = AX_NARROW        /* the table's row of zeros */
};

/* Patches of an image as high as the output: what row kh of the filter meets at output row oh, row 0 meets at oh + kh * step. So
 * only one row's patches are kept, without padding above and below, and 8 positions are read as far on as whole output rows take
 * them, or not at all where that leaves the image. */
struct ax_rowpanel_filter {
    int rows;                        /* of the filter; 0: every k is kept */
    int step, pad;                   /* in rows of the image */
    ax_divisor image_rows, eights;   /* of an image; of a row of the output */
    ax_divisor planes;
};

struct ax_rowpanel {
    int rows_are_b;                  /* 1: A is panelled, rows of the kernel are columns of C */
    int rows, live_rows, first_row;  /* of this launch, whole tiles; those that exist; where they begin in the operand */
    int columns, steps;              /* a multiple of 16; blocks of 16 k */
    int planes;                      /* blocks of 16 k that are kept of the rows: steps, or those of one row of a filter */
    int row_copies, column_copies;   /* batch, or 1 where all products share the operand */
    uint2 *index;                    /* (row_copies, planes, rows / 8, 16): for each k 8 bytes, the table's row of 8 rows */
    uint2 *power;                    /* (row_copies, planes, rows / 8, 32): +-2^e, the mma's B fragment */
    uint32_t *words;                 /* (column_copies, steps * 16, columns): +-2^e << 16 | offset of the table's row */
    ax_rowpanel_filter filter;
};

/* Fills the above; nothing if the operands are out of range. */
void ax_rowpanel_encode_rows(const ax_gemm *g, const ax_cuda_product &p, const ax_rowpanel &x);
void ax_rowpanel_encode_columns(const ax_gemm *g, const ax_cuda_product &p, const ax_rowpanel &x);

#endif

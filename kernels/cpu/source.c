/* Blocks of operands. What lies in memory as wanted is not moved; of a matrix, runs of k with constant strides are copied,
 * transposed or gathered. */
#include "kernels/cpu/source.h"

#include "kernels/cpu/patches.h"
#include "kernels/cpu/staged.h"

static void copy_rows(float *out, int64_t out_ld, const float *in, int64_t in_ld, int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; r++, out += out_ld, in += in_ld)
        for (int64_t c = 0; c < cols; c++) out[c] = in[c];
}

/* In bands of 8 output rows, so that a cache line read once serves all of them. */
static void transpose_rows(float *out, int64_t out_ld, const float *in, int64_t in_ld, int64_t rows, int64_t cols)
{
    for (int64_t c0 = 0; c0 < cols; c0 += 8) {
        int64_t c1 = c0 + 8 < cols ? c0 + 8 : cols;
        for (int64_t r = 0; r < rows; r++)
            for (int64_t c = c0; c < c1; c++) out[c * out_ld + r] = in[r * in_ld + c];
    }
}

static void transpose_at(float *out, int64_t out_ld, const float *const *at, int64_t offset, int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < cols; c++) out[c * out_ld + r] = at[r][offset + c];
}

static void slide(float *out, int64_t out_ld, const ax_run *runs, int64_t nruns, const int64_t *offset, int64_t rows)
{
    for (const ax_run *run = runs; run < runs + nruns; out += run->count, run++)
        for (int64_t r = 0; r < rows; r++)
            for (int64_t i = 0; i < run->count; i++) out[r * out_ld + i] = run->at[offset[r] + i];
}

static void slide_on(float *out, int64_t out_ld, const ax_run *runs, int64_t nruns, int64_t rows)
{
    for (const ax_run *run = runs; run < runs + nruns; out += run->count, run++)
        copy_rows(out, out_ld, run->at, 1, rows, run->count);
}

const ax_moves ax_moves_c = {copy_rows, transpose_rows, transpose_at, slide, slide_on};

/* out (rows, cols) = in by its strides */
static void move(float *out, int64_t ld, const float *in, int64_t in_row, int64_t in_col, int64_t rows, int64_t cols,
                 const ax_moves *moves)
{
    if (in_col == 1) moves->copy(out, ld, in, in_row, rows, cols);
    else if (in_row == 1) moves->transpose(out, ld, in, in_col, cols, rows);
    else
        for (int64_t r = 0; r < rows; r++)
            for (int64_t c = 0; c < cols; c++) out[r * ld + c] = in[r * in_row + c * in_col];
}

static void fetch_matrix(float *out, int64_t ld, int k_major, const ax_operand *o, ax_range rows, ax_range ks,
                         const ax_moves *moves)
{
    int64_t outer = ks.first / o->k_inner, inner = ks.first % o->k_inner;
    for (int64_t done = 0, run; done < ks.count; done += run, outer++, inner = 0) {
        run = o->k_inner - inner < ks.count - done ? o->k_inner - inner : ks.count - done;
        const float *in = o->data + rows.first * o->row_stride + outer * o->k_outer_stride + inner * o->k_stride;
        if (k_major) move(out + done * ld, ld, in, o->k_stride, o->row_stride, run, rows.count, moves);
        else move(out + done, ld, in, o->row_stride, o->k_stride, rows.count, run, moves);
    }
}

void ax_source_fetch(float *out, int64_t ld, int k_major, const ax_operand *o, ax_range rows, ax_range ks,
                     const ax_moves *moves)
{
    if (o->kind == AX_OPERAND_MATRIX) fetch_matrix(out, ld, k_major, o, rows, ks, moves);
    else if (o->kind == AX_OPERAND_STAGED) ax_staged_fetch(out, ld, k_major, o, rows, ks, moves);
    else if (o->transposed) ax_patches_fetch(out, ld, k_major, o, ks, rows, moves);
    else ax_patches_fetch(out, ld, !k_major, o, rows, ks, moves);
}

int ax_source_view(ax_block *block, int k_major, const ax_operand *o, ax_range rows, ax_range ks)
{
    if (o->kind != AX_OPERAND_MATRIX || ks.first / o->k_inner != (ks.first + ks.count - 1) / o->k_inner) return 0;
    int64_t inner = k_major ? o->row_stride : o->k_stride, outer = k_major ? o->k_stride : o->row_stride;
    if (inner != 1 || outer < (k_major ? rows.count : ks.count)) return 0;
    const float *data = o->data + rows.first * o->row_stride + ks.first / o->k_inner * o->k_outer_stride +
                        ks.first % o->k_inner * o->k_stride;
    *block = (ax_block){data, outer};
    return 1;
}

ax_block ax_source_block(float *buffer, int k_major, const ax_operand *o, ax_range rows, ax_range ks, const ax_moves *moves)
{
    ax_block block = {buffer, ((k_major ? rows.count : ks.count) + 15) / 16 * 16};      /* whole vectors */
    if (!ax_source_view(&block, k_major, o, rows, ks)) ax_source_fetch(buffer, block.ld, k_major, o, rows, ks, moves);
    return block;
}

int64_t ax_source_rows(const float **at, const ax_operand *o, ax_range rows, ax_range ks)
{
    if (o->kind == AX_OPERAND_STAGED) return ax_staged_rows(at, o, rows, ks);
    if (o->kind != AX_OPERAND_MATRIX || o->k_stride != 1) return 0;
    int64_t outer = ks.first / o->k_inner, inner = ks.first % o->k_inner;
    const float *data = o->data + rows.first * o->row_stride + outer * o->k_outer_stride + inner;
    for (int64_t r = 0; r < rows.count; r++) at[r] = data + r * o->row_stride;
    return o->k_inner - inner < ks.count ? o->k_inner - inner : ks.count;
}

int ax_source_prefers_k_major(const ax_operand *o)
{
    if (o->kind == AX_OPERAND_MATRIX) return o->row_stride == 1;
    return o->transposed;
}

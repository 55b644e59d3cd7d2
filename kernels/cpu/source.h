/* The one way products read their operands: a block of an ax_operand, where it lies or fetched into packed floats. A patch
 * matrix is never materialised beyond a block. */
#ifndef AX_CPU_SOURCE_H
#define AX_CPU_SOURCE_H

#include "kernels/kernels.h"

/* Floats in a row, and how many. */
typedef struct {
    const float *at;
    int64_t count;
} ax_run;

/* How blocks of (rows, cols) are moved; rows lie out_ld and in_ld floats apart. transpose writes (cols, rows). */
typedef struct {
    void (*copy)(float *out, int64_t out_ld, const float *in, int64_t in_ld, int64_t rows, int64_t cols);
    void (*transpose)(float *out, int64_t out_ld, const float *in, int64_t in_ld, int64_t rows, int64_t cols);
    /* out[c * out_ld + r] = at[r][offset + c]: rows anywhere. */
    void (*transpose_at)(float *out, int64_t out_ld, const float *const *at, int64_t offset, int64_t rows, int64_t cols);
    /* Row r of out: the runs one after another, all moved on by offset[r]. */
    void (*slide)(float *out, int64_t out_ld, const ax_run *runs, int64_t nruns, const int64_t *offset, int64_t rows);
    /* The same, moved on by r. */
    void (*slide_on)(float *out, int64_t out_ld, const ax_run *runs, int64_t nruns, int64_t rows);
} ax_moves;

extern const ax_moves ax_moves_c;
#ifdef __x86_64__
extern const ax_moves ax_moves_avx512, ax_moves_avx2;
#endif

typedef struct {
    int64_t first, count;
} ax_range;

/* out = elements (r, k) of the ranges: (rows, k) with k contiguous, or (k, rows) with rows contiguous if k_major; ld apart. */
void ax_source_fetch(float *out, int64_t ld, int k_major, const ax_operand *o, ax_range rows, ax_range ks,
                     const ax_moves *moves);

/* A block of an operand: (rows, k) ld floats apart, or (k, rows). */
typedef struct {
    const float *data;
    int64_t ld;
} ax_block;

/* 1 and the block as it lies in memory, if the operand's strides are those of the wanted layout. */
int ax_source_view(ax_block *block, int k_major, const ax_operand *o, ax_range rows, ax_range ks);

/* The block where it lies, or fetched into `buffer` (rows.count * ks.count floats, the inner count rounded up to 16). */
ax_block ax_source_block(float *buffer, int k_major, const ax_operand *o, ax_range rows, ax_range ks, const ax_moves *moves);

/* at[r] = where element (r, ks.first) lies; returns how many k on from there are contiguous in every row, 0 if they are not. */
int64_t ax_source_rows(const float **at /* (rows.count) */, const ax_operand *o, ax_range rows, ax_range ks);

/* Does the operand lie in memory so that (k, rows) blocks are the cheaper to fetch? */
int ax_source_prefers_k_major(const ax_operand *o);

#endif

/* Long sums of few outputs, cut into parts that run side by side: what adds them, in order. */
#ifndef AX_CUDA_PARTS_H
#define AX_CUDA_PARTS_H

#include "kernels/cuda/gemm.h"

static inline int64_t ax_tiles(int64_t n, int64_t size) { return (n + size - 1) / size; }

/* How many blocks of 16384 outputs a product takes at least: square ones, tall ones or broad ones. */
static inline int64_t ax_square_blocks(int64_t m, int64_t n) { return ax_tiles(m, 128) * ax_tiles(n, 128); }
static inline int64_t ax_tall_blocks(int64_t m, int64_t n) { return ax_tiles(m, 256) * ax_tiles(n, 64); }
static inline int64_t ax_broad_blocks(int64_t m, int64_t n) { return ax_tiles(m, 64) * ax_tiles(n, 256); }
int64_t ax_cuda_least_blocks(int64_t m, int64_t n);

/* How many parts a sum is cut into, which the shape alone decides: enough that such blocks occupy the processors twice, none shorter
 * than 256. Below 2 it is not cut. */
int ax_cuda_parts_of(const ax_gemm *g);

/* How much of k a part has: whole stages of `depth`; the last parts have less, or nothing. */
static inline int ax_cuda_part_ks(int k, int parts, int depth) { return (int)(ax_tiles(ax_tiles(k, parts), depth) * depth); }

/* Work memory for the sums (parts, batch, m, n); NULL if there is none left (the failure is recorded). */
float *ax_cuda_part_sums(const ax_cuda_product *p, int parts);

/* C = the end of the sum over parts of sums (parts, batch, m, n); with `gated`, nothing if the operands are out of range. */
void ax_cuda_add_parts(const ax_cuda_product *p, const float *sums, int parts, int gated);

/* C = the activation of C, of operands in range: for kernels whose end makes only AX_LINEAR and AX_RELU. */
void ax_cuda_activate(const ax_cuda_product *p);

/* C = the end of the sums that C holds, whatever the operands. */
void ax_cuda_end_sums(const ax_cuda_product *p);

#endif

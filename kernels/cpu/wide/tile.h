/* What the kernels of wide multipliers share: packed rows are read a word at a time and broadcast, packed panels a vector at a
 * time, and a tile of sums stays in registers for a whole block of k. */
#ifndef AX_CPU_WIDE_TILE_H
#define AX_CPU_WIDE_TILE_H

#include "kernels/cpu/wide/vector.h"

enum { TILE_ROWS = 12, TILE_VECTORS = 4 };       /* of sums, at most */

/* Some rows of one panel. */
typedef struct {
    float *sums;
    int64_t ld, row_stride;
    const char *rows, *lanes;
    int ks, first;
    ax_gemm_side side;
} tile;

INLINE void load_sums(vf acc[TILE_ROWS][TILE_VECTORS], const tile *t, const int mr, const int nv)
{
    UNROLL for (int i = 0; i < mr; i++)
        UNROLL for (int j = 0; j < nv; j++)
            acc[i][j] = t->first ? (vf){0} : *(const vf_loose *)(t->sums + i * t->ld + VL * j);
}

INLINE void store_sums(vf acc[TILE_ROWS][TILE_VECTORS], const tile *t, const int mr, const int nv)
{
    UNROLL for (int i = 0; i < mr; i++)
        UNROLL for (int j = 0; j < nv; j++) *(vf_loose *)(t->sums + i * t->ld + VL * j) = acc[i][j];
}

/* Rows of a tile so that none is left much smaller. */
INLINE int even_step(int nrows, int most)
{
    int steps = (nrows + most - 1) / most;
    return (nrows + steps - 1) / steps;
}

/* Defines NAME(block) for panels of `vectors` vectors: body(tile, mr, nv) inlined for every mr rows by nv vectors that need at
 * most `registers` sums. */
#define MOST(registers, nv) ((registers) / (nv) < TILE_ROWS ? (registers) / (nv) : TILE_ROWS)
#define CASE(body, mr, nv, registers)                                                                                  \
    case (nv) * 16 + (mr):                                                                                             \
        if ((mr) <= MOST(registers, nv)) body(&t, mr, nv);                                                             \
        break;
#define CASES(body, nv, registers)                                                                                     \
    CASE(body, 1, nv, registers) CASE(body, 2, nv, registers) CASE(body, 3, nv, registers)                             \
    CASE(body, 4, nv, registers) CASE(body, 5, nv, registers) CASE(body, 6, nv, registers)                             \
    CASE(body, 7, nv, registers) CASE(body, 8, nv, registers) CASE(body, 9, nv, registers)                             \
    CASE(body, 10, nv, registers) CASE(body, 11, nv, registers) CASE(body, 12, nv, registers)
#define DEFINE_ADD(name, body, vectors, registers)                                                                     \
    static void name##_panel(const ax_gemm_block *b, int panel)                                                        \
    {                                                                                                                  \
        int left = b->nlanes - panel * (vectors) * VL, nv = left >= (vectors) * VL ? (vectors) : (left + VL - 1) / VL; \
        int step = even_step(b->nrows, MOST(registers, nv));                                                           \
        for (int r = 0; r < b->nrows; r += step) {                                                                     \
            tile t = {b->sums + r * b->ld + panel * (vectors) * VL, b->ld, b->row_stride,                              \
                      (const char *)b->rows + r * b->row_stride, (const char *)b->lanes + panel * b->panel_stride,     \
                      b->ks, b->first, b->side};                                                                       \
            switch (nv * 16 + (b->nrows - r < step ? b->nrows - r : step)) {                                           \
                CASES(body, 1, registers)                                                                              \
                CASES(body, 2, registers)                                                                              \
                CASES(body, 3, (vectors) < 3 ? 0 : (registers))                                                        \
                CASES(body, 4, (vectors) < 4 ? 0 : (registers))                                                        \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void name(const ax_gemm_block *b)                                                                           \
    {                                                                                                                  \
        for (int p = 0; p * (vectors) * VL < b->nlanes; p++) name##_panel(b, p);                                       \
    }

/* The magnitudes of packed operands; `above` is how far the smallest lies above the least normal number, huge for zeros. */
typedef struct {
    vu largest, above;
} extremes;

enum { LEAST_NORMAL = 0x00800000 };

INLINE extremes no_extremes(void) { return (extremes){splat(0), splat(UINT32_MAX)}; }

INLINE void note_largest(extremes *e, vu bits) { e->largest = largest_of(e->largest, bits & 0x7fffffffu); }

INLINE void note_both(extremes *e, vu bits)
{
    note_largest(e, bits);
    e->above = smallest_of(e->above, (bits & 0x7fffffffu) - LEAST_NORMAL);
}

INLINE ax_extent extent_of(const extremes *e)
{
    uint32_t largest = 0, above = UINT32_MAX;
    for (int l = 0; l < VL; l++) {
        if (e->largest[l] > largest) largest = e->largest[l];
        if (e->above[l] < above) above = e->above[l];
    }
    return (ax_extent){largest, above < 0x80000000u ? above + LEAST_NORMAL : UINT32_MAX};
}

/* A vector of operands, +0 past the `left` that are left. What is packed at a time is a few cache lines in each of many rows of
 * a matrix, which no hardware prefetcher follows; `next` floats on lies what is packed soon. */
INLINE vu take(const float *x, int left, int64_t next)
{
    __builtin_prefetch((const void *)((uintptr_t)x + (uintptr_t)next * sizeof *x));
    return load_part(first_lanes(left), x);
}

/* Operands truncated to the multiplier's width keep these bits. */
INLINE uint32_t kept_bits(const ax_plan *plan) { return ~0u << (23 - plan->lut.width); }

/* All ones where the operand's exponent is not 0. */
INLINE vu nonzero(vu bits) { return (vu)((vi)(bits & 0x7f800000u) != 0); }

#endif

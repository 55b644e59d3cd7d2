/* Which rows and columns of a table differ, and the ranks of its values. The invariant: classes are exact, as hashes only
 * propose them, and ranks are those of integers, found modulo a prime. */
#include "kernels/plan_rank.h"

#include <string.h>

enum { SIDE = 1 << AX_TABLE_MAX_WIDTH };

/* 2^61 - 1. A rank modulo a prime is at most the rank, and less only if the prime divides every minor of that size. */
static const uint64_t prime = ((uint64_t)1 << 61) - 1;

static uint64_t reduce(uint64_t x) { return x >= prime ? x - prime : x; }

static uint64_t multiply(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 t = (unsigned __int128)a * b;
    return reduce((uint64_t)(t & prime) + (uint64_t)(t >> 61));
}

/* Fermat: x^(p - 2). */
static uint64_t inverse(uint64_t x)
{
    uint64_t y = 1;
    for (uint64_t e = prime - 2; e; e >>= 1, x = multiply(x, x))
        if (e & 1) y = multiply(y, x);
    return y;
}

/* --- classes ----------------------------------------------------------------------------------------------------- */

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): the e-th odd coefficient of a hash. */
static uint64_t coefficient(uint64_t e)
{
    uint64_t z = (e + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) | 1;
}

/* Hashes of all rows and columns (2^m each), linear in the words. */
static void hash_lines(uint64_t *rows, uint64_t *columns, const ax_lut_view *lut)
{
    uint64_t factor[SIDE];
    size_t side = (size_t)1 << lut->width;
    for (size_t e = 0; e < side; e++) factor[e] = coefficient(e);
    memset(columns, 0, side * sizeof *columns);
    for (size_t i = 0; i < side; i++) {
        const uint32_t *word = lut->words + (i << lut->width);
        uint64_t row = 0;
        for (size_t j = 0; j < side; j++) {
            row += word[j] * factor[j];
            columns[j] += word[j] * factor[i];
        }
        rows[i] = row;
    }
}

static int same_rows(const ax_lut_view *lut, size_t x, size_t y)
{
    return memcmp(lut->words + (x << lut->width), lut->words + (y << lut->width), sizeof *lut->words << lut->width) == 0;
}

static int same_columns(const ax_lut_view *lut, size_t x, size_t y)
{
    for (size_t i = 0; i < (size_t)1 << lut->width; i++)
        if (lut->words[i << lut->width | x] != lut->words[i << lut->width | y]) return 0;
    return 1;
}

static void group(ax_classes *classes, const ax_lut_view *lut, const uint64_t *hash, int (*same)(const ax_lut_view *, size_t, size_t))
{
    classes->count = 0;
    for (int x = 0; x < 1 << lut->width; x++) {
        int c = 0;
        while (c < classes->count && !(hash[classes->first[c]] == hash[x] && same(lut, classes->first[c], (size_t)x))) c++;
        if (c == classes->count) classes->first[classes->count++] = (uint16_t)x;
        classes->of[x] = (uint16_t)c;
    }
}

void ax_classes_find(ax_classes *rows, ax_classes *columns, const ax_lut_view *lut)
{
    uint64_t row_hash[SIDE], column_hash[SIDE];
    hash_lines(row_hash, column_hash, lut);
    group(rows, lut, row_hash, same_rows);
    group(columns, lut, column_hash, same_columns);
}

uint32_t ax_classes_mask(const ax_classes *classes, int width)
{
    uint32_t mask = 0;
    for (uint32_t x = 0; x < 1u << width; x++)
        for (int bit = 0; bit < width; bit++)
            if (classes->of[x] != classes->of[x & ~(1u << bit)]) mask |= 1u << bit;
    return mask;
}

/* --- ranks ------------------------------------------------------------------------------------------------------- */

/* Mitchell's sum of the operands' live bits, with these bits set, to be taken away. */
typedef struct {
    uint32_t half_a, half_b;
} sum_base;

/* The significand value (1 + fraction) 2^carry in units of 2^-23. */
static uint64_t value_of(uint32_t word) { return (uint64_t)(0x800000u | (word & 0x7fffffu)) << (word >> 23); }

/* Row i of the table's values, less the base's if there is one, modulo the prime, at the first column of each class. In the
 * first of a class all dead bits are 0. */
static void fill_row(uint64_t *out, const ax_lut_view *lut, const ax_classes *columns, uint32_t i, const sum_base *base)
{
    int shift = 23 - lut->width;
    for (int c = 0; c < columns->count; c++) {
        uint32_t j = columns->first[c];
        uint64_t value = value_of(lut->words[i << lut->width | j]);
        if (base) {
            uint32_t sum = (i | base->half_a) + (j | base->half_b);
            value += prime - value_of(sum << shift);
        }
        out[c] = reduce(value);
    }
}

/* Gaussian elimination a row at a time; a table of full rank is known after AX_TABLE_RANK_MAX + 1 rows. */
static int rank_of(const ax_lut_view *lut, const ax_classes *rows, const ax_classes *columns, const sum_base *base)
{
    uint64_t pivot[AX_TABLE_RANK_MAX][SIDE], x[SIDE];      /* (rank, columns), each 1 at its column `at` and 0 at the earlier ones */
    int at[AX_TABLE_RANK_MAX], rank = 0, n = columns->count;
    for (int r = 0; r < rows->count; r++) {
        fill_row(x, lut, columns, rows->first[r], base);
        for (int p = 0; p < rank; p++) {
            uint64_t factor = prime - x[at[p]];
            if (factor == prime) continue;
            for (int c = 0; c < n; c++) x[c] = reduce(x[c] + multiply(factor, pivot[p][c]));
        }
        int lead = 0;
        while (lead < n && !x[lead]) lead++;
        if (lead == n) continue;
        if (rank == AX_TABLE_RANK_MAX) return AX_TABLE_RANK_MAX + 1;
        uint64_t scale = inverse(x[lead]);
        for (int c = 0; c < n; c++) pivot[rank][c] = multiply(scale, x[c]);
        at[rank++] = lead;
    }
    return rank;
}

/* The bit below the live ones: with it an operand stands for the middle of those that share its live bits. */
static uint32_t half_of(int width, int live) { return live < width ? 1u << (width - live - 1) : 0; }

void ax_plan_find_ranks(ax_plan *plan, const ax_classes *rows, const ax_classes *columns)
{
    const ax_lut_view *lut = &plan->lut;
    plan->rank = rank_of(lut, rows, columns, NULL);
    if (plan->additive) return;
    sum_base base = {0};
    plan->sum_rank = rank_of(lut, rows, columns, &base);
    base.half_a = half_of(lut->width, plan->live_a);
    base.half_b = half_of(lut->width, plan->live_b);
    if (!(base.half_a | base.half_b)) return;
    int centred = rank_of(lut, rows, columns, &base);
    if (centred >= plan->sum_rank) return;
    plan->sum_rank = centred;
    plan->sum_centred = 1;
}

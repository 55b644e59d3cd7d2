/* Reductions whose order is fixed by the shape alone: blocks of rows, each summed on its own, added in block order. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/split.h"

enum { COLUMNS = 64, BLOCKS = 64, LANES = 128 };

/* db (width): the sum of rows [lo, hi) of dy, whose rows are n apart. Where a row is all of dy's width, `group` rows are one
 * vector of group * width lanes: narrow rows fill the registers. The order of the sum: by lane, then lanes ascending. */
AX_CLONES static void sum_rows(float *db, const float *dy, int64_t lo, int64_t hi, int64_t n, int64_t width)
{
    int64_t group = n == width && width < LANES ? LANES / width : 1, lanes = group * width, r = lo;
    float acc[LANES] = {0};
    for (; r + group <= hi; r += group)
        for (int64_t i = 0; i < lanes; i++) acc[i] += dy[r * n + i];
    for (int64_t j = 0; r < hi; r++, j++)
        for (int64_t i = 0; i < width; i++) acc[j * width + i] += dy[r * n + i];
    for (int64_t i = 0; i < width; i++) db[i] = acc[i];
    for (int64_t j = 1; j < group; j++)
        for (int64_t i = 0; i < width; i++) db[i] += acc[j * width + i];
}

typedef float partials[BLOCKS][COLUMNS];

/* Blocks [lo, hi) of the rows of up to COLUMNS columns. */
static void sum_blocks(partials sums, const float *dy, int64_t rows, int64_t n, int64_t width, int64_t lo, int64_t hi)
{
    for (int64_t b = lo; b < hi; b++) sum_rows(sums[b], dy, rows * b / BLOCKS, rows * (b + 1) / BLOCKS, n, width);
}

AX_CLONES static void add_blocks(float *restrict db, const partials sums, int64_t width)
{
    for (int64_t i = 0; i < width; i++) db[i] = sums[0][i];
    for (int64_t b = 1; b < BLOCKS; b++)
        for (int64_t i = 0; i < width; i++) db[i] += sums[b][i];
}

/* Threads share the blocks of few columns, or take many columns COLUMNS at a time. */
void ax_cpu_bias_grad(float *db, const float *dy, int64_t rows, int64_t n)
{
    if (n <= COLUMNS) {
        partials sums;
        AX_CPU_SPLIT(BLOCKS, rows * n / BLOCKS, 1, sum_blocks(sums, dy, rows, n, n, lo, hi));
        unsigned csr = ax_cpu_flush();
        add_blocks(db, (const float(*)[COLUMNS])sums, n);
        ax_cpu_unflush(csr);
        return;
    }
    AX_CPU_SPLIT(n, rows, COLUMNS, for (int64_t c = lo; c < hi; c += COLUMNS) {
        partials sums;
        int64_t width = hi - c < COLUMNS ? hi - c : COLUMNS;
        sum_blocks(sums, dy + c, rows, n, width, 0, BLOCKS);
        add_blocks(db + c, (const float(*)[COLUMNS])sums, width);
    });
}

AX_CLONES static uint32_t any_special(const float *x, int64_t n)
{
    uint32_t special = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t u;
        __builtin_memcpy(&u, x + i, sizeof u);
        special |= (u & 0x7f800000u) == 0x7f800000u;
    }
    return special;
}

void ax_cpu_all_finite(int32_t *yes, const float *x, int64_t n)
{
    uint32_t special = 0;
    AX_CPU_SPLIT(n, 1, 4096, {
        uint32_t mine = any_special(x + lo, hi - lo);
        __atomic_fetch_or(&special, mine, __ATOMIC_RELAXED);
    });
    *yes = !special;
}

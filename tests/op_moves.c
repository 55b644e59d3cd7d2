/* Moves of blocks, on every instruction set this machine has, element by element: every small shape, and nothing written
 * beside the block. */
#include "gemm.h"

#include "kernels/cpu/gemm.h"

enum { SIDE = 40, LD = 47, FLOATS = SIDE * LD };

static float in[FLOATS], out[FLOATS], want[FLOATS];

static void clear(void)
{
    for (int e = 0; e < FLOATS; e++) out[e] = want[e] = -1.0f;
}

static void assert_moved(const char *what, int isa, int rows, int cols)
{
    if (memcmp(out, want, sizeof out) != 0) fail_msg("%s, %s, %d x %d", what, isas[isa], rows, cols);
}

static void check_shape_of(const ax_moves *moves, int isa, int rows, int cols)
{
    const float *at[SIDE];
    for (int r = 0; r < rows; r++) at[r] = in + (r * 7 + 3) % SIDE * LD;
    clear();
    moves->copy(out, LD, in, LD - 2, rows, cols);
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < cols; c++) want[r * LD + c] = in[r * (LD - 2) + c];
    assert_moved("copy", isa, rows, cols);
    clear();
    moves->transpose(out, LD, in, LD - 2, rows, cols);
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < cols; c++) want[c * LD + r] = in[r * (LD - 2) + c];
    assert_moved("transposition", isa, rows, cols);
    clear();
    moves->transpose_at(out, LD, at, 2, rows, cols);
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < cols; c++) want[c * LD + r] = at[r][2 + c];
    assert_moved("transposition of rows anywhere", isa, rows, cols);
}

/* Rows of `total` floats, in runs of at most `run`. */
static void check_runs(const ax_moves *moves, int isa, int rows, int total, int run)
{
    ax_run runs[SIDE];
    int64_t offset[SIDE];
    int n = 0;
    for (int64_t done = 0; done < total; done += runs[n++].count)
        runs[n] = (ax_run){in + 30 * n, total - done < run ? total - done : 1 + draw() % (uint32_t)run};
    for (int r = 0; r < rows; r++) offset[r] = draw() % 64;
    clear();
    moves->slide(out, LD, runs, n, offset, rows);
    for (int r = 0; r < rows; r++)
        for (int i = 0, c = 0; i < n; i++)
            for (int64_t e = 0; e < runs[i].count; e++) want[r * LD + c++] = runs[i].at[offset[r] + e];
    assert_moved("slide", isa, rows, total);
    clear();
    moves->slide_on(out, LD, runs, n, rows);
    for (int r = 0; r < rows; r++)
        for (int i = 0, c = 0; i < n; i++)
            for (int64_t e = 0; e < runs[i].count; e++) want[r * LD + c++] = runs[i].at[r + e];
    assert_moved("slide by the row", isa, rows, total);
}

static void every_small_block_is_moved_whole_and_alone(void **state)
{
    (void)state;
    for (int e = 0; e < FLOATS; e++) in[e] = (float)e;
    for (int isa = AX_ISA_C; isa <= (int)ax_gemm_isa(); isa++) {
        const ax_moves *moves = ax_gemm_moves((enum ax_isa)isa);
        for (int rows = 1; rows <= SIDE; rows++)
            for (int cols = 1; cols <= SIDE; cols++) check_shape_of(moves, isa, rows, cols);
        for (int total = 1; total <= SIDE; total++)
            for (int run = 1; run <= total; run += 1 + run / 4) check_runs(moves, isa, 1 + total * 3 % 20, total, run);
    }
}

int main(void)
{
    rng_state = 20240318;
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_small_block_is_moved_whole_and_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The parts of the verb `bench`, one file each, and what they share. */
#ifndef AX_CMD_BENCH_H
#define AX_CMD_BENCH_H

#include <cJSON.h>

int ax_bench_gemm(int argc, char **argv);
int ax_bench_train(int argc, char **argv);

/* Makes sure that OpenBLAS runs its own choice of kernel and blocking, or kernel `core` (NULL: its own choice). It reads the
 * variables that force them before main, so the program starts anew without them, and says so. argv[0] is the word after
 * `bench`. AX_EARG: OpenBLAS has no such kernel; AX_EIO. */
int ax_bench_blas(const char *core, int argc, char **argv);

/* Median and quartiles (linear interpolation between order statistics). Sorts v; n >= 1. */
typedef struct {
    double q1, median, q3;
} ax_spread;
ax_spread ax_spread_of(double *v, int n);

/* [q1, q3] as member `key`. */
void ax_spread_json(cJSON *object, const char *key, const ax_spread *s);

#endif

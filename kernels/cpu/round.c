/* Operands rounded before a product. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/split.h"

enum { GRAIN = 4096 };

AX_CLONES static void round_all(float *y, const float *x, int width, int64_t n)
{
    for (int64_t i = 0; i < n; i++) y[i] = ax_rounded(x[i], width);
}

void ax_cpu_round_operand(float *y, const float *x, int width, int64_t n)
{
    AX_CPU_SPLIT(n, 1, GRAIN, round_all(y + lo, x + lo, width, hi - lo));
}

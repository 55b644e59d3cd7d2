/* The cpu backend's table: one function for each row of ops.def. */
#include "kernels/cpu/cpu.h"

const ax_kernels ax_kernels_cpu = {
    .name = "cpu",
#define AX_OP(op, params) .op = ax_cpu_##op,
#include "kernels/ops.def"
#undef AX_OP
};

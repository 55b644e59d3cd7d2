/* The cpu backend's functions, one for each row of ops.def: ax_cpu_NAME. */
#ifndef AX_CPU_H
#define AX_CPU_H

#include "kernels/kernels.h"

#define AX_OP(op, params) void ax_cpu_##op params;
#include "kernels/ops.def"
#undef AX_OP

#endif

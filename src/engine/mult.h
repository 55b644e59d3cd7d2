/* A multiplier for C users: the opened table and its analysis, both valid for the life of the process. */
#ifndef AX_ENGINE_MULT_H
#define AX_ENGINE_MULT_H

#include "engine/api.h"
#include "kernels/plan.h"
#include "lut/lut.h"

const ax_lut *ax_mult_lut(const ax_mult *m);
const ax_plan *ax_mult_plan(const ax_mult *m);

#endif

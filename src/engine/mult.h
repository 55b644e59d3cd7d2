/* A multiplier for C users: the opened table and its analysis. */
#ifndef AX_ENGINE_MULT_H
#define AX_ENGINE_MULT_H

#include "engine/api.h"
#include "kernels/gradient.h"
#include "kernels/plan.h"
#include "lut/lut.h"

const ax_lut *ax_mult_lut(const ax_mult *m);
const ax_plan *ax_mult_plan(const ax_mult *m);

/* The multiplier's estimated gradients, made when first asked for. NULL: it is nil, has no table (AX_EARG), or there is no memory; `op`
 * begins the message. */
const ax_gradient *ax_mult_gradient(const char *op, const ax_mult *m);

/* Between trials, when nobody holds a multiplier: forgets them all once their tables take more than 256 MiB. */
void ax_mult_trim(void);

#endif

/* The trials of a plan that `sweep --only EXPR` selects. */
#ifndef AX_CMD_ONLY_H
#define AX_CMD_ONLY_H

#include "store/study.h"

/* Marks the others of the plan as skipped. EXPR sees what is known before a trial runs: multiplier, family, width, seed, id, retries, the
 * state in directory `dir`, and parameters. AX_EARG: a mistake in it, or it selects none. */
int ax_only_mark(ax_plan_file *p, const char *dir, const char *expression);

/* A plan of those not skipped. It shares everything with `p` but the array of specs, which the caller frees. AX_ENOMEM */
int ax_only_pick(ax_plan_file *out, const ax_plan_file *p);

#endif

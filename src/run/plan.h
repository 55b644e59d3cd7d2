/* From an experiment file and overrides to the list of trials with their ids. */
#ifndef AX_RUN_PLAN_H
#define AX_RUN_PLAN_H

#include "store/study.h"

/* Evaluates SCRIPT. Two trials of the same id are one. AX_ENOENT, AX_ESCRIPT, AX_EARG as script.h says. */
int ax_plan_make(ax_plan_file *p, const char *script, const char *const *overrides, int n, bool strict, bool verbose);

#endif

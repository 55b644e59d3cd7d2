/* From an experiment file and overrides to the list of trials with their ids. */
#ifndef AX_RUN_PLAN_H
#define AX_RUN_PLAN_H

#include "store/study.h"

typedef struct {
    const char *const *overrides;        /* (n) "key=value" */
    int n;
    bool strict, verbose;
} ax_plan_options;

/* Evaluates SCRIPT. Two trials of the same id are one. AX_ENOENT, AX_ESCRIPT, AX_EARG as script.h says. */
int ax_plan_make(ax_plan_file *p, const char *script, const ax_plan_options *o);

/* Evaluates p's script anew, with the results in the study directory dir, and replaces p: a search comes as far as they decide it.
 * As ax_plan_make; p stays as it is on failure. */
int ax_plan_next(ax_plan_file *p, const char *dir, const ax_plan_options *o);

#endif

/* What `sweep` and `plan` share: an experiment file with its overrides, and the study directory that belongs to it. */
#ifndef AX_CMD_EXPERIMENT_H
#define AX_CMD_EXPERIMENT_H

#include "cmd/options.h"
#include "store/study.h"

/* Plans args: FILE.lua key=value... AX_EARG: a word without '='. */
int ax_experiment_plan(ax_plan_file *p, const ax_usage *usage, const ax_texts *args, bool strict);

/* A search as far as the results in dir decide it; any other plan stays as it is. args: those of ax_experiment_plan. */
int ax_experiment_next(ax_plan_file *p, const char *dir, const ax_texts *args);

/* The study directory: `given`, or results/NAME. The caller frees; NULL: AX_ENOMEM. */
char *ax_experiment_dir(const char *given, const ax_plan_file *p);

/* Prints the plan's table (or JSON, or one line a trial with its id) with the states found in dir. */
enum ax_plan_form { AX_PLAN_TABLE, AX_PLAN_JSON, AX_PLAN_IDS };
int ax_experiment_show(const ax_plan_file *p, const char *dir, enum ax_plan_form form);

#endif

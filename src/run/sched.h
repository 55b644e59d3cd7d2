/* The supervisor: starts workers, watches claims and journals, shows progress, collects what died, merges at the end.
 * It never touches a trial's numbers. */
#ifndef AX_RUN_SCHED_H
#define AX_RUN_SCHED_H

#include "store/study.h"

typedef struct {
    const char *dir;             /* study directory */
    int jobs;                    /* worker processes */
    int threads;                 /* of each worker */
    bool quiet, verbose, restart_failed;
    int columns;                 /* of the terminal that shows live bars; 0: none, a line a finished epoch or trial instead */
    bool color;
} ax_sched_options;

/* Runs the plan's unfinished trials. AX_OK: all complete; AX_EFAILED: some failed; AX_ESTOP: SIGTERM or SIGUSR1 with work
 * left; AX_EINTR: Ctrl-C. Whatever it returns, finished trials are stored. */
int ax_sched_run(const ax_plan_file *plan, const ax_sched_options *o);

/* One claim loop over a study directory, in this process: the body of `approxrun worker`. */
int ax_worker_run(const char *dir, int threads);

#endif

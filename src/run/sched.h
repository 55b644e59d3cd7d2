/* The supervisor: starts workers, watches claims and journals, shows progress, collects what died, merges at the end.
 * It never touches a trial's numbers. */
#ifndef AX_RUN_SCHED_H
#define AX_RUN_SCHED_H

#include "store/study.h"

typedef struct {
    const char *dir;             /* study directory */
    int jobs;                    /* worker processes */
    int threads;                 /* of each worker */
    const char *const *devices;  /* (ndevices): "cpu", or numbers of CUDA devices; workers take them in turn */
    int ndevices;
    const char *const *launcher; /* words that start this program, NULL at their end, as a worker that is perhaps elsewhere and
                                    looks after itself; NULL: workers are our children */
    double stop_at;              /* ax_now() at which the sweep stops with work left; 0: never */
    double trial_time;           /* seconds after which a worker's trial is ended and failed; 0: no limit */
    int retries;                 /* how often a failed trial begins again in this sweep */
    bool quiet, restart_failed;
    int columns;                 /* of the terminal that shows live bars; 0: none, a line a finished epoch or trial instead */
    bool color;
} ax_sched_options;

/* How many trials stand where. */
typedef struct {
    int complete, diverged, failed, interrupted, planned;
    double seconds;              /* of this sweep */
    char file[4096];             /* the study file */
} ax_sched_summary;

/* What a sweep does before its workers start: failed trials will run again. AX_ESTORE */
int ax_sched_prepare(const ax_plan_file *plan, const ax_sched_options *o);

/* Runs the plan's unfinished trials and rebuilds the study file. AX_OK: all complete; AX_EFAILED: some failed; AX_ESTOP:
 * SIGTERM, SIGUSR1 or SIGHUP with work left; AX_EINTR: Ctrl-C; AX_ESTORE. Whatever it returns, finished trials are stored. */
int ax_sched_run(ax_sched_summary *out, const ax_plan_file *plan, const ax_sched_options *o);

/* One claim loop over a study directory, in this process: the body of `approxrun worker`. `device`: "cpu", or the number of a
 * CUDA device. `supervisor`: the process to die with, 0: none. AX_OK: nothing is left to claim; AX_ESTOP; AX_ESTORE. */
int ax_worker_run(const char *dir, const char *device, int threads, int supervisor);

#endif

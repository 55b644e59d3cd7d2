/* The limits of a sweep, kept by a worker itself where no supervisor watches it: in a batch job, as a job step, by ssh. */
#ifndef AX_RUN_LIMITS_H
#define AX_RUN_LIMITS_H

#include <stdbool.h>

typedef struct {
    double stop_at, end_at;      /* ax_now() at which the worker is asked to stop, and has to have ended; 0: never */
    double trial_time;           /* seconds; 0: no limit */
    int retries;                 /* so often a failed trial may begin again, all sweeps together */
    bool restart_failed;         /* from the start, not from its checkpoint */
} ax_limits;

/* ax_worker_run within these limits, again while there is something to begin again. What does not stop in time is ended with the process
 * (SIGKILL), which standard error says. AX_OK: nothing is left to claim; AX_ESTOP; AX_ESTORE. */
int ax_limits_run(const ax_limits *limits, const char *dir, const char *device, int threads, int supervisor);

#endif

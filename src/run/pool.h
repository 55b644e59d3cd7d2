/* A worker process as its supervisor knows it: how it starts, and what it leaves when it ends. */
#ifndef AX_RUN_POOL_H
#define AX_RUN_POOL_H

#include "run/sched.h"

#include <stddef.h>
#include <sys/types.h>

typedef struct {
    pid_t pid;                   /* 0: none */
    int device_ends;             /* workers in a row that its device ended, none having finished a trial */
    int err;                     /* a file in memory: what it says on stderr; -1: none */
    int trial;                   /* whose time is counted, an index into the plan; -1: none */
    double spent;                /* seconds of that trial in this worker */
    bool paused;                 /* by SIGSTOP: its trial's time stands still */
    double asked;                /* ax_now() when it was asked to leave the trial, whose time was over; 0: it was not */
} ax_worker;

/* Starts `approxrun worker` in a process group of its own. AX_EFAILED: the system does not; AX_ENOMEM. */
int ax_worker_start(ax_worker *w, const ax_sched_options *o, const char *device);

/* What it said on stderr, without the program's name; and how it ended, in words. */
void ax_worker_words(char *out, size_t size, const ax_worker *w);
void ax_worker_end(char *out, size_t size, int wait_status, const char *words);

#endif

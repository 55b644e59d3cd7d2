/* Who starts a sweep's workers: this process (local), Slurm later (slurm: an array of jobs), or Slurm now (srun: job steps). */
#ifndef AX_CMD_LAUNCHER_H
#define AX_CMD_LAUNCHER_H

#include "cmd/device_list.h"
#include "cmd/options.h"
#include "run/sched.h"

typedef struct {
    const char *name;            /* local, slurm, srun */
    int64_t trials_per_task;     /* 0: not said */
    ax_texts args;               /* for sbatch or srun */
    int64_t jobs;                /* -j; 0: not said */
    bool gpus, json;
    double max_time, trial_time; /* seconds; 0: not said */
    int retries;
    bool restart_failed;
} ax_launcher;

/* Checks the options together and reads --devices: under Slurm "all" is a GPU a worker, and nothing is looked for here. */
int ax_launcher_check(ax_launcher *l, ax_device_list *devices, const char *text);

/* Makes a sweep of `left` trials one of job steps, if that is asked for; *words is to be freed after the sweep. */
int ax_launcher_apply(const char ***words, const ax_launcher *l, ax_sched_options *s, int left);

bool ax_launcher_submits(const ax_launcher *l);

/* Submits the array for the plan written in dir, whose data is there, and says what to do next. */
int ax_launcher_submit(const ax_launcher *l, const ax_plan_file *plan, const char *dir, int left);

#endif

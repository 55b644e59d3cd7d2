/* Slurm starts workers; claims (store/claim.h) coordinate them. A batch script in the study directory, which its user may read,
 * edit and submit again, is an array of them; srun starts them inside an allocation that is there already. */
#ifndef AX_RUN_SLURM_H
#define AX_RUN_SLURM_H

#include <stdbool.h>

typedef struct {
    const char *dir, *name;          /* study directory, name of the study */
    int tasks;                       /* workers */
    int at_once;                     /* so many of them at a time; 0: as many as fit */
    int threads;                     /* of each worker */
    bool gpus;                       /* each gets one */
    const char *const *more;         /* (nmore): further options for sbatch or srun */
    int nmore;
    double trial_time;               /* seconds after which a worker ends and fails a trial; 0: none */
    double max_time;                 /* of an array: seconds after which a task's worker stops for good; 0: never */
    int retries;                     /* of an array: how often a worker begins a failed trial again */
    bool restart_failed;             /* then from the start */
} ax_slurm_options;

/* The id of the job that was submitted last for this study. AX_ENOENT: none; AX_EIO, AX_ENOMEM. */
int ax_slurm_job(char job[32], const char *dir);

/* AX_ESTORE: that job still waits or runs. */
int ax_slurm_check_queue(const char *dir);

/* Writes DIR/slurm.sh and submits it; `job` gets the job's id. AX_ESTORE: the job submitted before is still in the queue;
 * AX_EARG: sbatch refused, in its words, or there is none. */
int ax_slurm_submit(char job[32], const ax_slurm_options *o);

/* The words that start this program as one worker's job step, NULL at their end. The caller frees the array. NULL: AX_EARG
 * (not inside an allocation), AX_ENOMEM. */
const char **ax_slurm_step(const ax_slurm_options *o);

/* The workers an allocation has room for: its tasks, or else its nodes. */
int ax_slurm_room(void);

/* Whether the allocation around this process has ended (its time, scancel, a preemption), so that its steps were ended with it.
 * False also where Slurm does not answer. */
bool ax_slurm_over(void);

/* Threads of a worker where --threads says none: the cores the allocation has for a task. */
int ax_slurm_threads(void);

#endif

/* One trial in this process: engine, record, checkpoint, claim and journal behind the ax_trial_* functions of api.h. */
#ifndef AX_RUN_TRIAL_H
#define AX_RUN_TRIAL_H

#include "engine/api.h"
#include "engine/backend.h"
#include "store/journal.h"
#include "store/study.h"

#include <signal.h>

/* Set by the worker's signal handler: stop at the next batch with a checkpoint. */
extern volatile sig_atomic_t ax_trial_stop_requested;

typedef struct {
    const char *dir;                 /* study directory */
    const ax_plan_file *plan;
    const char *env;                 /* JSON of run/env.h */
    const char *device;              /* "cpu", or the number of a CUDA device */
    const ax_backend *backend;       /* the device's, open */
    int threads;
    bool supervised;                 /* another process notes it when this one dies */
    ax_journal *journal;             /* this worker's */
} ax_trial_host;

/* Runs one claimed trial of a study to the end, a stop, or a failure; publishes its result. `claim` is its open claim.
 * AX_OK: published (complete or diverged); AX_ESTOP: checkpointed; anything else: it failed, with a message. */
int ax_trial_run(const ax_trial_host *h, const ax_spec *spec, int claim);

#endif

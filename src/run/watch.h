/* A study seen from outside: what each trial does, from claims and journals alone. */
#ifndef AX_RUN_WATCH_H
#define AX_RUN_WATCH_H

#include "store/claim.h"
#include "store/study.h"

#include <cJSON.h>

typedef struct {
    enum ax_state state;         /* planned, running, complete, diverged, failed, interrupted */
    ax_progress now;             /* while it runs */
    double since, from;          /* ax_now() and fraction done when it was first seen running */
    double done;                 /* fraction, by its last finished epoch */
    double loss, acc;            /* of that epoch: train_loss, valid_acc; NAN: none yet */
    int cost;                    /* which of the costs is its multiplier's */
} ax_watched;

typedef struct {
    char *path;
    int64_t offset;              /* behind the last line read */
} ax_watch_journal;

typedef struct ax_watch {
    const char *dir;
    const ax_plan_file *plan;
    ax_watched *trials;          /* (plan->n) */
    int *by_id;                  /* (plan->n): indices sorted by id */
    double *costs;               /* (ncosts): seconds for one product of a multiplier in training; NAN: not measured yet */
    int ncosts;
    ax_watch_journal *journals;
    int njournals;
    double began;                /* on the clock of a claim's heartbeat: one of before is not of our workers, whatever its pid */
    void (*tell)(void *arg, int trial, const cJSON *event);      /* for each new event of a journal; may be NULL */
    void *arg;
} ax_watch;

int ax_watch_init(ax_watch *w, const char *dir, const ax_plan_file *plan);    /* events before this are not told */
void ax_watch_release(ax_watch *w);
void ax_watch_resume(ax_watch *w, const ax_watch *old);      /* the next poll tells what has come since that of `old`, of another plan */
int ax_watch_poll(ax_watch *w);
void ax_watch_settle(ax_watch *w);                           /* takes each state from the files: for the end */
void ax_watch_recheck(ax_watch *w);                          /* the same of running and failed ones: a worker may have died, a trial begun
                                                                again, unseen */
int ax_watch_count(const ax_watch *w, enum ax_state state);
int ax_watch_claimed_by(const ax_watch *w, int64_t pid);     /* the trial that this host's process, which was started since ax_watch_init,
                                                                holds or held; -1: none */
int ax_watch_find(const ax_watch *w, const char *id);        /* -1: not in the plan */
double ax_progress_fraction(const ax_progress *p);           /* of the whole trial, 0..1 */
double ax_watch_eta(const ax_watch *w, int jobs);            /* seconds to the end of all; NAN: nothing measured yet */

#endif

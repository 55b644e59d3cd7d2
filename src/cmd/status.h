/* A look at a study directory and the machines that work in it. */
#ifndef AX_CMD_STATUS_H
#define AX_CMD_STATUS_H

#include "base/buf.h"
#include "run/watch.h"

typedef struct {
    char id[AX_ID_MAX];
    int trial;                     /* in the plan; -1: not in it */
    bool alive;
    ax_progress now;
} ax_status_worker;

typedef struct {
    const char *dir;
    ax_plan_file plan;
    ax_watch watch;
    ax_status_worker *workers;     /* (nworkers): one a claim, in the plan's order */
    int nworkers, alive;
    int others;                    /* finished trials that are not in the plan */
} ax_status;

int ax_status_open(ax_status *s, const char *dir);      /* AX_ENOENT, AX_EFORMAT, AX_ESTORE */
void ax_status_release(ax_status *s);
int ax_status_left(const ax_status *s);                 /* trials of the plan that run or will */
void ax_status_print(const ax_status *s);

/* A line for a study with trials left that nobody works on: what is known, and what to do. */
void ax_status_no_worker(ax_buf *out, const ax_status *s);

/* Shows what changes until no trial is left, and releases `s`. AX_EFAILED: some failed; AX_EINTR: Ctrl-C. */
int ax_status_follow(ax_status *s, bool json);

#endif

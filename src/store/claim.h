/* Claims: a file made by O_CREAT|O_EXCL says who runs a trial. Its owner rewrites it in place as progress and heartbeat;
 * supervisors and `status` read it. Coordination needs nothing but the (shared) file system. */
#ifndef AX_STORE_CLAIM_H
#define AX_STORE_CLAIM_H

#include "store/record.h"

typedef struct {
    char host[64], boot[40], job[32];      /* host name, kernel boot id, Slurm job ("12", "12_3") or "" */
    char device[64];                       /* "cpu", or the number of a CUDA device; "" before the trial has begun */
    int64_t pid;
    double beat;                           /* CLOCK_BOOTTIME seconds of the last heartbeat on that host */
    double wall;                           /* Unix time of it, for other hosts */
    double started;                        /* Unix time of the claim */
    int epoch, epochs;                     /* running epoch from 1 */
    double step, steps;                    /* batches done in it, and in all of it */
    double rate;                           /* images a second, over the last seconds */
    double loss, acc;                      /* of the running epoch so far */
    double eta;                            /* seconds to the end of the trial */
    bool unsure;                           /* read: its date says nothing, and whether its heartbeat goes on is not known yet */
} ax_progress;

enum {
    AX_CLAIM_BEAT_S = 5,                   /* the owner's heartbeat comes at least so often, whatever the trial is doing */
    AX_CLAIM_GRACE_S = 60,                 /* a claim of another host, silent for longer, is stale */
    AX_CLAIM_AHEAD_S = 300,                /* a date further ahead is no clock a little off: only a change is believed */
};

/* Claims a trial for this process. *fd: the open claim, or -1 if somebody else holds it. A stale claim is taken over. AX_ESTORE */
int ax_claim_take(int *fd, const char *dir, const char *id);
int ax_claim_update(int fd, const ax_progress *p);             /* fills in host, pid, boot, beat, wall */
int ax_claim_beat(int fd);                                     /* the same progress, a new heartbeat; from any thread */
int ax_claim_drop(int fd, const char *dir, const char *id);    /* closes and removes */

/* Reads a claim. *alive: its process lives (by its lock; on another host without shared locks: by the heartbeat). AX_ENOENT. */
int ax_claim_read(ax_progress *p, bool *alive, const char *dir, const char *id);

bool ax_claim_is_of(const ax_progress *p, int64_t pid);        /* written by that process of this host since it booted */
void ax_claim_self(ax_progress *p);                            /* host, boot, pid, beat and wall as a claim of ours now has them */

/* The Slurm job this process is of: "12", "12_3" of an array, "" outside Slurm. */
void ax_claim_job(char out[32]);

#endif

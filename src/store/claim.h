/* Claims: a file made by O_CREAT|O_EXCL says who runs a trial. Its owner rewrites it in place as heartbeat and progress;
 * supervisors and `status` read it. Coordination needs nothing but the (shared) file system. */
#ifndef AX_STORE_CLAIM_H
#define AX_STORE_CLAIM_H

#include "store/record.h"

typedef struct {
    char host[64], boot[40], job[32];      /* host name, kernel boot id, Slurm job id or "" */
    int64_t pid;
    double beat;                           /* CLOCK_BOOTTIME seconds of the last heartbeat on that host */
    double wall;                           /* Unix time of it, for other hosts */
    double started;                        /* Unix time of the claim */
    int epoch, epochs;                     /* running epoch from 1 */
    double step, steps;                    /* batches done in it, and in all of it */
    double rate;                           /* images a second, over the last seconds */
    double loss, acc;                      /* of the running epoch so far */
    double eta;                            /* seconds to the end of the trial */
} ax_progress;

enum { AX_CLAIM_GRACE_S = 60 };            /* a claim of another host, silent for longer, is stale */

/* Claims a trial for this process. *fd: the open claim, or -1 if somebody else holds it. A stale claim is taken over. */
int ax_claim_take(int *fd, const char *dir, const char *id);
int ax_claim_update(int fd, const ax_progress *p);             /* fills in host, pid, boot, beat, wall */
int ax_claim_drop(int fd, const char *dir, const char *id);    /* closes and removes */

/* Reads a claim. *alive: its process lives (same host: by pid and boot id; other hosts: by the heartbeat). AX_ENOENT. */
int ax_claim_read(ax_progress *p, bool *alive, const char *dir, const char *id);

#endif

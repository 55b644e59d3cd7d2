/* What a multiplier in C forks in this process is not to outlive it. */
#ifndef AX_RUN_FORKS_H
#define AX_RUN_FORKS_H

/* From now on a forked child, and what that forks, gets SIGKILL when the thread that forked it ends, whatever ended that: with the
 * child goes its share of the lock on the trial's claim. What is started without fork (posix_spawn, system) is not reached. */
int ax_forks_die_with_us(void);      /* AX_ENOMEM */

#endif

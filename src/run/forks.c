/* Invariant: the handlers do what is safe between fork and exec in a process of many threads. */
#include "run/forks.h"

#include "base/error.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static pid_t parent;      /* of the next fork; that of a child's child is the child */

static void before_fork(void) { parent = getpid(); }

/* Its parent may have died before the request. */
static void in_child(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) kill(getpid(), SIGKILL);
}

int ax_forks_die_with_us(void)
{
    int e = pthread_atfork(before_fork, NULL, in_child);
    return e ? ax_fail(AX_ENOMEM, "worker: cannot watch forks: %s", strerror(e)) : AX_OK;
}

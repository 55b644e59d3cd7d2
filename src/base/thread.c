#include "base/thread.h"

#include "base/error.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <time.h>

static void *run(void *arg)
{
    ax_thread *t = arg;
    pthread_mutex_lock(&t->lock);
    t->run(t->arg);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

int ax_thread_start(ax_thread *t, void (*body)(void *arg), void *arg)
{
    sigset_t all, before;
    *t = (ax_thread){.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER, .run = body, .arg = arg};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int e = pthread_create(&t->id, NULL, run, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return e ? ax_fail(AX_EFAILED, "cannot start a thread: %s", strerror(e)) : AX_OK;
}

void ax_thread_end(ax_thread *t)
{
    pthread_mutex_lock(&t->lock);
    t->over = true;
    pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->id, NULL);
}

bool ax_thread_sleep(ax_thread *t, double seconds)
{
    struct timespec end;
    seconds = fmax(seconds, 0);
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += (time_t)seconds;
    end.tv_nsec += (long)(1e9 * (seconds - floor(seconds)));
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    return pthread_cond_clockwait(&t->wake, &t->lock, CLOCK_MONOTONIC, &end) == ETIMEDOUT;
}

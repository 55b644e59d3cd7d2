/* A wall clock that is wrong, for tests: preloaded, it goes forth by CLOCK_JUMPS seconds and back behind the true time by as many, in
 * turn, a jump each second; or it is always CLOCK_AHEAD seconds ahead. What the kernel waits for goes by the true time. Workers inherit
 * it. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t offset(void)
{
    const char *text = getenv("CLOCK_JUMPS"), *ahead = getenv("CLOCK_AHEAD");
    struct timespec t;
    if (ahead) return atol(ahead);
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
    return (t.tv_sec % 2 ? -1 : 1) * (text ? atol(text) : 0);
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, t);
    if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) t->tv_sec += offset();
    return rc;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *t = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

/* Rates. The rate shown is of the last seconds; the time left follows from the whole run, which counts evaluation too. */
#include "run/meter.h"

#include <math.h>
#include <time.h>

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double ax_now(void) { return seconds_of(CLOCK_MONOTONIC); }

double ax_cpu_now(void) { return seconds_of(CLOCK_THREAD_CPUTIME_ID); }

void ax_meter_mark(ax_meter *m, double done)
{
    int slot = m->marks++ % AX_METER_MARKS;
    m->time[slot] = ax_now();
    m->done[slot] = done;
    if (m->marks > 1) return;
    m->first_time = m->time[slot];
    m->first_done = done;
}

static int last(const ax_meter *m) { return (m->marks - 1) % AX_METER_MARKS; }

double ax_meter_rate(const ax_meter *m)
{
    if (m->marks < 2) return 0;
    int from = m->marks > AX_METER_MARKS ? m->marks % AX_METER_MARKS : 0;
    double seconds = m->time[last(m)] - m->time[from];
    return seconds > 0 ? (m->done[last(m)] - m->done[from]) / seconds : 0;
}

double ax_meter_eta(const ax_meter *m, double total)
{
    if (m->marks < 2) return NAN;
    double done = m->done[last(m)] - m->first_done;
    return done > 0 ? (m->time[last(m)] - m->first_time) / done * (total - m->done[last(m)]) : NAN;
}

/* How fast a trial goes: images a second over the last seconds, and the time it still needs. */
#ifndef AX_RUN_METER_H
#define AX_RUN_METER_H

#include "engine/api.h"

enum { AX_METER_MARKS = 16 };

typedef struct {
    double time[AX_METER_MARKS], done[AX_METER_MARKS];     /* a ring of the last marks */
    int marks;
    double first_time, first_done;
} ax_meter;

void ax_meter_mark(ax_meter *m, double done);               /* `done` items by now */
double ax_meter_rate(const ax_meter *m);                    /* items a second over the last marks; 0: unknown */
double ax_meter_eta(const ax_meter *m, double total);       /* seconds to `total`, by the mean since the first mark; NAN: unknown */

#endif

/* The trade between a metric and the energy of an inference's products: the settings of a study, and which of them no other beats. */
#ifndef AX_CMD_FRONT_H
#define AX_CMD_FRONT_H

#include "store/groups.h"

/* A setting: trials that differ in the seed alone. */
typedef struct {
    const ax_group *group;
    const char *name;              /* its assignment of multipliers, or its label: in group */
    double energy_uj;
    ax_sample sample;              /* of the metric; at least one value */
    bool best;                     /* none has less energy and a metric as good, or a better metric and as little energy */
} ax_front_point;

typedef struct {
    ax_groups groups;
    ax_front_point *points;        /* those with a finished trial and a known energy, the least energy first */
    int n, best;                   /* best: how many are */
    int unknown, unknown_trials;   /* groups that finished, but of no known energy, and their finished trials */
} ax_front;

int ax_front_make(ax_front *f, const ax_results *r, const char *metric);      /* points into r */
void ax_front_release(ax_front *f);

#endif

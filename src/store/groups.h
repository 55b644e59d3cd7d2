/* Trials of one setting and several seeds, as samples: what every comparison and every exported mean works on. */
#ifndef AX_STORE_GROUPS_H
#define AX_STORE_GROUPS_H

#include "base/buf.h"
#include "base/json.h"
#include "base/names.h"
#include "store/results.h"

enum { AX_VARIANT_MAX = 2048 };            /* room for the parameters in a label; an assignment of multipliers may name many layers */

/* The trials of the plan that share a multiplier and all parameters but the seed. */
typedef struct {
    char label[AX_LABEL_MAX + AX_VARIANT_MAX];     /* "mbm:7", or "mbm:7 lr=0.01" where a sweep varies more than multiplier and seed */
    const char *variant;                   /* the part behind the multiplier: "" or " lr=0.01" */
    const ax_record *first;                /* its multiplier, family and width are the group's */
    const ax_record **done;                /* complete and diverged ones, in the plan's order */
    const ax_record **missing;             /* the others */
    int ndone, nmissing;
} ax_group;

typedef struct {
    ax_group *groups;                      /* in the order of their first trials */
    int n;
} ax_groups;

int ax_groups_make(ax_groups *g, const ax_results *r);      /* points into r; AX_ENOMEM */
void ax_groups_release(ax_groups *g);

/* The parsed `params` of each trial of the plan, n of them, NULL for the others; to be deleted. Where studies were merged that have the same
 * parameters and differ in something else (another model, another data set), "config": 1, 2, ... tells them apart. AX_ENOMEM. */
int ax_groups_params(cJSON **params, const ax_results *r);

/* The parameters whose values differ among n trials, by their parsed `params`; multiplier and seed are left out. NULL: a trial that
 * does not count. AX_ENOMEM; `keys` is to be released. */
int ax_groups_keys(ax_names *keys, cJSON *const *params, int n);

/* Adds " lr=0.01 batch=64": those parameters of one trial, different text for different values. One of AX_VARIANT_MAX bytes or more ends
 * in "...#" and a hash of all. */
void ax_groups_variant(ax_buf *out, const ax_names *keys, const cJSON *params);

/* A trial's value of a metric: test_acc, test_loss, train_s, energy_uj, train_energy_j, or the last epoch's value of the curve of that
 * name; NAN if absent. One that diverged ended with no value of a curve: those it has are of the epochs before. */
double ax_record_metric(const ax_record *t, const char *metric);

/* Metrics that reports show: the fields first, then curves. NULL behind the last. */
extern const char *const ax_metrics[];

typedef struct {
    double *values;                        /* (n) of the finished trials, in their order; NAN: a trial without it */
    int n, used;                           /* used: how many are finite; the statistics are of those */
    double mean, sd, half;                 /* half: of the 95 % t-interval, NAN below two values */
} ax_sample;

int ax_sample_make(ax_sample *s, const ax_group *g, const char *metric);
void ax_sample_release(ax_sample *s);

#endif

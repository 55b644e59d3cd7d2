/* Settings with their energy and mean metric, and the Pareto front among them. Invariant: points stand in the order of energy, so
 * that the front is met from its cheapest to its best. */
#include "cmd/front.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is good about a mean: more of it, or less of a loss. */
static double gain(const ax_front_point *p, bool loss) { return loss ? -p->sample.mean : p->sample.mean; }

static int by_energy(const void *a, const void *b)
{
    const ax_front_point *p = a, *q = b;
    if (p->energy_uj != q->energy_uj) return p->energy_uj < q->energy_uj ? -1 : 1;
    return p->group < q->group ? -1 : p->group > q->group;      /* as in the plan */
}

static bool beats(const ax_front_point *p, const ax_front_point *q, bool loss)
{
    bool no_worse = p->energy_uj <= q->energy_uj && gain(p, loss) >= gain(q, loss);
    return no_worse && (p->energy_uj < q->energy_uj || gain(p, loss) > gain(q, loss));
}

static const char *name_of(const ax_group *g)
{
    static const char key[] = " assignment=";
    const char *at = strstr(g->label, key);
    return at ? at + strlen(key) : g->label;
}

static int add(ax_front *f, const ax_group *g, const char *metric)
{
    ax_front_point *p = &f->points[f->n];
    if (!g->ndone) return AX_OK;
    if (isnan(g->first->energy_uj)) {
        f->unknown++;
        f->unknown_trials += g->ndone;
        return AX_OK;
    }
    *p = (ax_front_point){.group = g, .name = name_of(g), .energy_uj = g->first->energy_uj};
    AX_TRY(ax_sample_make(&p->sample, g, metric));
    if (p->sample.used) f->n++;
    else ax_sample_release(&p->sample);
    return AX_OK;
}

int ax_front_make(ax_front *f, const ax_results *r, const char *metric)
{
    bool loss = ax_text_ends(metric, "_loss");
    *f = (ax_front){0};
    AX_TRY(ax_groups_make(&f->groups, r));
    f->points = ax_alloc((size_t)f->groups.n + 1, sizeof *f->points);
    int status = f->points ? AX_OK : AX_ENOMEM;
    for (int i = 0; status == AX_OK && i < f->groups.n; i++) status = add(f, &f->groups.groups[i], metric);
    if (status != AX_OK) {
        ax_front_release(f);
        return status;
    }
    qsort(f->points, (size_t)f->n, sizeof *f->points, by_energy);
    for (int i = 0; i < f->n; i++) {
        f->points[i].best = true;
        for (int k = 0; k < f->n; k++) f->points[i].best = f->points[i].best && !beats(&f->points[k], &f->points[i], loss);
        f->best += f->points[i].best;
    }
    return AX_OK;
}

void ax_front_release(ax_front *f)
{
    for (int i = 0; f->points && i < f->n; i++) ax_sample_release(&f->points[i].sample);
    ax_free(f->points);
    ax_groups_release(&f->groups);
    *f = (ax_front){0};
}

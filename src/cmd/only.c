/* Which trials a sweep is about. Invariant: what an expression selects depends on the plan and the study's files alone, so that the
 * same command selects the same trials but for those whose state has changed. */
#include "cmd/only.h"

#include "base/alloc.h"
#include "base/error.h"
#include "cmd/filter.h"

#include <string.h>

/* A planned trial as the filter knows trials. */
static int record_of(ax_record *r, const ax_spec *s, const char *dir)
{
    ax_record_init(r);
    memcpy(r->id, s->id, sizeof r->id);
    memcpy(r->multiplier, s->multiplier, sizeof r->multiplier);
    memcpy(r->family, s->family, sizeof r->family);
    r->width = s->width;
    r->seed = s->seed;
    r->in_plan = true;
    r->state = ax_study_state(dir, s->id);
    if (r->state == AX_STATE_failed) (void)ax_failed_read(dir, s->id, r);
    ax_free(r->params);
    r->params = ax_strdup(s->params);
    return r->params ? AX_OK : AX_ENOMEM;
}

int ax_only_mark(ax_plan_file *p, const char *dir, const char *expression)
{
    int selected = 0, n = 0, status = AX_OK;
    ax_record *all = ax_alloc((size_t)p->n + 1, sizeof *all);
    if (!all) return AX_ENOMEM;
    while (n < p->n && status == AX_OK) {
        status = record_of(&all[n], &p->specs[n], dir);
        n++;
    }
    for (int i = 0; i < p->n && status == AX_OK; i++) {
        bool match = false;
        status = ax_filter_match(&match, expression, all, p->n, &all[i]);
        p->specs[i].skip = !match;
        selected += match;
    }
    for (int i = 0; i < n; i++) ax_record_release(&all[i]);
    ax_free(all);
    AX_TRY(status);
    return selected ? AX_OK : ax_fail(AX_EARG, "sweep: --only '%s' selects none of the %d trials; 'approxrun plan' shows them", expression, p->n);
}

int ax_only_pick(ax_plan_file *out, const ax_plan_file *p)
{
    *out = *p;
    out->n = 0;
    out->specs = ax_alloc((size_t)p->n + 1, sizeof *out->specs);
    if (!out->specs) return AX_ENOMEM;
    for (int i = 0; i < p->n; i++)
        if (!p->specs[i].skip) out->specs[out->n++] = p->specs[i];
    return AX_OK;
}

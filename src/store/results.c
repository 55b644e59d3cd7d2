/* All trials of a study in memory. Invariant: the trials of the plan stand in its order, the others behind by id, so that every
 * reader shows the same order whatever finished first. */
#include "store/results.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/names.h"
#include "base/text.h"
#include "store/claim.h"
#include "store/h5.h"
#include "store/mults.h"
#include "store/study.h"
#include "store/studyfile.h"
#include "store/trialfile.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLAN_CAP = 1 << 30 };

void ax_results_release(ax_results *r)
{
    for (int i = 0; i < r->n; i++) ax_record_release(&r->trials[i]);
    ax_free(r->trials);
    ax_mults_release(r);
    ax_free(r->script);
    ax_free(r->plan);
    memset(r, 0, sizeof *r);
}

static int grow(ax_results *r, ax_record **slot)
{
    ax_record *trials = ax_realloc(r->trials, (size_t)r->n + 1, sizeof *trials);
    if (!trials) return AX_ENOMEM;
    r->trials = trials;
    *slot = &r->trials[r->n++];
    ax_record_init(*slot);
    return AX_OK;
}

static int replace(char **field, const char *text)
{
    char *copy = ax_strdup(text);
    if (!copy) return AX_ENOMEM;
    ax_free(*field);
    *field = copy;
    return AX_OK;
}

/* ---- from a directory ---- */

static int fill_planned(ax_record *t, const ax_spec *s)
{
    memcpy(t->id, s->id, sizeof t->id);
    memcpy(t->multiplier, s->multiplier, sizeof t->multiplier);
    memcpy(t->family, s->family, sizeof t->family);
    t->width = s->width;
    t->seed = s->seed;
    AX_TRY(replace(&t->config, s->config));
    return replace(&t->params, s->params);
}

/* The curves so far, from the checkpoint; without one, or with one that is damaged or of a newer schema (AX_ESTORE), there are none:
 * what that means for the trial is for the worker to say that would resume it. One that cannot be read (AX_EIO) is a failure. */
static int fill_history(ax_record *t, const char *dir, const ax_spec *s)
{
    char *path = ax_study_path(dir, AX_FILE_CKPT, s->id);
    if (!path) return AX_ENOMEM;
    ax_record_release(t);
    ax_record_init(t);
    memcpy(t->id, s->id, sizeof t->id);
    int status = ax_file_exists(path) ? ax_checkpoint_read(path, t, NULL, NULL, NULL) : AX_OK;
    if (status == AX_ENOENT || status == AX_EFORMAT || status == AX_ESTORE) status = AX_OK;
    ax_free(path);
    return status == AX_OK ? fill_planned(t, s) : status;
}

static int read_trial(ax_record *t, const char *dir, const char *id)
{
    char *path = ax_study_path(dir, AX_FILE_TRIAL, id);
    if (!path) return AX_ENOMEM;
    memcpy(t->id, id, AX_ID_MAX);
    int status = ax_trialfile_read(path, t);
    if (status == AX_EFORMAT) status = ax_fail(AX_EFORMAT, "%s; remove it and sweep again to run that trial anew", ax_errmsg());
    ax_free(path);
    return status;
}

/* One planned trial in its present state. A worker may publish between two looks; then the second finds the result. */
static int read_planned(ax_record *t, const char *dir, const ax_spec *s)
{
    enum ax_state state = ax_study_state(dir, s->id);
    if (state == AX_STATE_complete) return read_trial(t, dir, s->id);
    AX_TRY(fill_history(t, dir, s));
    ax_progress p = {0};
    bool alive = false;
    if (state == AX_STATE_running && ax_claim_read(&p, &alive, dir, s->id) == AX_OK) {
        t->started = p.started;
        snprintf(t->host, sizeof t->host, "%s", p.host);
    }
    if (state == AX_STATE_failed && ax_failed_read(dir, s->id, t) == AX_ENOMEM) return AX_ENOMEM;
    t->state = state;
    if (ax_study_state(dir, s->id) != AX_STATE_complete) return AX_OK;
    ax_record_release(t);
    ax_record_init(t);
    return read_trial(t, dir, s->id);
}

static int add_ids(ax_names *ids, const ax_results *r)
{
    int status = AX_OK;
    for (int i = 0; i < r->n && status >= 0; i++) status = ax_names_add(ids, r->trials[i].id);
    return status < 0 ? status : AX_OK;
}

static int by_id(const void *a, const void *b) { return strcmp(((const ax_record *)a)->id, ((const ax_record *)b)->id); }

/* Results that no planned trial has: of older plans. */
static int read_others(ax_results *r, const char *dir)
{
    char *trials = ax_path_join(dir, "trials");
    if (!trials) return AX_ENOMEM;
    DIR *d = opendir(trials);
    int status = d || errno == ENOENT ? AX_OK : ax_fail(AX_EIO, "%s: %s", trials, strerror(errno)), planned = r->n;
    ax_free(trials);
    ax_names ids = {0};
    if (status == AX_OK) status = add_ids(&ids, r);
    for (struct dirent *e; d && status == AX_OK && (e = readdir(d));) {
        char id[AX_ID_MAX] = "";
        ax_record *t;
        size_t n = strspn(e->d_name, "0123456789abcdef");
        if (n != AX_ID_MAX - 1 || strcmp(e->d_name + n, ".h5")) continue;
        memcpy(id, e->d_name, n);
        if (ax_names_find(&ids, id) >= 0) continue;
        status = grow(r, &t);
        if (status == AX_OK) status = read_trial(t, dir, id);
        if (status == AX_OK) t->in_plan = false;
    }
    if (d) closedir(d);
    ax_names_release(&ids);
    if (r->n > planned) qsort(r->trials + planned, (size_t)(r->n - planned), sizeof *r->trials, by_id);
    return status;
}

/* The text of the script itself: the first of the plan's sources. */
static int main_script(char **text, const ax_plan_file *p)
{
    cJSON *sources = ax_json_parse(p->sources, strlen(p->sources), "plan.json: sources");
    if (!sources) return ax_errstatus();
    const char *found = cJSON_IsString(sources->child) ? sources->child->valuestring : "";
    int status = replace(text, found);
    cJSON_Delete(sources);
    return status;
}

static int read_dir(ax_results *r, const char *dir)
{
    ax_plan_file plan;
    size_t len;
    char *path = NULL;
    ax_record *t;
    AX_TRY(ax_plan_file_read(dir, &plan));
    memcpy(r->study, plan.name, sizeof r->study);
    memcpy(r->metric, plan.metric, sizeof r->metric);
    memcpy(r->created, plan.created, sizeof r->created);
    int status = main_script(&r->script, &plan);
    for (int i = 0; i < plan.n && status == AX_OK; i++) {
        status = grow(r, &t);
        if (status == AX_OK) status = read_planned(t, dir, &plan.specs[i]);
        if (status != AX_OK) break;
        t->in_plan = true;
        t->energy_uj = plan.specs[i].energy_uj;       /* not of the trial's own file: costs may be corrected later */
        t->train_energy_j = plan.specs[i].train_energy_j;
    }
    if (status == AX_OK) status = read_others(r, dir);
    path = ax_path_join(dir, "plan.json");
    if (status == AX_OK) status = path ? ax_file_read(&r->plan, &len, path, PLAN_CAP) : AX_ENOMEM;
    ax_free(path);
    if (status == AX_OK) status = ax_results_collect(r);
    if (status == AX_OK) status = ax_mults_plan(r, dir, plan.multipliers);
    ax_plan_file_release(&plan);
    return status;
}

static int read_once(ax_results *r, const char *path)
{
    return ax_file_is_dir(path) ? read_dir(r, path) : ax_studyfile_read(r, path);
}

static int rehearse(const char *path)
{
    ax_results r = {0};
    int status = read_once(&r, path);
    ax_results_release(&r);
    return status;
}

int ax_results_open(ax_results *r, const char *path)
{
    memset(r, 0, sizeof *r);
    if (!ax_file_exists(path)) return ax_fail(AX_ENOENT, "%s: no such study directory or study file", path);
    int status = ax_h5_rehearse(path, rehearse);
    if (status == AX_OK) status = read_once(r, path);
    if (status == AX_OK && !r->script) status = replace(&r->script, "");
    if (status == AX_OK && !r->plan) status = replace(&r->plan, "");
    if (status != AX_OK) ax_results_release(r);
    return status;
}

/* ---- several studies ---- */

static bool finished(const ax_record *t) { return t->state == AX_STATE_complete || t->state == AX_STATE_diverged; }

static void take(ax_record *to, ax_record *from)
{
    *to = *from;
    memset(from, 0, sizeof *from);
}

/* The trial of `from` where r has it or, being new, has room for it; that of a finished one stays. */
static int add_trial(ax_results *r, ax_names *ids, ax_record *t)
{
    int before = ids->n, at = ax_names_add(ids, t->id);
    ax_record *mine = NULL;
    if (at < 0) return at;
    if (at == before) AX_TRY(grow(r, &mine));
    mine = &r->trials[at];
    bool planned = t->in_plan || (at < before && mine->in_plan), keep = at < before && (finished(mine) || !finished(t));
    if (!keep) {
        ax_record_release(mine);
        take(mine, t);
    }
    mine->in_plan = planned;
    return AX_OK;
}

/* Those no plan names go behind, each part in its order. */
static int put_planned_first(ax_results *r)
{
    ax_record *sorted = ax_alloc((size_t)r->n + 1, sizeof *sorted);
    if (!sorted) return AX_ENOMEM;
    int n = 0;
    for (int planned = 1; planned >= 0; planned--)
        for (int i = 0; i < r->n; i++)
            if (r->trials[i].in_plan == (planned == 1)) sorted[n++] = r->trials[i];
    ax_free(r->trials);
    r->trials = sorted;
    return AX_OK;
}

int ax_results_add(ax_results *r, ax_results *from)
{
    ax_names ids = {0};
    int status = add_ids(&ids, r);
    for (int i = 0; i < from->n && status == AX_OK; i++) status = add_trial(r, &ids, &from->trials[i]);
    ax_names_release(&ids);
    AX_TRY(status);
    AX_TRY(put_planned_first(r));
    AX_TRY(ax_results_collect(r));
    ax_mults_take(r, from);
    return AX_OK;
}

/* ---- finding one ---- */

static int unknown(const ax_results *r, const char *trial)
{
    const char **names = ax_alloc((size_t)r->n + 1, sizeof *names);
    char *labels = ax_alloc((size_t)r->n + 1, AX_LABEL_MAX + 24);
    for (int i = 0; i < r->n && names && labels; i++) {
        char *label = labels + (size_t)i * (AX_LABEL_MAX + 24);
        snprintf(label, AX_LABEL_MAX + 24, "%s/%llu", r->trials[i].multiplier, (unsigned long long)r->trials[i].seed);
        names[i] = strchr(trial, '/') ? label : r->trials[i].id;
    }
    int status = names && labels ? ax_fail(AX_EARG, "no trial '%s' in study %s%s; 'approxrun ls' shows them", trial, r->study,
                                           ax_text_hint(trial, names, (size_t)r->n)) : AX_ENOMEM;
    ax_free(names);
    ax_free(labels);
    return status;
}

static bool matches(const ax_record *t, const char *trial)
{
    char label[AX_LABEL_MAX + 24];
    snprintf(label, sizeof label, "%s/%llu", t->multiplier, (unsigned long long)t->seed);
    return ax_text_starts(t->id, trial) || !strcmp(label, trial);
}

const ax_record *ax_results_find(const ax_results *r, const char *trial)
{
    const ax_record *found = NULL;
    for (int i = 0; i < r->n && trial[0]; i++) {
        const ax_record *t = &r->trials[i];
        if (!matches(t, trial) || (found && !t->in_plan)) continue;
        if (found) {
            ax_fail(AX_EARG, "'%s' is more than one trial: %s and %s; give more digits of the id", trial, found->id, t->id);
            return NULL;
        }
        found = t;
    }
    if (!found) unknown(r, trial);
    return found;
}

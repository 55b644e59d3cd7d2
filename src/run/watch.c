/* Watching a study. Invariant: it only reads; a claim or a journal line that comes late changes what is shown, never what is
 * stored. */
#include "run/watch.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "run/meter.h"
#include "store/journal.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- which trial ---- */

static int compare_ids(const void *a, const void *b, void *specs)
{
    const ax_spec *s = specs;
    return strcmp(s[*(const int *)a].id, s[*(const int *)b].id);
}

int ax_watch_find(const ax_watch *w, const char *id)
{
    for (int lo = 0, hi = w->plan->n - 1; lo <= hi;) {
        int mid = (lo + hi) / 2, order = strcmp(id, w->plan->specs[w->by_id[mid]].id);
        if (order == 0) return w->by_id[mid];
        if (order < 0) hi = mid - 1;
        else lo = mid + 1;
    }
    return -1;
}

/* ---- costs ---- */

static int compare_multipliers(const void *a, const void *b, void *specs)
{
    const ax_spec *s = specs;
    return strcmp(s[*(const int *)a].multiplier, s[*(const int *)b].multiplier);
}

/* One cost for each multiplier; `order` is scratch space. */
static void number_costs(ax_watch *w, int *order)
{
    const ax_spec *s = w->plan->specs;
    for (int i = 0; i < w->plan->n; i++) order[i] = i;
    qsort_r(order, (size_t)w->plan->n, sizeof *order, compare_multipliers, w->plan->specs);
    for (int i = 0; i < w->plan->n; i++) {
        if (i == 0 || strcmp(s[order[i]].multiplier, s[order[i - 1]].multiplier) != 0) w->costs[w->ncosts++] = NAN;
        w->trials[order[i]].cost = w->ncosts - 1;
    }
}

double ax_progress_fraction(const ax_progress *p)
{
    if (p->epochs < 1 || p->epoch < 1 || !(p->steps > 0)) return 0;
    double f = (p->epoch - 1 + p->step / p->steps) / p->epochs;
    return f < 0 ? 0 : f > 1 ? 1 : f;
}

static void note_cost(ax_watch *w, int trial, double seconds, double fraction)
{
    double products = fraction * w->plan->specs[trial].multiplies;
    if (seconds > 0 && products > 0) w->costs[w->trials[trial].cost] = seconds / products;
}

/* As the trials that run expect it. */
static double cost_of_running(const ax_watch *w)
{
    double seconds = 0, multiplies = 0;
    for (int i = 0; i < w->plan->n; i++) {
        const ax_watched *t = &w->trials[i];
        if (t->state != AX_STATE_running || isnan(t->now.eta)) continue;
        seconds += t->now.eta;
        multiplies += (1 - ax_progress_fraction(&t->now)) * w->plan->specs[i].multiplies;
    }
    return multiplies > 0 ? seconds / multiplies : NAN;
}

/* What a multiplier of unknown cost is taken for. */
static double mean_cost(const ax_watch *w)
{
    double sum = 0;
    int n = 0;
    for (int i = 0; i < w->ncosts; i++) {
        if (isnan(w->costs[i])) continue;
        sum += w->costs[i];
        n++;
    }
    return n ? sum / n : cost_of_running(w);
}

/* Seconds that a trial still needs; 0: none. */
static double trial_eta(const ax_watch *w, int i, double mean)
{
    const ax_watched *t = &w->trials[i];
    double cost = isnan(w->costs[t->cost]) ? mean : w->costs[t->cost], all = w->plan->specs[i].multiplies * cost;
    if (t->state == AX_STATE_running) return isnan(t->now.eta) ? (1 - ax_progress_fraction(&t->now)) * all : t->now.eta;
    if (w->plan->specs[i].skip) return 0;
    if (t->state == AX_STATE_interrupted) return (1 - t->done) * all;
    return t->state == AX_STATE_planned ? all : 0;
}

double ax_watch_eta(const ax_watch *w, int jobs)
{
    double longest = 0, sum = 0, mean = mean_cost(w);
    for (int i = 0; i < w->plan->n; i++) {
        double eta = trial_eta(w, i, mean);
        longest = fmax(longest, eta);
        sum += eta;
    }
    return fmax(longest, sum / (jobs > 0 ? jobs : 1)) + 0 * sum;      /* NAN if a part is unknown */
}

/* ---- claims ---- */

static void see_claim(void *arg, const char *id)
{
    ax_watch *w = arg;
    int i = ax_watch_find(w, id);
    ax_watched *t = i >= 0 ? &w->trials[i] : NULL;
    ax_progress p;
    bool alive;
    if (!t || t->state == AX_STATE_complete || t->state == AX_STATE_diverged || t->state == AX_STATE_failed) return;
    if (ax_claim_read(&p, &alive, w->dir, id) != AX_OK || !alive) return;
    double f = ax_progress_fraction(&p);
    if (t->state != AX_STATE_running || (t->from == 0 && t->now.epoch == 0)) {
        t->since = ax_now();
        t->from = f;
    }
    t->state = AX_STATE_running;
    t->now = p;
    if (f - t->from > 0.02) note_cost(w, i, ax_now() - t->since, f - t->from);
}

typedef struct {
    const ax_watch *watch;
    int64_t pid;
    int found;
} owner;

/* A claim of before may have the same host, boot and pid: containers that are started again count their processes anew. */
static void see_owner(void *arg, const char *id)
{
    owner *o = arg;
    ax_progress p;
    bool alive;
    if (ax_claim_read(&p, &alive, o->watch->dir, id) != AX_OK || !ax_claim_is_of(&p, o->pid) || p.beat < o->watch->began) return;
    o->found = ax_watch_find(o->watch, id);
}

/* Mostly it is the trial that it was last seen to run. */
int ax_watch_claimed_by(const ax_watch *w, int64_t pid)
{
    owner o = {.watch = w, .pid = pid, .found = -1};
    for (int i = 0; i < w->plan->n && o.found < 0; i++)
        if (w->trials[i].state == AX_STATE_running && w->trials[i].now.pid == pid) see_owner(&o, w->plan->specs[i].id);
    if (o.found < 0) ax_study_each(w->dir, AX_FILE_CLAIM, see_owner, &o);
    return o.found;
}

/* ---- journals ---- */

static ax_watch_journal *journal(ax_watch *w, const char *path)
{
    for (int i = 0; i < w->njournals; i++)
        if (!strcmp(w->journals[i].path, path)) return &w->journals[i];
    ax_watch_journal *more = ax_realloc(w->journals, (size_t)w->njournals + 1, sizeof *more);
    if (!more) return NULL;
    w->journals = more;
    more[w->njournals] = (ax_watch_journal){.path = ax_strdup(path)};
    return more[w->njournals].path ? &more[w->njournals++] : NULL;
}

static void take_epoch(ax_watched *t, const cJSON *e)
{
    double epochs = ax_json_get_number(e, "epochs", 0);
    t->loss = ax_json_get_number(e, "train_loss", NAN);
    t->acc = ax_json_get_number(e, "valid_acc", NAN);
    t->done = epochs > 0 ? fmin(ax_json_get_number(e, "epoch", 0) / epochs, 1) : 0;
}

/* A trial that failed begins again by its "start"; one that its supervisor has failed is interrupted after that. What a finished one took
 * counts where nothing was measured. */
static void take_event(void *arg, const cJSON *e)
{
    ax_watch *w = arg;
    int i = ax_watch_find(w, ax_json_get_string(e, "trial", ""));
    if (i < 0) return;
    ax_watched *t = &w->trials[i];
    const char *name = ax_json_get_string(e, "event", "");
    if (!strcmp(name, "start")) {
        if (t->state == AX_STATE_failed) t->state = AX_STATE_planned;
    } else if (!strcmp(name, "epoch")) {
        take_epoch(t, e);
    } else if (!strcmp(name, "done")) {
        t->state = !strcmp(ax_json_get_string(e, "state", ""), "diverged") ? AX_STATE_diverged : AX_STATE_complete;
        if (isnan(w->costs[t->cost]) && t->state == AX_STATE_complete) note_cost(w, i, ax_json_get_number(e, "train_s", NAN), 1);
    } else if (!strcmp(name, "failed")) {
        t->state = AX_STATE_failed;
    } else if (!strcmp(name, "interrupted")) {
        t->state = ax_study_has(w->dir, AX_FILE_FAILED, w->plan->specs[i].id) ? AX_STATE_failed : AX_STATE_interrupted;
    }
    if (w->tell) w->tell(w->arg, i, e);
}

static int follow(ax_watch *w)
{
    char *events = ax_path_join(w->dir, "events");
    DIR *d = events ? opendir(events) : NULL;
    for (struct dirent *e; d && (e = readdir(d));) {
        if (!ax_text_ends(e->d_name, ".jsonl")) continue;
        char *path = ax_path_join(events, e->d_name);
        ax_watch_journal *j = path ? journal(w, path) : NULL;
        ax_free(path);
        if (j) (void)ax_journal_each(j->path, &j->offset, take_event, w);      /* what cannot be read now is there at the next poll */
    }
    if (d) closedir(d);
    ax_free(events);
    return events ? AX_OK : AX_ENOMEM;
}

/* ---- the whole ---- */

/* The files say what a trial is; that one diverged, its journal alone. */
static void settle(ax_watch *w, int i)
{
    enum ax_state s = ax_study_state(w->dir, w->plan->specs[i].id);
    if (s != AX_STATE_complete || w->trials[i].state != AX_STATE_diverged) w->trials[i].state = s;
}

int ax_watch_init(ax_watch *w, const char *dir, const ax_plan_file *plan)
{
    ax_progress self;
    ax_claim_self(&self);
    *w = (ax_watch){.dir = dir, .plan = plan, .began = self.beat};
    size_t n = (size_t)plan->n + 1;
    w->trials = ax_alloc(n, sizeof *w->trials);
    w->by_id = ax_alloc(n, sizeof *w->by_id);
    w->costs = ax_alloc(n, sizeof *w->costs);
    if (!w->trials || !w->by_id || !w->costs) return AX_ENOMEM;
    for (int i = 0; i < plan->n; i++) w->trials[i] = (ax_watched){.loss = NAN, .acc = NAN};
    number_costs(w, w->by_id);
    qsort_r(w->by_id, (size_t)plan->n, sizeof *w->by_id, compare_ids, plan->specs);
    AX_TRY(follow(w));
    ax_watch_settle(w);
    return AX_OK;
}

void ax_watch_release(ax_watch *w)
{
    for (int i = 0; i < w->njournals; i++) ax_free(w->journals[i].path);
    ax_free(w->journals);
    ax_free(w->trials);
    ax_free(w->by_id);
    ax_free(w->costs);
}

void ax_watch_resume(ax_watch *w, const ax_watch *old)
{
    for (int i = 0; i < w->njournals; i++) {
        w->journals[i].offset = 0;
        for (int k = 0; k < old->njournals; k++)
            if (!strcmp(w->journals[i].path, old->journals[k].path)) w->journals[i].offset = old->journals[k].offset;
    }
}

int ax_watch_poll(ax_watch *w)
{
    ax_study_each(w->dir, AX_FILE_CLAIM, see_claim, w);
    return follow(w);
}

void ax_watch_settle(ax_watch *w)
{
    for (int i = 0; i < w->plan->n; i++) settle(w, i);
}

void ax_watch_recheck(ax_watch *w)
{
    for (int i = 0; i < w->plan->n; i++)
        if (w->trials[i].state == AX_STATE_running || w->trials[i].state == AX_STATE_failed) settle(w, i);
}

int ax_watch_count(const ax_watch *w, enum ax_state state)
{
    int n = 0;
    for (int i = 0; i < w->plan->n; i++) n += w->trials[i].state == state;
    return n;
}

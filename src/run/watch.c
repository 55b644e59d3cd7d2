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
#include <unistd.h>

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

double ax_progress_fraction(const ax_progress *p)
{
    if (p->epochs < 1 || p->epoch < 1 || !(p->steps > 0)) return 0;
    double f = (p->epoch - 1 + p->step / p->steps) / p->epochs;
    return f < 0 ? 0 : f > 1 ? 1 : f;
}

static void note_cost(ax_watch *w, const char *label, double seconds)
{
    int i = 0;
    while (i < w->ncosts && strcmp(w->costs[i].label, label) != 0) i++;
    w->costs[i] = (ax_watch_cost){label, seconds};
    if (i == w->ncosts) w->ncosts++;
}

/* Seconds for one product of a multiplier: as measured, or the mean of those that were. */
static double cost(const ax_watch *w, const char *label)
{
    double sum = 0;
    for (int i = 0; i < w->ncosts; i++) {
        if (!strcmp(w->costs[i].label, label)) return w->costs[i].seconds;
        sum += w->costs[i].seconds;
    }
    return w->ncosts ? sum / w->ncosts : NAN;
}

double ax_watch_eta(const ax_watch *w, int jobs)
{
    double longest = 0, sum = 0;
    for (int i = 0; i < w->plan->n; i++) {
        const ax_watched *t = &w->trials[i];
        const ax_spec *s = &w->plan->specs[i];
        if (t->state == AX_STATE_running && !isnan(t->now.eta)) {
            sum += t->now.eta;
            longest = fmax(longest, t->now.eta);
        } else if (t->state == AX_STATE_running || t->state == AX_STATE_planned || t->state == AX_STATE_interrupted) {
            sum += s->multiplies * cost(w, s->multiplier);
        }
    }
    return fmax(longest, sum / jobs) + 0 * sum;      /* NAN if a part is unknown */
}

/* ---- claims ---- */

static void see_claim(ax_watch *w, int i)
{
    ax_watched *t = &w->trials[i];
    const ax_spec *s = &w->plan->specs[i];
    ax_progress p;
    bool alive;
    if (t->state == AX_STATE_complete || t->state == AX_STATE_diverged || t->state == AX_STATE_failed) return;
    if (ax_claim_read(&p, &alive, w->dir, s->id) != AX_OK || !alive) return;
    double f = ax_progress_fraction(&p);
    if (t->state != AX_STATE_running || (t->from == 0 && t->now.epoch == 0)) {
        t->since = ax_now();
        t->from = f;
    }
    t->state = AX_STATE_running;
    t->now = p;
    if (f - t->from > 0.02) note_cost(w, s->multiplier, (ax_now() - t->since) / ((f - t->from) * s->multiplies));
}

/* Calls fn for each trial with a claim file. */
static void each_claim(ax_watch *w, void (*fn)(ax_watch *, int))
{
    char *path = ax_path_join(w->dir, "claims");
    DIR *d = path ? opendir(path) : NULL;
    ax_free(path);
    if (!d) return;
    for (struct dirent *e; (e = readdir(d));) {
        char id[AX_ID_MAX] = "";
        if (!ax_text_ends(e->d_name, ".claim") || strlen(e->d_name) != AX_ID_MAX - 1 + 6) continue;
        memcpy(id, e->d_name, AX_ID_MAX - 1);
        int i = ax_watch_find(w, id);
        if (i >= 0) fn(w, i);
    }
    closedir(d);
}

int ax_watch_claimed_by(const ax_watch *w, int64_t pid)
{
    char host[64] = "localhost";
    gethostname(host, sizeof host - 1);
    for (int i = 0; i < w->plan->n; i++) {
        ax_progress p;
        bool alive;
        if (ax_claim_read(&p, &alive, w->dir, w->plan->specs[i].id) == AX_OK && p.pid == pid && !strcmp(p.host, host)) return i;
    }
    return -1;
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

static void take_event(ax_watch *w, const cJSON *e)
{
    int i = ax_watch_find(w, ax_json_get_string(e, "trial", ""));
    if (i < 0) return;
    ax_watched *t = &w->trials[i];
    const char *name = ax_json_get_string(e, "event", "");
    if (!strcmp(name, "epoch")) {
        t->loss = ax_json_get_number(e, "train_loss", NAN);
        t->acc = ax_json_get_number(e, "valid_acc", NAN);
    } else if (!strcmp(name, "done")) {
        t->state = !strcmp(ax_json_get_string(e, "state", ""), "diverged") ? AX_STATE_diverged : AX_STATE_complete;
    } else if (!strcmp(name, "failed")) {
        t->state = AX_STATE_failed;
    } else if (!strcmp(name, "interrupted")) {
        t->state = AX_STATE_interrupted;
    }
    if (w->tell) w->tell(w->arg, i, e);
}

static int follow(ax_watch *w, bool tell)
{
    char *events = ax_path_join(w->dir, "events");
    DIR *d = events ? opendir(events) : NULL;
    for (struct dirent *e; d && (e = readdir(d));) {
        if (!ax_text_ends(e->d_name, ".jsonl")) continue;
        char *path = ax_path_join(events, e->d_name);
        ax_watch_journal *j = path ? journal(w, path) : NULL;
        ax_free(path);
        cJSON *lines = j ? ax_journal_read(j->path, &j->offset) : NULL, *line;
        if (tell) cJSON_ArrayForEach(line, lines) take_event(w, line);
        cJSON_Delete(lines);
    }
    if (d) closedir(d);
    ax_free(events);
    return events ? AX_OK : AX_ENOMEM;
}

/* ---- the whole ---- */

int ax_watch_init(ax_watch *w, const char *dir, const ax_plan_file *plan)
{
    *w = (ax_watch){.dir = dir, .plan = plan};
    size_t n = (size_t)plan->n + 1;
    w->trials = ax_alloc(n, sizeof *w->trials);
    w->by_id = ax_alloc(n, sizeof *w->by_id);
    w->costs = ax_alloc(n, sizeof *w->costs);
    if (!w->trials || !w->by_id || !w->costs) return AX_ENOMEM;
    for (int i = 0; i < plan->n; i++) {
        w->by_id[i] = i;
        w->trials[i] = (ax_watched){.loss = NAN, .acc = NAN};
        w->trials[i].state = ax_study_state(dir, plan->specs[i].id);
    }
    qsort_r(w->by_id, (size_t)plan->n, sizeof *w->by_id, compare_ids, plan->specs);
    return follow(w, false);
}

void ax_watch_release(ax_watch *w)
{
    for (int i = 0; i < w->njournals; i++) ax_free(w->journals[i].path);
    ax_free(w->journals);
    ax_free(w->trials);
    ax_free(w->by_id);
    ax_free(w->costs);
}

int ax_watch_poll(ax_watch *w)
{
    each_claim(w, see_claim);
    return follow(w, true);
}

void ax_watch_settle(ax_watch *w)
{
    for (int i = 0; i < w->plan->n; i++) {
        enum ax_state s = ax_study_state(w->dir, w->plan->specs[i].id);
        if (s != AX_STATE_complete || w->trials[i].state != AX_STATE_diverged) w->trials[i].state = s;
    }
}

int ax_watch_count(const ax_watch *w, enum ax_state state)
{
    int n = 0;
    for (int i = 0; i < w->plan->n; i++) n += w->trials[i].state == state;
    return n;
}

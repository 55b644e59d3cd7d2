/* approxrun status: how many trials stand where, what runs now and on which machines, and how long it all takes. A study directory
 * is read from its plan, claims and journals alone, so that a look is cheap however many trials there are. */
#include "cmd/status.h"

#include "base/alloc.h"
#include "base/columns.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "run/progress.h"
#include "run/slurm.h"
#include "store/results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- looking ---- */

static void see_worker(void *arg, const char *id)
{
    ax_status *s = arg;
    ax_status_worker w = {.trial = ax_watch_find(&s->watch, id)};
    ax_status_worker *more = ax_realloc(s->workers, (size_t)s->nworkers + 1, sizeof *more);
    if (more) s->workers = more;
    if (!more || ax_claim_read(&w.now, &w.alive, s->dir, id) != AX_OK) return;
    memcpy(w.id, id, sizeof w.id);
    s->workers[s->nworkers++] = w;
    s->alive += w.alive;
}

static void see_trial(void *arg, const char *id)
{
    ax_status *s = arg;
    s->others += ax_watch_find(&s->watch, id) < 0;
}

/* In the plan's order, those not in it behind. */
static int by_trial(const void *a, const void *b)
{
    unsigned x = (unsigned)((const ax_status_worker *)a)->trial, y = (unsigned)((const ax_status_worker *)b)->trial;
    return x < y ? -1 : x > y;
}

int ax_status_open(ax_status *s, const char *dir)
{
    *s = (ax_status){.dir = dir};
    AX_TRY(ax_plan_file_read(dir, &s->plan));
    int status = ax_watch_init(&s->watch, dir, &s->plan);
    if (status == AX_OK) status = ax_watch_poll(&s->watch);
    if (status != AX_OK) {
        ax_status_release(s);
        return status;
    }
    ax_study_each(dir, AX_FILE_CLAIM, see_worker, s);
    ax_study_each(dir, AX_FILE_TRIAL, see_trial, s);
    if (s->nworkers) qsort(s->workers, (size_t)s->nworkers, sizeof *s->workers, by_trial);
    return AX_OK;
}

void ax_status_release(ax_status *s)
{
    ax_watch_release(&s->watch);
    ax_plan_file_release(&s->plan);
    ax_free(s->workers);
}

/* ---- what follows from it ---- */

static int hosts(const ax_status *s)
{
    int n = 0;
    for (int i = 0; i < s->nworkers; i++) {
        bool new = s->workers[i].alive;
        for (int k = 0; k < i && new; k++) new = !s->workers[k].alive || strcmp(s->workers[k].now.host, s->workers[i].now.host) != 0;
        n += new;
    }
    return n;
}

static double images_per_s(const ax_status *s)
{
    double sum = 0;
    for (int i = 0; i < s->nworkers; i++)
        if (s->workers[i].alive) sum += s->workers[i].now.rate;
    return sum;
}

static int left_out(const ax_plan_file *p)
{
    int n = 0;
    for (int i = 0; i < p->n; i++) n += p->specs[i].skip;
    return n;
}

int ax_status_left(const ax_status *s)
{
    int n = 0;
    for (int i = 0; i < s->plan.n; i++) {
        enum ax_state state = s->watch.trials[i].state;
        n += state == AX_STATE_running || (!s->plan.specs[i].skip && (state == AX_STATE_planned || state == AX_STATE_interrupted));
    }
    return n;
}

static double ago(double wall)
{
    double s = (double)time(NULL) - wall;
    return wall > 0 ? fmax(s, 0) : NAN;
}

/* ---- text ---- */

typedef struct {
    const char *study;
    int trials, states[AX_STATE_COUNT], left_out, not_in_plan;
} counts;

static counts counts_of(const ax_status *s)
{
    counts c = {.study = s->plan.name, .trials = s->plan.n, .left_out = left_out(&s->plan), .not_in_plan = s->others};
    for (int i = 0; i < AX_STATE_COUNT; i++) c.states[i] = ax_watch_count(&s->watch, (enum ax_state)i);
    return c;
}

static void print_counts(const counts *c)
{
    ax_buf line = {0};
    ax_buf_printf(&line, "%s  %d trial%s:", c->study, c->trials, c->trials == 1 ? "" : "s");
    for (int s = 0; s < AX_STATE_COUNT; s++)
        if (c->states[s]) ax_buf_printf(&line, "  %d %s", c->states[s], ax_state_name((enum ax_state)s));
    if (c->left_out) ax_buf_printf(&line, "  (%d left out by --only)", c->left_out);
    if (c->not_in_plan) ax_buf_printf(&line, "  %d not in plan", c->not_in_plan);
    ax_output_line("%s", ax_buf_str(&line));
    ax_buf_release(&line);
}

static void name_of(ax_buf *out, const ax_status *s, const ax_status_worker *w)
{
    ax_buf_clear(out);
    if (w->trial < 0) ax_buf_puts(out, "not in plan");
    else ax_board_trial_name(out, &s->plan.specs[w->trial]);
}

static int name_width(const ax_status *s, bool utf8)
{
    enum { CAP = 40 };
    int width = 10;
    ax_buf name = {0};
    for (int i = 0; i < s->nworkers; i++) {
        name_of(&name, s, &s->workers[i]);
        int n = ax_columns_of(ax_buf_str(&name), utf8);
        width = n > width ? n : width;
    }
    ax_buf_release(&name);
    return width < CAP ? width : CAP;
}

static void print_worker(const ax_status_worker *w, const char *name)
{
    const ax_progress *p = &w->now;
    char epoch[32] = "starting", done[8] = "", rate[16] = "", eta[32] = "", since[32], seen[32];
    if (p->epoch) {
        snprintf(epoch, sizeof epoch, "%d/%d", p->epoch, p->epochs);
        snprintf(done, sizeof done, "%.0f %%", 100 * ax_progress_fraction(p));
        snprintf(rate, sizeof rate, "%.0f", p->rate);
        ax_time_text(eta, p->eta);
    }
    ax_output_line("  %-16s  %s  %8s  %5s  %8s  %8s  %8s  %8s  %s pid %lld%s%s%s%s%s", w->id, name, epoch, done, rate, eta,
                   ax_time_text(since, ago(p->started)), ax_time_text(seen, ago(p->wall)), p->host, (long long)p->pid, p->device[0] ? " " : "",
                   p->device[0] && strcmp(p->device, "cpu") ? "GPU " : "", p->device, p->job[0] ? " job " : "", p->job);
}

static void print_dead(const ax_status_worker *w, const char *name)
{
    char seen[32];
    ax_output_line("  %-16s  %s  its worker died: pid %lld on %s, last seen %s ago; the next one takes the trial over", w->id, name,
                   (long long)w->now.pid, w->now.host, ax_time_text(seen, ago(w->now.wall)));
}

static void print_workers(const ax_status *s)
{
    bool utf8 = ax_locale_is_utf8();
    int width = name_width(s, utf8);
    ax_buf name = {0}, cell = {0};
    if (s->alive)
        printf("  %-16s  %-*s  %8s  %5s  %8s  %8s  %8s  %8s  %s\n", "trial", width, "multiplier", "epoch", "done", "images/s", "ETA", "for", "seen",
               "worker");
    for (int dead = 0; dead < 2; dead++)
        for (int i = 0; i < s->nworkers; i++) {
            if (s->workers[i].alive == (dead == 1)) continue;
            name_of(&name, s, &s->workers[i]);
            ax_buf_clear(&cell);
            ax_columns_fit(&cell, ax_buf_str(&name), width, utf8);
            if (dead) print_dead(&s->workers[i], ax_buf_str(&cell));
            else print_worker(&s->workers[i], ax_buf_str(&cell));
        }
    ax_buf_release(&name);
    ax_buf_release(&cell);
}

/* A job that waits looks like one that is over, and its workers may have ended before they had a trial. */
void ax_status_no_worker(ax_buf *out, const ax_status *s)
{
    char job[32], text[32];
    double eta = ax_watch_eta(&s->watch, 1);
    ax_buf_puts(out, "no worker at the moment; ");
    if (eta > 0) ax_buf_printf(out, "what is left takes about %s on one; ", ax_time_text(text, eta));
    if (ax_study_supervised(s->dir)) ax_buf_puts(out, "its sweep is to start one");
    else if (ax_slurm_job(job, s->dir) != AX_OK) ax_buf_puts(out, "the same sweep goes on with what is left");
    else ax_buf_printf(out, "'squeue -j %s' says whether its job waits, %s/logs/slurm-%s_*.log why its workers ended; when the job is over, the same "
                       "sweep goes on with what is left", job, s->dir, job);
}

static void print_no_worker(const ax_status *s)
{
    ax_buf line = {0};
    ax_status_no_worker(&line, s);
    ax_output_line("%s", ax_buf_str(&line));
    ax_buf_release(&line);
}

void ax_status_print(const ax_status *s)
{
    const counts c = counts_of(s);
    char text[32];
    int n = hosts(s);
    print_counts(&c);
    if (s->alive)
        printf("%d worker%s on %d host%s, %.0f images/s, ETA %s\n", s->alive, s->alive == 1 ? "" : "s", n, n == 1 ? "" : "s", images_per_s(s),
               ax_time_text(text, ax_watch_eta(&s->watch, s->alive)));
    else if (ax_status_left(s)) print_no_worker(s);
    print_workers(s);
}

/* ---- JSON ---- */

static cJSON *worker_json(const ax_status *s, const ax_status_worker *w)
{
    const ax_progress *p = &w->now;
    cJSON *t = cJSON_CreateObject();
    ax_json_set_string(t, "id", w->id);
    if (w->trial >= 0) {
        ax_json_set_string(t, "multiplier", s->plan.specs[w->trial].multiplier);
        ax_json_set_u64(t, "seed", s->plan.specs[w->trial].seed);
    }
    ax_json_set_bool(t, "in_plan", w->trial >= 0);
    ax_json_set_string(t, "host", p->host);
    ax_json_set_number(t, "pid", (double)p->pid);
    ax_json_set_string(t, "device", p->device);
    ax_json_set_string(t, "job", p->job);
    ax_json_set_number(t, "started", p->started);
    ax_json_set_number(t, "seen", p->wall);
    ax_json_set_number(t, "epoch", p->epoch);
    ax_json_set_number(t, "epochs", p->epochs);
    ax_json_set_number(t, "fraction", ax_progress_fraction(p));
    ax_json_set_number(t, "images_per_s", p->rate);
    ax_json_set_number(t, "loss", p->loss);
    ax_json_set_number(t, "eta_s", p->eta);
    return t;
}

static cJSON *counts_json(const counts *c)
{
    cJSON *tree = cJSON_CreateObject();
    ax_json_set_number(tree, "schema", 1);
    ax_json_set_string(tree, "study", c->study);
    ax_json_set_number(tree, "trials", c->trials);
    cJSON *states = ax_json_set_object(tree, "states");
    for (int s = 0; s < AX_STATE_COUNT; s++)
        if (c->states[s]) ax_json_set_number(states, ax_state_name((enum ax_state)s), c->states[s]);
    ax_json_set_number(tree, "left_out", c->left_out);
    ax_json_set_number(tree, "not_in_plan", c->not_in_plan);
    return tree;
}

static int print_json(const ax_status *s)
{
    const counts c = counts_of(s);
    cJSON *tree = counts_json(&c);
    ax_json_set_number(tree, "hosts", hosts(s));
    ax_json_set_number(tree, "images_per_s", images_per_s(s));
    ax_json_set_number(tree, "eta_s", ax_watch_eta(&s->watch, s->alive));
    cJSON *now = ax_json_set_array(tree, "running"), *dead = ax_json_set_array(tree, "dead");
    for (int i = 0; i < s->nworkers; i++) cJSON_AddItemToArray(s->workers[i].alive ? now : dead, worker_json(s, &s->workers[i]));
    return ax_output_json(tree);
}

/* ---- of a study file ---- */

static int show_file(const char *path, bool json)
{
    ax_results r;
    AX_TRY(ax_results_open(&r, path));
    counts c = {.study = r.study};
    for (int i = 0; i < r.n; i++) {
        c.trials += r.trials[i].in_plan;
        c.not_in_plan += !r.trials[i].in_plan;
        c.states[r.trials[i].state] += r.trials[i].in_plan;
    }
    cJSON *tree = json ? counts_json(&c) : NULL;
    if (json) ax_json_set_array(tree, "running");
    else print_counts(&c);
    ax_results_release(&r);
    return json ? ax_output_json(tree) : AX_OK;
}

static int show_dir(const char *dir, bool json, bool follow)
{
    ax_status s;
    AX_TRY(ax_status_open(&s, dir));
    if (follow) return ax_status_follow(&s, json);      /* which releases it */
    int status = AX_OK;
    if (json) status = print_json(&s);
    else ax_status_print(&s);
    ax_status_release(&s);
    return status;
}

int cmd_status(int argc, char **argv)
{
    bool json = false, follow = false;
    const ax_option options[] = {
        {"follow", 'f', AX_OPT_FLAG, &follow, NULL, "go on until no trial is left", 0, 0},
        {"json", 0, AX_OPT_FLAG, &json, NULL, "JSON instead of text; with --follow, one line an event", 0, 0},
        {0},
    };
    const ax_usage usage = {"status", "STUDY [-f]", "what runs now, with its rate and ETA",
                            "STUDY is a study directory; of a study file (.h5) only the counts are shown. Workers of all machines that share the\n"
                            "directory are seen. --follow draws live bars on a terminal and otherwise prints a line a finished epoch or trial; it\n"
                            "ends when no trial is left and the study file is written, with code 1 if some failed, or with Ctrl-C, which does not\n"
                            "touch the study.", 1, 1};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (!args.n) return AX_OK;
    const char *study = args.items[0];
    if (!ax_file_exists(study)) return ax_fail(AX_ENOENT, "%s: no such study directory%s", study,
                                              follow ? "; not there yet? it is made when the sweep begins" : " or study file");
    if (ax_file_is_dir(study)) return show_dir(study, json, follow);
    return follow ? ax_fail(AX_EARG, "status --follow: '%s' is a file, wanted a study directory", study) : show_file(study, json);
}

/* The supervisor. Invariant: it touches no number of a trial; it starts processes, reads what they leave, and turns the death
 * of one into a failure record of the trial it held. Signals are only noted where they arrive; the loop acts on them. */
#include "run/sched.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "run/meter.h"
#include "run/pool.h"
#include "run/progress.h"
#include "run/signals.h"
#include "run/slurm.h"
#include "run/watch.h"
#include "store/results.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const double poll_s = 0.2;
static const double idle_poll_s = 2;         /* while others run what is left: each look asks a network file system about every trial */
static const double again_s = 2;             /* until a worker that could not be started is tried again */
static const double twice_s = 0.5;           /* a terminal and a wrapper (srun, make, timeout) each pass one Ctrl-C on */
static const double grace_s = 4;             /* from asking a worker to stop until it is killed */
static const double launcher_grace_s = 60;   /* the same where it is another program's to tell it */
enum {
    LOST_STARTS = 3,             /* so many workers in a row that end without a trial: give up */
    DEVICE_ENDS = 2,             /* so many that their device ended: do without the device */
};

typedef struct {
    const ax_plan_file *plan;
    const ax_sched_options *o;
    ax_watch watch;
    ax_board board;
    ax_worker *workers;             /* (jobs) */
    int running;
    int stop;                    /* AX_OK, or why the sweep stops: AX_EINTR, AX_ESTOP, AX_ESTORE, ... */
    bool killed;
    int lost;                    /* workers in a row that ended without a trial, none having finished one */
    int settled;                 /* trials finished when the last was lost */
    char why[2048];              /* message of a fatal failure */
    int *tries;                  /* (plan->n): how often this sweep began a failed trial again */
    double asked;                /* ax_now() when the workers were asked to stop */
    double ticked;               /* ax_now() of the last look at the clock */
    double refused;              /* ax_now() when the system last refused a worker; 0: never */
} sched;

/* ---- starting workers ---- */

static const char *device_of(const sched *s, const ax_worker *w) { return s->o->devices[(w - s->workers) % s->o->ndevices]; }

static int startable(const sched *s)
{
    return ax_watch_count(&s->watch, AX_STATE_planned) + ax_watch_count(&s->watch, AX_STATE_interrupted);
}

/* Where the system has room for some workers only, those go on. */
static int start_worker(sched *s, ax_worker *w)
{
    char text[1200];
    int status = ax_worker_start(w, s->o, device_of(s, w));
    s->running += status == AX_OK;
    if (status == AX_OK || !s->running) return status;
    snprintf(text, sizeof text, "%s; the %d that run go on, and it is tried again every %g s", ax_errmsg(), s->running, again_s);
    if (!s->refused) ax_board_say(&s->board, text);
    s->refused = ax_now();
    return AX_OK;
}

static bool refused_lately(const sched *s) { return s->running && s->refused > 0 && ax_now() - s->refused < again_s; }

/* Fills free places while there are trials nobody runs. */
static int start_workers(sched *s)
{
    int left = startable(s), starting = s->running - ax_watch_count(&s->watch, AX_STATE_running);
    if (starting > 0) left -= starting;
    for (int i = 0; i < s->o->jobs && left > 0 && !s->stop && !refused_lately(s); i++) {
        if (s->workers[i].pid || s->workers[i].device_ends >= DEVICE_ENDS) continue;
        AX_TRY(start_worker(s, &s->workers[i]));
        left--;
    }
    return AX_OK;
}

/* ---- stopping ---- */

static void signal_workers(const sched *s, int number)
{
    for (int i = 0; i < s->o->jobs; i++)
        if (s->workers[i].pid) kill(-s->workers[i].pid, number);
}

static int done(const sched *s)
{
    return ax_watch_count(&s->watch, AX_STATE_complete) + ax_watch_count(&s->watch, AX_STATE_diverged);
}

/* `why`: what the line begins with that says so, if it is to be said. */
static void stop(sched *s, int reason, const char *why)
{
    char text[200];
    if (s->stop) return;
    s->stop = reason;
    s->asked = ax_now();
    signal_workers(s, s->o->launcher ? SIGUSR1 : SIGTERM);      /* which srun forwards; at SIGTERM it kills */
    if (reason != AX_EINTR && reason != AX_ESTOP) return;
    snprintf(text, sizeof text, "%sstopping at the next batch: %d done, %d running are being checkpointed (Ctrl-C again to kill)", why, done(s),
             ax_watch_count(&s->watch, AX_STATE_running));
    ax_board_say(&s->board, text);
}

static void give_up(sched *s, int status, const char *why)
{
    if (s->stop && s->stop != AX_EINTR && s->stop != AX_ESTOP) return;
    snprintf(s->why, sizeof s->why, "%s", why);
    if (!s->stop) stop(s, status, "");
    s->stop = status;
}

static void kill_workers(sched *s, const char *said)
{
    s->killed = true;
    signal_workers(s, SIGKILL);
    ax_board_say(&s->board, said);
}

static void take_signal(sched *s, int number)
{
    if (number == SIGCHLD || number == SIGWINCH) return;
    if (number == SIGINT && s->stop) {
        if (ax_now() - s->asked < twice_s) return;
        s->stop = s->stop == AX_ESTOP ? AX_EINTR : s->stop;
        kill_workers(s, "killed the workers; what they did since their last checkpoint is lost");
        return;
    }
    stop(s, number == SIGINT ? AX_EINTR : AX_ESTOP, "");
}

/* ---- workers that ended ---- */

static int fail_trial(sched *s, int trial, const char *message)
{
    const char *id = s->plan->specs[trial].id;
    AX_TRY(ax_failed_note(s->o->dir, id, message));
    s->watch.trials[trial].state = AX_STATE_failed;
    cJSON *e = cJSON_CreateObject();
    ax_json_set_string(e, "event", "failed");
    ax_json_set_string(e, "message", message);
    ax_board_event(&s->board, trial, e);
    cJSON_Delete(e);
    return AX_OK;
}

/* A worker that died holding a claim: its trial has failed, unless we killed it or it had just been published. */
static int take_claimed(sched *s, int trial, int wait_status, const char *words)
{
    char message[2048];
    const char *id = s->plan->specs[trial].id;
    s->lost = 0;
    if (ax_study_has(s->o->dir, AX_FILE_TRIAL, id) || s->killed || s->stop) {
        s->watch.trials[trial].state = ax_study_has(s->o->dir, AX_FILE_TRIAL, id) ? AX_STATE_complete : AX_STATE_interrupted;
        return ax_study_remove(s->o->dir, AX_FILE_CLAIM, id);
    }
    ax_worker_end(message, sizeof message, wait_status, words);
    AX_TRY(fail_trial(s, trial, message));
    return ax_study_remove(s->o->dir, AX_FILE_CLAIM, id);
}

/* The trial it failed is noted already. A device that fails again at once is left alone; without any the sweep ends. */
static int device_failed(sched *s, ax_worker *w, const char *words)
{
    char text[1200];
    int usable = 0;
    if (++w->device_ends < DEVICE_ENDS || s->stop) return AX_OK;
    snprintf(text, sizeof text, "device %s is left out: %s", device_of(s, w), words);
    ax_board_say(&s->board, text);
    for (int i = 0; i < s->o->jobs; i++) usable += s->workers[i].device_ends < DEVICE_ENDS;
    if (!usable && startable(s)) give_up(s, AX_EDEVICE, words);
    return AX_OK;
}

/* Its trial is noted as failed already, unless it was published in that moment; `claimed` is the one it left behind, or -1. */
static int took_too_long(sched *s, const ax_worker *w, int claimed)
{
    const char *id = s->plan->specs[w->trial].id;
    s->lost = 0;
    if (claimed >= 0) AX_TRY(ax_study_remove(s->o->dir, AX_FILE_CLAIM, s->plan->specs[claimed].id));
    if (claimed >= 0 && claimed != w->trial) s->watch.trials[claimed].state = AX_STATE_interrupted;
    if (!ax_study_has(s->o->dir, AX_FILE_TRIAL, id)) return AX_OK;
    s->watch.trials[w->trial].state = AX_STATE_complete;
    return ax_study_remove(s->o->dir, AX_FILE_FAILED, id);
}

/* A step that ended with its allocation says nothing about its trial, and no other step will start. */
static void look_at_allocation(sched *s, int code)
{
    if (s->o->launcher && code != 0 && !s->stop && ax_slurm_over()) stop(s, AX_ESTOP, "the Slurm allocation has ended: ");
}

static int ended(sched *s, ax_worker *w, int wait_status)
{
    char words[1024], text[1200];
    int trial = ax_watch_claimed_by(&s->watch, w->pid), code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
    ax_worker_words(words, sizeof words, w);
    w->pid = 0;
    s->running--;
    look_at_allocation(s, code);
    if (code == ax_exit_code(AX_ESTORE)) {
        give_up(s, AX_ESTORE, words);
        return trial >= 0 ? ax_study_remove(s->o->dir, AX_FILE_CLAIM, s->plan->specs[trial].id) : AX_OK;
    }
    if (w->asked) return took_too_long(s, w, trial);
    if (trial >= 0) return take_claimed(s, trial, wait_status, words);
    if (code == ax_exit_code(AX_EDEVICE)) return device_failed(s, w, words);
    if (code == 0 || code == ax_exit_code(AX_ESTOP) || s->stop) {
        s->lost = 0;
        return AX_OK;
    }
    int settled = ax_watch_count(&s->watch, AX_STATE_complete) + ax_watch_count(&s->watch, AX_STATE_diverged);
    if (settled != s->settled) s->lost = 0;
    s->settled = settled;
    if (++s->lost < LOST_STARTS * (s->o->launcher ? s->o->jobs : 1)) return AX_OK;      /* elsewhere, a trial may have ended each */
    ax_worker_end(text, sizeof text, wait_status, words);
    give_up(s, AX_EFAILED, text);
    return AX_OK;
}

static void see_pause(ax_worker *w)
{
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)w->pid, &info, WSTOPPED | WCONTINUED | WNOHANG) == 0 && info.si_pid) w->paused = info.si_code == CLD_STOPPED;
}

/* Whether it has ended. What it started and left behind is killed while the dead process still holds its number. */
static bool has_ended(ax_worker *w, int *wait_status)
{
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)w->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || !info.si_pid) return false;
    kill(-w->pid, SIGKILL);
    return waitpid(w->pid, wait_status, 0) == w->pid;
}

static int reap(sched *s)
{
    for (int i = 0; i < s->o->jobs; i++) {
        int wait_status;
        ax_worker *w = &s->workers[i];
        if (w->pid) see_pause(w);
        if (!w->pid || !has_ended(w, &wait_status)) continue;
        AX_TRY(ax_watch_poll(&s->watch));                  /* its last words first */
        AX_TRY(ended(s, w, wait_status));
        if (!s->running) ax_watch_settle(&s->watch);
    }
    return AX_OK;
}

/* ---- limits ---- */

/* Another host may have a process of the same number. */
static bool holds(const ax_worker *w, const ax_progress *claim) { return w->pid && ax_claim_is_of(claim, w->pid); }

/* The trial that a worker of ours runs; -1: none. */
static int trial_of(const sched *s, const ax_worker *w)
{
    for (int i = 0; i < s->plan->n; i++)
        if (s->watch.trials[i].state == AX_STATE_running && holds(w, &s->watch.trials[i].now)) return i;
    return -1;
}

/* Noted before the worker is asked to leave it, so that no other takes it up meanwhile. */
static int end_trial(sched *s, ax_worker *w)
{
    char text[160], limit[32];
    snprintf(text, sizeof text, "it took longer than --trial-time allows a trial, %s", ax_time_text(limit, s->o->trial_time));
    AX_TRY(fail_trial(s, w->trial, text));
    w->asked = ax_now();
    kill(-w->pid, SIGTERM);
    return AX_OK;
}

/* Adds `seconds` to the time of each worker's trial. */
static int limit_trials(sched *s, double seconds)
{
    for (int i = 0; i < s->o->jobs; i++) {
        ax_worker *w = &s->workers[i];
        if (!w->pid || s->stop) continue;
        if (w->asked) {
            if (ax_now() - w->asked > grace_s) kill(-w->pid, SIGKILL);
            continue;
        }
        int trial = trial_of(s, w);
        if (trial != w->trial) w->spent = 0;
        w->trial = trial;
        if (trial < 0 || w->paused) continue;
        w->spent += seconds;
        if (w->spent > s->o->trial_time) AX_TRY(end_trial(s, w));
    }
    return AX_OK;
}

/* Failed trials begin again, as often as --retries says, once their workers have let go of them. */
static int retry_trials(sched *s)
{
    for (int i = 0; i < s->plan->n && !s->stop; i++) {
        const char *id = s->plan->specs[i].id;
        if (s->watch.trials[i].state != AX_STATE_failed || s->tries[i] >= s->o->retries) continue;
        if (ax_study_has(s->o->dir, AX_FILE_CLAIM, id)) continue;
        s->tries[i]++;
        if (s->o->restart_failed) AX_TRY(ax_study_remove(s->o->dir, AX_FILE_CKPT, id));
        AX_TRY(ax_failed_retry(s->o->dir, id));
        s->watch.trials[i].state = ax_study_state(s->o->dir, id);
    }
    return AX_OK;
}

/* All by the monotonic clock, and a sweep that was suspended has not lived meanwhile: a step of the clock is a second at most. */
static int keep_limits(sched *s)
{
    double now = ax_now(), step = now - s->ticked;
    s->ticked = now;
    if (s->o->stop_at > 0 && now > s->o->stop_at) stop(s, AX_ESTOP, "--max-time is nearly over: ");
    if (s->stop && !s->killed && now - s->asked > (s->o->launcher ? launcher_grace_s : grace_s))
        kill_workers(s, "killed the workers that did not stop; what they did since their last checkpoint is lost");
    if (s->o->trial_time > 0) AX_TRY(limit_trials(s, step < 1 ? step : 1));
    return s->o->retries ? retry_trials(s) : AX_OK;
}

/* ---- the loop ---- */

static void take_signals(sched *s)
{
    double idle = s->o->stop_at > 0 ? fmax(poll_s, fmin(idle_poll_s, s->o->stop_at - ax_now())) : idle_poll_s;
    for (int number = ax_signals_take(s->running ? poll_s : idle); number; number = ax_signals_take(0)) take_signal(s, number);
}

static bool foreign_work(const sched *s) { return !s->stop && ax_watch_count(&s->watch, AX_STATE_running) > 0; }

static int supervise(sched *s)
{
    double drawn = 0;
    s->ticked = ax_now();
    AX_TRY(keep_limits(s));
    AX_TRY(start_workers(s));
    while (s->running || foreign_work(s) || (startable(s) && !s->stop)) {
        take_signals(s);
        AX_TRY(reap(s));
        if (!s->running) ax_watch_settle(&s->watch);
        AX_TRY(ax_watch_poll(&s->watch));
        AX_TRY(keep_limits(s));
        AX_TRY(start_workers(s));
        if (ax_now() - drawn < poll_s) continue;
        drawn = ax_now();
        ax_board_draw(&s->board);
    }
    return AX_OK;
}

static void reap_the_rest(sched *s)
{
    signal_workers(s, SIGKILL);
    for (int i = 0; i < s->o->jobs; i++) {
        if (s->workers[i].pid) waitpid(s->workers[i].pid, NULL, 0);
        if (s->workers[i].err >= 0) close(s->workers[i].err);
    }
}

/* A finished trial needs no checkpoint and no claim: they are left where a worker was killed just after it had published. */
static int tidy(const char *dir, const char *id)
{
    AX_TRY(ax_study_remove(dir, AX_FILE_CKPT, id));
    AX_TRY(ax_study_remove(dir, AX_FILE_CLAIM, id));
    AX_TRY(ax_study_remove(dir, AX_FILE_FAILED, id));
    return ax_study_remove(dir, AX_FILE_RETRY, id);
}

/* Failed trials run again, from their checkpoint or from the start. */
int ax_sched_prepare(const ax_plan_file *plan, const ax_sched_options *o)
{
    for (int i = 0; i < plan->n; i++) {
        const char *id = plan->specs[i].id;
        if (ax_study_has(o->dir, AX_FILE_TRIAL, id)) {
            AX_TRY(tidy(o->dir, id));
        } else if (ax_study_has(o->dir, AX_FILE_FAILED, id)) {
            if (o->restart_failed) AX_TRY(ax_study_remove(o->dir, AX_FILE_CKPT, id));
            AX_TRY(ax_failed_retry(o->dir, id));
        }
    }
    return AX_OK;
}

static void tell(void *arg, int trial, const cJSON *event)
{
    sched *s = arg;
    ax_board_event(&s->board, trial, event);
    if (strcmp(ax_json_get_string(event, "event", ""), "done") != 0) return;
    for (int i = 0; i < s->o->jobs; i++)
        if (holds(&s->workers[i], &s->watch.trials[trial].now)) s->workers[i].device_ends = 0;
}

/* ---- the end ---- */

static int rebuild(const sched *s, ax_sched_summary *out)
{
    ax_results r;
    char *path = ax_study_file_path(s->o->dir);
    if (!path) return AX_ENOMEM;
    snprintf(out->file, sizeof out->file, "%s", path);
    int status = ax_results_open(&r, s->o->dir);
    if (status == AX_OK) {
        status = ax_results_write(&r, path);
        out->diverged = 0;
        for (int i = 0; i < r.n; i++) out->diverged += r.trials[i].state == AX_STATE_diverged && ax_watch_find(&s->watch, r.trials[i].id) >= 0;
        ax_results_release(&r);
    }
    ax_free(path);
    return status;
}

static int verdict(const sched *s, const ax_sched_summary *out)
{
    int n = s->plan->n, finished = out->complete + out->diverged;
    if (s->stop == AX_EINTR || s->stop == AX_ESTOP)
        return ax_fail(s->stop, "%s: %d of %d trials done, %d checkpointed, %d failed, %d not started; the same command goes on",
                       s->stop == AX_EINTR ? "interrupted" : "stopped", finished, n, out->interrupted, out->failed, out->planned);
    if (s->stop) return ax_fail(s->stop, "%s", s->why);
    if (out->failed)
        return ax_fail(AX_EFAILED, "%d of %d trials failed; 'approxrun show %s TRIAL' and 'approxrun logs %s TRIAL' say why, the same "
                       "command tries them again", out->failed, n, s->o->dir, s->o->dir);
    return AX_OK;
}

static int finish(sched *s, ax_sched_summary *out)
{
    ax_watch_settle(&s->watch);
    ax_board_close(&s->board);
    out->seconds = ax_now() - s->board.started;
    int rebuilt = rebuild(s, out);
    if (rebuilt != AX_OK) give_up(s, rebuilt, ax_errmsg());
    out->complete = done(s) - out->diverged;
    out->failed = ax_watch_count(&s->watch, AX_STATE_failed);
    out->interrupted = ax_watch_count(&s->watch, AX_STATE_interrupted);
    out->planned = ax_watch_count(&s->watch, AX_STATE_planned);
    return verdict(s, out);
}

int ax_sched_run(ax_sched_summary *out, const ax_plan_file *plan, const ax_sched_options *o)
{
    sched s = {.plan = plan, .o = o};
    *out = (ax_sched_summary){0};
    AX_TRY(ax_sched_prepare(plan, o));
    s.workers = ax_alloc((size_t)o->jobs, sizeof *s.workers);
    s.tries = ax_alloc((size_t)plan->n + 1, sizeof *s.tries);
    int status = s.workers && s.tries ? AX_OK : AX_ENOMEM;
    if (status != AX_OK) goto out;
    for (int i = 0; i < o->jobs; i++) s.workers[i].err = -1;
    status = ax_signals_catch();
    if (status != AX_OK) goto out;
    status = ax_watch_init(&s.watch, o->dir, plan);
    if (status != AX_OK) goto out;
    ax_board_init(&s.board, &s.watch, &(ax_board_options){.fd = STDERR_FILENO, .columns = o->columns, .jobs = o->jobs, .color = o->color,
                                                          .quiet = o->quiet});
    s.watch.tell = tell;
    s.watch.arg = &s;
    status = supervise(&s);
    if (status != AX_OK) give_up(&s, status, ax_errmsg());
    reap_the_rest(&s);
    ax_signals_release();
    status = finish(&s, out);
out:
    ax_signals_release();
    ax_watch_release(&s.watch);
    ax_free(s.tries);
    ax_free(s.workers);
    return status;
}

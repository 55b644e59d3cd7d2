/* A worker's own limits. Invariant: a trial that took too long is noted as failed before anybody may take it up again. The thread that
 * watches takes no signals, and only looks at the clock and at this process's claim. */
#include "run/limits.h"

#include "base/error.h"
#include "base/text.h"
#include "base/thread.h"
#include "run/progress.h"
#include "run/sched.h"
#include "run/trial.h"
#include "store/claim.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    STOP_OF_TRIAL = 2,           /* in ax_trial_stop_requested, where a signal writes 1 */
    GRACE_S = 4,                 /* from asking a trial to stop to the end of the process, as a supervisor gives it */
};

typedef struct {
    const char *dir, *device;
    int threads;
    const ax_limits *of;
    int log;                     /* our standard error; while a trial runs, descriptor 2 is the trial's */
    ax_thread thread;            /* its lock is of what follows */
    bool time_over;              /* it is --max-time that stops the worker */
    char late[AX_ID_MAX];        /* the trial that took too long, until the claim loop has let go of it; "": none */
} limiter;

/* ---- the trial this process runs ---- */

typedef struct {
    const char *dir;
    char id[AX_ID_MAX];
    double started;
} running;

static void see_claim(void *arg, const char *id)
{
    running *r = arg;
    ax_progress p;
    bool alive;
    if (ax_claim_read(&p, &alive, r->dir, id) != AX_OK || !alive || !ax_claim_is_of(&p, getpid())) return;
    memcpy(r->id, id, sizeof r->id);
    r->started = p.started;
}

/* Most looks find the trial of the last one, and read one claim. */
static bool changed(running *r)
{
    running before = *r;
    r->id[0] = 0;
    if (before.id[0]) see_claim(r, before.id);
    if (!r->id[0]) ax_study_each(r->dir, AX_FILE_CLAIM, see_claim, r);
    return strcmp(r->id, before.id) != 0 || r->started != before.started;
}

/* ---- the thread ---- */

static int note_event(const char *dir, const char *id, const char *message)
{
    ax_journal *journal = ax_journal_open(dir);
    int status = journal ? ax_journal_add_failed(journal, id, message) : ax_errstatus();
    ax_journal_close(journal);
    return status;
}

static void say_limit(char *text, size_t size, const limiter *l)
{
    char limit[32];
    snprintf(text, size, "it took longer than --trial-time allows a trial, %s", ax_time_text(limit, l->of->trial_time));
}

/* What does not stop at a batch, as a script in an endless loop, ends with the process. The trial is left as the claim loop would. */
static void end_process(const limiter *l, const running *r, bool late)
{
    char why[160];
    say_limit(why, sizeof why, l);
    if (late) (void)note_event(l->dir, l->late, why);
    if (r->id[0]) (void)ax_study_remove(l->dir, AX_FILE_CLAIM, r->id);
    dprintf(l->log, late ? "approxrun: trial %s did not stop within %d s of its --trial-time, so its worker is killed; the trial has failed\n"
                         : "approxrun: trial %s did not stop before --max-time was over, so its worker is killed; the trial goes on from its "
                           "last checkpoint\n", r->id[0] ? r->id : "?", GRACE_S);
    kill(getpid(), SIGKILL);      /* a batch script starts another worker */
}

/* A signal that comes meanwhile is not lost: the claim loop's end tells the two apart. */
static void end_trial(limiter *l, const running *r)
{
    int none = 0;
    char why[160];
    say_limit(why, sizeof why, l);
    if (ax_failed_note(l->dir, r->id, why) != AX_OK) return;      /* once more at the next look */
    memcpy(l->late, r->id, sizeof l->late);
    __atomic_compare_exchange_n(&ax_trial_stop_requested, &none, STOP_OF_TRIAL, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    for (double end = ax_now() + GRACE_S; l->late[0] && !l->thread.over;)
        if (ax_thread_sleep(&l->thread, end - ax_now())) end_process(l, r, true);
}

static void end_worker(limiter *l, running *r)
{
    l->time_over = true;
    ax_trial_stop_requested = 1;
    while (!l->thread.over)
        if (ax_thread_sleep(&l->thread, l->of->end_at - ax_now())) {
            changed(r);
            end_process(l, r, false);
        }
}

/* A worker that was suspended has not lived meanwhile. */
static void watch(void *arg)
{
    limiter *l = arg;
    running r = {.dir = l->dir};
    double spent = 0, look_s = l->of->trial_time > 0 ? fmax(0.1, fmin(l->of->trial_time / 20, 5)) : 60, looked = ax_now();
    while (!l->thread.over) {
        ax_thread_sleep(&l->thread, l->of->stop_at > 0 ? fmin(look_s, l->of->stop_at - ax_now()) : look_s);
        double now = ax_now(), step = fmin(now - looked, 2 * look_s);
        looked = now;
        if (l->thread.over) break;
        if (l->of->stop_at > 0 && now >= l->of->stop_at) end_worker(l, &r);
        if (l->thread.over || !(l->of->trial_time > 0)) continue;
        spent = changed(&r) || !r.id[0] ? 0 : spent + step;
        if (spent > l->of->trial_time) end_trial(l, &r);
    }
}

/* ---- the claim loop, again and again ---- */

/* After the loop: has it stopped for nothing but a trial that took too long, which is settled here? */
static bool only_late(limiter *l)
{
    char why[160], id[AX_ID_MAX];
    int mine = STOP_OF_TRIAL;
    say_limit(why, sizeof why, l);
    pthread_mutex_lock(&l->thread.lock);
    memcpy(id, l->late, sizeof id);
    l->late[0] = 0;
    pthread_cond_signal(&l->thread.wake);
    pthread_mutex_unlock(&l->thread.lock);
    if (!id[0]) return false;
    if (ax_study_has(l->dir, AX_FILE_TRIAL, id)) (void)ax_study_remove(l->dir, AX_FILE_FAILED, id);      /* published in that moment */
    else (void)note_event(l->dir, id, why);
    return __atomic_compare_exchange_n(&ax_trial_stop_requested, &mine, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* Under the trial's claim, so that of several workers one does it. */
static int retry_trial(int *begun, const limiter *l, const char *id)
{
    ax_record r;
    int claim = -1;
    if (!ax_study_has(l->dir, AX_FILE_FAILED, id) || ax_study_has(l->dir, AX_FILE_TRIAL, id)) return AX_OK;
    AX_TRY(ax_claim_take(&claim, l->dir, id));
    if (claim < 0) return AX_OK;
    ax_record_init(&r);
    int status = AX_OK;
    if (ax_failed_read(l->dir, id, &r) == AX_OK && r.retries < l->of->retries) {
        if (l->of->restart_failed) status = ax_study_remove(l->dir, AX_FILE_CKPT, id);
        if (status == AX_OK) status = ax_failed_retry(l->dir, id);
        *begun += status == AX_OK;
    }
    ax_record_release(&r);
    int dropped = ax_claim_drop(claim, l->dir, id);
    return status == AX_OK ? dropped : status;
}

/* Nothing is left but what failed: that begins again, as often as --retries says. */
static int retry_trials(int *begun, const limiter *l)
{
    ax_plan_file plan;
    *begun = 0;
    if (!l->of->retries) return AX_OK;
    AX_TRY(ax_plan_file_read(l->dir, &plan));
    int status = AX_OK;
    for (int i = 0; i < plan.n && status == AX_OK && !ax_trial_stop_requested; i++)
        if (!plan.specs[i].skip) status = retry_trial(begun, l, plan.specs[i].id);
    ax_plan_file_release(&plan);
    return status;
}

static int work(limiter *l, int supervisor)
{
    int status, again;
    do {
        status = ax_worker_run(l->dir, l->device, l->threads, supervisor);
        again = only_late(l) && status == AX_ESTOP;
        if (status == AX_OK) status = retry_trials(&again, l);
    } while (again);
    return status;
}

int ax_limits_run(const ax_limits *of, const char *dir, const char *device, int threads, int supervisor)
{
    limiter l = {.dir = dir, .device = device, .threads = threads, .of = of, .log = -1,
                 .thread = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER}};      /* without limits none runs */
    bool watched = of->stop_at > 0 || of->trial_time > 0;
    if (watched) {
        l.log = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        AX_TRY(ax_thread_start(&l.thread, watch, &l));
    }
    int status = work(&l, supervisor);
    if (watched) ax_thread_end(&l.thread);
    if (l.log >= 0) close(l.log);
    return status == AX_ESTOP && l.time_over ? ax_fail(AX_ESTOP, "--max-time is nearly over: stopped with work left") : status;
}

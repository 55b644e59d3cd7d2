/* One claim loop over a study directory: take a trial nobody runs, run it, publish it, go on. Invariant: a claim this process
 * holds is dropped only after the trial's outcome (result, checkpoint or failure record) is on the disk. A worker without a
 * supervisor (in a batch job, by ssh) does that one's part too: it counts the workers that died over a trial, and who finds
 * that all trials are settled writes the study file. */
#include "run/sched.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/thread.h"
#include "engine/backend.h"
#include "run/env.h"
#include "run/signals.h"
#include "run/trial.h"
#include "store/claim.h"
#include "store/journal.h"
#include "store/results.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static void on_signal(int number)
{
    (void)number;
    ax_trial_stop_requested = 1;
}

static void handle_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, hangup;
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGHUP, NULL, &hangup);
    if (hangup.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, NULL);      /* not under nohup */
    ax_signals_outlive_reader();                                             /* whoever started it by ssh may be gone */
}

/* Under a supervisor: die with it, even if it died before this line. */
static int follow(int supervisor)
{
    if (!supervisor) return AX_OK;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return getppid() == supervisor ? AX_OK : ax_fail(AX_ESTOP, "worker: its supervisor %d is gone", supervisor);
}

/* When memory runs out, the kernel should end a worker and not its supervisor. */
static void prefer_as_victim(void)
{
    FILE *f = fopen("/proc/self/oom_score_adj", "we");
    if (!f) return;
    fputs("500\n", f);
    fclose(f);
}

/* ---- a trial's output goes to its log ---- */

typedef struct {
    int out, err;
} streams;

static int to_log(streams *saved, const char *dir, const char *id)
{
    char *path = ax_study_path(dir, AX_FILE_LOG, id);
    if (!path) return AX_ENOMEM;
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    int status = log < 0 ? ax_fail(AX_ESTORE, "%s: cannot open: %s", path, strerror(errno)) : AX_OK;
    ax_free(path);
    if (log < 0) return status;
    fflush(NULL);
    saved->out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    saved->err = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    close(log);
    return AX_OK;
}

static void from_log(const streams *saved)
{
    fflush(NULL);
    dup2(saved->out, STDOUT_FILENO);
    dup2(saved->err, STDERR_FILENO);
    close(saved->out);
    close(saved->err);
}

/* ---- heartbeat: from a thread of its own, for a trial may be in one evaluation, download or function for minutes ---- */

typedef struct {
    ax_thread thread;
    int claim;
} heart;

static void beat(void *arg)
{
    heart *h = arg;
    while (!h->thread.over)
        if (ax_thread_sleep(&h->thread, AX_CLAIM_BEAT_S)) ax_claim_beat(h->claim);
}

/* ---- trials ---- */

static int note_failure(const ax_trial_host *h, const char *id, const char *message)
{
    AX_TRY(ax_failed_note(h->dir, id, message));
    return ax_journal_add_failed(h->journal, id, message);
}

/* These end the worker; any other failure is the trial's own. */
static bool ends_worker(int status) { return status == AX_ESTOP || status == AX_ESTORE || status == AX_EIO; }

static int run_claimed(const ax_trial_host *h, const ax_spec *spec, int claim)
{
    streams saved = {-1, -1};
    char why[2048];
    heart pulse = {.claim = claim};
    AX_TRY(to_log(&saved, h->dir, spec->id));
    int status = ax_thread_start(&pulse.thread, beat, &pulse);
    if (status == AX_OK) {
        status = ax_trial_run(h, spec, claim);
        ax_thread_end(&pulse.thread);
    }
    snprintf(why, sizeof why, "%s", ax_errmsg());
    if (status != AX_OK && status != AX_ESTOP) printf("failed: %s\n", why);
    from_log(&saved);
    if (status == AX_OK) return ax_backend_status(h->backend);
    if (ends_worker(status)) return ax_fail(status, "%s", why);
    AX_TRY(note_failure(h, spec->id, why));
    return ax_backend_status(h->backend);      /* a failure that outlives its trial: this process cannot use the device again */
}

static bool settled(const char *dir, const char *id)
{
    return ax_study_has(dir, AX_FILE_TRIAL, id) || ax_study_has(dir, AX_FILE_FAILED, id);
}

/* NFS remembers for a while that a file was not there; opening its directory makes it ask the server again. */
static void look_again(const char *dir)
{
    static const char *const names[] = {"trials", "failed", "ckpt"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = ax_path_join(dir, names[i]);
        DIR *d = path ? opendir(path) : NULL;
        if (d) closedir(d);
        ax_free(path);
    }
}

/* A trial is not the end of worker after worker: the death of one counts as a failure, and the third in a row is final. */
static int count_death(bool *final, const ax_trial_host *h, const char *id, const ax_progress *dead)
{
    enum { DEATHS = 3 };
    char why[256];
    int deaths = ax_failed_deaths(h->dir, id) + 1;
    snprintf(why, sizeof why, "worker died without finishing the trial (pid %lld on %s%s%s), %d time%s now", (long long)dead->pid,
             dead->host, dead->job[0] ? ", job " : "", dead->job, deaths, deaths > 1 ? "s" : "");
    *final = deaths >= DEATHS;
    return *final ? note_failure(h, id, why) : ax_failed_note_death(h->dir, id, why, deaths);
}

/* Takes the trial's claim; *claim is -1 if it is another's. *orphan: its owner died, `dead` is what is left of that. */
static int take(int *claim, bool *orphan, ax_progress *dead, const char *dir, const char *id)
{
    bool alive = false;
    *orphan = ax_claim_read(dead, &alive, dir, id) == AX_OK && !alive && dead->pid > 0;
    AX_TRY(ax_claim_take(claim, dir, id));
    if (*claim >= 0) look_again(dir);
    return AX_OK;
}

/* What a pass over the plan has found. */
typedef struct {
    bool taken, unsure;      /* a trial to run; one of which it is not known yet whether its worker lives */
} found;

static int try_trial(const ax_trial_host *h, const ax_spec *spec, found *f)
{
    int claim, status = AX_OK;
    bool orphan, hopeless = false;
    ax_progress dead = {0};
    if (spec->skip || settled(h->dir, spec->id)) return AX_OK;
    AX_TRY(take(&claim, &orphan, &dead, h->dir, spec->id));
    f->unsure |= claim < 0 && dead.unsure;
    if (claim < 0) return AX_OK;
    if (!settled(h->dir, spec->id)) {
        f->taken = true;
        if (orphan && !h->supervised) status = count_death(&hopeless, h, spec->id, &dead);
        if (status == AX_OK && !hopeless) status = run_claimed(h, spec, claim);
    }
    char why[2048];
    snprintf(why, sizeof why, "%s", ax_errmsg());
    int dropped = ax_claim_drop(claim, h->dir, spec->id);
    return status == AX_OK ? dropped : ax_fail(status, "%s", why);
}

/* Passes over the plan until one finds nothing to take: meanwhile a claim may have lost its owner. */
static int loop(const ax_trial_host *h)
{
    found f = {.taken = true};
    while (f.taken || f.unsure) {
        if (!f.taken) nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
        f = (found){0};
        for (int i = 0; i < h->plan->n; i++) {
            if (ax_trial_stop_requested) return ax_fail(AX_ESTOP, "stopped with work left");
            AX_TRY(try_trial(h, &h->plan->specs[i], &f));
        }
    }
    return AX_OK;
}

/* The study file, if no trial is left; of several workers that see this each writes the same. */
static int conclude(const char *dir, const ax_plan_file *plan)
{
    ax_results r;
    look_again(dir);
    for (int i = 0; i < plan->n; i++)
        if (!plan->specs[i].skip && !settled(dir, plan->specs[i].id)) return AX_OK;
    char *path = ax_study_file_path(dir);
    if (!path) return AX_ENOMEM;
    int status = ax_results_open(&r, dir);
    if (status == AX_OK) {
        status = ax_results_write(&r, path);
        ax_results_release(&r);
    }
    ax_free(path);
    return status;
}

int ax_worker_run(const char *dir, const char *device, int threads, int supervisor)
{
    handle_signals();
    AX_TRY(follow(supervisor));
    prefer_as_victim();
    const ax_backend *backend = ax_backend_open(device);
    if (!backend) return ax_errstatus();
    ax_plan_file plan;
    AX_TRY(ax_plan_file_read(dir, &plan));
    int status = supervisor ? AX_OK : ax_file_check_links(dir);      /* a sweep has tried them */
    char *env = status == AX_OK ? ax_env_json(supervisor ? supervisor : getpid(), threads, device) : NULL;
    ax_journal *journal = env ? ax_journal_open(dir) : NULL;
    ax_trial_host h = {.dir = dir, .plan = &plan, .env = env, .device = device, .backend = backend, .threads = threads,
                       .supervised = supervisor != 0, .journal = journal};
    if (status == AX_OK) status = journal ? loop(&h) : ax_errstatus();
    if (status == AX_OK && !supervisor) status = conclude(dir, &plan);
    ax_journal_close(journal);
    ax_free(env);
    ax_plan_file_release(&plan);
    return status;
}

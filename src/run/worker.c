/* One claim loop over a study directory: take a trial nobody runs, run it, publish it, go on. Invariant: a claim this process
 * holds is dropped only after the trial's outcome (result, checkpoint or failure record) is on the disk. */
#include "run/sched.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "engine/backend.h"
#include "run/env.h"
#include "run/trial.h"
#include "store/claim.h"
#include "store/journal.h"

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
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
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

/* ---- trials ---- */

static int note_failure(const ax_trial_host *h, const char *id, const char *message)
{
    cJSON *e = cJSON_CreateObject();
    cJSON_AddNumberToObject(e, "t", (double)time(NULL));
    cJSON_AddStringToObject(e, "trial", id);
    cJSON_AddStringToObject(e, "event", "failed");
    cJSON_AddStringToObject(e, "message", message);
    AX_TRY(ax_failed_note(h->dir, id, message));
    return ax_journal_add(h->journal, e);
}

/* These end the worker; any other failure is the trial's own. */
static bool ends_worker(int status) { return status == AX_ESTOP || status == AX_ESTORE || status == AX_EIO; }

static int run_claimed(const ax_trial_host *h, const ax_spec *spec, int claim)
{
    streams saved = {-1, -1};
    char why[2048];
    AX_TRY(to_log(&saved, h->dir, spec->id));
    int status = ax_trial_run(h, spec, claim);
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

static int try_trial(const ax_trial_host *h, const ax_spec *spec)
{
    int claim, status = AX_OK;
    if (settled(h->dir, spec->id)) return AX_OK;
    AX_TRY(ax_claim_take(&claim, h->dir, spec->id));
    if (claim < 0) return AX_OK;
    if (!settled(h->dir, spec->id)) status = run_claimed(h, spec, claim);
    char why[2048];
    snprintf(why, sizeof why, "%s", ax_errmsg());
    int dropped = ax_claim_drop(claim, h->dir, spec->id);
    return status == AX_OK ? dropped : ax_fail(status, "%s", why);
}

static int loop(const ax_trial_host *h)
{
    for (int i = 0; i < h->plan->n; i++) {
        if (ax_trial_stop_requested) return ax_fail(AX_ESTOP, "stopped with work left");
        AX_TRY(try_trial(h, &h->plan->specs[i]));
    }
    return AX_OK;
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
    char *env = ax_env_json(supervisor ? supervisor : getpid(), threads, device);
    ax_journal *journal = env ? ax_journal_open(dir) : NULL;
    ax_trial_host h = {.dir = dir, .plan = &plan, .env = env, .device = device, .backend = backend, .threads = threads, .journal = journal};
    int status = journal ? loop(&h) : ax_errstatus();
    ax_journal_close(journal);
    ax_free(env);
    ax_plan_file_release(&plan);
    return status;
}

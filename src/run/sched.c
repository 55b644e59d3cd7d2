/* The supervisor. Invariant: it touches no number of a trial; it starts processes, reads what they leave, and turns the death
 * of one into a failure record of the trial it held. Signals are only noted where they arrive; the loop acts on them. */
#include "run/sched.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "run/meter.h"
#include "run/progress.h"
#include "run/watch.h"
#include "store/results.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const double poll_s = 0.2;
enum {
    LOST_STARTS = 3,             /* so many workers in a row that end without a trial: give up */
    DEVICE_ENDS = 2,             /* so many that their device ended: do without the device */
};

typedef struct {
    pid_t pid;                   /* 0: none */
    int device_ends;             /* workers in a row that its device ended, none having finished a trial */
    int err;                     /* a file in memory: what it says on stderr */
} worker;

typedef struct {
    const ax_plan_file *plan;
    const ax_sched_options *o;
    ax_watch watch;
    ax_board board;
    worker *workers;             /* (jobs) */
    int running;
    int stop;                    /* AX_OK, or why the sweep stops: AX_EINTR, AX_ESTOP, AX_ESTORE, ... */
    bool killed;
    int lost;                    /* workers in a row that ended without a trial, none having finished one */
    int settled;                 /* trials finished when the last was lost */
    char why[2048];              /* message of a fatal failure */
} sched;

/* ---- starting workers ---- */

/* The environment with OPENBLAS_NUM_THREADS=1: threads are ours, over the outputs. */
static char **worker_environment(void)
{
    int n = 0, k = 0;
    while (environ[n]) n++;
    char **env = ax_alloc((size_t)n + 2, sizeof *env);
    if (!env) return NULL;
    for (int i = 0; i < n; i++)
        if (strncmp(environ[i], "OPENBLAS_NUM_THREADS=", 21) != 0) env[k++] = environ[i];
    env[k] = "OPENBLAS_NUM_THREADS=1";
    return env;
}

static int set_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int e = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (!e) e = posix_spawnattr_setpgroup(attr, 0);
    if (!e) e = posix_spawnattr_setsigmask(attr, &none);
    return e ? e : posix_spawnattr_setsigdefault(attr, &all);
}

static const char *device_of(const sched *s, const worker *w) { return s->o->devices[(w - s->workers) % s->o->ndevices]; }

static int spawn(sched *s, worker *w)
{
    const char *device = device_of(s, w);
    posix_spawnattr_t attr;
    posix_spawn_file_actions_t actions;
    char threads[16], self[16], **env = worker_environment();
    if (!env) return AX_ENOMEM;
    snprintf(threads, sizeof threads, "%d", s->o->threads);
    snprintf(self, sizeof self, "%ld", (long)getpid());
    char *argv[] = {"approxrun", "worker", "--device", (char *)device, "--threads", threads, "--supervisor", self, "--quiet",
                    "--", (char *)s->o->dir, NULL};
    if (w->err >= 0) close(w->err);
    w->err = memfd_create("worker-stderr", MFD_CLOEXEC);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_init(&actions);
    int e = w->err < 0 ? errno : set_attributes(&attr);
    if (!e) e = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!e) e = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (!e) e = posix_spawn_file_actions_adddup2(&actions, w->err, STDERR_FILENO);
    if (!e) e = posix_spawn(&w->pid, "/proc/self/exe", &actions, &attr, argv, env);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    ax_free(env);
    if (e) {
        w->pid = 0;
        return ax_fail(AX_EFAILED, "cannot start a worker: %s", strerror(e));
    }
    s->running++;
    return AX_OK;
}

static int startable(const sched *s)
{
    return ax_watch_count(&s->watch, AX_STATE_planned) + ax_watch_count(&s->watch, AX_STATE_interrupted);
}

/* Fills free places while there are trials nobody runs. */
static int start_workers(sched *s)
{
    int left = startable(s), starting = s->running - ax_watch_count(&s->watch, AX_STATE_running);
    if (starting > 0) left -= starting;
    for (int i = 0; i < s->o->jobs && left > 0 && !s->stop; i++) {
        if (s->workers[i].pid || s->workers[i].device_ends >= DEVICE_ENDS) continue;
        AX_TRY(spawn(s, &s->workers[i]));
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

static void stop(sched *s, int reason)
{
    char text[160];
    if (s->stop) return;
    s->stop = reason;
    signal_workers(s, SIGTERM);
    if (reason != AX_EINTR && reason != AX_ESTOP) return;
    snprintf(text, sizeof text, "stopping at the next batch: %d done, %d running are being checkpointed (Ctrl-C again to kill)", done(s),
             ax_watch_count(&s->watch, AX_STATE_running));
    ax_board_say(&s->board, text);
}

static void give_up(sched *s, int status, const char *why)
{
    if (s->stop && s->stop != AX_EINTR && s->stop != AX_ESTOP) return;
    snprintf(s->why, sizeof s->why, "%s", why);
    if (!s->stop) stop(s, status);
    s->stop = status;
}

static void take_signal(sched *s, int number)
{
    if (number == SIGWINCH) ax_board_resized(&s->board);
    if (number == SIGCHLD || number == SIGWINCH) return;
    if (number == SIGINT && s->stop) {
        s->killed = true;
        s->stop = s->stop == AX_ESTOP ? AX_EINTR : s->stop;
        signal_workers(s, SIGKILL);
        ax_board_say(&s->board, "killed the workers; what they did since their last checkpoint is lost");
        return;
    }
    stop(s, number == SIGINT ? AX_EINTR : AX_ESTOP);
}

/* ---- workers that ended ---- */

static void worker_words(char *out, size_t size, const worker *w)
{
    ssize_t n = pread(w->err, out, size - 1, 0);
    out[n > 0 ? n : 0] = 0;
    for (size_t k = strlen(out); k && out[k - 1] == '\n'; k--) out[k - 1] = 0;
    char *prefix = strstr(out, "approxrun: ");
    if (prefix == out) memmove(out, out + 11, strlen(out + 11) + 1);
}

static void describe_end(char *out, size_t size, int wait_status, const char *words)
{
    const char *colon = words[0] ? ": " : "";
    if (!WIFSIGNALED(wait_status))
        snprintf(out, size, "worker ended with code %d without finishing the trial%s%s", WEXITSTATUS(wait_status), colon, words);
    else
        snprintf(out, size, "worker killed by signal %d (%s%s)%s%s", WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)),
                 WTERMSIG(wait_status) == SIGKILL ? "; by hand, or memory ran out" : "", colon, words);
}

static int fail_trial(sched *s, int trial, const char *message)
{
    const char *id = s->plan->specs[trial].id;
    AX_TRY(ax_failed_note(s->o->dir, id, message));
    AX_TRY(ax_study_remove(s->o->dir, AX_FILE_CLAIM, id));
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
    describe_end(message, sizeof message, wait_status, words);
    return fail_trial(s, trial, message);
}

/* The trial it failed is noted already. A device that fails again at once is left alone; without any the sweep ends. */
static int device_failed(sched *s, worker *w, const char *words)
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

static int ended(sched *s, worker *w, int wait_status)
{
    char words[1024], text[1200];
    int trial = ax_watch_claimed_by(&s->watch, w->pid), code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
    worker_words(words, sizeof words, w);
    w->pid = 0;
    s->running--;
    if (code == ax_exit_code(AX_ESTORE)) {
        give_up(s, AX_ESTORE, words);
        return trial >= 0 ? ax_study_remove(s->o->dir, AX_FILE_CLAIM, s->plan->specs[trial].id) : AX_OK;
    }
    if (trial >= 0) return take_claimed(s, trial, wait_status, words);
    if (code == ax_exit_code(AX_EDEVICE)) return device_failed(s, w, words);
    if (code == 0 || code == ax_exit_code(AX_ESTOP) || s->stop) {
        s->lost = 0;
        return AX_OK;
    }
    int settled = ax_watch_count(&s->watch, AX_STATE_complete) + ax_watch_count(&s->watch, AX_STATE_diverged);
    if (settled != s->settled) s->lost = 0;
    s->settled = settled;
    if (++s->lost < LOST_STARTS) return AX_OK;
    describe_end(text, sizeof text, wait_status, words);
    give_up(s, AX_EFAILED, text);
    return AX_OK;
}

static int reap(sched *s)
{
    for (int i = 0; i < s->o->jobs; i++) {
        int wait_status;
        worker *w = &s->workers[i];
        if (!w->pid || waitpid(w->pid, &wait_status, WNOHANG) != w->pid) continue;
        AX_TRY(ax_watch_poll(&s->watch));                  /* its last words first */
        AX_TRY(ended(s, w, wait_status));
        if (!s->running) ax_watch_settle(&s->watch);
    }
    return AX_OK;
}

/* ---- the loop ---- */

/* Signals become bytes in a pipe, which the loop reads. Blocking them and waiting would not do: the BLAS library has started
 * threads before main, and what one of those does not block would end the process. */
static int signal_pipe[2] = {-1, -1};

static const int our_signals[] = {SIGINT, SIGTERM, SIGUSR1, SIGHUP, SIGCHLD, SIGWINCH};
enum { SIGNALS = sizeof our_signals / sizeof our_signals[0] };

static void on_signal(int number)
{
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    if (write(signal_pipe[1], &byte, 1) != 1) errno = saved;       /* full: enough signals are waiting */
    errno = saved;
}

/* A signal that is ignored on entry stays so (nohup), except SIGINT: a script's background jobs are to be stoppable too. */
static int catch_signals(struct sigaction before[SIGNALS])
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) != 0) return ax_fail(AX_EFAILED, "cannot make a pipe: %s", strerror(errno));
    for (int i = 0; i < SIGNALS; i++) {
        sigaction(our_signals[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN || our_signals[i] == SIGINT) sigaction(our_signals[i], &action, NULL);
    }
    return AX_OK;
}

static void release_signals(const struct sigaction before[SIGNALS])
{
    if (signal_pipe[0] < 0) return;
    for (int i = 0; i < SIGNALS; i++) sigaction(our_signals[i], &before[i], NULL);
    close(signal_pipe[0]);
    close(signal_pipe[1]);
    signal_pipe[0] = signal_pipe[1] = -1;
}

static void wait_and_take(sched *s)
{
    struct pollfd fd = {.fd = signal_pipe[0], .events = POLLIN};
    unsigned char number;
    poll(&fd, 1, (int)(1000 * poll_s));
    while (read(signal_pipe[0], &number, 1) == 1) take_signal(s, number);
}

static bool foreign_work(const sched *s) { return !s->stop && ax_watch_count(&s->watch, AX_STATE_running) > 0; }

static int supervise(sched *s)
{
    double drawn = 0;
    AX_TRY(start_workers(s));
    while (s->running || foreign_work(s) || (startable(s) && !s->stop)) {
        wait_and_take(s);
        AX_TRY(reap(s));
        if (!s->running) ax_watch_settle(&s->watch);
        AX_TRY(ax_watch_poll(&s->watch));
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

/* A finished trial needs no checkpoint: one is left where a worker was killed just after it had published. */
static int tidy(const char *dir, const char *id)
{
    AX_TRY(ax_study_remove(dir, AX_FILE_CKPT, id));
    return ax_study_remove(dir, AX_FILE_RETRY, id);
}

/* Failed trials run again, from their checkpoint or from the start. */
static int prepare(const ax_plan_file *plan, const ax_sched_options *o)
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
    int64_t pid = s->watch.trials[trial].now.pid;
    ax_board_event(&s->board, trial, event);
    for (int i = 0; i < s->o->jobs; i++)
        if (pid && s->workers[i].pid == pid && !strcmp(ax_json_get_string(event, "event", ""), "done")) s->workers[i].device_ends = 0;
}

/* ---- the end ---- */

static int rebuild(const ax_sched_options *o, ax_sched_summary *out)
{
    ax_results r;
    char *path = ax_study_file_path(o->dir);
    if (!path) return AX_ENOMEM;
    snprintf(out->file, sizeof out->file, "%s", path);
    int status = ax_results_open(&r, o->dir);
    if (status == AX_OK) {
        status = ax_results_write(&r, path);
        out->diverged = 0;
        for (int i = 0; i < r.n; i++) out->diverged += r.trials[i].in_plan && r.trials[i].state == AX_STATE_diverged;
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
    int rebuilt = rebuild(s->o, out);
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
    struct sigaction before[SIGNALS];
    *out = (ax_sched_summary){0};
    AX_TRY(prepare(plan, o));
    s.workers = ax_alloc((size_t)o->jobs, sizeof *s.workers);
    if (!s.workers) return AX_ENOMEM;
    for (int i = 0; i < o->jobs; i++) s.workers[i].err = -1;
    int status = catch_signals(before);
    if (status != AX_OK) goto out;
    status = ax_watch_init(&s.watch, o->dir, plan);
    if (status != AX_OK) goto out;
    ax_board_init(&s.board, &s.watch, o);
    s.watch.tell = tell;
    s.watch.arg = &s;
    status = supervise(&s);
    if (status != AX_OK) give_up(&s, status, ax_errmsg());
    reap_the_rest(&s);
    status = finish(&s, out);
out:
    release_signals(before);
    ax_watch_release(&s.watch);
    ax_free(s.workers);
    return status;
}

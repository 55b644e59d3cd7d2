/* Worker processes. Invariant: a worker leads its own process group, so that Ctrl-C on a terminal reaches the supervisor alone and
 * killing the group leaves none of its children. */
#include "run/pool.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

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

/* "approxrun worker ...", or the same behind the launcher's words; the caller frees the array. */
static const char **worker_command(const ax_sched_options *o, const char *device, const char *threads, const char *supervisor)
{
    static const char *const ours[] = {"approxrun", NULL};
    const char *const *first = o->launcher ? o->launcher : ours;
    const char *const rest[] = {"worker", "--device", device, "--threads", threads, "--quiet", "--supervisor", supervisor, "--", o->dir};
    enum { REST = sizeof rest / sizeof rest[0], SUPERVISOR = 6 };
    size_t n = 0;
    while (first[n]) n++;
    const char **argv = ax_alloc(n + REST + 1, sizeof *argv);
    if (!argv) return NULL;
    memcpy(argv, first, n * sizeof *argv);
    for (size_t i = 0; i < REST; i++)
        if (!o->launcher || (i != SUPERVISOR && i != SUPERVISOR + 1)) argv[n++] = rest[i];
    return argv;
}

int ax_worker_start(ax_worker *w, const ax_sched_options *o, const char *device)
{
    char threads[16], self[16];
    snprintf(threads, sizeof threads, "%d", o->threads);
    snprintf(self, sizeof self, "%ld", (long)getpid());
    if (w->err >= 0) close(w->err);
    *w = (ax_worker){.device_ends = w->device_ends, .err = memfd_create("worker-stderr", MFD_CLOEXEC), .trial = -1};
    if (w->err < 0) return ax_fail(AX_EFAILED, "cannot start a worker: %s", strerror(errno));
    const int files[] = {-1, -1, w->err};
    const char **argv = worker_command(o, device, threads, self);
    char **env = worker_environment();
    const ax_program program = {.file = o->launcher ? NULL : "/proc/self/exe", .argv = argv, .env = env, .files = files, .nfiles = 3,
                                .group = true};
    int e = argv && env ? ax_spawn(&w->pid, &program) : ENOMEM;
    ax_free(argv);
    ax_free(env);
    if (!e) return AX_OK;
    w->pid = 0;
    return ax_fail(AX_EFAILED, "cannot start a worker: %s", strerror(e));
}

void ax_worker_words(char *out, size_t size, const ax_worker *w)
{
    ssize_t n = pread(w->err, out, size - 1, 0);
    out[n > 0 ? n : 0] = 0;
    for (size_t k = strlen(out); k && out[k - 1] == '\n'; k--) out[k - 1] = 0;
    char *prefix = strstr(out, "approxrun: ");
    if (prefix == out) memmove(out, out + 11, strlen(out + 11) + 1);
}

void ax_worker_end(char *out, size_t size, int wait_status, const char *words)
{
    const char *colon = words[0] ? ": " : "";
    if (!WIFSIGNALED(wait_status))
        snprintf(out, size, "worker ended with code %d without finishing the trial%s%s", WEXITSTATUS(wait_status), colon, words);
    else
        snprintf(out, size, "worker killed by signal %d (%s%s)%s%s", WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)),
                 WTERMSIG(wait_status) == SIGKILL ? "; by hand, or memory ran out" : "", colon, words);
}

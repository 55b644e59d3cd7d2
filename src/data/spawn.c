/* posix_spawn with standard error kept in an unlinked file. Invariant: on return the child is gone. */
#include "data/spawn.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Starts the child with its streams redirected; returns an errno. */
static int start(pid_t *pid, const char *dir, const char *const *argv, int log)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none;
    sigemptyset(&none);
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed) return failed;
    failed = posix_spawnattr_init(&attr);
    if (failed) goto out_actions;
    failed = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!failed) failed = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    if (!failed) failed = posix_spawn_file_actions_adddup2(&actions, log, 2);
    if (!failed) failed = posix_spawn_file_actions_addchdir_np(&actions, dir);
    if (!failed) failed = posix_spawnattr_setsigmask(&attr, &none);
    if (!failed) failed = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    if (!failed) failed = posix_spawnp(pid, argv[0], &actions, &attr, (char *const *)(uintptr_t)argv, environ);
    posix_spawnattr_destroy(&attr);
out_actions:
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

/* The first line of the log that is not empty, shortened. */
static void first_line(char *line, size_t size, int log)
{
    char text[2048];
    ssize_t n = pread(log, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    const char *at = text + strspn(text, " \r\n\t");
    snprintf(line, size, "%.*s", (int)strcspn(at, "\r\n"), at);
}

int ax_spawn(const char *dir, const char *const *argv)
{
    pid_t pid;
    int how = 0, status = AX_OK;
    char line[200];
    int log = memfd_create("stderr", MFD_CLOEXEC);
    if (log < 0) return ax_fail(AX_ENODATA, "%s: %s", argv[0], strerror(errno));
    int failed = start(&pid, dir, argv, log);
    if (failed) {
        status = ax_fail(AX_ENODATA, "%s: %s", argv[0], strerror(failed));
        goto out;
    }
    while (waitpid(pid, &how, 0) < 0 && errno == EINTR) continue;
    if (WIFEXITED(how) && WEXITSTATUS(how) == 0) goto out;
    first_line(line, sizeof line, log);
    if (WIFSIGNALED(how)) status = ax_fail(AX_ENODATA, "%s: ended by signal %d", argv[0], WTERMSIG(how));
    else status = ax_fail(AX_ENODATA, "%s: exit code %d%s%s", argv[0], WEXITSTATUS(how), line[0] ? ": " : "", line);
out:
    close(log);
    return status;
}

bool ax_spawn_has(const char *program)
{
    const char *path = getenv("PATH");
    while (path && *path) {
        char file[4096];
        size_t n = strcspn(path, ":");
        int length = snprintf(file, sizeof file, "%.*s/%s", (int)n, path, program);
        if (length > 0 && (size_t)length < sizeof file && access(file, X_OK) == 0) return true;
        path += n + (path[n] == ':');
    }
    return false;
}

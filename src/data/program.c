/* Another program with its standard error kept in a file in memory. Invariant: on return the child is gone. */
#include "data/program.h"

#include "base/error.h"
#include "base/spawn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* The first line of the log that is not empty, shortened. */
static void first_line(char *line, size_t size, int log)
{
    char text[2048];
    ssize_t n = pread(log, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    const char *at = text + strspn(text, " \r\n\t");
    snprintf(line, size, "%.*s", (int)strcspn(at, "\r\n"), at);
}

int ax_program_run(const char *dir, const char *const *argv)
{
    pid_t pid;
    int status = AX_OK;
    char line[200];
    int log = memfd_create("stderr", MFD_CLOEXEC);
    if (log < 0) return ax_fail(AX_ENODATA, "%s: %s", argv[0], strerror(errno));
    int failed = ax_spawn(&pid, &(ax_program){.argv = argv, .dir = dir, .files = (const int[]){-1, -1, log}, .nfiles = 3});
    if (failed) {
        status = ax_fail(AX_ENODATA, "%s: %s", argv[0], strerror(failed));
        goto out;
    }
    int how = ax_spawn_wait(pid);
    if (WIFEXITED(how) && WEXITSTATUS(how) == 0) goto out;
    first_line(line, sizeof line, log);
    if (WIFSIGNALED(how)) status = ax_fail(AX_ENODATA, "%s: ended by signal %d", argv[0], WTERMSIG(how));
    else status = ax_fail(AX_ENODATA, "%s: exit code %d%s%s", argv[0], WEXITSTATUS(how), line[0] ? ": " : "", line);
out:
    close(log);
    return status;
}

bool ax_program_found(const char *program)
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

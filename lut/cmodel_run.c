/* Runs the compiler: text in, both outputs kept, a time limit. Invariant: on return the child and all that it started are gone. */
#include "lut/cmodel_parts.h"

#include "base/error.h"
#include "base/spawn.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- time ---- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int ax_deadline_start(ax_deadline *d)
{
    const char *text = getenv("APPROXRUN_MODEL_SECONDS");
    d->seconds = 60;
    if (text && *text && (!ax_text_double(&d->seconds, text) || !(d->seconds > 0 && d->seconds <= 1e6)))
        return ax_fail(AX_EARG, "APPROXRUN_MODEL_SECONDS is '%s', wanted a number of seconds above 0, such as 60", text);
    d->at = now() + d->seconds;
    return AX_OK;
}

int ax_deadline_left_ms(const ax_deadline *d)
{
    double left = 1e3 * (d->at - now());
    return left <= 0 ? 0 : (int)left + 1;
}

/* ---- a program ---- */

enum { OUTPUT_MAX = 256 << 20, ALIVE = 3 };

/* Writes a text into a file in memory, to be read from its start. */
static int memory_file(const ax_buf *text)
{
    int fd = memfd_create("approxrun", MFD_CLOEXEC);
    for (size_t done = 0; fd >= 0 && text && done < text->len;) {
        ssize_t n = write(fd, text->data + done, text->len - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            close(fd);
            return -1;
        }
        done += (size_t)n;
    }
    if (fd >= 0) lseek(fd, 0, SEEK_SET);
    return fd;
}

static void read_file(ax_buf *out, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_size <= 0 || st.st_size > OUTPUT_MAX) return;
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) return;
    ax_buf_add(out, map, (size_t)st.st_size);
    munmap(map, (size_t)st.st_size);
}

/* Until all writers of the pipe are gone. false: the time was over. */
static bool wait_for_end(int fd, const ax_deadline *d)
{
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int left = ax_deadline_left_ms(d), n = poll(&p, 1, left);
        if (n > 0) return true;
        if ((n == 0 && left == 0) || (n < 0 && errno != EINTR)) return false;
    }
}

/* files: standard input, output and error; the write end of a pipe that is open as long as any process of the group lives. */
static int run_with(int *code, const char *const *argv, const int files[4], int alive, const ax_deadline *d)
{
    pid_t pid;
    int failed = ax_spawn(&pid, &(ax_program){.argv = argv, .files = files, .nfiles = ALIVE + 1, .group = true});
    close(files[ALIVE]);
    if (failed)
        return ax_fail(AX_ENOENT, "%s: %s; a multiplier in C needs a C compiler: install one, or name it in CC", argv[0], strerror(failed));
    bool ended = wait_for_end(alive, d);
    kill(-pid, SIGKILL);
    int how = ax_spawn_wait(pid);
    if (!ended)
        return ax_fail(AX_EFORMAT, "%s: not done after %g seconds; APPROXRUN_MODEL_SECONDS allows more", argv[0], d->seconds);
    *code = WIFEXITED(how) ? WEXITSTATUS(how) : -1;
    return AX_OK;
}

int ax_cmodel_run(int *code, ax_buf *out, ax_buf *err, const char *const *argv, const ax_buf *input, const ax_deadline *d)
{
    int status = AX_OK, alive[2] = {-1, -1}, files[4] = {memory_file(input), memory_file(NULL), memory_file(NULL), -1};
    if (files[0] < 0 || files[1] < 0 || files[2] < 0 || pipe2(alive, O_CLOEXEC) != 0) {
        status = ax_fail(AX_EIO, "%s: cannot be started: %s", argv[0], strerror(errno));
        goto out;
    }
    files[ALIVE] = alive[1];
    status = run_with(code, argv, files, alive[0], d);
    close(alive[0]);
    read_file(out, files[1]);
    read_file(err, files[2]);
    if (status == AX_OK) status = ax_buf_status(out);
out:
    for (int i = 0; i < ALIVE; i++)
        if (files[i] >= 0) close(files[i]);
    return status;
}

/* A disk that fails, for tests: preloaded, it counts the operations that change files below one path prefix, and strikes at one of
 * them. Workers inherit it. Everything goes straight to the kernel, so nothing but the fault differs from a run without it.
 *
 *   FAULTS_BELOW=PREFIX     absolute; a study's DIR covers its study file DIR.h5 too
 *   FAULTS_VERB=VERB        only in processes started as 'approxrun VERB'; without it in all
 *   FAULTS_COUNT=FILE       the count, shared by all processes (8 bytes, made when missing)
 *   FAULTS_AT=N             the operation to strike at, from 1 on; without it none
 *   FAULTS_DO=kill          SIGKILL just before it
 *            torn           half of a write is done, then SIGKILL
 *            once, full     no space left: at this one; from it on, for all that need space
 *            eio            an input/output error
 *            links          no hard link can be made, whatever FAULTS_AT says
 *   FAULTS_LOG=FILE         every operation that succeeded, with what it wrote: 'OP OFFSET LENGTH PATH\n' and LENGTH bytes (of a
 *                           rename or link: the new path) */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum fault { NONE, KILL, TORN, ONCE, FULL, EIO_HERE, LINKS };

static const char *below;                    /* NULL: this process is left alone */
static enum fault fault;
static long at;
static _Atomic int64_t *count;
static int log_fd = -1;

static int raw_open(const char *path, int flags, mode_t mode) { return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode); }

static bool has_verb(const char *verb)
{
    char line[4096] = "";
    int fd = raw_open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC, 0);
    ssize_t n = fd >= 0 ? read(fd, line, sizeof line - 1) : -1;
    if (fd >= 0) syscall(SYS_close, fd);
    size_t first = strlen(line) + 1;
    return n > 0 && first < (size_t)n && !strcmp(line + first, verb);
}

static void share_count(const char *path)
{
    int fd = path ? raw_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666) : -1;
    if (fd < 0 || syscall(SYS_ftruncate, fd, (off_t)sizeof *count) != 0) return;
    void *shared = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (shared != MAP_FAILED) count = shared;
}

__attribute__((constructor)) static void begin(void)
{
    static const char *const names[] = {[KILL] = "kill", [TORN] = "torn", [ONCE] = "once", [FULL] = "full", [EIO_HERE] = "eio",
                                        [LINKS] = "links"};
    const char *verb = getenv("FAULTS_VERB"), *n = getenv("FAULTS_AT"), *what = getenv("FAULTS_DO"), *file = getenv("FAULTS_LOG");
    if (verb && !has_verb(verb)) return;
    share_count(getenv("FAULTS_COUNT"));
    for (int i = KILL; what && i <= LINKS; i++)
        if (!strcmp(what, names[i])) fault = (enum fault)i;
    at = n ? atol(n) : 0;
    if (file) log_fd = raw_open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (count) below = getenv("FAULTS_BELOW");
}

/* ---- what is watched ---- */

static bool watched(const char *path) { return below && !strncmp(path, below, strlen(below)); }

static const char *absolute(char out[PATH_MAX], const char *path)
{
    if (!below || path[0] == '/' || !getcwd(out, PATH_MAX)) return path;
    size_t n = strlen(out);
    snprintf(out + n, PATH_MAX - n, "/%s", path);
    return out;
}

/* The path that `fd` stands for by now; empty when it stands for none. */
static const char *path_of(char out[PATH_MAX], int fd)
{
    char name[64];
    out[0] = 0;
    if (!below || fd <= STDERR_FILENO || fd == log_fd) return out;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(name, out, PATH_MAX - 1);
    out[n > 0 ? n : 0] = 0;
    return out;
}

static bool writable(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

/* ---- the blow ---- */

static _Noreturn void die(void)
{
    for (;;) kill(getpid(), SIGKILL);
}

/* Counts an operation; true when it is to fail, with errno set. A torn write returns false and sets *torn. */
static bool strikes(const char *path, bool needs_space, bool *torn)
{
    if (!watched(path)) return false;
    int64_t n = atomic_fetch_add(count, 1) + 1;
    if (!at || n < at || (n > at && fault != FULL)) return false;
    if (fault == TORN && torn) *torn = true;
    else if (fault == KILL || fault == TORN) die();
    errno = fault == EIO_HERE ? EIO : ENOSPC;
    return fault == EIO_HERE || ((fault == ONCE || fault == FULL) && needs_space);
}

static long noted(long result, const char *op, off_t offset, const char *path, const void *data, size_t len)
{
    char head[PATH_MAX + 64];
    if (result < 0 || log_fd < 0 || !watched(path)) return result;
    int n = snprintf(head, sizeof head, "%s %lld %zu %s\n", op, (long long)offset, len, path);
    struct iovec parts[] = {{head, (size_t)n}, {(void *)(uintptr_t)data, len}};
    int saved = errno;
    if (syscall(SYS_writev, log_fd, parts, 2) != (long)len + n) die();
    errno = saved;
    return result;
}

static ssize_t put(const char *op, int fd, const void *data, size_t len, off_t offset)
{
    char path[PATH_MAX];
    bool torn = false;
    if (strikes(path_of(path, fd), true, &torn)) return -1;
    ssize_t n = syscall(SYS_pwrite64, fd, data, torn ? len / 2 : len, offset);
    if (torn) die();
    return noted(n, op, offset, path, data, n > 0 ? (size_t)n : 0);
}

static int on_paths(long call, const char *op, const char *from, const char *to)
{
    char a[PATH_MAX], b[PATH_MAX];
    from = absolute(a, from);
    to = absolute(b, to);
    if (strikes(to, true, NULL)) return -1;
    if (fault == LINKS && call == SYS_linkat && watched(to)) {
        errno = EPERM;
        return -1;
    }
    long rc = call == SYS_linkat ? syscall(call, AT_FDCWD, from, AT_FDCWD, to, 0) : syscall(call, AT_FDCWD, from, AT_FDCWD, to);
    return (int)noted(rc, op, 0, from, to, strlen(to));
}

static int sync_by(long call, const char *op, int fd)
{
    char path[PATH_MAX];
    return strikes(path_of(path, fd), true, NULL) ? -1 : (int)noted(syscall(call, fd), op, 0, path, NULL, 0);
}

/* ---- the calls ---- */

int open(const char *path, int flags, ...)
{
    char full[PATH_MAX];
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    path = absolute(full, path);
    if ((flags & O_ACCMODE) == O_RDONLY) return raw_open(path, flags, mode);
    if (strikes(path, flags & O_CREAT, NULL)) return -1;
    return (int)noted(raw_open(path, flags, mode), flags & O_TRUNC ? "truncate" : "open", 0, path, NULL, 0);
}

ssize_t write(int fd, const void *data, size_t len)
{
    char path[PATH_MAX];
    off_t offset = watched(path_of(path, fd)) ? lseek(fd, 0, SEEK_CUR) : -1;
    if (offset < 0) return syscall(SYS_write, fd, data, len);
    ssize_t n = put("write", fd, data, len, offset);
    if (n > 0) lseek(fd, offset + n, SEEK_SET);
    return n;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset) { return put("write", fd, data, len, offset); }

int ftruncate(int fd, off_t length)
{
    char path[PATH_MAX];
    return strikes(path_of(path, fd), false, NULL) ? -1 : (int)noted(syscall(SYS_ftruncate, fd, length), "cut", length, path, NULL, 0);
}

int close(int fd)
{
    char path[PATH_MAX];
    bool fails = watched(path_of(path, fd)) && writable(fd) && strikes(path, false, NULL);
    int reason = errno, rc = (int)syscall(SYS_close, fd);
    if (fails) errno = reason;
    return fails ? -1 : rc;
}

int fsync(int fd) { return sync_by(SYS_fsync, "sync", fd); }
int fdatasync(int fd) { return sync_by(SYS_fdatasync, "sync", fd); }
int rename(const char *from, const char *to) { return on_paths(SYS_renameat, "rename", from, to); }
int link(const char *from, const char *to) { return on_paths(SYS_linkat, "link", from, to); }

int unlink(const char *path)
{
    char full[PATH_MAX];
    path = absolute(full, path);
    return strikes(path, false, NULL) ? -1 : (int)noted(syscall(SYS_unlinkat, AT_FDCWD, path, 0), "unlink", 0, path, NULL, 0);
}

int mkdir(const char *path, mode_t mode)
{
    char full[PATH_MAX];
    path = absolute(full, path);
    return strikes(path, true, NULL) ? -1 : (int)noted(syscall(SYS_mkdirat, AT_FDCWD, path, mode), "mkdir", 0, path, NULL, 0);
}

/* Whole-file reading and atomic writing. Invariant: a name given to ax_file_write or ax_file_publish holds either its old
 * content or all of the new one, whatever happens in between. */
#include "base/file.h"

#include "base/alloc.h"
#include "base/error.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, char *data, size_t len, const char *path)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = read(fd, data + done, len - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return ax_fail(AX_EIO, "%s: %s", path, strerror(errno));
        if (n == 0) return ax_fail(AX_EFORMAT, "%s: it became shorter while being read (%zu of %zu bytes)", path, done, len);
        done += (size_t)n;
    }
    return AX_OK;
}

static bool says_absent(int reason) { return reason == ENOENT || reason == ENOTDIR; }

int ax_file_read(char **data, size_t *len, const char *path, size_t cap)
{
    int status = AX_OK;
    struct stat st;
    char *bytes = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return ax_fail(says_absent(errno) ? AX_ENOENT : AX_EIO, "%s: %s", path, strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        status = ax_fail(AX_EFORMAT, "%s: not a regular file", path);
        goto out;
    }
    if ((uint64_t)st.st_size > cap) {
        status = ax_fail(AX_EFORMAT, "%s: %lld bytes, more than the %zu expected at most", path, (long long)st.st_size, cap);
        goto out;
    }
    bytes = ax_alloc((size_t)st.st_size + 1, 1);
    if (!bytes) {
        status = AX_ENOMEM;
        goto out;
    }
    status = read_all(fd, bytes, (size_t)st.st_size, path);
out:
    close(fd);
    if (status != AX_OK) {
        ax_free(bytes);
        return status;
    }
    *data = bytes;
    *len = (size_t)st.st_size;
    return AX_OK;
}

static int write_fail(const char *path)
{
    return ax_fail(AX_ESTORE, "%s: cannot write: %s", path, strerror(errno));
}

static int write_all(int fd, const char *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, data + done, len - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        done += (size_t)n;
    }
    return 0;
}

int ax_file_sync_name(const char *path)
{
    char *dir = ax_path_dir(path);
    if (!dir) return AX_ENOMEM;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 ? errno != EACCES : fsync(fd) != 0 && errno != EINVAL;      /* a directory one may not read: not to be synced */
    int status = failed ? write_fail(dir) : AX_OK;
    if (fd >= 0) close(fd);
    ax_free(dir);
    return status;
}

/* Random, for a process's number says nothing where several hosts write. The caller frees. */
static int name_temp(char **temp, const char *path)
{
    uint32_t number;
    size_t n = strlen(path) + 16;
    if (getrandom(&number, sizeof number, 0) != sizeof number) return write_fail(path);
    *temp = ax_alloc(n, 1);
    if (!*temp) return AX_ENOMEM;
    snprintf(*temp, n, "%s.%" PRIu32 ".tmp", path, number);
    return AX_OK;
}

/* Writes and syncs a temporary file beside `path`; *temp is its name, which the caller frees. */
static int write_temp(char **temp, const char *path, const void *data, size_t len)
{
    AX_TRY(name_temp(temp, path));
    int fd = open(*temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) return write_fail(path);
    int failed = write_all(fd, data, len) != 0 || fsync(fd) != 0;
    int status = failed ? write_fail(path) : AX_OK;
    if (close(fd) != 0 && status == AX_OK) status = write_fail(path);
    if (status != AX_OK) unlink(*temp);
    return status;
}

/* "....DIGITS.tmp" */
bool ax_file_is_temporary(const char *name)
{
    size_t n = strlen(name), digits = 0;
    if (n < 4 || strcmp(name + n - 4, ".tmp") != 0) return false;
    for (n -= 4; digits < n && isdigit((unsigned char)name[n - 1 - digits]);) digits++;
    return digits > 0 && n > digits + 1 && name[n - 1 - digits] == '.';
}

/* A device or a pipe (/dev/null, /dev/stdout): written as it is, never replaced by a file. */
static bool is_special(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static int write_special(const char *path, const void *data, size_t len)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return write_fail(path);
    int status = write_all(fd, data, len) != 0 ? write_fail(path) : AX_OK;
    if (close(fd) != 0 && status == AX_OK) status = write_fail(path);
    return status;
}

int ax_file_write(const char *path, const void *data, size_t len)
{
    if (is_special(path)) return write_special(path, data, len);
    char *temp = NULL;
    int status = write_temp(&temp, path, data, len);
    if (status == AX_OK && rename(temp, path) != 0) {
        status = write_fail(path);
        unlink(temp);
    }
    if (status == AX_OK) status = ax_file_sync_name(path);
    ax_free(temp);
    return status;
}

int ax_file_publish(const char *path, const void *data, size_t len, bool *existed)
{
    char *temp = NULL;
    int status = write_temp(&temp, path, data, len);
    *existed = false;
    if (status == AX_OK) {
        if (link(temp, path) != 0) {
            if (errno == EEXIST) *existed = true;
            else status = write_fail(path);
        }
        unlink(temp);
    }
    if (status == AX_OK) status = ax_file_sync_name(path);
    ax_free(temp);
    return status;
}

static int link_fail(const char *dir)
{
    bool none = errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK;
    return none ? ax_fail(AX_ESTORE, "%s: hard links do not work on this file system (%s); put the study on one where they do", dir,
                          strerror(errno))
                : write_fail(dir);
}

int ax_file_check_links(const char *dir)
{
    char *path = ax_path_join(dir, "link"), *temp = NULL, *other = NULL;
    int status = path ? name_temp(&temp, path) : AX_ENOMEM;
    if (status == AX_OK) status = name_temp(&other, path);
    int fd = status == AX_OK ? open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1;
    if (status == AX_OK && fd < 0)
        status = ax_fail(says_absent(errno) ? AX_ENOENT : AX_ESTORE, "%s: cannot write: %s", dir, strerror(errno));
    if (fd >= 0) {
        close(fd);
        if (link(temp, other) == 0) unlink(other);
        else status = link_fail(dir);
        unlink(temp);
    }
    ax_free(other);
    ax_free(temp);
    ax_free(path);
    return status;
}

int ax_file_mkdirs(const char *path)
{
    char *copy = ax_strdup(path);
    if (!copy) return AX_ENOMEM;
    int status = AX_OK;
    for (char *p = copy + 1; status == AX_OK; p++) {
        if (*p != '/' && *p) continue;
        char end = *p;
        *p = 0;
        if (mkdir(copy, 0777) == 0) status = ax_file_sync_name(copy);
        else if (errno != EEXIST || !ax_file_is_dir(copy))
            status = ax_fail(AX_ESTORE, "%s: cannot create the directory: %s", copy,
                             errno == EEXIST ? "a file of that name is in the way" : strerror(errno));
        *p = end;
        if (!end) break;
    }
    ax_free(copy);
    return status;
}

bool ax_file_exists(const char *path) { return access(path, F_OK) == 0 || !says_absent(errno); }

bool ax_file_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

char *ax_path_join(const char *dir, const char *name)
{
    if (name[0] == '/') return ax_strdup(name);
    size_t n = strlen(dir) + strlen(name) + 2;
    char *path = ax_alloc(n, 1);
    if (path) snprintf(path, n, "%s%s%s", dir, dir[0] && dir[strlen(dir) - 1] == '/' ? "" : "/", name);
    return path;
}

const char *ax_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *ax_path_dir(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return ax_strdup(".");
    if (slash == path) return ax_strdup("/");
    char *dir = ax_strdup(path);
    if (dir) dir[slash - path] = 0;
    return dir;
}

char *ax_cache_dir(void)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *base = xdg && xdg[0] == '/' ? ax_strdup(xdg) : home && home[0] ? ax_path_join(home, ".cache") : NULL;
    if (!base) {
        ax_fail(AX_ESTORE, "no cache directory: neither XDG_CACHE_HOME nor HOME is set; set XDG_CACHE_HOME");
        return NULL;
    }
    char *dir = ax_path_join(base, "approxrun");
    ax_free(base);
    if (dir && ax_file_mkdirs(dir) != AX_OK) {
        ax_free(dir);
        return NULL;
    }
    return dir;
}

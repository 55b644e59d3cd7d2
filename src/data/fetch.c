/* Finding, checking and getting the files of a data set. Invariant: the cache holds only whole, verified files; whoever
 * fetches a set holds its lock. */
#include "data/fetch.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "data/gzip.h"
#include "data/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* The file under `dir`, in the spellings in circulation: with a dash or a dot before "idx", gzipped or not. */
static int find_in(char **path, const char *dir, const ax_data_file *file)
{
    char names[2][64];
    snprintf(names[0], sizeof names[0], "%s", file->name);
    snprintf(names[1], sizeof names[1], "%s", file->name);
    char *idx = strstr(names[1], "-idx");
    if (idx) *idx = '.';
    for (int i = 0; i < 4; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", names[i / 2], i % 2 ? ".gz" : "");
        *path = ax_path_join(dir, name);
        if (!*path) return AX_ENOMEM;
        if (ax_file_exists(*path)) return AX_OK;
        ax_free(*path);
        *path = NULL;
    }
    return AX_OK;
}

int ax_data_verify(const void *data, size_t len, const ax_data_file *file, const char *name)
{
    char digest[AX_SHA256_HEX];
    if (len != (size_t)file->bytes)
        return ax_fail(AX_EFORMAT, "%s: %zu bytes found, %lld wanted%s", name, len, (long long)file->bytes,
                       len < (size_t)file->bytes ? " (truncated)" : "");
    AX_TRY(ax_sha256(digest, data, len));
    if (!strcmp(digest, file->sha256)) return AX_OK;
    return ax_fail(AX_EFORMAT, "%s: damaged: SHA-256 %.16s... found, %.16s... wanted", name, digest, file->sha256);
}

/* The bytes of a file, unpacked if it is gzipped. A well-formed gzip file is hardly larger than its content. */
static int read_unpacked(char **data, size_t *len, const char *path, const ax_data_file *file)
{
    char *packed;
    size_t cap = (size_t)file->bytes, packed_len;
    AX_TRY(ax_file_read(&packed, &packed_len, path, cap + cap / 1000 + 65536));
    if (!ax_gzip_is(packed, packed_len)) {
        *data = packed;
        *len = packed_len;
        return AX_OK;
    }
    int status = ax_gzip_unpack(data, len, packed, packed_len, cap, path);
    ax_free(packed);
    return status;
}

int ax_data_read(char **data, size_t *len, const char *path, const ax_data_file *file)
{
    char *bytes = NULL;
    int status = read_unpacked(&bytes, len, path, file);
    if (status == AX_OK) status = ax_data_verify(bytes, *len, file, path);
    if (status == AX_OK) {
        *data = bytes;
        return AX_OK;
    }
    ax_free(bytes);
    if (status != AX_EFORMAT) return status;
    return ax_fail(status, "%s; replace it, or delete it and run 'approxrun data get %s'", ax_errmsg(), file->set->name);
}

/* Files of several sets share their names, so in $APPROXRUN_DATA itself another set's file does not count as this one's. */
static int find_flat(char **path, const char *dir, const ax_data_file *file)
{
    char *data, digest[AX_SHA256_HEX];
    size_t len;
    AX_TRY(find_in(path, dir, file));
    if (!*path || read_unpacked(&data, &len, *path, file) != AX_OK) return AX_OK;
    int status = ax_sha256(digest, data, len);
    ax_free(data);
    if (status != AX_OK) return status;
    const ax_data_set *owner = ax_data_file_owner(digest);
    if (owner && owner != file->set) {
        ax_free(*path);
        *path = NULL;
    }
    return AX_OK;
}

static int find_by_user(char **path, const ax_data_file *file)
{
    const char *dir = getenv("APPROXRUN_DATA");
    *path = NULL;
    if (!dir || !dir[0]) return AX_OK;
    char *own = ax_path_join(dir, file->set->name);
    if (!own) return AX_ENOMEM;
    int status = find_in(path, own, file);
    ax_free(own);
    if (status != AX_OK || *path) return status;
    return find_flat(path, dir, file);
}

static int find_in_system(char **path, const ax_data_file *file)
{
    const ax_data_source *source;
    *path = NULL;
    for (int i = 0; !*path && (source = ax_data_source_at(file->set, i)); i++)
        if (source->kind == AX_SOURCE_SYSTEM) AX_TRY(find_in(path, source->where, file));
    return AX_OK;
}

/* The folder of a set in the cache, there or not; the caller frees. NULL: there is no place for a cache. */
static char *cache_dir(const ax_data_set *set)
{
    char name[64], *root = ax_cache_dir();
    if (!root) return NULL;
    snprintf(name, sizeof name, "data/%s", set->name);
    char *dir = ax_path_join(root, name);
    ax_free(root);
    return dir;
}

static int find_in_cache(char **path, const ax_data_file *file)
{
    *path = NULL;
    char *dir = cache_dir(file->set);
    if (!dir) return AX_OK;              /* where no cache can be, nothing lies; a fetch says what is wrong */
    int status = find_in(path, dir, file);
    ax_free(dir);
    return status;
}

int ax_data_find(char **path, const ax_data_file *file)
{
    AX_TRY(find_by_user(path, file));
    if (*path) return AX_OK;
    AX_TRY(find_in_system(path, file));
    if (*path) return AX_OK;
    return find_in_cache(path, file);
}

/* *have: the file is somewhere and sound. A damaged file of the cache is removed; one elsewhere is the user's: AX_EFORMAT. */
static int check_file(bool *have, const ax_data_file *file)
{
    char *path, *cached = NULL, *data = NULL;
    size_t len;
    *have = false;
    AX_TRY(ax_data_find(&path, file));
    if (!path) return AX_OK;
    int status = ax_data_read(&data, &len, path, file);
    if (status == AX_OK) {
        *have = true;
        ax_free(data);
    } else if (status == AX_EFORMAT && find_in_cache(&cached, file) == AX_OK && cached && !strcmp(cached, path)) {
        unlink(path);
        status = AX_OK;
    }
    ax_free(cached);
    ax_free(path);
    return status;
}

/* missing[i]: file i is not here. */
static int find_missing(bool missing[AX_DATA_FILES_MAX], int *n_missing, const ax_data_set *set)
{
    const ax_data_file *file;
    *n_missing = 0;
    for (int i = 0; (file = ax_data_file_at(set, i)); i++) {
        bool have;
        AX_TRY(check_file(&have, file));
        missing[i] = !have;
        *n_missing += !have;
    }
    return AX_OK;
}

/* The lock of a set's folder: released when its descriptor closes, so also when the holder dies. */
static int lock_dir(int *fd, const char *dir, const ax_fetch_manner *manner)
{
    char *path = ax_path_join(dir, ".lock");
    if (!path) return AX_ENOMEM;
    int status = AX_OK;
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*fd < 0) {
        status = ax_fail(AX_ESTORE, "%s: cannot create: %s", path, strerror(errno));
    } else if (flock(*fd, LOCK_EX | LOCK_NB) != 0) {
        if (manner->say) manner->say("another process is fetching this set; waiting for it");
        while (flock(*fd, LOCK_EX) != 0 && status == AX_OK)
            if (errno != EINTR) status = ax_fail(AX_ESTORE, "%s: cannot lock: %s", path, strerror(errno));
    }
    ax_free(path);
    return status;
}

static int unavailable(const ax_data_set *set, const char *dir, const char *tried, const bool *missing)
{
    ax_buf names;
    const ax_data_file *file;
    const char *user = getenv("APPROXRUN_DATA");
    ax_buf_init(&names);
    for (int i = 0; (file = ax_data_file_at(set, i)); i++)
        if (missing[i]) ax_buf_printf(&names, "%s%s", names.len ? ", " : "", file->name);
    int status = ax_fail(AX_ENODATA, "data set %s is not available; tried $APPROXRUN_DATA (%s); %s (not there)%s. Put %s (each "
                         "may end in .gz) into a folder and set APPROXRUN_DATA to it", set->name,
                         user && user[0] ? user : "not set", dir, tried, ax_buf_str(&names));
    ax_buf_release(&names);
    return status;
}

/* Asks every source in turn until nothing is missing; failures are collected for the message. */
static int try_sources(const ax_data_set *set, const char *dir, const ax_fetch_manner *manner)
{
    int status = AX_OK, n_missing = 0;
    bool missing[AX_DATA_FILES_MAX];
    const ax_data_source *source;
    ax_buf tried;
    ax_buf_init(&tried);
    status = find_missing(missing, &n_missing, set);
    for (int i = 0; status == AX_OK && n_missing && (source = ax_data_source_at(set, i)); i++) {
        int got = ax_source_get(source, missing, dir, manner);
        if (got == AX_ESTORE) status = got;
        if (got != AX_OK)
            ax_buf_printf(&tried, "; %s%s (%s)", source->kind == AX_SOURCE_NPM ? "npm package " : "", source->where, ax_errmsg());
        if (got == AX_OK) status = find_missing(missing, &n_missing, set);
    }
    if (status == AX_OK && n_missing) status = unavailable(set, dir, ax_buf_str(&tried), missing);
    ax_buf_release(&tried);
    return status;
}

int ax_data_get(const ax_data_set *set, const ax_fetch_manner *manner)
{
    int fd = -1, n_missing, status;
    bool missing[AX_DATA_FILES_MAX];
    AX_TRY(find_missing(missing, &n_missing, set));
    if (n_missing == 0) return AX_OK;
    char *dir = cache_dir(set);
    if (!dir) return ax_errstatus();
    status = ax_file_mkdirs(dir);
    if (status == AX_OK) status = lock_dir(&fd, dir, manner);
    if (status == AX_OK) status = try_sources(set, dir, manner);
    if (fd >= 0) close(fd);
    ax_free(dir);
    return status;
}

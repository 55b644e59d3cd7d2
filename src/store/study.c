/* Paths, lock and failure records of a study directory. Invariant: one process at most holds a study's lock, and the lock
 * dies with its holder, whatever happens to the file. */
#include "store/study.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "store/claim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const struct {
    const char *dir, *suffix;
} places[] = {
    [AX_FILE_TRIAL] = {"trials", ".h5"},   [AX_FILE_CKPT] = {"ckpt", ".h5"}, [AX_FILE_CLAIM] = {"claims", ".claim"},
    [AX_FILE_FAILED] = {"failed", ".json"}, [AX_FILE_RETRY] = {"failed", ".retry"}, [AX_FILE_LOG] = {"logs", ".log"},
};

char *ax_study_path(const char *dir, enum ax_study_file kind, const char *id)
{
    char name[64];
    snprintf(name, sizeof name, "%s/%.16s%s", places[kind].dir, id, places[kind].suffix);
    return ax_path_join(dir, name);
}

/* DIR without trailing slashes; "." and ".." by their real name, so that the study file has one. */
char *ax_study_file_path(const char *dir)
{
    char *copy = ax_strdup(dir);
    if (!copy) return NULL;
    for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--) copy[n - 1] = 0;
    const char *base = ax_path_base(copy);
    if (!strcmp(base, ".") || !strcmp(base, "..")) {
        char real[4096];
        if (realpath(copy, real)) {
            ax_free(copy);
            copy = ax_strdup(real);
        }
    }
    size_t n = copy ? strlen(copy) + 4 : 0;
    char *path = copy ? ax_alloc(n, 1) : NULL;
    if (path) snprintf(path, n, "%s.h5", copy);
    ax_free(copy);
    return path;
}

int ax_study_mkdirs(const char *dir)
{
    static const char *const names[] = {"trials", "ckpt", "claims", "failed", "events", "logs"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = ax_path_join(dir, names[i]);
        if (!path) return AX_ENOMEM;
        int status = ax_file_mkdirs(path);
        ax_free(path);
        AX_TRY(status);
    }
    return AX_OK;
}

/* ---- what killed writers left ---- */

/* Removes temporary files in `dir` whose names begin with `prefix`. That one cannot be removed stops nobody. */
static void remove_temporaries(const char *dir, const char *prefix, time_t before)
{
    struct dirent *e;
    struct stat st;
    DIR *d = opendir(dir);
    while (d && (e = readdir(d))) {
        if (strncmp(e->d_name, prefix, strlen(prefix)) != 0 || !ax_file_is_temporary(e->d_name)) continue;
        if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && st.st_mtime < before)
            unlinkat(dirfd(d), e->d_name, 0);
    }
    if (d) closedir(d);
}

/* Those of the study file lie beside the directory. */
static int remove_beside(const char *dir, time_t before)
{
    char *file = ax_study_file_path(dir), *parent = file ? ax_path_dir(file) : NULL;
    if (parent) remove_temporaries(parent, ax_path_base(file), before);
    int status = parent ? AX_OK : AX_ENOMEM;
    ax_free(parent);
    ax_free(file);
    return status;
}

/* A process of another host may be writing, and its number tells nothing here: age decides, by the clock that gave the lock its
 * time, which is the file system's own. */
static int remove_leftovers(const char *dir, int lock)
{
    enum { NOBODYS_S = 3600 };
    static const char *const names[] = {"", "trials", "ckpt", "failed", "tables"};
    struct stat st;
    if (fstat(lock, &st) != 0) return AX_OK;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = ax_path_join(dir, names[i]);
        if (!path) return AX_ENOMEM;
        remove_temporaries(path, "", st.st_mtime - NOBODYS_S);
        ax_free(path);
    }
    return remove_beside(dir, st.st_mtime - NOBODYS_S);
}

/* ---- the lock ---- */

bool ax_study_lockless(int error) { return error == ENOLCK || error == ENOSYS || error == EOPNOTSUPP; }

/* Who wrote the lock file last. */
typedef struct {
    long long pid;
    char host[64], boot[40];
} holder;

static bool read_holder(holder *h, int fd)
{
    char text[256] = "";
    *h = (holder){0};
    return pread(fd, text, sizeof text - 1, 0) > 0 && sscanf(text, "%lld %63s %39s", &h->pid, h->host, h->boot) >= 2;
}

static int held(int fd, const char *dir)
{
    holder h;
    if (!read_holder(&h, fd)) return ax_fail(AX_ESTORE, "%s: another sweep of this study is running; wait until it has ended", dir);
    return ax_fail(AX_ESTORE, "%s: another sweep of this study is running (pid %lld on %s); wait for it, or stop it there "
                   "with 'kill -INT %lld'", dir, h.pid, h.host, h.pid);
}

typedef struct {
    const char *dir;
    bool any;
} living;

static void see_living(void *arg, const char *id)
{
    living *l = arg;
    ax_progress p;
    bool alive;
    l->any |= ax_claim_read(&p, &alive, l->dir, id) == AX_OK && alive;
}

/* Where there are no locks. Of a process elsewhere nothing is known but the heartbeats of the workers it may have. */
static int held_by_its_text(int fd, const char *dir)
{
    holder h;
    ax_progress self;
    living l = {.dir = dir};
    ax_claim_self(&self);
    if (!read_holder(&h, fd)) return AX_OK;
    if (!strcmp(h.host, self.host)) {
        bool lives = h.pid > 0 && !strcmp(h.boot, self.boot) && (kill((pid_t)h.pid, 0) == 0 || errno == EPERM);
        return lives ? held(fd, dir) : AX_OK;
    }
    ax_study_each(dir, AX_FILE_CLAIM, see_living, &l);
    if (!l.any) return AX_OK;
    return ax_fail(AX_ESTORE, "%s: workers are running, and its file system has no locks to tell whether the sweep of pid %lld on %s is; wait "
                   "for it, or, if it has ended, remove %s/lock", dir, h.pid, h.host, dir);
}

/* An flock cannot be asked about without taking it; this lock on the first byte, which dies with its holder as that one does, can.
 * Where the file system has none, nobody learns of the supervisor. */
static void let_ask(int lock)
{
    struct flock first = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    (void)fcntl(lock, F_OFD_SETLK, &first);
}

bool ax_study_supervised(const char *dir)
{
    struct flock first = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    char *path = ax_path_join(dir, "lock");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ax_free(path);
    if (fd < 0) return false;
    bool held_now = fcntl(fd, F_OFD_GETLK, &first) == 0 && first.l_type != F_UNLCK;
    close(fd);
    return held_now;
}

int ax_study_lock(int *fd, const char *dir)
{
    *fd = -1;
    char *path = ax_path_join(dir, "lock");
    if (!path) return AX_ENOMEM;
    int status = AX_OK;
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (lock < 0) {
        status = ax_fail(AX_ESTORE, "%s: cannot open: %s", path, strerror(errno));
        goto out;
    }
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        status = errno == EWOULDBLOCK ? held(lock, dir) : ax_study_lockless(errno) ? held_by_its_text(lock, dir)
                 : ax_fail(AX_ESTORE, "%s: cannot lock: %s", path, strerror(errno));
        if (status != AX_OK) goto out;
    }
    let_ask(lock);
    char text[160];
    ax_progress self;
    ax_claim_self(&self);
    int n = snprintf(text, sizeof text, "%lld %s %s\n", (long long)self.pid, self.host, self.boot);
    if (ftruncate(lock, 0) != 0 || pwrite(lock, text, (size_t)n, 0) != n)
        status = ax_fail(AX_ESTORE, "%s: cannot write: %s", path, strerror(errno));
    if (status == AX_OK) status = remove_leftovers(dir, lock);
    if (status == AX_OK) status = ax_file_check_links(dir);      /* before a trial is trained whose result could not be published */
out:
    ax_free(path);
    if (status != AX_OK && lock >= 0) close(lock);
    if (status == AX_OK) *fd = lock;
    return status;
}

bool ax_study_has(const char *dir, enum ax_study_file kind, const char *id)
{
    char *path = ax_study_path(dir, kind, id);
    bool yes = path && ax_file_exists(path);
    ax_free(path);
    return yes;
}

void ax_study_each(const char *dir, enum ax_study_file kind, void (*see)(void *arg, const char *id), void *arg)
{
    char *path = ax_path_join(dir, places[kind].dir);
    DIR *d = path ? opendir(path) : NULL;
    ax_free(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        char id[AX_ID_MAX] = "";
        size_t n = strspn(e->d_name, "0123456789abcdef");
        if (n != AX_ID_MAX - 1 || strcmp(e->d_name + n, places[kind].suffix) != 0) continue;
        memcpy(id, e->d_name, n);
        see(arg, id);
    }
    if (d) closedir(d);
}

enum ax_state ax_study_state(const char *dir, const char *id)
{
    ax_progress p;
    bool alive = false;
    if (ax_study_has(dir, AX_FILE_TRIAL, id)) return AX_STATE_complete;
    if (ax_claim_read(&p, &alive, dir, id) == AX_OK && alive) return AX_STATE_running;
    if (ax_study_has(dir, AX_FILE_FAILED, id)) return AX_STATE_failed;
    return ax_study_has(dir, AX_FILE_CKPT, id) ? AX_STATE_interrupted : AX_STATE_planned;
}

int ax_study_remove(const char *dir, enum ax_study_file kind, const char *id)
{
    char *path = ax_study_path(dir, kind, id);
    if (!path) return AX_ENOMEM;
    int status = AX_OK;
    if (unlink(path) != 0 && errno != ENOENT) status = ax_fail(AX_ESTORE, "%s: cannot remove: %s", path, strerror(errno));
    ax_free(path);
    return status;
}

char *ax_log_tail(const char *dir, const char *id)
{
    enum { TAIL = 4096 };
    char *path = ax_study_path(dir, AX_FILE_LOG, id), *text = ax_alloc(TAIL + 1, 1);
    int fd = path && text ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ax_free(path);
    if (fd < 0) return text;
    off_t size = lseek(fd, 0, SEEK_END), from = size > TAIL ? size - TAIL : 0;
    ssize_t n = pread(fd, text, TAIL, from);
    text[n > 0 ? n : 0] = 0;
    close(fd);
    char *line = from > 0 ? strchr(text, '\n') : NULL;      /* begin with a whole line */
    if (line) memmove(text, line + 1, strlen(line + 1) + 1);
    return text;
}

/* ---- failures ---- */

/* When the trial's checkpoint was written; 0: it has none. */
static double checkpointed(const char *dir, const char *id)
{
    struct stat st;
    char *path = ax_study_path(dir, AX_FILE_CKPT, id);
    bool there = path && stat(path, &st) == 0;
    ax_free(path);
    return there ? (double)st.st_mtim.tv_sec + 1e-9 * (double)st.st_mtim.tv_nsec : 0;
}

static int write_failed(const char *dir, const char *id, enum ax_study_file kind, const char *message, const char *log_tail, int retries,
                        int deaths)
{
    char host[64] = "";
    gethostname(host, sizeof host - 1);
    cJSON *tree = cJSON_CreateObject();
    ax_json_set_string(tree, "message", message);
    ax_json_set_string(tree, "log", log_tail);
    ax_json_set_number(tree, "retries", retries);
    ax_json_set_string(tree, "host", host);
    ax_json_set_number(tree, "time", (double)time(NULL));
    if (deaths) ax_json_set_number(tree, "deaths", deaths);
    if (deaths) ax_json_set_number(tree, "ckpt", checkpointed(dir, id));
    char *text = ax_json_text(tree, true), *path = ax_study_path(dir, kind, id);
    int status = text && path ? ax_file_write(path, text, strlen(text)) : AX_ENOMEM;
    cJSON_Delete(tree);
    ax_free(text);
    ax_free(path);
    return status;
}

int ax_failed_write(const char *dir, const char *id, const char *message, const char *log_tail, int retries)
{
    return write_failed(dir, id, AX_FILE_FAILED, message, log_tail, retries, 0);
}

static cJSON *read_failed(const char *dir, enum ax_study_file kind, const char *id)
{
    char *path = ax_study_path(dir, kind, id), *text = NULL;
    size_t len = 0;
    cJSON *tree = path && ax_file_read(&text, &len, path, 1 << 20) == AX_OK ? ax_json_parse(text, len, path) : NULL;
    ax_free(text);
    ax_free(path);
    return tree;
}

static int replace(char **field, const char *text)
{
    char *copy = ax_strdup(text);
    if (!copy) return AX_ENOMEM;
    ax_free(*field);
    *field = copy;
    return AX_OK;
}

int ax_failed_read(const char *dir, const char *id, ax_record *r)
{
    cJSON *tree = read_failed(dir, AX_FILE_FAILED, id);
    if (!tree) return ax_errstatus() == AX_ENOMEM ? AX_ENOMEM : ax_fail(AX_ENOENT, "%s: trial %s has no failure record", dir, id);
    int status = replace(&r->message, ax_json_get_string(tree, "message", ""));
    if (status == AX_OK) status = replace(&r->log_tail, ax_json_get_string(tree, "log", ""));
    r->retries = ax_json_get_int(tree, "retries", 0);
    snprintf(r->host, sizeof r->host, "%s", ax_json_get_string(tree, "host", ""));
    cJSON_Delete(tree);
    return status;
}

int ax_failed_retry(const char *dir, const char *id)
{
    char *from = ax_study_path(dir, AX_FILE_FAILED, id), *to = ax_study_path(dir, AX_FILE_RETRY, id);
    int status = from && to ? AX_OK : AX_ENOMEM;
    if (status == AX_OK && rename(from, to) != 0 && errno != ENOENT)
        status = ax_fail(AX_ESTORE, "%s: cannot rename: %s", from, strerror(errno));
    ax_free(from);
    ax_free(to);
    return status;
}

int ax_failed_note(const char *dir, const char *id, const char *message)
{
    char *tail = ax_log_tail(dir, id);
    int status = ax_failed_write(dir, id, message, tail ? tail : "", ax_failed_count(dir, id));
    ax_free(tail);
    return status == AX_OK ? ax_study_remove(dir, AX_FILE_RETRY, id) : status;
}

int ax_failed_note_death(const char *dir, const char *id, const char *message, int deaths)
{
    char *tail = ax_log_tail(dir, id);
    int status = write_failed(dir, id, AX_FILE_RETRY, message, tail ? tail : "", ax_failed_count(dir, id), deaths);
    ax_free(tail);
    return status;
}

int ax_failed_deaths(const char *dir, const char *id)
{
    cJSON *tree = read_failed(dir, AX_FILE_RETRY, id);
    int n = ax_json_get_number(tree, "ckpt", -1) == checkpointed(dir, id) ? ax_json_get_int(tree, "deaths", 0) : 0;
    cJSON_Delete(tree);
    return n;
}

int ax_failed_count(const char *dir, const char *id)
{
    cJSON *tree = read_failed(dir, AX_FILE_RETRY, id);
    int n = tree ? ax_json_get_int(tree, "retries", 0) : -1;
    n = n < INT32_MAX ? n + 1 : n;
    cJSON_Delete(tree);
    return n;
}

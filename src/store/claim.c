/* Claims. Invariant: the owner of a claim holds an exclusive open-file-description lock on its first byte, which the kernel
 * drops when the owner dies; so on one host (and on a file system with shared locks) no claim has two owners, and a dead
 * owner's claim is free at once. Where locks are not shared, the heartbeat decides; where there are none, it or the process. */
#include "store/claim.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "store/study.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CLAIM_BYTES = 1024 };      /* fixed, so that a rewrite never leaves a tail of the old text */

/* Progress and heartbeat of one claim come from two threads of its owner. */
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;

/* When the heartbeat of a claim, known by its file, was last seen to change. */
typedef struct {
    dev_t device;
    ino_t file;
    double beat, since;           /* the heartbeat; clock_s(CLOCK_MONOTONIC) */
    bool changed;
} sight;

/* Of the claims whose date says nothing. */
static struct {
    pthread_mutex_t lock;
    sight *all;
    int n;
} sights = {.lock = PTHREAD_MUTEX_INITIALIZER};

static double clock_s(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void this_host(char host[64], char boot[40])
{
    snprintf(host, 64, "localhost");
    gethostname(host, 63);
    host[63] = 0;
    boot[0] = 0;
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (!f) return;
    if (fscanf(f, "%39s", boot) != 1) boot[0] = 0;
    fclose(f);
}

void ax_claim_job(char out[32])
{
    const char *array = getenv("SLURM_ARRAY_JOB_ID"), *task = getenv("SLURM_ARRAY_TASK_ID"), *job = getenv("SLURM_JOB_ID");
    if (array && task) snprintf(out, 32, "%s_%s", array, task);
    else snprintf(out, 32, "%s", job ? job : "");
}

static bool lock_it(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &lock) == 0 || ax_study_lockless(errno);
}

enum held { HELD_NO, HELD_YES, HELD_UNKNOWN };

static enum held is_locked(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    if (fcntl(fd, F_OFD_GETLK, &lock) != 0) return HELD_UNKNOWN;
    return lock.l_type != F_UNLCK ? HELD_YES : HELD_NO;
}

static void fill(ax_progress *p, const cJSON *tree)
{
    snprintf(p->host, sizeof p->host, "%s", ax_json_get_string(tree, "host", ""));
    snprintf(p->boot, sizeof p->boot, "%s", ax_json_get_string(tree, "boot", ""));
    snprintf(p->job, sizeof p->job, "%s", ax_json_get_string(tree, "job", ""));
    snprintf(p->device, sizeof p->device, "%s", ax_json_get_string(tree, "device", ""));
    p->pid = (int64_t)ax_json_get_number(tree, "pid", 0);
    p->beat = ax_json_get_number(tree, "beat", 0);
    p->wall = ax_json_get_number(tree, "wall", 0);
    p->started = ax_json_get_number(tree, "started", 0);
    p->epoch = ax_json_get_int(tree, "epoch", 0);
    p->epochs = ax_json_get_int(tree, "epochs", 0);
    p->step = ax_json_get_number(tree, "step", 0);
    p->steps = ax_json_get_number(tree, "steps", 0);
    p->rate = ax_json_get_number(tree, "rate", 0);
    p->loss = ax_json_get_number(tree, "loss", NAN);
    p->acc = ax_json_get_number(tree, "acc", NAN);
    p->eta = ax_json_get_number(tree, "eta", NAN);
}

/* A claim is a line of JSON, a space, the CRC of the JSON in hexadecimal, and spaces up to CLAIM_BYTES. */
static bool parse(ax_progress *p, char *text)
{
    char *end = text + strlen(text);
    while (end > text && strchr(" \n", end[-1])) *--end = 0;
    char *crc = strrchr(text, ' ');
    if (!crc || strlen(crc + 1) != 8 || strtoul(crc + 1, NULL, 16) != ax_crc32(text, (size_t)(crc - text))) return false;
    cJSON *tree = ax_json_parse(text, (size_t)(crc - text), "claim");
    if (tree) fill(p, tree);
    cJSON_Delete(tree);
    return tree != NULL;
}

/* The text of an open claim; while its owner is rewriting it, what is read may be torn: once more, a little later. */
static bool read_progress(ax_progress *p, int fd)
{
    memset(p, 0, sizeof *p);
    p->loss = p->acc = p->eta = NAN;
    for (int tries = 0; tries < 5; tries++) {
        char text[CLAIM_BYTES + 1] = "";
        ssize_t n = pread(fd, text, CLAIM_BYTES, 0);
        text[n > 0 ? n : 0] = 0;
        if (parse(p, text)) return true;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return false;
}

void ax_claim_self(ax_progress *p)
{
    *p = (ax_progress){.pid = getpid(), .beat = clock_s(CLOCK_BOOTTIME), .wall = clock_s(CLOCK_REALTIME), .loss = NAN, .acc = NAN, .eta = NAN};
    this_host(p->host, p->boot);
}

static bool here(const ax_progress *p)
{
    ax_progress self;
    ax_claim_self(&self);
    return !strcmp(p->host, self.host) && !strcmp(p->boot, self.boot);
}

bool ax_claim_is_of(const ax_progress *p, int64_t pid) { return p->pid == pid && here(p); }

/* The entry of a file, made if there is none; NULL: no memory. With the lock. */
static sight *find_sight(const struct stat *st, double beat, double now)
{
    for (int i = 0; i < sights.n; i++)
        if (sights.all[i].file == st->st_ino && sights.all[i].device == st->st_dev) return &sights.all[i];
    sight *more = ax_realloc(sights.all, (size_t)sights.n + 1, sizeof *more);
    if (!more) return NULL;
    sights.all = more;
    more[sights.n] = (sight){.device = st->st_dev, .file = st->st_ino, .beat = beat, .since = now};
    return &more[sights.n++];
}

/* Whether a heartbeat goes on, by its change alone: this process has to have looked for AX_CLAIM_GRACE_S before it says no. */
static bool beats(ax_progress *p, int fd)
{
    struct stat st;
    double now = clock_s(CLOCK_MONOTONIC);
    if (fstat(fd, &st) != 0) return true;
    pthread_mutex_lock(&sights.lock);
    sight *s = find_sight(&st, p->beat, now);
    if (s && s->beat != p->beat) *s = (sight){.device = s->device, .file = s->file, .beat = p->beat, .since = now, .changed = true};
    bool alive = !s || now - s->since < AX_CLAIM_GRACE_S;
    p->unsure = alive && !(s && s->changed);
    pthread_mutex_unlock(&sights.lock);
    return alive;
}

/* Whether an owner that holds no lock lives: on this host if locks are unknown, by its process; elsewhere (another boot may be
 * another host of the same name) by its heartbeat. Clocks of two hosts may differ by minutes, so one a little ahead of ours counts as
 * fresh; the date of one further ahead, or from before this one was set right, tells nothing. */
static bool lives(ax_progress *p, int fd, enum held locked)
{
    if (here(p)) return locked == HELD_UNKNOWN && p->pid > 0 && (kill((pid_t)p->pid, 0) == 0 || errno == EPERM);
    double ahead = p->wall - clock_s(CLOCK_REALTIME);
    if (!p->host[0]) return false;
    return ahead > AX_CLAIM_AHEAD_S ? beats(p, fd) : ahead > -AX_CLAIM_GRACE_S;
}

static bool is_held(ax_progress *p, int fd)
{
    enum held locked = is_locked(fd);
    bool readable = read_progress(p, fd);
    return locked == HELD_YES || (readable && lives(p, fd, locked));
}

static int write_text(int fd, const char *json)
{
    char text[CLAIM_BYTES], crc[10];
    size_t len = strlen(json) < CLAIM_BYTES - sizeof crc ? strlen(json) : CLAIM_BYTES - sizeof crc;
    memset(text, ' ', sizeof text);
    memcpy(text, json, len);
    memcpy(text + len, crc, (size_t)snprintf(crc, sizeof crc, " %08x", (unsigned)ax_crc32(json, len)));
    text[CLAIM_BYTES - 1] = '\n';
    ssize_t n = pwrite(fd, text, CLAIM_BYTES, 0);
    return n == CLAIM_BYTES ? AX_OK : ax_fail(AX_ESTORE, "claim: cannot write: %s", n < 0 ? strerror(errno) : "the disk is full");
}

static int write_progress(int fd, const ax_progress *p)
{
    char job[32];
    ax_progress self;
    ax_claim_self(&self);
    ax_claim_job(job);
    cJSON *tree = cJSON_CreateObject();
    ax_json_set_string(tree, "host", self.host);
    ax_json_set_string(tree, "boot", self.boot);
    ax_json_set_string(tree, "job", job);
    ax_json_set_string(tree, "device", p->device);
    ax_json_set_number(tree, "pid", (double)self.pid);
    ax_json_set_number(tree, "beat", self.beat);
    ax_json_set_number(tree, "wall", self.wall);
    ax_json_set_number(tree, "started", p->started);
    ax_json_set_number(tree, "epoch", p->epoch);
    ax_json_set_number(tree, "epochs", p->epochs);
    ax_json_set_number(tree, "step", p->step);
    ax_json_set_number(tree, "steps", p->steps);
    ax_json_set_number(tree, "rate", p->rate);
    ax_json_set_number(tree, "loss", p->loss);
    ax_json_set_number(tree, "acc", p->acc);
    ax_json_set_number(tree, "eta", p->eta);
    char *json = ax_json_text(tree, false);
    cJSON_Delete(tree);
    int status = json ? write_text(fd, json) : AX_ENOMEM;
    ax_free(json);
    return status;
}

int ax_claim_update(int fd, const ax_progress *p)
{
    pthread_mutex_lock(&writing);
    int status = write_progress(fd, p);
    pthread_mutex_unlock(&writing);
    return status;
}

int ax_claim_beat(int fd)
{
    ax_progress p;
    pthread_mutex_lock(&writing);
    read_progress(&p, fd);
    int status = write_progress(fd, &p);
    pthread_mutex_unlock(&writing);
    return status;
}

/* Locks an open claim and makes sure that it is still the one under that name. */
static int own(int *fd, int file, const char *path)
{
    struct stat opened, named;
    ax_progress now = {.started = clock_s(CLOCK_REALTIME), .loss = NAN, .acc = NAN, .eta = NAN};
    if (!lock_it(file)) return AX_OK;
    if (fstat(file, &opened) != 0 || stat(path, &named) != 0 || opened.st_ino != named.st_ino) return AX_OK;
    AX_TRY(ax_claim_update(file, &now));
    *fd = file;
    return AX_OK;
}

/* The claim that is there. One that has just been removed was held a moment ago; one that cannot be opened is nobody's to wait for. */
static int open_existing(int *file, const char *path)
{
    *file = open(path, O_RDWR | O_CLOEXEC);
    if (*file >= 0 || errno == ENOENT) return AX_OK;
    return ax_fail(AX_ESTORE, "cannot open the claim for writing: %s; set that right, or remove the file if nobody runs the trial",
                   strerror(errno));
}

int ax_claim_take(int *fd, const char *dir, const char *id)
{
    ax_progress p;
    *fd = -1;
    char *path = ax_study_path(dir, AX_FILE_CLAIM, id);
    if (!path) return AX_ENOMEM;
    int status = AX_OK;
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file >= 0) {
        status = own(fd, file, path);
    } else if (errno == EEXIST) {
        status = open_existing(&file, path);
        if (file >= 0 && !is_held(&p, file)) status = own(fd, file, path);
    } else {
        status = ax_fail(AX_ESTORE, "cannot create the claim: %s", strerror(errno));
    }
    if (status != AX_OK) ax_fail_in("%s", path);
    if (file >= 0 && *fd != file) close(file);
    ax_free(path);
    return status;
}

int ax_claim_drop(int fd, const char *dir, const char *id)
{
    int status = ax_study_remove(dir, AX_FILE_CLAIM, id);       /* removed before it is unlocked: nobody finds it free */
    close(fd);
    return status;
}

int ax_claim_read(ax_progress *p, bool *alive, const char *dir, const char *id)
{
    *alive = false;
    char *path = ax_study_path(dir, AX_FILE_CLAIM, id);
    if (!path) return AX_ENOMEM;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ax_free(path);
    if (fd < 0) return ax_fail(AX_ENOENT, "%s: trial %s is not claimed", dir, id);
    *alive = is_held(p, fd);
    close(fd);
    return AX_OK;
}

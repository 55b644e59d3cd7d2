/* The event journal. Invariant: a line that was acknowledged is on the disk, whole, and no later line is glued to a torn one. */
#include "store/journal.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "store/study.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct ax_journal {
    int fd;
    char *path;
    int64_t end;            /* behind the last good line */
    bool broken;            /* a write or sync failed: nothing more is promised */
};

static const char crc_key[] = ",\"crc\":\"";
enum { CRC_TAIL = sizeof crc_key - 1 + 8 + 2 };      /* ,"crc":"xxxxxxxx"} */

/* The CRC covers the line up to its own key. */
static bool line_is_good(const char *line, size_t len)
{
    if (len < CRC_TAIL + 1 || line[0] != '{' || memcmp(line + len - 2, "\"}", 2) != 0) return false;
    const char *tail = line + len - CRC_TAIL;
    if (memcmp(tail, crc_key, sizeof crc_key - 1) != 0) return false;
    char hex[9] = "";
    memcpy(hex, tail + sizeof crc_key - 1, 8);
    char *end;
    unsigned long crc = strtoul(hex, &end, 16);
    return !*end && crc == ax_crc32(line, len - CRC_TAIL);
}

/* ---- reading ---- */

/* A journal is read in pieces: those of a long study are larger than one wants to hold. */
typedef struct {
    int fd;
    const char *path;
    void (*see)(void *arg, const cJSON *event);      /* NULL: lines are only checked */
    void *arg;
    int64_t at, good, end;      /* behind the last whole line, behind the last good one, the size when reading began */
} reader;

/* The lines that end in this piece: how many bytes they are. */
static size_t take_lines(reader *r, const char *text, size_t len)
{
    size_t at = 0;
    for (const char *newline; (newline = memchr(text + at, '\n', len - at)); at = (size_t)(newline - text) + 1) {
        size_t n = (size_t)(newline - text) - at;
        if (!line_is_good(text + at, n)) continue;
        r->good = r->at + (newline - text) + 1;
        cJSON *event = r->see ? ax_json_parse(text + at, n, r->path) : NULL;
        if (event) r->see(r->arg, event);
        cJSON_Delete(event);
    }
    r->at += (int64_t)at;
    return at;
}

/* Fills the piece from r->at on; *len is less only where the file has become shorter. */
static int fill(char *text, size_t *len, size_t want, const reader *r)
{
    for (*len = 0; *len < want;) {
        ssize_t got = pread(r->fd, text + *len, want - *len, (off_t)(r->at + (int64_t)*len));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return ax_fail(AX_EIO, "%s: %s", r->path, strerror(errno));
        if (got == 0) break;
        *len += (size_t)got;
    }
    return AX_OK;
}

static int read_lines(reader *r)
{
    struct stat st;
    if (fstat(r->fd, &st) != 0) return ax_fail(AX_EIO, "%s: %s", r->path, strerror(errno));
    r->end = st.st_size;
    char *text = NULL;
    int status = AX_OK;
    for (size_t len, cap = 0, wanted = 1 << 16; status == AX_OK && r->at < r->end;) {
        if (cap < wanted) {
            ax_free(text);
            text = ax_alloc(wanted, 1);
            if (!text) return AX_ENOMEM;
            cap = wanted;
        }
        status = fill(text, &len, r->end - r->at < (int64_t)cap ? (size_t)(r->end - r->at) : cap, r);
        if (status != AX_OK || take_lines(r, text, len)) continue;
        if (len < cap) break;      /* the last line has no end yet */
        wanted = 2 * cap;
    }
    ax_free(text);
    return status;
}

int ax_journal_each(const char *path, int64_t *offset, void (*see)(void *arg, const cJSON *event), void *arg)
{
    reader r = {.fd = open(path, O_RDONLY | O_CLOEXEC), .path = path, .see = see, .arg = arg, .at = *offset};
    if (r.fd < 0) return ax_fail(AX_ENOENT, "%s: %s", path, strerror(errno));
    int status = read_lines(&r);
    close(r.fd);
    *offset = r.at;
    return status;
}

/* ---- writing ---- */

static int cut_torn_tail(ax_journal *j)
{
    reader r = {.fd = j->fd, .path = j->path};
    AX_TRY(read_lines(&r));
    j->end = r.good;
    if (r.good == r.end) return AX_OK;
    if (ftruncate(j->fd, j->end) != 0 || fsync(j->fd) != 0)
        return ax_fail(AX_ESTORE, "%s: cannot cut the torn last line: %s", j->path, strerror(errno));
    return AX_OK;
}

/* 1: opened and locked, 0: another worker writes to it, negative: a status. Where there are no locks, which this notes in `lockless`,
 * a file is ours only if we made it. */
static int try_open(ax_journal *j, bool *lockless)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    j->fd = open(j->path, O_RDWR | O_CREAT | O_CLOEXEC | (*lockless ? O_EXCL : 0), 0666);
    if (j->fd < 0 && *lockless && errno == EEXIST) return 0;
    if (j->fd < 0) return ax_fail(AX_ESTORE, "%s: cannot open: %s", j->path, strerror(errno));
    if (!*lockless && fcntl(j->fd, F_OFD_SETLK, &lock) != 0) {
        int reason = errno;
        close(j->fd);
        j->fd = -1;
        *lockless = ax_study_lockless(reason);
        if (reason == EAGAIN || reason == EACCES || *lockless) return 0;
        return ax_fail(AX_ESTORE, "%s: cannot lock: %s", j->path, strerror(reason));
    }
    int status = cut_torn_tail(j);
    if (status == AX_OK && j->end == 0) status = ax_file_sync_name(j->path);      /* it may be new */
    return status == AX_OK ? 1 : status;
}

ax_journal *ax_journal_open(const char *dir)
{
    enum { SLOTS = 10000 };
    char host[64] = "localhost", name[128];
    gethostname(host, sizeof host - 1);
    ax_journal *j = ax_alloc(1, sizeof *j);
    if (!j) return NULL;
    j->fd = -1;
    int opened = 0;
    bool lockless = false;
    for (int slot = 0; slot < SLOTS && !opened; slot++) {
        snprintf(name, sizeof name, "events/%s-%d.jsonl", host, slot);
        ax_free(j->path);
        j->path = ax_path_join(dir, name);
        opened = j->path ? try_open(j, &lockless) : AX_ENOMEM;
    }
    if (opened == 1) return j;
    if (!opened) ax_fail(AX_ESTORE, "%s/events: all %d journals of this host are in use", dir, SLOTS);
    ax_journal_close(j);
    return NULL;
}

void ax_journal_close(ax_journal *j)
{
    if (!j) return;
    if (j->fd >= 0) close(j->fd);
    ax_free(j->path);
    ax_free(j);
}

static int append(ax_journal *j, const char *line, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pwrite(j->fd, line + done, len - done, (off_t)(j->end + (int64_t)done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return ax_fail(AX_ESTORE, "%s: cannot write: %s", j->path, strerror(errno));
        done += (size_t)n;
    }
    if (fdatasync(j->fd) != 0) return ax_fail(AX_ESTORE, "%s: cannot sync: %s", j->path, strerror(errno));
    j->end += (int64_t)len;
    return AX_OK;
}

int ax_journal_add(ax_journal *j, cJSON *event)
{
    char *json = ax_json_text(event, false);
    cJSON_Delete(event);
    if (!json) return AX_ENOMEM;
    size_t len = strlen(json) - 1;               /* without the closing brace */
    ax_buf line;
    ax_buf_init(&line);
    ax_buf_add(&line, json, len);
    ax_buf_printf(&line, "%s%08x\"}\n", crc_key, (unsigned)ax_crc32(json, len));
    ax_free(json);
    int status = ax_buf_status(&line);
    if (status == AX_OK && j->broken) status = ax_fail(AX_ESTORE, "%s: an earlier write failed", j->path);
    if (status == AX_OK) status = append(j, line.data, line.len);
    j->broken |= status == AX_ESTORE;
    ax_buf_release(&line);
    return status;
}

int ax_journal_add_failed(ax_journal *j, const char *id, const char *message)
{
    cJSON *e = cJSON_CreateObject();
    ax_json_set_number(e, "t", (double)time(NULL));
    ax_json_set_string(e, "trial", id);
    ax_json_set_string(e, "event", "failed");
    ax_json_set_string(e, "message", message);
    return ax_journal_add(j, e);
}

/* Tries a user's function in a forked child. Invariant: the child is believed only if it delivers a head, exactly the table's
 * bytes and an end mark; however it ends, this process goes on. */
#include "lut/cmodel_parts.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/rng.h"
#include "lut/view.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MORE_MEMORY = 4, SAMPLES = 1 << 19, NOT_LOADED = 2 };

/* What comes before the words, and again behind them. */
typedef struct {
    char magic[8];
    int32_t side;            /* of ax_cmodel_try: 0 all in range; NOT_LOADED: `why` has the loader's message */
    uint32_t i, j, crc;      /* the operands out of range; of the words */
    double value;
    char why[256];
} head;

static const char magic[8] = "AXWORDS";

/* Where the child is, in memory that both see: what it was doing when it ended. */
typedef struct {
    volatile uint32_t i, j;
    volatile int called;
} place;

typedef struct {
    const ax_cmodel_info *info;
    const char *library;
    place *at;
    int result, errors;      /* the pipe's end; a file for what the function writes to standard error */
} child;

/* ---- in the child ---- */

static void send(int fd, const void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, (const char *)data + done, len - done);
        if (n < 0 && errno != EINTR) _exit(1);
        if (n > 0) done += (size_t)n;
    }
}

static void limit(int what, rlim_t most)
{
    struct rlimit r;
    if (getrlimit(what, &r) != 0) return;
    r.rlim_cur = most < r.rlim_max ? most : r.rlim_max;
    r.rlim_max = r.rlim_cur;
    setrlimit(what, &r);
}

/* What this process has mapped already, and some more: a CUDA context alone reserves more than any limit worth setting. */
static rlim_t memory_limit(void)
{
    unsigned long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%llu", &pages) != 1) pages = 0;
    if (f) fclose(f);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + ((rlim_t)MORE_MEMORY << 30);
}

/* Runs before the handlers of the parent's libraries, should the function call exit. */
static void leave(void) { _exit(0); }

static void confine(const child *c, const ax_deadline *d)
{
    sigset_t none;
    sigemptyset(&none);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int s = 1; s < NSIG; s++) signal(s, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, 0);
    dup2(null, 1);
    dup2(c->errors, 2);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, (rlim_t)d->seconds + 1);
    limit(RLIMIT_AS, memory_limit());
    atexit(leave);
}

/* One call; false: out of range, as the head then says. */
static bool try_one(head *h, uint32_t *word, place *at, ax_cmodel_try f, uint32_t i, uint32_t j)
{
    uint32_t found = 0;
    at->i = i;
    at->j = j;
    h->side = f(i, j, &found, &h->value);
    h->i = i;
    h->j = j;
    *word = found;
    return h->side == 0;
}

/* Every pair of the corners, which are what a design most often gets wrong, then pairs drawn by Philox. */
static void try_sample(head *h, const child *c, ax_cmodel_try f)
{
    uint32_t word, side = 1u << c->info->width, corners[] = {0, 1, 2, side / 2 - 1, side / 2, side / 2 + 1, side - 2, side - 1};
    enum { CORNERS = sizeof corners / sizeof *corners };
    for (int k = 0; k < CORNERS * CORNERS; k++)
        if (!try_one(h, &word, c->at, f, corners[k / CORNERS], corners[k % CORNERS])) return;
    for (uint64_t k = 0; k < SAMPLES / 2; k++) {
        ax_rng_block b = ax_rng(1, AX_RNG_TEST, 0, k);
        if (!try_one(h, &word, c->at, f, b.v[0] & (side - 1), b.v[1] & (side - 1))) return;
        if (!try_one(h, &word, c->at, f, b.v[2] & (side - 1), b.v[3] & (side - 1))) return;
    }
}

static void try_all(head *h, uint32_t *words, const child *c, ax_cmodel_try f)
{
    uint32_t side = 1u << c->info->width;
    for (uint32_t i = 0; i < side; i++)
        for (uint32_t j = 0; j < side; j++)
            if (!try_one(h, &words[i << c->info->width | j], c->at, f, i, j)) return;
    h->crc = ax_crc32(words, sizeof *words << 2 * c->info->width);
}

static void run_child(const child *c, uint32_t *words, const ax_deadline *d)
{
    head h = {.side = NOT_LOADED};
    memcpy(h.magic, magic, sizeof magic);
    confine(c, d);
    void *library = dlopen(c->library, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, "approxrun_try") : NULL;
    ax_cmodel_try f;
    memcpy(&f, &symbol, sizeof f);
    if (symbol) {
        c->at->called = 1;
        if (words) try_all(&h, words, c, f);
        else try_sample(&h, c, f);
    } else {
        snprintf(h.why, sizeof h.why, "%s", dlerror());
    }
    send(c->result, &h, sizeof h);
    if (h.side == 0 && words) send(c->result, words, sizeof *words << 2 * c->info->width);
    send(c->result, &h, sizeof h);
    _exit(0);
}

/* ---- in the parent ---- */

/* 1: all read; 0: it ended first; -1: the time was over. */
static int receive(int fd, void *data, size_t len, const ax_deadline *d)
{
    for (size_t done = 0; done < len;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int left = ax_deadline_left_ms(d), ready = poll(&p, 1, left);
        if (ready == 0 && left == 0) return -1;
        if (ready <= 0) continue;
        ssize_t n = read(fd, (char *)data + done, len - done);
        if (n == 0 || (n < 0 && errno != EINTR)) return 0;
        if (n > 0) done += (size_t)n;
    }
    return 1;
}

/* As receive; 0 also if what was read is not what the child wrote. */
static int receive_all(head *h, uint32_t *words, const child *c, int fd, const ax_deadline *d)
{
    head mark;
    size_t bytes = words ? sizeof *words << 2 * c->info->width : 0;
    int got = receive(fd, h, sizeof *h, d);
    if (got != 1) return got;
    if (memcmp(h->magic, magic, sizeof magic)) return 0;
    if (h->side == 0 && (got = receive(fd, words, bytes, d)) != 1) return got;
    if ((got = receive(fd, &mark, sizeof mark, d)) != 1) return got;
    return !memcmp(h, &mark, sizeof mark) && (h->side || !words || ax_crc32(words, bytes) == h->crc);
}

/* ": " and the first line that the function wrote to standard error, or "". */
static void first_line(char *line, size_t size, int errors)
{
    char text[512];
    ssize_t n = pread(errors, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    const char *at = text + strspn(text, " \r\n\t");
    snprintf(line, size, "%s%.*s", *at ? ": " : "", (int)strcspn(at, "\r\n"), at);
}

/* "mul8u_X(130, 128)", or of a library that ended before the first call, its name alone. */
static void name_call(char *text, size_t size, const ax_cmodel_info *info, const place *at)
{
    int m = info->width;
    uint32_t one = info->kind == AX_CMODEL_INTEGER ? 1u << m : 0;
    if (!at->called) snprintf(text, size, "%s, while it was loaded,", info->symbol);
    else if (info->kind == AX_CMODEL_FLOAT)
        snprintf(text, size, "%s(%.9g, %.9g)", info->symbol, 1 + (double)at->i / (1 << m), 1 + (double)at->j / (1 << m));
    else snprintf(text, size, "%s(%s%u, %u)", info->symbol, info->kind == AX_CMODEL_WORD_WIDTH ? "m, " : "", one + at->i, one + at->j);
}

static int ended_early(const child *c, int how, bool late, const ax_deadline *d)
{
    char line[256], call[AX_CMODEL_SYMBOL_MAX + 64];
    const char *file = c->info->file;
    first_line(line, sizeof line, c->errors);
    name_call(call, sizeof call, c->info, c->at);
    if (late || (WIFSIGNALED(how) && WTERMSIG(how) == SIGXCPU))
        return ax_fail(AX_EFORMAT, "%s: %s was not done after %g seconds for compiling and all products; APPROXRUN_MODEL_SECONDS allows more%s",
                       file, call, d->seconds, line);
    if (WIFSIGNALED(how))
        return ax_fail(AX_EFORMAT, "%s: %s crashed: signal %d, %s%s", file, call, WTERMSIG(how), strsignal(WTERMSIG(how)), line);
    return ax_fail(AX_EFORMAT, "%s: %s ended the process (exit code %d) instead of returning a product%s", file, call, WEXITSTATUS(how), line);
}

/* How it ended. One that closed the pipe and lives on is ended here, as is what it may have started. */
static int end_child(pid_t pid, bool at_once)
{
    int how = 0;
    pid_t ended = 0;
    for (int tries = 0; !at_once && tries < 200 && ended == 0; tries++) {
        ended = waitpid(pid, &how, WNOHANG);
        if (ended == 0) usleep(5000);
    }
    kill(-pid, SIGKILL);
    while (ended <= 0 && waitpid(pid, &how, 0) < 0 && errno == EINTR) continue;
    return how;
}

static int collect(uint32_t *words, const child *c, pid_t pid, int fd, const ax_deadline *d)
{
    head h;
    int got = receive_all(&h, words, c, fd, d), how = end_child(pid, got < 0);
    if (got != 1) return ended_early(c, how, got < 0, d);
    if (h.side == NOT_LOADED) return ax_fail(AX_EFORMAT, "%s: cannot be loaded: %.*s", c->info->file, (int)sizeof h.why - 1, h.why);
    return h.side ? ax_cmodel_out_of_range(c->info, h.i, h.j, h.value) : AX_OK;
}

int ax_cmodel_tabulate(uint32_t *words, const ax_cmodel_info *info, const char *library, const ax_deadline *d)
{
    int ends[2] = {-1, -1}, status = AX_OK;
    child c = {.info = info, .library = library, .errors = memfd_create("stderr", MFD_CLOEXEC)};
    c.at = mmap(NULL, sizeof *c.at, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (c.at == MAP_FAILED || c.errors < 0 || pipe2(ends, O_CLOEXEC) != 0) {
        status = ax_fail(AX_EIO, "%s: cannot be tried: %s", info->file, strerror(errno));
        goto out;
    }
    c.result = ends[1];
    pid_t pid = fork();
    if (pid == 0) run_child(&c, words, d);
    close(ends[1]);
    if (pid > 0) setpgid(pid, pid);      /* as the child does: whoever comes first */
    status = pid < 0 ? ax_fail(AX_EIO, "%s: cannot be tried: %s", info->file, strerror(errno)) : collect(words, &c, pid, ends[0], d);
    close(ends[0]);
out:
    if (c.errors >= 0) close(c.errors);
    if (c.at != MAP_FAILED) munmap(c.at, sizeof *c.at);
    return status;
}

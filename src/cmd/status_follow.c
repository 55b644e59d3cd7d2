/* status --follow: the bars of a sweep for whoever watches it, from any machine. Invariant: nothing in the study is touched. */
#include "cmd/status.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "cmd/options.h"
#include "cmd/terminal.h"
#include "run/progress.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const struct timespec poll_time = {.tv_nsec = 200000000};
enum {
    FAILED_POLLS = 5,            /* so long a failed trial may wait for its sweep to begin it again */
    UNWORKED_POLLS = 25,         /* so long a worker may take between two trials */
    FILE_POLLS = 50,             /* so long a worker may take to write the study file, or it was killed */
};

typedef struct {
    ax_status *status;
    ax_board board;
    bool json;
    int unworked;          /* polls in a row that found trials left and nobody who works on them */
    struct stat plan;      /* of plan.json, which is replaced when the study is planned anew */
} follower;

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

/* ---- events ---- */

static cJSON *copy_item(const cJSON *item) { return cJSON_IsNumber(item) ? ax_json_number(item->valuedouble) : cJSON_Duplicate(item, true); }

static void print_event(const cJSON *event)
{
    const cJSON *item;
    cJSON *line = cJSON_CreateObject();
    cJSON_ArrayForEach(item, event)
        if (strcmp(item->string, "crc") != 0) cJSON_AddItemToObject(line, item->string, copy_item(item));
    char *text = ax_json_text(line, false);
    if (text) puts(text);
    fflush(stdout);
    ax_free(text);
    cJSON_Delete(line);
}

static void tell(void *arg, int trial, const cJSON *event)
{
    follower *f = arg;
    if (f->json) print_event(event);
    else ax_board_event(&f->board, trial, event);
}

/* ---- the plan ---- */

static void look_at_plan(struct stat *out, const char *dir)
{
    char *path = ax_path_join(dir, "plan.json");
    if (!path || stat(path, out) != 0) memset(out, 0, sizeof *out);
    ax_free(path);
}

static int look_anew(follower *f)
{
    ax_status next;
    AX_TRY(ax_status_open(&next, f->status->dir));
    ax_watch_resume(&next.watch, &f->status->watch);
    ax_status_release(f->status);
    *f->status = next;
    f->status->watch.plan = &f->status->plan;
    f->status->watch.tell = tell;
    f->status->watch.arg = f;
    return AX_OK;
}

/* A search goes on with further trials, and a sweep may be started with others. */
static int take_new_plan(follower *f)
{
    struct stat now;
    look_at_plan(&now, f->status->dir);
    if (now.st_ino == f->plan.st_ino && now.st_mtim.tv_sec == f->plan.st_mtim.tv_sec && now.st_mtim.tv_nsec == f->plan.st_mtim.tv_nsec) return AX_OK;
    f->plan = now;
    return look_anew(f);
}

/* ---- the loop ---- */

/* Once in a while without workers, for they may yet come; behind JSON on stderr. */
static void say_no_worker(follower *f, bool working)
{
    f->unworked = working ? 0 : f->unworked + 1;
    if (f->unworked != UNWORKED_POLLS) return;
    ax_buf line = {0};
    ax_status_no_worker(&line, f->status);
    if (!f->json) ax_board_say(&f->board, ax_buf_str(&line));
    else if (!f->board.o.quiet) fprintf(stderr, "%s\n", ax_buf_str(&line));
    ax_buf_release(&line);
}

/* Whether the study file was written after the last trial has ended: who waits for us wants to export it. */
static bool file_written(const char *dir)
{
    static const char *const names[] = {"trials", "failed"};
    char *path = ax_study_file_path(dir);
    struct stat file, folder;
    bool newest = path && stat(path, &file) == 0;
    ax_free(path);
    for (int i = 0; i < 2 && newest; i++) {
        path = ax_path_join(dir, names[i]);
        if (path && stat(path, &folder) == 0)
            newest = file.st_mtim.tv_sec != folder.st_mtim.tv_sec ? file.st_mtim.tv_sec > folder.st_mtim.tv_sec
                                                                  : file.st_mtim.tv_nsec >= folder.st_mtim.tv_nsec;
        ax_free(path);
    }
    return newest;
}

/* A supervisor may plan another round of a search. It is asked about before the plan is looked at, so that the last one is seen. */
static int watch(follower *f)
{
    const ax_watch *w = &f->status->watch;
    for (int idle = 0; !interrupted; nanosleep(&poll_time, NULL)) {
        bool supervised = ax_study_supervised(f->status->dir);
        AX_TRY(take_new_plan(f));
        ax_watch_recheck(&f->status->watch);
        AX_TRY(ax_watch_poll(&f->status->watch));
        f->board.o.jobs = ax_watch_count(w, AX_STATE_running);
        ax_board_draw(&f->board);
        int left = ax_status_left(f->status);
        say_no_worker(f, supervised || !left || f->board.o.jobs > 0);
        idle = supervised || left ? 0 : idle + 1;
        bool may_be_retried = ax_watch_count(w, AX_STATE_failed) && idle <= FAILED_POLLS;
        if (idle && !may_be_retried && (idle > FILE_POLLS || file_written(f->status->dir))) break;
    }
    return AX_OK;
}

static int verdict(const ax_status *s)
{
    int failed = ax_watch_count(&s->watch, AX_STATE_failed);
    if (interrupted) return ax_fail(AX_EINTR, "no longer watching; what runs in %s goes on", s->dir);
    if (!failed) return AX_OK;
    return ax_fail(AX_EFAILED, "%d of %d trials failed; 'approxrun ls %s -w state==failed' names them", failed, s->plan.n, s->dir);
}

int ax_status_follow(ax_status *s, bool json)
{
    const bool quiet = ax_common_options.quiet;
    const ax_board_options o = {.fd = STDOUT_FILENO, .columns = json ? 0 : ax_terminal_columns(STDOUT_FILENO), .jobs = 1,
                                .color = ax_terminal_color(STDOUT_FILENO), .quiet = quiet};
    struct sigaction action = {.sa_handler = on_interrupt}, before;
    follower f = {.status = s, .json = json};
    look_at_plan(&f.plan, s->dir);
    ax_board_init(&f.board, &s->watch, &o);
    f.board.started = NAN;
    s->watch.tell = tell;
    s->watch.arg = &f;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &before);
    if (!json && !quiet && !o.columns) {
        ax_status_print(s);
        f.unworked = s->alive ? 0 : UNWORKED_POLLS;      /* it has said so */
    }
    fflush(stdout);
    int status = watch(&f);
    sigaction(SIGINT, &before, NULL);
    ax_board_close(&f.board);
    if (status == AX_OK && !json && !quiet) status = look_anew(&f);      /* for who works there now */
    if (status == AX_OK && !json && !quiet) ax_status_print(s);
    if (status == AX_OK) status = verdict(s);
    ax_status_release(s);
    return status;
}

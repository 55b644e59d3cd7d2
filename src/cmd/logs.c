/* approxrun logs: what a trial printed. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "store/results.h"
#include "store/study.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static const struct timespec poll_time = {.tv_nsec = 300000000};
enum { IDLE_POLLS = 4 };      /* so long a trial that failed may wait to begin again, from its old log on */

/* Prints what is there from the file's position on. */
static void copy(FILE *f)
{
    clearerr(f);
    ax_output_stream(f);
    fflush(stdout);
}

/* The file again from its beginning if another has taken its name, or if it was cut. */
static FILE *renewed(FILE *f, const char *path)
{
    struct stat opened, named;
    if (fstat(fileno(f), &opened) != 0 || stat(path, &named) != 0) return f;
    if (opened.st_ino == named.st_ino && opened.st_dev == named.st_dev) {
        if (named.st_size < ftello(f)) rewind(f);
        return f;
    }
    FILE *new = fopen(path, "re");
    if (!new) return f;
    copy(f);
    fclose(f);
    return new;
}

/* The log, once there is one. */
static FILE *await(const char *path, const char *dir, const char *id, bool follow)
{
    FILE *f = fopen(path, "re");
    if (!f && follow && !ax_common_options.quiet) fprintf(stderr, "trial %s has not begun; waiting for it\n", id);
    while (!f && follow) {
        nanosleep(&poll_time, NULL);
        f = fopen(path, "re");
    }
    if (!f) ax_fail(AX_ENOENT, "%s: trial %s has not started, so it has no log", dir, id);
    return f;
}

static int print_log(const char *dir, const char *id, bool follow)
{
    char *path = ax_study_path(dir, AX_FILE_LOG, id);
    if (!path) return AX_ENOMEM;
    FILE *f = await(path, dir, id, follow);
    int idle = 0;
    if (f) copy(f);
    while (f && follow && !ferror(stdout) && idle < IDLE_POLLS) {
        enum ax_state state = ax_study_state(dir, id);
        if (state == AX_STATE_complete) break;
        idle = state == AX_STATE_running ? 0 : idle + 1;
        nanosleep(&poll_time, NULL);
        f = renewed(f, path);
        copy(f);
    }
    if (f) copy(f);
    if (f) fclose(f);
    ax_free(path);
    return f ? AX_OK : AX_ENOENT;
}

int cmd_logs(int argc, char **argv)
{
    bool follow = false;
    const ax_option options[] = {{"follow", 'f', AX_OPT_FLAG, &follow, NULL, "wait until the trial begins, go on as long as it runs", 0, 0}, {0}};
    const ax_usage usage = {"logs", "STUDY TRIAL [-f]", "the log of a trial",
                            "TRIAL is an id, its beginning, or MULTIPLIER/SEED as in mbm:7/1. A study file (.h5) holds only the last lines.",
                            2, 2};
    ax_texts args;
    ax_results r;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (!args.n) return AX_OK;
    const char *study = args.items[0];
    AX_TRY(ax_results_open(&r, study));
    const ax_record *t = ax_results_find(&r, args.items[1]);
    int status = t ? AX_OK : ax_errstatus();
    if (t && ax_file_is_dir(study)) status = print_log(study, t->id, follow);
    else if (t) ax_output_block(t->log_tail);
    ax_results_release(&r);
    return status;
}

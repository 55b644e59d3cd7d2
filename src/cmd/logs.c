/* approxrun logs: what a trial printed. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "store/results.h"
#include "store/study.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Prints what is there from the file's position on. */
static void copy(FILE *f)
{
    char text[8192];
    size_t n;
    clearerr(f);
    while ((n = fread(text, 1, sizeof text, f)) > 0) fwrite(text, 1, n, stdout);
    fflush(stdout);
}

static int print_log(const char *dir, const char *id, bool follow)
{
    char *path = ax_study_path(dir, AX_FILE_LOG, id);
    if (!path) return AX_ENOMEM;
    FILE *f = fopen(path, "re");
    int status = f ? AX_OK : ax_fail(AX_ENOENT, "%s: trial %s has not started, so it has no log", dir, id);
    ax_free(path);
    if (!f) return status;
    copy(f);
    while (follow && !ferror(stdout) && ax_study_state(dir, id) == AX_STATE_running) {
        nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
        copy(f);
    }
    copy(f);
    fclose(f);
    return AX_OK;
}

int cmd_logs(int argc, char **argv)
{
    bool follow = false;
    const ax_option options[] = {{"follow", 'f', AX_OPT_FLAG, &follow, NULL, "go on as long as the trial runs", 0, 0}, {0}};
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
    else if (t) fputs(t->log_tail, stdout);
    ax_results_release(&r);
    return status;
}

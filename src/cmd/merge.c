/* approxrun merge: one study file from several studies. */
#include "base/error.h"
#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "store/results.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int add_study(ax_results *all, const char *path)
{
    ax_results more;
    AX_TRY(ax_results_open(&more, path));
    int status = ax_results_add(all, &more);
    ax_results_release(&more);
    return status;
}

/* A file with content that HDF5 did not write (its signature: HDF5 File Format Specification, III.A). */
static bool is_foreign(const char *path)
{
    char head[8];
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    size_t n = fread(head, 1, sizeof head, f);
    fclose(f);
    return n > 0 && (n < sizeof head || memcmp(head, "\211HDF\r\n\032\n", sizeof head));
}

int cmd_merge(int argc, char **argv)
{
    const ax_option options[] = {{0}};
    const ax_usage usage = {"merge", "OUT.h5 STUDY...", "one study file from several",
                            "Each STUDY is a study directory or a study file. A trial that several of them have is taken once, a finished\n"
                            "one before an unfinished one. Name, metric and provenance come from the first. OUT.h5 is replaced.", 2, -1};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (!args.n) return AX_OK;
    const char *out = args.items[0];
    if (!ax_text_ends(out, ".h5")) return ax_fail(AX_EARG, "merge: the first argument is '%s', wanted the file to write, ending in .h5", out);
    if (is_foreign(out)) return ax_fail(AX_EARG, "merge: %s exists and is no HDF5 file; name another, or remove it", out);
    ax_results all;
    AX_TRY(ax_results_open(&all, args.items[1]));
    int status = AX_OK;
    for (int i = 2; i < args.n && status == AX_OK; i++) status = add_study(&all, args.items[i]);
    if (status == AX_OK) status = ax_results_write(&all, out);
    if (status == AX_OK && !ax_common_options.quiet) fprintf(stderr, "%s: %d trial%s\n", out, all.n, all.n == 1 ? "" : "s");
    ax_results_release(&all);
    return status;
}

/* approxrun export: a study's results as JSON, JSON lines, CSV or Markdown. */
#include "store/export.h"

#include "base/error.h"
#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/output.h"

#include <string.h>

static const struct {
    const char *name, *ending;
    int (*write)(ax_buf *out, const ax_results *r, const ax_export_options *o);
} formats[] = {
    {"json", ".json", ax_export_json}, {"jsonl", ".jsonl", ax_export_jsonl}, {"csv", ".csv", ax_export_csv}, {"md", ".md", ax_export_md},
};
enum { FORMATS = sizeof formats / sizeof formats[0] };

/* The format by its name; without one, by the ending of the output file, else JSON. -1: unknown. */
static int format_of(const char *name, const char *path)
{
    for (int i = 0; i < FORMATS; i++)
        if (name ? !strcmp(name, formats[i].name) : ax_text_ends(path, formats[i].ending)) return i;
    return name ? -1 : 0;
}

int cmd_export(int argc, char **argv)
{
    const char *path = "-", *format = NULL;
    bool json = false;
    ax_export_options o = {0};
    const ax_option options[] = {
        {"output", 'o', AX_OPT_TEXT, &path, "FILE", "where to write (default -, the standard output)", 0, 0},
        {"format", 0, AX_OPT_TEXT, &format, "F", "json, jsonl, csv or md (default: by FILE's ending, else json)", 0, 0},
        {"curves", 0, AX_OPT_FLAG, &o.curves, NULL, "json and jsonl: the values of every epoch too", 0, 0},
        {"stable", 0, AX_OPT_FLAG, &o.stable, NULL, "leave out times, host, device, environment and retries", 0, 0},
        {"json", 0, AX_OPT_FLAG, &json, NULL, "the same as --format json", 0, 0},
        {0},
    };
    const ax_usage usage = {"export", "STUDY [-o FILE] [--format F] [--curves] [--stable]", "results as JSON, JSON lines, CSV or Markdown",
                            "STUDY is a study directory or a study file (.h5). docs/results.md describes each format. Equal sweeps\n"
                            "give equal bytes under --stable.", 1, 1};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (!args.n) return AX_OK;
    int i = format_of(json && !format ? "json" : format, path);
    if (i < 0) {
        const char *names[FORMATS];
        for (int k = 0; k < FORMATS; k++) names[k] = formats[k].name;
        return ax_fail(AX_EARG, "export: --format is '%s'%s, wanted json, jsonl, csv or md", format, ax_text_hint(format, names, FORMATS));
    }
    ax_results r;
    ax_buf text;
    ax_buf_init(&text);
    AX_TRY(ax_results_open(&r, args.items[0]));
    int status = formats[i].write(&text, &r, &o);
    if (status == AX_OK) status = ax_output_text(&text, path);
    ax_buf_release(&text);
    ax_results_release(&r);
    return status;
}

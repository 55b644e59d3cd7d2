/* approxrun plot: the accuracies of a study as an SVG picture. */
#include "cmd/plot.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

double ax_plot_value(const ax_plot *p, int trial)
{
    const ax_record *r = &p->results->trials[trial];
    if (!strcmp(p->metric, "test_acc")) return r->test_acc * p->scale;
    if (!strcmp(p->metric, "test_loss")) return r->test_loss * p->scale;
    if (!strcmp(p->metric, "train_s")) return r->train_s * p->scale;
    const double *curve = ax_plot_curve(p, trial);
    for (int k = r->epochs - 1; curve && k >= 0; k--)
        if (isfinite(curve[k])) return curve[k] * p->scale;
    return NAN;
}

const double *ax_plot_curve(const ax_plot *p, int trial)
{
    const ax_record *r = &p->results->trials[trial];
    for (int c = 0; c < r->ncurves; c++)
        if (!strcmp(r->curves[c].name, p->metric)) return r->curves[c].values;
    return NULL;
}

/* "mbm" of "mbm:7", "drum,k=4" of "drum:7,k=4"; a table's family is its file's name. */
static void series_name(char name[AX_LABEL_MAX], const ax_record *r)
{
    const char *keys = ax_text_starts(r->multiplier, "lut:") ? NULL : strchr(r->multiplier, ',');
    snprintf(name, AX_LABEL_MAX, "%s%.*s", r->family, keys ? AX_LABEL_MAX - 80 : 0, keys ? keys : "");
}

static int series_number(ax_plot *p, const ax_record *r)
{
    char name[AX_LABEL_MAX];
    series_name(name, r);
    for (int s = 0; s < p->nseries; s++)
        if (!strcmp(p->series[s].name, name)) return s;
    if (p->nseries == AX_SERIES_MAX) return -1;
    ax_series *s = &p->series[p->nseries];
    snprintf(s->name, sizeof s->name, "%s", name);
    s->native = !strcmp(r->multiplier, "fp32");
    return p->nseries++;
}

/* Trials of the plan that came to an end. */
static int group(ax_plot *p)
{
    p->series_of = ax_alloc((size_t)p->results->n + 1, sizeof *p->series_of);
    if (!p->series_of) return AX_ENOMEM;
    for (int t = 0; t < p->results->n; t++) {
        const ax_record *r = &p->results->trials[t];
        bool ended = r->state == AX_STATE_complete || r->state == AX_STATE_diverged;
        p->series_of[t] = r->in_plan && ended ? series_number(p, r) : -1;
        if (r->in_plan && ended && p->series_of[t] < 0)
            return ax_fail(AX_EARG, "plot: more than %d families in '%s'", AX_SERIES_MAX, p->results->study);
    }
    return AX_OK;
}

static int plot(const char *study, const char *kind, const char *metric, const char *out)
{
    ax_results results;
    AX_TRY(ax_results_open(&results, study));
    ax_plot p = {.results = &results, .metric = metric ? metric : results.metric};
    p.scale = ax_text_ends(p.metric, "_acc") ? 100 : 1;
    ax_buf svg;
    ax_buf_init(&svg);
    int status = group(&p);
    if (status == AX_OK) status = !strcmp(kind, "width") ? ax_plot_by_width(&svg, &p) : ax_plot_by_epoch(&svg, &p);
    if (status == AX_OK) status = ax_output_text(&svg, out);
    ax_buf_release(&svg);
    ax_free(p.series_of);
    ax_results_release(&results);
    return status;
}

int cmd_plot(int argc, char **argv)
{
    static const char *const kinds[] = {"width", "epochs"};
    const char *kind = NULL, *out = NULL, *metric = NULL;
    const ax_option options[] = {
        {"kind", 'k', AX_OPT_TEXT, &kind, "KIND", "width: a metric by mantissa width; epochs: its curve", 0, 0},
        {"output", 'o', AX_OPT_TEXT, &out, "FILE.svg", "the picture (-: stdout)", 0, 0},
        {"metric", 0, AX_OPT_TEXT, &metric, "NAME", "test_acc, valid_acc, train_loss, ... (default: the study's)", 0, 0},
        {0},
    };
    const ax_usage usage = {"plot", "STUDY --kind width|epochs -o FILE.svg", "The accuracies of a study as an SVG picture.",
                            "STUDY is a study directory or a study file. Complete and diverged trials of the plan are drawn.", 1, 1};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (ax_common_options.help) return AX_OK;
    if (!kind) return ax_fail(AX_EARG, "plot: --kind is missing, wanted width or epochs");
    if (strcmp(kind, "width") && strcmp(kind, "epochs"))
        return ax_fail(AX_EARG, "plot: --kind is '%s'%s, wanted width or epochs", kind, ax_text_hint(kind, kinds, 2));
    if (!out) return ax_fail(AX_EARG, "plot: -o FILE.svg is missing");
    if (strcmp(out, "-") && !ax_text_ends(out, ".svg")) return ax_fail(AX_EARG, "plot: -o is '%s', wanted a name ending in .svg", out);
    return plot(args.items[0], kind, metric, out);
}

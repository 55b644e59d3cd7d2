/* approxrun plot: the accuracies of a study as an SVG picture. */
#include "cmd/plot.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "store/groups.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

double ax_plot_value(const ax_plot *p, int trial)
{
    const ax_record *r = &p->results->trials[trial];
    double v = ax_record_metric(r, p->metric);
    return isfinite(v) ? v * p->scale : NAN;
}

const double *ax_plot_curve(const ax_plot *p, int trial)
{
    const ax_record *r = &p->results->trials[trial];
    for (int c = 0; c < r->ncurves; c++)
        if (!strcmp(r->curves[c].name, p->metric)) return r->curves[c].values;
    return NULL;
}

/* Does a key tell multipliers of one width apart? Those of a file say where in it to look, or how wide: of what has no '=' the comma
 * belongs to the file's name. */
static bool tells_apart(const char *key, size_t n)
{
    static const char *const others[] = {"width=", "width_a=", "width_b=", "format=", "symbol="};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (ax_text_starts(key, others[i])) return false;
    return memchr(key, '=', n) != NULL;
}

/* "mbm" of "mbm:7", "drum,k=4" of "drum:7,k=4"; the family of a file is the table's or the function's name. Gives its length. */
static size_t series_name(char name[AX_LABEL_MAX], const ax_record *r)
{
    int at = snprintf(name, AX_LABEL_MAX, "%s", r->family);
    for (const char *comma = strchr(r->multiplier, ','); comma; comma = strchr(comma + 1, ',')) {
        size_t n = strcspn(comma + 1, ",");
        if (tells_apart(comma + 1, n) && at + n + 2 < AX_LABEL_MAX) at += snprintf(name + at, n + 2, ",%s", comma + 1);
    }
    return (size_t)at;
}

static int series_of_name(const ax_plot *p, const char *name)
{
    int s = 0;
    while (s < p->nseries && strcmp(p->series[s].name, name)) s++;
    return s;
}

/* Whether another multiplier of this one's width is in the series: files of one name in two folders. */
static bool is_taken(const ax_plot *p, int series, int trial)
{
    const ax_record *all = p->results->trials;
    for (int t = 0; t < trial; t++)
        if (p->series_of[t] == series && all[t].width == all[trial].width && strcmp(all[t].multiplier, all[trial].multiplier) != 0) return true;
    return false;
}

static int series_number(ax_plot *p, int trial, const char *variant)
{
    const ax_record *r = &p->results->trials[trial];
    char name[sizeof p->series->name];
    size_t at = series_name(name, r);
    snprintf(name + at, sizeof name - at, "%.*s", AX_VARIANT_MAX - 1, variant);
    if (is_taken(p, series_of_name(p, name), trial)) {
        at = strlen(r->multiplier);
        snprintf(name, sizeof name, "%s%.*s", r->multiplier, AX_VARIANT_MAX - 1, variant);
    }
    int known = series_of_name(p, name);
    if (known < p->nseries) return known;
    if (p->nseries == AX_SERIES_MAX) return -1;
    ax_series *s = &p->series[p->nseries];
    memcpy(s->name, name, sizeof name);
    s->variant = s->name + at;
    s->native = !strcmp(r->multiplier, "fp32");
    return p->nseries++;
}

static bool is_drawn(const ax_record *r) { return r->in_plan && (r->state == AX_STATE_complete || r->state == AX_STATE_diverged); }

/* Trials of the plan that came to an end. */
static int group(ax_plot *p)
{
    int n = p->results->n, status = AX_OK;
    ax_buf variant = {0};
    ax_names keys = {0};
    cJSON **params = ax_alloc((size_t)n + 1, sizeof *params);
    p->series_of = ax_alloc((size_t)n + 1, sizeof *p->series_of);
    if (!params || !p->series_of) status = AX_ENOMEM;
    if (status == AX_OK) status = ax_groups_params(params, p->results);
    for (int t = 0; t < n && status == AX_OK; t++) {
        if (is_drawn(&p->results->trials[t])) continue;
        cJSON_Delete(params[t]);
        params[t] = NULL;
    }
    if (status == AX_OK) status = ax_groups_keys(&keys, params, n);
    for (int t = 0; t < n && status == AX_OK; t++) {
        const ax_record *r = &p->results->trials[t];
        ax_buf_clear(&variant);
        if (is_drawn(r)) ax_groups_variant(&variant, &keys, params[t]);
        p->series_of[t] = is_drawn(r) ? series_number(p, t, ax_buf_str(&variant)) : -1;
        status = ax_buf_status(&variant);
        if (is_drawn(r) && p->series_of[t] < 0)
            status = ax_fail(AX_EARG, "plot: more than %d families or parameters in '%s'; 'export --format md' has a row for each", AX_SERIES_MAX,
                             p->results->study);
    }
    for (int t = 0; params && t < n; t++) cJSON_Delete(params[t]);
    ax_free(params);
    ax_names_release(&keys);
    ax_buf_release(&variant);
    return status;
}

static int plot_series(ax_buf *b, ax_plot *p, int (*draw)(ax_buf *b, const ax_plot *p))
{
    int status = group(p);
    if (status == AX_OK) status = draw(b, p);
    ax_free(p->series_of);
    return status;
}

static int by_width(ax_buf *b, ax_plot *p) { return plot_series(b, p, ax_plot_by_width); }
static int by_epoch(ax_buf *b, ax_plot *p) { return plot_series(b, p, ax_plot_by_epoch); }
static int pareto(ax_buf *b, ax_plot *p) { return ax_plot_pareto(b, p); }

static const char *const kinds[] = {"width", "epochs", "pareto"};
static int (*const draws[])(ax_buf *b, ax_plot *p) = {by_width, by_epoch, pareto};
enum { KINDS = sizeof kinds / sizeof *kinds };

static int plot(const char *study, int kind, const char *metric, const char *out)
{
    ax_results results;
    AX_TRY(ax_results_open(&results, study));
    ax_plot p = {.results = &results, .metric = metric ? metric : results.metric};
    p.scale = ax_text_ends(p.metric, "_acc") ? 100 : 1;
    ax_buf svg;
    ax_buf_init(&svg);
    int status = draws[kind](&svg, &p);
    if (status == AX_OK) status = ax_output_text(&svg, out);
    ax_buf_release(&svg);
    ax_results_release(&results);
    return status;
}

int cmd_plot(int argc, char **argv)
{
    const char *kind = NULL, *out = NULL, *metric = NULL;
    const ax_option options[] = {
        {"kind", 'k', AX_OPT_TEXT, &kind, "KIND", "width: a metric by mantissa width; epochs: its curve; pareto: by energy", 0, 0},
        {"output", 'o', AX_OPT_TEXT, &out, "FILE.svg", "the picture (-: stdout)", 0, 0},
        {"metric", 0, AX_OPT_TEXT, &metric, "NAME", "test_acc, valid_acc, train_loss, ... (default: the study's)", 0, 0},
        {0},
    };
    const ax_usage usage = {"plot", "STUDY --kind width|epochs|pareto -o FILE.svg", "The accuracies of a study as an SVG picture.",
                            "STUDY is a study directory or a study file. Complete and diverged trials of the plan are drawn. 'pareto' draws the\n"
                            "metric by the energy of an inference's products; a trial with a multiplier of unknown energy (ax.mul.costs) is left\n"
                            "out, and stderr says how many were.", 1, 1};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (ax_common_options.help) return AX_OK;
    int k = 0;
    if (!kind) return ax_fail(AX_EARG, "plot: --kind is missing, wanted width, epochs or pareto");
    while (k < KINDS && strcmp(kind, kinds[k])) k++;
    if (k == KINDS) return ax_fail(AX_EARG, "plot: --kind is '%s'%s, wanted width, epochs or pareto", kind, ax_text_hint(kind, kinds, KINDS));
    if (!out) return ax_fail(AX_EARG, "plot: -o FILE.svg is missing");
    if (strcmp(out, "-") && !ax_text_ends(out, ".svg")) return ax_fail(AX_EARG, "plot: -o is '%s', wanted a name ending in .svg", out);
    return plot(args.items[0], k, metric, out);
}

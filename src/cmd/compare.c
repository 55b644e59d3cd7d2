/* approxrun compare: two families, or two multipliers, side by side. */
#include "cmd/compare.h"

#include "base/error.h"
#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/output.h"

#include <string.h>

typedef struct {
    const char *by, *metric, *baseline, *test;
    ax_texts asserts;
    bool json, csv, md, latex;
} request;

static int check(const request *q)
{
    if (strcmp(q->by, "width")) return ax_fail(AX_EARG, "compare: --by is '%s', wanted width", q->by);
    if (q->test && strcmp(q->test, "t") && strcmp(q->test, "mcnemar"))
        return ax_fail(AX_EARG, "compare: --test is '%s', wanted t or mcnemar", q->test);
    if (q->json + q->csv + q->md + q->latex > 1) return ax_fail(AX_EARG, "compare: one of --json, --csv, --md and --latex at a time");
    return AX_OK;
}

/* A metric that no finished trial has is a misspelling. */
static int check_metric(const ax_results *r, const char *metric)
{
    bool known = false;
    size_t n = 0;
    for (; ax_metrics[n]; n++) known = known || !strcmp(ax_metrics[n], metric);
    for (int i = 0; i < r->n; i++) known = known || ax_record_curve(&r->trials[i], metric);
    return known ? AX_OK : ax_fail(AX_EARG, "compare: unknown metric '%s'%s", metric, ax_text_hint(metric, ax_metrics, n));
}

static int print(const ax_comparison *c, const request *q)
{
    ax_buf text;
    ax_buf_init(&text);
    int status = (q->json ? ax_compare_json : q->csv ? ax_compare_csv : q->md ? ax_compare_md : q->latex ? ax_compare_latex : ax_compare_text)(&text, c);
    if (status == AX_OK) status = ax_output_text(&text, "-");
    ax_buf_release(&text);
    return status;
}

static int compare(const ax_results *r, const request *q, const char *a, const char *b)
{
    ax_comparison c = {.results = r, .a = a, .b = b, .baseline = q->baseline ? q->baseline : "fp32", .wants_baseline = q->baseline != NULL,
                       .metric = q->metric ? q->metric : r->metric};
    if (!c.metric[0]) c.metric = "test_acc";
    c.test_t = !q->test || !strcmp(q->test, "t");
    c.test_mcnemar = !q->test || !strcmp(q->test, "mcnemar");
    int status = check_metric(r, c.metric);
    if (status == AX_OK) status = ax_compare_make(&c);
    if (status == AX_OK) status = print(&c, q);
    for (int i = 0; i < q->asserts.n && status == AX_OK; i++) status = ax_compare_assert(&c, q->asserts.items[i]);
    ax_compare_release(&c);
    return status;
}

int cmd_compare(int argc, char **argv)
{
    request q = {.by = "width"};
    const ax_option options[] = {
        {"by", 0, AX_OPT_TEXT, &q.by, "KEY", "one row for each of its values: width", 0, 0},
        {"metric", 0, AX_OPT_TEXT, &q.metric, "NAME", "test_acc, test_loss, valid_acc, ... (default: the study's)", 0, 0},
        {"baseline", 0, AX_OPT_TEXT, &q.baseline, "SPEC", "a multiplier shown first (default fp32)", 0, 0},
        {"test", 0, AX_OPT_TEXT, &q.test, "T", "only t (paired difference) or mcnemar (per image); default both", 0, 0},
        {"assert", 0, AX_OPT_LIST, &q.asserts, "EXPR", "exit 6 unless EXPR holds for the means: 'mbm:7 >= fp32 - 0.005'; repeatable", 0, 0},
        {"json", 0, AX_OPT_FLAG, &q.json, NULL, "print JSON; accuracies as fractions of 1", 0, 0},
        {"csv", 0, AX_OPT_FLAG, &q.csv, NULL, "print CSV; accuracies as fractions of 1", 0, 0},
        {"md", 0, AX_OPT_FLAG, &q.md, NULL, "print a Markdown table", 0, 0},
        {"latex", 0, AX_OPT_FLAG, &q.latex, NULL, "print a LaTeX tabular", 0, 0},
        {0},
    };
    const ax_usage usage = {"compare", "STUDY A B", "two families, or two multipliers, side by side",
                            "A and B are families (mbm mit), then each width is a row, or multipliers (mbm:7 mit:5), or values of a parameter that\n"
                            "varies (lr=0.01 lr=0.1), then each multiplier is a row. Shown: the mean over\n"
                            "seeds with the half-width of its 95 % t-interval, the difference paired by seed with its own, and the p of\n"
                            "McNemar's exact test on the test images that only one of the two got right, pooled over the seeds.", 3, 3};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (!args.n) return AX_OK;
    AX_TRY(check(&q));
    ax_results r;
    AX_TRY(ax_results_open(&r, args.items[0]));
    int status = compare(&r, &q, args.items[1], args.items[2]);
    ax_results_release(&r);
    return status;
}

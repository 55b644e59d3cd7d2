/* A comparison of two families or multipliers: what `compare` computes, and the forms it prints it in. */
#ifndef AX_CMD_COMPARE_H
#define AX_CMD_COMPARE_H

#include "base/buf.h"
#include "store/groups.h"

/* Two groups of one width (or the two multipliers that were named), and what their common seeds say. */
typedef struct {
    const ax_group *a, *b;           /* NULL: the study has none */
    ax_sample sa, sb;
    int pairs;                       /* seeds that both have */
    double diff, diff_half;          /* mean of a - b over them, half-width of its 95 % t-interval; NAN if absent */
    int64_t images;                  /* test images compared one by one, over all pairs; 0: no per-image results */
    int64_t only_a, only_b;          /* of them, right in one alone */
    double p;                        /* McNemar's exact p of these; NAN if images is 0 */
} ax_compare_row;

typedef struct {
    const ax_results *results;
    ax_groups groups;
    const char *metric, *a, *b, *baseline;
    bool wants_baseline;             /* the study must have it */
    ax_compare_row *rows;            /* the first nbaseline are of the baseline, in a alone */
    int n, nbaseline;
    bool test_t, test_mcnemar;       /* which of the two is shown */
} ax_comparison;

/* Fills in all from results, metric, a, b, baseline (NULL: none). AX_EARG: a, b or a baseline that is wanted is in no trial, with a suggestion. */
int ax_compare_make(ax_comparison *c);
void ax_compare_release(ax_comparison *c);

/* "mbm:7 >= fp32 - 0.005": compares means. AX_EASSERT names both sides; AX_EARG: not such an expression, or no results. */
int ax_compare_assert(const ax_comparison *c, const char *expression);

/* The forms. */
int ax_compare_text(ax_buf *out, const ax_comparison *c);
int ax_compare_json(ax_buf *out, const ax_comparison *c);
int ax_compare_csv(ax_buf *out, const ax_comparison *c);
int ax_compare_md(ax_buf *out, const ax_comparison *c);
int ax_compare_latex(ax_buf *out, const ax_comparison *c);

#endif

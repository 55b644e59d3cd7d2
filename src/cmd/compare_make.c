/* Pairing trials of two multipliers. Invariant: only trials of equal seed and equal other parameters are subtracted. */
#include "cmd/compare.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "store/stats.h"

#include <math.h>
#include <string.h>

enum { WORDS_MAX = 256 };

/* Whether `name` is all of the group's label, or all that distinguishes it from others of its multiplier: "where=all". */
static bool is_exactly(const ax_group *g, const char *name)
{
    return !strcmp(g->label, name) || (g->variant[0] && !strcmp(g->variant + 1, name));
}

/* Whether `name` (a family, a spec or a variant) means this group: where it is some groups' own name, it means no others. */
static bool is_of(const ax_comparison *c, const ax_group *g, const char *name)
{
    for (int i = 0; i < c->groups.n; i++)
        if (is_exactly(&c->groups.groups[i], name)) return is_exactly(g, name);
    return !strcmp(g->first->multiplier, name) || !strcmp(g->first->family, name);
}

static bool was_planned(const ax_results *r, const char *name)
{
    for (int i = 0; i < r->n; i++)
        if (!r->trials[i].in_plan && (!strcmp(r->trials[i].family, name) || !strcmp(r->trials[i].multiplier, name))) return true;
    return false;
}

static int unknown(const ax_comparison *c, const char *name)
{
    const char *names[3 * WORDS_MAX];
    size_t n = 0;
    for (int i = 0; i < c->groups.n && n + 3 <= 3 * WORDS_MAX; i++) {
        const ax_group *g = &c->groups.groups[i];
        names[n++] = g->first->multiplier;
        names[n++] = g->first->family;
        if (g->variant[0]) names[n++] = g->variant + 1;
    }
    const char *hint = was_planned(c->results, name) ? ", but for trials that are not in its plan any more" : ax_text_hint(name, names, n);
    return ax_fail(AX_EARG, "compare: no trial of '%s' in study %s%s; wanted a family (mbm) or a multiplier (mbm:7) of it", name,
                   c->results->study, hint);
}

static int check_name(const ax_comparison *c, const char *name)
{
    for (int i = 0; i < c->groups.n; i++)
        if (is_of(c, &c->groups.groups[i], name)) return AX_OK;
    return unknown(c, name);
}

/* Names of one multiplier each pair whatever their widths; families pair by width, variants by multiplier. */
static bool partners(const ax_comparison *c, const ax_group *a, const ax_group *b)
{
    if (is_exactly(a, c->a) && is_exactly(b, c->b))
        return !strcmp(a->label, c->a) || !strcmp(b->label, c->b) || !strcmp(a->first->multiplier, b->first->multiplier);
    bool named = !strcmp(a->first->multiplier, c->a) && !strcmp(b->first->multiplier, c->b);
    return !strcmp(a->variant, b->variant) && (named || a->first->width == b->first->width);
}

static const ax_record *of_seed(const ax_group *g, uint64_t seed)
{
    for (int i = 0; i < g->ndone; i++)
        if (g->done[i]->seed == seed) return g->done[i];
    return NULL;
}

/* Whether image i is the same for both: of the same data, by their configurations. */
static bool same_images(const ax_record *x, const ax_record *y)
{
    cJSON *a = cJSON_Parse(x->config), *b = cJSON_Parse(y->config);
    const cJSON *p = cJSON_GetObjectItemCaseSensitive(a, "data"), *q = cJSON_GetObjectItemCaseSensitive(b, "data");
    bool same = !strcmp(ax_json_get_string(p, "sha256", ""), ax_json_get_string(q, "sha256", ""));
    cJSON_Delete(a);
    cJSON_Delete(b);
    return same;
}

static int pair_up(ax_compare_row *row, const char *metric)
{
    double *a = ax_alloc(2 * (size_t)row->a->ndone + 1, sizeof *a), *b = a + row->a->ndone;
    if (!a) return AX_ENOMEM;
    for (int i = 0; i < row->a->ndone; i++) {
        const ax_record *x = row->a->done[i], *y = of_seed(row->b, x->seed);
        if (!y) continue;
        double u = ax_record_metric(x, metric), v = ax_record_metric(y, metric);
        if (isfinite(u) && isfinite(v)) {
            a[row->pairs] = u;
            b[row->pairs++] = v;
        }
        if (x->correct && y->correct && x->ncorrect == y->ncorrect && same_images(x, y)) {
            row->images += x->ncorrect;
            ax_discordant(x->correct, y->correct, x->ncorrect, &row->only_a, &row->only_b);
        }
    }
    int status = row->pairs ? ax_paired_interval(a, b, row->pairs, 0.95, &row->diff, &row->diff_half) : AX_OK;
    if (row->images) row->p = ax_mcnemar(row->only_a, row->only_b);
    ax_free(a);
    return status;
}

static int add_row(ax_comparison *c, const ax_group *a, const ax_group *b)
{
    ax_compare_row *rows = ax_realloc(c->rows, (size_t)c->n + 1, sizeof *rows);
    if (!rows) return AX_ENOMEM;
    c->rows = rows;
    ax_compare_row *row = &rows[c->n++];
    *row = (ax_compare_row){.a = a, .b = b, .diff = NAN, .diff_half = NAN, .p = NAN};
    if (a) AX_TRY(ax_sample_make(&row->sa, a, c->metric));
    if (b) AX_TRY(ax_sample_make(&row->sb, b, c->metric));
    return a && b ? pair_up(row, c->metric) : AX_OK;
}

/* The rows of one group of a; of_b: which groups are of b, paired: which of them have a row. */
static int add_rows(ax_comparison *c, const ax_group *a, const bool *of_b, bool *paired)
{
    bool any = false;
    for (int k = 0; k < c->groups.n; k++) {
        const ax_group *b = &c->groups.groups[k];
        if (!of_b[k] || !partners(c, a, b)) continue;
        AX_TRY(add_row(c, a, b));
        any = paired[k] = true;
    }
    return any ? AX_OK : add_row(c, a, NULL);
}

static int add_pairs(ax_comparison *c)
{
    int n = c->groups.n, status = AX_OK;
    const ax_group *groups = c->groups.groups;
    bool *of_b = ax_alloc(2 * (size_t)n + 1, sizeof *of_b), *paired = of_b + n;
    if (!of_b) return AX_ENOMEM;
    for (int k = 0; k < n; k++) of_b[k] = is_of(c, &groups[k], c->b);
    for (int i = 0; i < n && status == AX_OK; i++)
        if (is_of(c, &groups[i], c->a)) status = add_rows(c, &groups[i], of_b, paired);
    for (int k = 0; k < n && status == AX_OK; k++)
        if (of_b[k] && !paired[k]) status = add_row(c, NULL, &groups[k]);
    ax_free(of_b);
    return status;
}

static int width_of(const ax_compare_row *row) { return (row->a ? row->a : row->b)->first->width; }

/* Widest first; rows of equal width stay in the plan's order. */
static void sort_rows(ax_compare_row *rows, int n)
{
    for (int i = 1; i < n; i++)
        for (int k = i; k > 0 && width_of(&rows[k - 1]) < width_of(&rows[k]); k--) {
            ax_compare_row swap = rows[k];
            rows[k] = rows[k - 1];
            rows[k - 1] = swap;
        }
}

static int no_baseline(const ax_comparison *c)
{
    const char *names[WORDS_MAX];
    size_t n = 0;
    for (int i = 0; i < c->groups.n && n < WORDS_MAX; i++) names[n++] = c->groups.groups[i].first->multiplier;
    return ax_fail(AX_EARG, "compare: --baseline is '%s'%s, wanted a multiplier of study %s", c->baseline, ax_text_hint(c->baseline, names, n),
                   c->results->study);
}

int ax_compare_make(ax_comparison *c)
{
    AX_TRY(ax_groups_make(&c->groups, c->results));
    AX_TRY(check_name(c, c->a));
    AX_TRY(check_name(c, c->b));
    for (int i = 0; c->baseline && i < c->groups.n; i++)
        if (!strcmp(c->groups.groups[i].first->multiplier, c->baseline)) AX_TRY(add_row(c, &c->groups.groups[i], NULL));
    c->nbaseline = c->n;
    if (c->wants_baseline && !c->n) return no_baseline(c);
    AX_TRY(add_pairs(c));
    sort_rows(c->rows + c->nbaseline, c->n - c->nbaseline);
    return AX_OK;
}

void ax_compare_release(ax_comparison *c)
{
    for (int i = 0; i < c->n; i++) {
        ax_sample_release(&c->rows[i].sa);
        ax_sample_release(&c->rows[i].sb);
    }
    ax_free(c->rows);
    c->rows = NULL;
    ax_groups_release(&c->groups);
}

/* ---- assertions ---- */

static int malformed(const char *expression)
{
    return ax_fail(AX_EARG, "--assert '%s': wanted two sides with one of >= > <= < between, blanks around it, such as 'mbm:7 >= fp32 - 0.005'",
                   expression);
}

static int mean_of(const ax_comparison *c, const char *name, double *mean)
{
    int found = 0;
    for (int i = 0; i < c->groups.n; i++) {
        ax_sample s;
        if (strcmp(c->groups.groups[i].first->multiplier, name) && strcmp(c->groups.groups[i].label, name)) continue;
        AX_TRY(ax_sample_make(&s, &c->groups.groups[i], c->metric));
        *mean = s.mean;
        found++;
        ax_sample_release(&s);
    }
    if (!found) return unknown(c, name);
    if (found > 1) return ax_fail(AX_EARG, "--assert: '%s' has results of several parameters; narrow the study", name);
    return isnan(*mean) ? ax_fail(AX_EARG, "--assert: '%s' has no finished trial with %s yet", name, c->metric) : AX_OK;
}

/* TERM { (+|-) NUMBER }: words[0..n). */
static int side(const ax_comparison *c, char **words, int n, double *value, const char *expression)
{
    double add;
    if (n < 1 || n % 2 == 0) return malformed(expression);
    if (!ax_text_double(value, words[0])) AX_TRY(mean_of(c, words[0], value));
    for (int i = 1; i < n; i += 2) {
        bool plus = !strcmp(words[i], "+");
        if ((!plus && strcmp(words[i], "-")) || !ax_text_double(&add, words[i + 1])) return malformed(expression);
        *value += plus ? add : -add;
    }
    return AX_OK;
}

static const char *const signs[] = {">=", ">", "<=", "<"};

/* Means that differ by the rounding of their sums alone are equal: 0.1, 0.2, 0.3 in any order, or 0.905 - 0.005 and 0.9. */
static bool holds(int sign, double left, double right)
{
    double slack = 1e-12 * fmax(1, fmax(fabs(left), fabs(right))), above = left - right;
    return sign == 0 ? above >= -slack : sign == 1 ? above > slack : sign == 2 ? above <= slack : above < -slack;
}

static int evaluate(const ax_comparison *c, char **words, int n, const char *expression)
{
    double left, right;
    for (int at = 1; at < n; at++)
        for (int s = 0; s < 4; s++) {
            if (strcmp(words[at], signs[s])) continue;
            AX_TRY(side(c, words, at, &left, expression));
            AX_TRY(side(c, words + at + 1, n - at - 1, &right, expression));
            return holds(s, left, right) ? AX_OK : ax_fail(AX_EASSERT, "assertion false: %s: %s is %.6g on the left and %.6g on the right",
                                                           expression, c->metric, left, right);
        }
    return malformed(expression);
}

int ax_compare_assert(const ax_comparison *c, const char *expression)
{
    char *words[WORDS_MAX], *save = NULL, *copy = ax_strdup(expression);
    int n = 0;
    if (!copy) return AX_ENOMEM;
    for (char *w = strtok_r(copy, " \t", &save); w && n < WORDS_MAX; w = strtok_r(NULL, " \t", &save)) words[n++] = w;
    int status = evaluate(c, words, n, expression);
    ax_free(copy);
    return status;
}

/* A comparison as text, JSON, CSV, Markdown and LaTeX. Invariant: every form shows the same rows; none of them says
 * "significant": intervals and p are shown, the judgement is the reader's. */
#include "cmd/compare.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "store/export.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FEW_SEEDS = 5, CELL = 64 };

/* Accuracies are shown in percent, differences in percentage points. */
static bool in_percent(const ax_comparison *c) { return ax_text_ends(c->metric, "_acc"); }

static double scale(const ax_comparison *c) { return in_percent(c) ? 100 : 1; }

static int digits(const ax_comparison *c) { return in_percent(c) ? 2 : 4; }

static void mean_cell(char out[CELL], const ax_comparison *c, const ax_sample *s, const char *pm)
{
    if (!s->used) snprintf(out, CELL, "-");
    else if (isnan(s->half)) snprintf(out, CELL, "%.*f", digits(c), scale(c) * s->mean);
    else snprintf(out, CELL, "%.*f %s %.*f", digits(c), scale(c) * s->mean, pm, digits(c), scale(c) * s->half);
}

static void diff_cell(char out[CELL], const ax_comparison *c, const ax_compare_row *row, const char *pm)
{
    if (!row->pairs) snprintf(out, CELL, "-");
    else if (isnan(row->diff_half)) snprintf(out, CELL, "%+.*f", digits(c), scale(c) * row->diff);
    else snprintf(out, CELL, "%+.*f %s %.*f", digits(c), scale(c) * row->diff, pm, digits(c), scale(c) * row->diff_half);
}

static void p_cell(char out[CELL], const ax_compare_row *row)
{
    if (isnan(row->p)) snprintf(out, CELL, "-");
    else snprintf(out, CELL, row->p < 1e-4 ? "%.1e" : "%.4f", row->p);
}

static const ax_group *group_of(const ax_compare_row *row) { return row->a ? row->a : row->b; }

/* What distinguishes the row from others of its width; nothing where that is what is compared. */
static const char *variant_of(const ax_compare_row *row)
{
    return row->a && row->b && strcmp(row->a->variant, row->b->variant) != 0 ? "" : group_of(row)->variant;
}

/* Whether another row has this one's width and parameters, for other multipliers. */
static bool has_double(const ax_comparison *c, const ax_compare_row *row)
{
    for (int i = c->nbaseline; i < c->n; i++) {
        const ax_compare_row *other = &c->rows[i];
        if (other != row && group_of(other)->first->width == group_of(row)->first->width && !strcmp(variant_of(other), variant_of(row))) return true;
    }
    return false;
}

/* The multipliers of a row that its width does not name, " mbm:7" or " drum:7,k=4 | mbm:7". */
static void names_cell(char out[2 * AX_LABEL_MAX], const ax_comparison *c, const ax_compare_row *row)
{
    const char *a = group_of(row)->first->multiplier, *b = row->a && row->b ? row->b->first->multiplier : a;
    out[0] = 0;
    if (has_double(c, row)) snprintf(out, 2 * AX_LABEL_MAX, strcmp(a, b) ? " %s | %s" : " %s", a, b);
}

/* "7 (1,8,7) 16 bits", with what else distinguishes the row. */
static void label_cell(char *out, size_t size, const ax_comparison *c, const ax_compare_row *row)
{
    const ax_group *g = group_of(row);
    const char *variant = variant_of(row);
    char names[2 * AX_LABEL_MAX];
    int m = g->first->width;
    names_cell(names, c, row);
    if (row - c->rows < c->nbaseline) snprintf(out, size, "%s (1,8,%d) %d bits", g->label, m, 9 + m);
    else if (row->a && row->b && row->b->first->width != m)
        snprintf(out, size, "%d (1,8,%d) | %d (1,8,%d)%s%s", m, m, row->b->first->width, row->b->first->width, names, variant);
    else snprintf(out, size, "%d (1,8,%d) %d bits%s%s", m, m, 9 + m, names, variant);
}

typedef struct {
    char label[2 * AX_LABEL_MAX + AX_VARIANT_MAX + 44], a[CELL], b[CELL], diff[CELL], p[CELL];
    int na, nb;
} cells;

static void fill(cells *out, const ax_comparison *c, const ax_compare_row *row, const char *pm)
{
    label_cell(out->label, sizeof out->label, c, row);
    mean_cell(out->a, c, &row->sa, pm);
    mean_cell(out->b, c, &row->sb, pm);
    diff_cell(out->diff, c, row, pm);
    p_cell(out->p, row);
    out->na = row->sa.used;
    out->nb = row->sb.used;
}

/* What a side is called: "mbm:7", or "mbm:7 lr=0.01" where the row does not say it. */
static const char *name_of(const ax_compare_row *row, const ax_group *g)
{
    return !g ? "" : strcmp(variant_of(row), g->variant) ? g->label : g->first->multiplier;
}

static const char *unit(const ax_comparison *c) { return in_percent(c) ? " %" : ""; }

/* ---- what a reader must know beside the numbers ---- */

static void add_missing(ax_buf *out, const ax_group *g, const char *mark)
{
    if (!g || !g->nmissing) return;
    ax_buf_printf(out, "%s%s: no result yet for", mark, g->label);
    for (int i = 0; i < g->nmissing; i++)
        ax_buf_printf(out, "%s seed %llu (%s)", i ? "," : "", (unsigned long long)g->missing[i]->seed, ax_state_name(g->missing[i]->state));
    ax_buf_puts(out, "\n");
}

static int fewest_pairs(const ax_comparison *c)
{
    int fewest = -1;
    for (int i = c->nbaseline; i < c->n; i++)
        if (c->rows[i].pairs && (fewest < 0 || c->rows[i].pairs < fewest)) fewest = c->rows[i].pairs;
    return fewest;
}

static void add_notes(ax_buf *out, const ax_comparison *c, const char *mark)
{
    for (int i = 0; i < c->n; i++) {
        const ax_compare_row *row = &c->rows[i];
        add_missing(out, row->a, mark);
        add_missing(out, row->b, mark);
        if (i >= c->nbaseline && (!row->a || !row->b))
            ax_buf_printf(out, "%s%s has no partner of %s at this width\n", mark, group_of(row)->label, row->a ? c->b : c->a);
        int na = row->a ? row->a->ndone - row->sa.used : 0, nb = row->b ? row->b->ndone - row->sb.used : 0;
        if (na) ax_buf_printf(out, "%s%s: %d finished without a finite %s (diverged), left out\n", mark, row->a->label, na, c->metric);
        if (nb) ax_buf_printf(out, "%s%s: %d finished without a finite %s (diverged), left out\n", mark, row->b->label, nb, c->metric);
    }
    int few = fewest_pairs(c);
    if (few >= 0 && few < FEW_SEEDS)
        ax_buf_printf(out, "%s%d seed%s: intervals are wide; add seeds (seed=1..%d) before drawing conclusions\n", mark, few, few == 1 ? "" : "s",
                      2 * FEW_SEEDS);
}

/* ---- text ---- */

int ax_compare_text(ax_buf *out, const ax_comparison *c)
{
    cells x;
    int wide = 18;
    for (int i = 0; i < c->n; i++) {
        fill(&x, c, &c->rows[i], "±");
        wide = (int)strlen(x.label) > wide ? (int)strlen(x.label) : wide;
    }
    ax_buf_printf(out, "%s: %s%s, mean ± half-width of the 95 %% t-interval over seeds; difference paired by seed\n\n", c->results->study, c->metric,
                  unit(c));
    ax_buf_printf(out, "%-*s  %16s %5s  %16s %5s", wide, "width", c->a, "seeds", c->b, "seeds");
    if (c->test_t) ax_buf_printf(out, "  %18s", "difference");
    if (c->test_mcnemar) ax_buf_printf(out, "  %10s", "McNemar p");
    ax_buf_puts(out, "\n");
    for (int i = 0; i < c->n; i++) {
        fill(&x, c, &c->rows[i], "±");
        int pa = 16 + (strstr(x.a, "±") != NULL), pb = 16 + (strstr(x.b, "±") != NULL), pd = 18 + (strstr(x.diff, "±") != NULL);
        bool base = i < c->nbaseline;      /* UTF-8's ± is two bytes in one column */
        ax_buf_printf(out, "%-*s  %*s %5d", wide, x.label, pa, x.a, x.na);
        if (!base) ax_buf_printf(out, "  %*s %5d", pb, x.b, x.nb);
        if (!base && c->test_t) ax_buf_printf(out, "  %*s", pd, x.diff);
        if (!base && c->test_mcnemar) ax_buf_printf(out, "  %10s", x.p);
        ax_buf_puts(out, "\n");
    }
    ax_buf notes = {0};
    add_notes(&notes, c, "note: ");
    if (notes.len) ax_buf_printf(out, "\n%s", ax_buf_str(&notes));
    ax_buf_release(&notes);
    return ax_buf_status(out);
}

/* ---- JSON ---- */

static void json_side(cJSON *tree, const char *key, const ax_compare_row *row, const ax_group *g, const ax_sample *s)
{
    if (!g) return;
    cJSON *o = ax_json_set_object(tree, key);
    ax_json_set_string(o, "multiplier", g->first->multiplier);
    if (strcmp(variant_of(row), g->variant) != 0) ax_json_set_string(o, "params", g->variant[0] ? g->variant + 1 : "");
    ax_json_set_number(o, "n", s->used);
    ax_json_set_number(o, "mean", s->mean);
    ax_json_set_number(o, "sd", s->sd);
    ax_json_set_number(o, "ci95", s->half);
    cJSON *values = ax_json_set_array(o, "values");
    for (int i = 0; i < s->n; i++) cJSON_AddItemToArray(values, ax_json_number(s->values[i]));
}

static cJSON *json_row(const ax_comparison *c, const ax_compare_row *row)
{
    cJSON *o = cJSON_CreateObject();
    const ax_group *g = group_of(row);
    char format[CELL];
    snprintf(format, sizeof format, "(1,8,%d) %d bits", g->first->width, 9 + g->first->width);
    ax_json_set_number(o, "width", g->first->width);
    ax_json_set_string(o, "format", format);
    if (variant_of(row)[0]) ax_json_set_string(o, "params", variant_of(row) + 1);
    json_side(o, "a", row, row->a, &row->sa);
    json_side(o, "b", row, row->b, &row->sb);
    if (row->pairs && c->test_t) {
        cJSON *d = ax_json_set_object(o, "difference");
        ax_json_set_number(d, "n", row->pairs);
        ax_json_set_number(d, "mean", row->diff);
        ax_json_set_number(d, "ci95", row->diff_half);
    }
    if (row->images && c->test_mcnemar) {
        cJSON *m = ax_json_set_object(o, "mcnemar");
        ax_json_set_number(m, "images", (double)row->images);
        ax_json_set_number(m, "only_a", (double)row->only_a);
        ax_json_set_number(m, "only_b", (double)row->only_b);
        ax_json_set_number(m, "p", row->p);
    }
    return o;
}

/* The notes, a string each. */
static int json_notes(cJSON *tree, const ax_comparison *c)
{
    ax_buf text = {0};
    add_notes(&text, c, "");
    cJSON *notes = ax_json_set_array(tree, "notes");
    char *save = NULL;
    for (char *line = text.len ? strtok_r(text.data, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save))
        cJSON_AddItemToArray(notes, cJSON_CreateString(line));
    int status = ax_buf_status(&text);
    ax_buf_release(&text);
    return status;
}

int ax_compare_json(ax_buf *out, const ax_comparison *c)
{
    cJSON *tree = cJSON_CreateObject();
    ax_json_set_number(tree, "schema", 1);
    ax_json_set_string(tree, "study", c->results->study);
    ax_json_set_string(tree, "metric", c->metric);
    ax_json_set_string(tree, "a", c->a);
    ax_json_set_string(tree, "b", c->b);
    cJSON *baseline = ax_json_set_array(tree, "baseline");
    for (int i = 0; i < c->nbaseline; i++) cJSON_AddItemToArray(baseline, json_row(c, &c->rows[i]));
    cJSON *rows = ax_json_set_array(tree, "rows");
    for (int i = c->nbaseline; i < c->n; i++) cJSON_AddItemToArray(rows, json_row(c, &c->rows[i]));
    int status = json_notes(tree, c);
    char *text = status == AX_OK ? ax_json_text(tree, true) : NULL;
    if (text) ax_buf_printf(out, "%s\n", text);
    else if (status == AX_OK) status = AX_ENOMEM;
    ax_free(text);
    cJSON_Delete(tree);
    return status == AX_OK ? ax_buf_status(out) : status;
}

/* ---- CSV, Markdown, LaTeX ---- */

static void csv_number(ax_buf *out, double v)
{
    ax_buf_puts(out, ",");
    if (!isnan(v)) ax_buf_printf(out, "%.17g", v);
}

static void csv_text(ax_buf *out, const char *text)
{
    ax_buf_puts(out, "\"");
    for (; *text; text++) ax_buf_add(out, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    ax_buf_puts(out, "\"");
}

int ax_compare_csv(ax_buf *out, const ax_comparison *c)
{
    ax_buf_puts(out, "width,params,a,a_n,a_mean,a_ci95,b,b_n,b_mean,b_ci95,pairs,difference,difference_ci95,only_a,only_b,mcnemar_p\r\n");
    for (int i = 0; i < c->n; i++) {
        const ax_compare_row *row = &c->rows[i];
        const ax_group *g = group_of(row);
        ax_buf_printf(out, "%d,", g->first->width);
        csv_text(out, variant_of(row)[0] ? variant_of(row) + 1 : "");
        ax_buf_puts(out, ",");
        csv_text(out, name_of(row, row->a));
        ax_buf_printf(out, ",%d", row->sa.used);
        csv_number(out, row->a ? row->sa.mean : NAN);
        csv_number(out, row->a ? row->sa.half : NAN);
        ax_buf_puts(out, ",");
        csv_text(out, name_of(row, row->b));
        ax_buf_printf(out, ",%d", row->sb.used);
        csv_number(out, row->b ? row->sb.mean : NAN);
        csv_number(out, row->b ? row->sb.half : NAN);
        ax_buf_printf(out, ",%d", row->pairs);
        csv_number(out, row->diff);
        csv_number(out, row->diff_half);
        ax_buf_printf(out, ",%lld,%lld", (long long)row->only_a, (long long)row->only_b);
        csv_number(out, row->p);
        ax_buf_puts(out, "\r\n");
    }
    return ax_buf_status(out);
}

int ax_compare_md(ax_buf *out, const ax_comparison *c)
{
    cells x;
    ax_buf_printf(out, "%s of study %s: mean ± half-width of the 95 %% t-interval%s.\n\n", c->metric, c->results->study,
                  in_percent(c) ? ", percent" : "");
    ax_buf_puts(out, "| width | ");
    ax_export_md_text(out, c->a);
    ax_buf_puts(out, " | seeds | ");
    ax_export_md_text(out, c->b);
    ax_buf_printf(out, " | seeds |%s%s\n", c->test_t ? " difference |" : "", c->test_mcnemar ? " McNemar p |" : "");
    ax_buf_printf(out, "|---|---:|---:|---:|---:|%s%s\n", c->test_t ? "---:|" : "", c->test_mcnemar ? "---:|" : "");
    for (int i = 0; i < c->n; i++) {
        fill(&x, c, &c->rows[i], "±");
        ax_buf_puts(out, "| ");
        ax_export_md_text(out, x.label);
        if (i < c->nbaseline) ax_buf_printf(out, " | %s | %d | | |%s%s\n", x.a, x.na, c->test_t ? " |" : "", c->test_mcnemar ? " |" : "");
        else {
            ax_buf_printf(out, " | %s | %d | %s | %d |", x.a, x.na, x.b, x.nb);
            if (c->test_t) ax_buf_printf(out, " %s |", x.diff);
            if (c->test_mcnemar) ax_buf_printf(out, " %s |", x.p);
            ax_buf_puts(out, "\n");
        }
    }
    ax_buf_puts(out, "\n");
    add_notes(out, c, "* ");
    return ax_buf_status(out);
}

static void tex_text(ax_buf *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("_%&#$", *text)) ax_buf_puts(out, "\\");
        ax_buf_add(out, text, 1);
    }
}

int ax_compare_latex(ax_buf *out, const ax_comparison *c)
{
    cells x;
    ax_buf_printf(out, "%% %s: mean and half-width of the 95 %% t-interval over seeds\n", c->metric);
    ax_buf_printf(out, "\\begin{tabular}{lrr%s%s}\n\\hline\nwidth & ", c->test_t ? "r" : "", c->test_mcnemar ? "r" : "");
    tex_text(out, c->a);
    ax_buf_puts(out, " & ");
    tex_text(out, c->b);
    ax_buf_printf(out, "%s%s \\\\\n\\hline\n", c->test_t ? " & difference" : "", c->test_mcnemar ? " & McNemar $p$" : "");
    for (int i = 0; i < c->n; i++) {
        fill(&x, c, &c->rows[i], "\\pm");
        tex_text(out, x.label);
        ax_buf_printf(out, " & $%s$ & $%s$", x.a, i < c->nbaseline ? "" : x.b);
        if (c->test_t) ax_buf_printf(out, " & $%s$", i < c->nbaseline ? "" : x.diff);
        if (c->test_mcnemar) ax_buf_printf(out, " & $%s$", i < c->nbaseline ? "" : x.p);
        ax_buf_puts(out, " \\\\\n");
    }
    ax_buf_puts(out, "\\hline\n\\end{tabular}\n");
    add_notes(out, c, "% ");
    return ax_buf_status(out);
}

/* The card of a multiplier. Invariant: table and errors, where they stand, are those of the SHA-256 beside them. */
#include "store/mult_h5.h"

#include "base/alloc.h"
#include "base/error.h"
#include "lut/errors.h"
#include "store/mults.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- writing ---- */

/* Over all operand pairs, or over a sample of them above m = 11; lut/errors.h says what each is. */
static int put_errors(ax_h5 *h, const char *group, const ax_lut *lut)
{
    ax_errors e;
    ax_errors_measure(&e, lut, NULL);
    const struct {
        const char *name;
        double value;
    } values[] = {
        {"med", e.med}, {"nmed", e.nmed}, {"mred", e.mred}, {"wce", e.wce}, {"wcre", e.wcre}, {"bias", e.bias}, {"variance", e.variance},
        {"sd", e.sd}, {"min_error", e.min}, {"max_error", e.max}, {"error_rate", e.error_rate}, {"error_pairs", e.pairs},
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) AX_TRY(ax_h5_attr_f64(h, group, values[i].name, values[i].value));
    return ax_h5_attr_i64(h, group, "error_sampled", e.sampled);
}

static int put_words(ax_h5 *h, const char *group, const ax_lut *lut)
{
    char *path = ax_h5_join(group, "table");
    if (!path) return AX_ENOMEM;
    hsize_t side[2] = {(hsize_t)1 << lut->width, (hsize_t)1 << lut->width};
    int status = ax_h5_put(h, path, H5T_STD_U32LE, H5T_NATIVE_UINT32, 2, side, lut->words, true);
    ax_free(path);
    return status;
}

/* The table, words as lut/view.h has them, and its errors. What was kept with the study comes first; then what the spec opens
 * today, unless that is another table than the trials', or would have a reader of results compile a C file. */
static int put_table(ax_h5 *h, const char *group, const ax_results_mult *m)
{
    ax_lut kept = {.width = m->width, .words = m->words, .view = {.width = m->width, .words = m->words, .direct = -1}};
    ax_lut *opened = m->words || !strcmp(m->kind, "c") ? NULL : ax_lut_open(m->spec);
    const ax_lut *lut = m->words ? &kept : opened;
    int status = AX_OK;
    if (lut && (m->words || !m->sha256[0] || !strcmp(lut->sha256, m->sha256)) && !lut->view.native) {
        if (lut->words) status = put_words(h, group, lut);
        if (status == AX_OK) status = put_errors(h, group, lut);
    }
    ax_lut_close(opened);
    return status;
}

static int put_costs(ax_h5 *h, const char *group, const ax_costs *c)
{
#define X(field) if (!isnan(c->field)) AX_TRY(ax_h5_attr_f64(h, group, #field, c->field));
    AX_COSTS(X)
#undef X
    return c->source[0] ? ax_h5_attr_text(h, group, "cost_source", c->source) : AX_OK;
}

int ax_mult_card_put(ax_h5 *h, const ax_results_mult *m)
{
    char *link = ax_h5_escape(m->spec), *group = link ? ax_h5_join("/multipliers", link) : NULL;
    int status = group ? ax_h5_group(h, group) : AX_ENOMEM;
    if (status == AX_OK) status = ax_h5_attr_text(h, group, "spec", m->spec);
    if (status == AX_OK) status = ax_h5_attr_text(h, group, "family", m->family);
    if (status == AX_OK) status = ax_h5_attr_text(h, group, "kind", m->kind);
    if (status == AX_OK) status = ax_h5_attr_i64(h, group, "width", m->width);
    if (status == AX_OK) status = ax_h5_attr_text(h, group, "format", m->format);
    if (status == AX_OK) status = ax_h5_attr_text(h, group, "sha256", m->sha256);
    if (status == AX_OK) status = put_costs(h, group, &m->costs);
    if (status == AX_OK) status = put_table(h, group, m);
    ax_free(link);
    ax_free(group);
    return status;
}

/* ---- reading ---- */

static int get_costs(ax_h5 *h, const char *group, ax_costs *c)
{
#define X(field) AX_TRY(ax_h5_get_attr_f64(h, group, #field, &c->field));
    AX_COSTS(X)
#undef X
    return ax_h5_get_attr_text(h, group, "cost_source", c->source, sizeof c->source);
}

/* The table of what is no family, so that a study written from this one has it too. */
static int get_words(ax_h5 *h, const char *group, ax_results_mult *m)
{
    int rank;
    hsize_t dims[AX_H5_RANK_MAX], side = (hsize_t)1 << m->width;
    void *words;
    char *path = ax_h5_join(group, "table");
    if (!path) return AX_ENOMEM;
    int status = AX_OK;
    if (strcmp(m->kind, "family") && m->width >= 1 && m->width <= AX_TABLE_MAX_WIDTH && ax_h5_has(h, path)) {
        status = ax_h5_get(h, path, H5T_INTEGER, H5T_NATIVE_UINT32, &rank, dims, &words);
        if (status == AX_OK && (rank != 2 || dims[0] != side || dims[1] != side)) {
            ax_free(words);
            status = ax_fail(AX_EFORMAT, "%s: %s: wanted (%d, %d) words for the width %d", h->path, path, (int)side, (int)side, m->width);
        } else if (status == AX_OK) {
            m->words = words;
            ax_mult_check_words(m);
        }
    }
    ax_free(path);
    return status;
}

static int get_card(ax_h5 *h, const char *group, ax_results_mult *m)
{
    int64_t width = 0;
    char spec[AX_LABEL_MAX] = "";
    AX_TRY(ax_h5_get_attr_text(h, group, "spec", spec, sizeof spec));
    ax_mult_init(m, spec);
    AX_TRY(ax_h5_get_attr_text(h, group, "family", m->family, sizeof m->family));
    AX_TRY(ax_h5_get_attr_text(h, group, "sha256", m->sha256, sizeof m->sha256));
    AX_TRY(ax_h5_get_attr_i64(h, group, "width", &width));
    if (width < 0 || width > AX_WIDTH_MAX)
        return ax_fail(AX_EFORMAT, "%s: %s: width %lld, wanted 0 to %d", h->path, group, (long long)width, AX_WIDTH_MAX);
    m->width = (int)width;
    AX_TRY(get_costs(h, group, &m->costs));
    return get_words(h, group, m);
}

int ax_mult_card_get(ax_h5 *h, const char *link, ax_results *r)
{
    ax_results_mult m = {0};
    char *group = ax_h5_join("/multipliers", link);
    int status = group ? get_card(h, group, &m) : AX_ENOMEM;
    if (status == AX_OK) ax_mults_fill(r, &m);
    ax_free(group);
    return status;
}

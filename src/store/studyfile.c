/* The study file, written from the records and read back into them. Invariant: the same results give the same bytes, and
 * everything a reader of approxrun needs stands in /trials, /multipliers, /provenance and the root's attributes; the rest is for
 * other tools. */
#include "store/studyfile.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "store/mult_h5.h"
#include "store/record_h5.h"
#include "store/views_h5.h"

#include "gitid.h"

#include <stdio.h>
#include <string.h>

static const size_t study_cap = (size_t)4 << 30;

/* ---- writing ---- */

static int put_root(ax_h5 *h, const ax_results *r)
{
    AX_TRY(ax_h5_attr_text(h, "/", "approxrun_version", AX_VERSION));
    AX_TRY(ax_h5_attr_text(h, "/", "study", r->study));
    AX_TRY(ax_h5_attr_text(h, "/", "metric", r->metric));
    AX_TRY(ax_h5_attr_text(h, "/", "created", r->created));
    AX_TRY(ax_h5_attr_text(h, "/", "Conventions", "approxrun-1"));
    AX_TRY(ax_h5_put_text(h, "/provenance/script", r->script ? r->script : ""));
    return ax_h5_put_text(h, "/provenance/plan", r->plan ? r->plan : "");
}

static int put_study(ax_h5 *h, const ax_results *r)
{
    AX_TRY(put_root(h, r));
    AX_TRY(ax_views_put(h, r));
    AX_TRY(ax_h5_group(h, "/multipliers"));
    for (int i = 0; i < r->nmults; i++) AX_TRY(ax_mult_card_put(h, &r->mults[i]));
    AX_TRY(ax_h5_group(h, "/trials"));
    for (int i = 0; i < r->n; i++) {
        char group[32];
        snprintf(group, sizeof group, "/trials/%s", r->trials[i].id);
        AX_TRY(ax_record_put(h, group, &r->trials[i]));
    }
    return AX_OK;
}

int ax_results_write(const ax_results *r, const char *path)
{
    ax_h5 h;
    char *data = NULL;
    size_t len = 0;
    AX_TRY(ax_h5_create(&h, path, "study"));
    int status = put_study(&h, r);
    if (status == AX_OK) status = ax_h5_finish(&h, &data, &len);
    if (status == AX_OK) status = ax_file_write(path, data, len);
    ax_free(data);
    ax_h5_close(&h);
    return status;
}

/* ---- reading ---- */

static int get_root(ax_h5 *h, ax_results *r)
{
    AX_TRY(ax_h5_get_attr_text(h, "/", "approxrun_version", r->version, sizeof r->version));
    AX_TRY(ax_h5_get_attr_text(h, "/", "study", r->study, sizeof r->study));
    AX_TRY(ax_h5_get_attr_text(h, "/", "metric", r->metric, sizeof r->metric));
    AX_TRY(ax_h5_get_attr_text(h, "/", "created", r->created, sizeof r->created));
    if (ax_h5_has(h, "/provenance/script")) AX_TRY(ax_h5_get_text(h, "/provenance/script", &r->script));
    return ax_h5_has(h, "/provenance/plan") ? ax_h5_get_text(h, "/provenance/plan", &r->plan) : AX_OK;
}

/* The ids in their order: (n, 16) bytes without ends. */
static int get_order(ax_h5 *h, char **ids, int *n)
{
    int rank;
    hsize_t dims[AX_H5_RANK_MAX];
    void *data;
    hid_t type = ax_h5_string_type(AX_ID_MAX - 1, false);
    *ids = NULL;
    *n = 0;
    if (type < 0) return ax_h5_fail(h, AX_EFORMAT, "/axes/trial");
    int status = ax_h5_get(h, "/axes/trial", H5T_STRING, type, &rank, dims, &data);
    H5Tclose(type);
    AX_TRY(status);
    if (rank != 1 || dims[0] > 100000000) {
        ax_free(data);
        return ax_fail(AX_EFORMAT, "%s: /axes/trial: wanted one dimension", h->path);
    }
    *ids = data;
    *n = (int)dims[0];
    return AX_OK;
}

static int get_trials(ax_h5 *h, ax_results *r)
{
    char *ids, group[32];
    int n;
    AX_TRY(get_order(h, &ids, &n));
    int status = AX_OK;
    r->trials = ax_alloc((size_t)n + 1, sizeof *r->trials);
    if (!r->trials) status = AX_ENOMEM;
    for (int i = 0; i < n && status == AX_OK; i++) {
        ax_record *t = &r->trials[r->n++];
        ax_record_init(t);
        memcpy(t->id, ids + (size_t)i * (AX_ID_MAX - 1), AX_ID_MAX - 1);
        snprintf(group, sizeof group, "/trials/%s", t->id);
        if (strspn(t->id, "0123456789abcdef") != AX_ID_MAX - 1 || !ax_h5_has(h, group))
            status = ax_fail(AX_EFORMAT, "%s: /axes/trial names '%s', which is not in /trials", h->path, t->id);
        else status = ax_record_get(h, group, t);
    }
    ax_free(ids);
    return status;
}

static int get_study(ax_h5 *h, ax_results *r)
{
    char **links;
    int n;
    AX_TRY(get_root(h, r));
    AX_TRY(get_trials(h, r));
    AX_TRY(ax_results_collect(r));      /* their order is that of the trials; what stands in the file fills them */
    AX_TRY(ax_h5_names(h, "/multipliers", &links, &n));
    int status = AX_OK;
    for (int i = 0; i < n && status == AX_OK; i++) status = ax_mult_card_get(h, links[i], r);
    ax_h5_free_names(links, n);
    return status;
}

int ax_studyfile_read(ax_results *r, const char *path)
{
    ax_h5 h;
    AX_TRY(ax_h5_open(&h, path, study_cap, "study", false));
    int status = get_study(&h, r);
    ax_h5_close(&h);
    return status;
}

/* The study as a table, as curves over epochs and as a grid over multipliers, widths and seeds, with dimension scales. Invariant:
 * these are copies; no reader of approxrun's own uses them but for the order of the trials in /axes/trial. */
#include "store/views_h5.h"

#include "base/alloc.h"
#include "base/error.h"

#include <hdf5_hl.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE_CHUNK = 256, FAMILY_MAX = AX_LABEL_MAX + 64 };

/* ---- dimension scales ---- */

static int make_scale(ax_h5 *h, const char *path, const char *label)
{
    hid_t set = H5Dopen2(h->file, path, H5P_DEFAULT);
    int status = set >= 0 && H5DSset_scale(set, label) >= 0 ? AX_OK : ax_h5_fail(h, AX_ESTORE, path);
    if (set >= 0) H5Dclose(set);
    return status;
}

static int attach(ax_h5 *h, const char *path, unsigned dim, const char *scale, const char *label)
{
    hid_t set = H5Dopen2(h->file, path, H5P_DEFAULT), axis = H5Dopen2(h->file, scale, H5P_DEFAULT);
    bool ok = set >= 0 && axis >= 0 && H5DSattach_scale(set, axis, dim) >= 0 && H5DSset_label(set, dim, label) >= 0;
    int status = ok ? AX_OK : ax_h5_fail(h, AX_ESTORE, path);
    if (axis >= 0) H5Dclose(axis);
    if (set >= 0) H5Dclose(set);
    return status;
}

/* An axis of n strings, each of `size` bytes. */
static int put_names(ax_h5 *h, const char *path, const char *label, const char *names, size_t size, int n)
{
    hsize_t dims[1] = {(hsize_t)n};
    hid_t type = ax_h5_string_type(size, ax_h5_needs_utf8(names, (size_t)n * size));
    if (type < 0) return ax_h5_fail(h, AX_ESTORE, path);
    int status = ax_h5_put(h, path, type, type, 1, dims, names, false);
    H5Tclose(type);
    return status == AX_OK ? make_scale(h, path, label) : status;
}

static int put_ids(ax_h5 *h, const ax_results *r)
{
    enum { SIZE = AX_ID_MAX - 1 };
    char *ids = ax_alloc((size_t)r->n + 1, SIZE);
    if (!ids) return AX_ENOMEM;
    for (int i = 0; i < r->n; i++) memcpy(ids + (size_t)i * SIZE, r->trials[i].id, SIZE);
    int status = put_names(h, "/axes/trial", "trial", ids, SIZE, r->n);
    ax_free(ids);
    return status;
}

/* ---- /table ---- */

enum column_kind { TEXT, REAL, INT, SEED, STATE };

static const struct {
    const char *name;
    enum column_kind kind;
    size_t offset, width;            /* in ax_record; of a text: its least width */
} columns[] = {
    {"trial_id", TEXT, offsetof(ax_record, id), 16},       {"multiplier", TEXT, offsetof(ax_record, multiplier), 32},
    {"family", TEXT, offsetof(ax_record, family), 16},     {"width", INT, offsetof(ax_record, width), 0},
    {"seed", SEED, offsetof(ax_record, seed), 0},          {"state", STATE, offsetof(ax_record, state), 0},
    {"epochs", INT, offsetof(ax_record, epochs), 0},       {"best_epoch", INT, offsetof(ax_record, best_epoch), 0},
    {"test_acc", REAL, offsetof(ax_record, test_acc), 0},  {"test_loss", REAL, offsetof(ax_record, test_loss), 0},
    {"train_s", REAL, offsetof(ax_record, train_s), 0},    {"device", TEXT, offsetof(ax_record, device), 32},
    {"host", TEXT, offsetof(ax_record, host), 64},         {"started", REAL, offsetof(ax_record, started), 0},
    {"retries", INT, offsetof(ax_record, retries), 0},     {"tags", TEXT, offsetof(ax_record, tags), 128},
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static hid_t state_type(void)
{
    hid_t type = H5Tenum_create(H5T_STD_U8LE);
    for (int i = 0; type >= 0 && i < AX_STATE_COUNT; i++) {
        uint8_t value = (uint8_t)i;
        if (H5Tenum_insert(type, ax_state_name((enum ax_state)i), &value) < 0) {
            H5Tclose(type);
            return -1;
        }
    }
    return type;
}

/* The type of column c and its size; text columns are as wide as their longest text. The caller closes it. */
static hid_t column_type(const ax_results *r, int c, size_t *size)
{
    size_t width = columns[c].width;
    bool utf8 = false;
    hid_t type;
    switch (columns[c].kind) {
    case TEXT:
        for (int i = 0; i < r->n; i++) {
            const char *text = (const char *)&r->trials[i] + columns[c].offset;
            width = strlen(text) > width ? strlen(text) : width;
            utf8 = utf8 || ax_h5_needs_utf8(text, strlen(text));
        }
        type = ax_h5_string_type(width, utf8);
        break;
    case REAL: type = H5Tcopy(H5T_IEEE_F64LE); break;
    case INT: type = H5Tcopy(H5T_STD_I32LE); break;
    case SEED: type = H5Tcopy(H5T_STD_U64LE); break;
    default: type = state_type();
    }
    *size = type >= 0 ? H5Tget_size(type) : 0;
    return type;
}

/* One cell, little-endian, into a zeroed row. */
static void fill_cell(char *cell, size_t size, const ax_record *t, int c)
{
    const char *field = (const char *)t + columns[c].offset;
    uint64_t bits = 0;
    int32_t whole;
    switch (columns[c].kind) {
    case TEXT: memcpy(cell, field, strnlen(field, size)); return;
    case INT:
        memcpy(&whole, field, sizeof whole);
        bits = (uint32_t)whole;
        break;
    case STATE: bits = (uint64_t)t->state; break;
    default: memcpy(&bits, field, sizeof bits);
    }
    for (size_t i = 0; i < size; i++) cell[i] = (char)(bits >> 8 * i);
}

/* The row's type, its size, and (n, size) bytes of rows. */
static int build_rows(ax_h5 *h, const ax_results *r, hid_t *row, size_t *size, char **rows)
{
    hid_t types[COLUMNS];
    size_t sizes[COLUMNS], offset = 0;
    bool ok = true;
    *size = 0;
    for (int c = 0; c < COLUMNS; c++) {
        types[c] = column_type(r, c, &sizes[c]);
        *size += sizes[c];
        ok = ok && types[c] >= 0;
    }
    *row = ok ? H5Tcreate(H5T_COMPOUND, *size) : -1;
    *rows = ax_alloc((size_t)r->n + 1, *size + 1);
    for (int c = 0; c < COLUMNS; offset += sizes[c++]) {
        ok = ok && *row >= 0 && H5Tinsert(*row, columns[c].name, offset, types[c]) >= 0;
        for (int i = 0; *rows && i < r->n; i++) fill_cell(*rows + (size_t)i * *size + offset, sizes[c], &r->trials[i], c);
        if (types[c] >= 0) H5Tclose(types[c]);
    }
    return !*rows ? AX_ENOMEM : ok ? AX_OK : ax_h5_fail(h, AX_ESTORE, "/table");
}

/* Chunked and extensible, as PyTables wants its tables. */
static int put_table(ax_h5 *h, const ax_results *r)
{
    hid_t row = -1, plist = H5Pcreate(H5P_DATASET_CREATE), set = -1;
    hsize_t dims[1] = {(hsize_t)r->n}, max[1] = {H5S_UNLIMITED}, chunk[1] = {TABLE_CHUNK};
    hid_t space = H5Screate_simple(1, dims, max);
    size_t size;
    char *rows = NULL;
    int status = build_rows(h, r, &row, &size, &rows);
    if (status != AX_OK) goto out;
    if (plist >= 0 && space >= 0 && H5Pset_obj_track_times(plist, false) >= 0 && H5Pset_chunk(plist, 1, chunk) >= 0
        && H5Pset_shuffle(plist) >= 0 && H5Pset_deflate(plist, 4) >= 0)
        set = H5Dcreate2(h->file, "/table", row, space, H5P_DEFAULT, plist, H5P_DEFAULT);
    bool ok = set >= 0 && (r->n == 0 || H5Dwrite(set, row, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows) >= 0);
    if (set >= 0 && H5Dclose(set) < 0) ok = false;
    if (!ok) status = ax_h5_fail(h, AX_ESTORE, "/table");
out:
    ax_free(rows);
    if (row >= 0) H5Tclose(row);
    if (space >= 0) H5Sclose(space);
    if (plist >= 0) H5Pclose(plist);
    return status;
}

/* ---- /curves ---- */

static int put_curve(ax_h5 *h, const ax_results *r, const char *name, int epochs)
{
    hsize_t dims[2] = {(hsize_t)r->n, (hsize_t)epochs};
    double *values = ax_alloc((size_t)r->n * (size_t)epochs, sizeof *values);      /* (N, E) */
    if (!values) return AX_ENOMEM;
    for (int i = 0; i < r->n; i++) {
        const double *own = ax_record_curve(&r->trials[i], name);
        for (int e = 0; e < epochs; e++) values[i * (int64_t)epochs + e] = own && e < r->trials[i].epochs ? own[e] : NAN;
    }
    char path[40];
    snprintf(path, sizeof path, "/curves/%s", name);
    int status = ax_h5_put_f64(h, path, 2, dims, values, true);
    ax_free(values);
    if (status == AX_OK) status = attach(h, path, 0, "/axes/trial", "trial");
    if (status == AX_OK) status = attach(h, path, 1, "/axes/epoch", "epoch");
    if (status == AX_OK) status = ax_h5_attr_text(h, path, "units", strcmp(name, "epoch_s") ? "1" : "s");
    return status;
}

static int put_epochs(ax_h5 *h, int epochs)
{
    hsize_t dims[1] = {(hsize_t)epochs};
    int32_t *numbers = ax_alloc((size_t)epochs + 1, sizeof *numbers);
    if (!numbers) return AX_ENOMEM;
    for (int e = 0; e < epochs; e++) numbers[e] = e + 1;
    int status = ax_h5_put(h, "/axes/epoch", H5T_STD_I32LE, H5T_NATIVE_INT32, 1, dims, numbers, false);
    ax_free(numbers);
    return status == AX_OK ? make_scale(h, "/axes/epoch", "epoch") : status;
}

/* Every curve that some trial has, in the order of the first trial that has it. */
static int put_curves(ax_h5 *h, const ax_results *r)
{
    int epochs = 0;
    for (int i = 0; i < r->n; i++) epochs = r->trials[i].epochs > epochs ? r->trials[i].epochs : epochs;
    AX_TRY(put_epochs(h, epochs));
    AX_TRY(ax_h5_group(h, "/curves"));
    for (int i = 0; epochs > 0 && i < r->n; i++)
        for (int k = 0; k < r->trials[i].ncurves; k++) {
            char path[40];
            snprintf(path, sizeof path, "/curves/%s", r->trials[i].curves[k].name);
            if (!ax_h5_has(h, path)) AX_TRY(put_curve(h, r, r->trials[i].curves[k].name, epochs));
        }
    return AX_OK;
}

/* ---- /grid/test_acc ---- */

typedef struct {
    char *families;                  /* (nf, FAMILY_MAX), in the order of the trials */
    int32_t *widths;                 /* ascending */
    uint64_t *seeds;                 /* ascending */
    int nf, nw, ns;
} grid_axes;

/* The multiplier without its width: its options tell multipliers of one family and width apart. */
static void family_label(char out[FAMILY_MAX], const ax_record *t)
{
    const char *options = strchr(t->multiplier, ',');
    memset(out, 0, FAMILY_MAX);
    snprintf(out, FAMILY_MAX, "%s%s", t->family, options ? options : "");
}

static int by_width(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static int by_seed(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int family_at(const grid_axes *g, const ax_record *t)
{
    char label[FAMILY_MAX];
    family_label(label, t);
    int i = 0;
    while (i < g->nf && strcmp(g->families + (size_t)i * FAMILY_MAX, label)) i++;
    return i;
}

/* Sorts the n values and drops the repeated ones; how many are left. */
static int sort_unique(void *values, int n, size_t size, int (*order)(const void *, const void *))
{
    char *at = values;
    int kept = 0;
    qsort(values, (size_t)n, size, order);
    for (int i = 0; i < n; i++)
        if (!kept || order(at + (size_t)(kept - 1) * size, at + (size_t)i * size)) memmove(at + (size_t)kept++ * size, at + (size_t)i * size, size);
    return kept;
}

static int find_axes(grid_axes *g, const ax_results *r)
{
    size_t n = (size_t)r->n + 1;
    g->families = ax_alloc(n, FAMILY_MAX);
    g->widths = ax_alloc(n, sizeof *g->widths);
    g->seeds = ax_alloc(n, sizeof *g->seeds);
    if (!g->families || !g->widths || !g->seeds) return AX_ENOMEM;
    for (int i = 0; i < r->n; i++) {
        const ax_record *t = &r->trials[i];
        if (!t->in_plan) continue;
        if (family_at(g, t) == g->nf) family_label(g->families + (size_t)g->nf++ * FAMILY_MAX, t);
        g->widths[g->nw++] = t->width;
        g->seeds[g->ns++] = t->seed;
    }
    g->nw = sort_unique(g->widths, g->nw, sizeof *g->widths, by_width);
    g->ns = sort_unique(g->seeds, g->ns, sizeof *g->seeds, by_seed);
    return AX_OK;
}

static int put_axes(ax_h5 *h, const grid_axes *g)
{
    size_t size = 1;
    for (int i = 0; i < g->nf; i++) {
        size_t n = strlen(g->families + (size_t)i * FAMILY_MAX);
        size = n > size ? n : size;
    }
    for (int i = 0; i < g->nf; i++) memmove(g->families + (size_t)i * size, g->families + (size_t)i * FAMILY_MAX, size);
    hsize_t widths[1] = {(hsize_t)g->nw}, seeds[1] = {(hsize_t)g->ns};
    AX_TRY(put_names(h, "/axes/family", "family", g->families, size, g->nf));
    AX_TRY(ax_h5_put(h, "/axes/width", H5T_STD_I32LE, H5T_NATIVE_INT32, 1, widths, g->widths, false));
    AX_TRY(make_scale(h, "/axes/width", "width"));
    AX_TRY(ax_h5_put(h, "/axes/seed", H5T_STD_U64LE, H5T_NATIVE_UINT64, 1, seeds, g->seeds, false));
    return make_scale(h, "/axes/seed", "seed");
}

/* Accuracies by family, width and seed; where trials differ in other parameters, the first of the plan, also if it diverged. */
static double *grid_values(const grid_axes *g, const ax_results *r)
{
    size_t n = (size_t)g->nf * (size_t)g->nw * (size_t)g->ns;
    double *values = ax_alloc(n + 1, sizeof *values);      /* (family, width, seed) */
    bool *taken = ax_alloc(n + 1, sizeof *taken);
    if (!taken) {
        ax_free(values);
        return NULL;
    }
    for (size_t i = 0; values && i < n; i++) values[i] = NAN;
    for (int i = 0; values && i < r->n; i++) {
        const ax_record *t = &r->trials[i];
        int32_t width = t->width;
        if (!t->in_plan || (t->state != AX_STATE_complete && t->state != AX_STATE_diverged)) continue;
        int32_t *w = bsearch(&width, g->widths, (size_t)g->nw, sizeof width, by_width);
        uint64_t *s = bsearch(&t->seed, g->seeds, (size_t)g->ns, sizeof t->seed, by_seed);
        if (!w || !s) continue;
        size_t cell = ((size_t)family_at(g, t) * (size_t)g->nw + (size_t)(w - g->widths)) * (size_t)g->ns + (size_t)(s - g->seeds);
        if (!taken[cell]) values[cell] = t->test_acc;
        taken[cell] = true;
    }
    ax_free(taken);
    return values;
}

static int put_grid(ax_h5 *h, const ax_results *r)
{
    grid_axes g = {0};
    double *values = NULL;
    int status = find_axes(&g, r);
    if (status == AX_OK && !(values = grid_values(&g, r))) status = AX_ENOMEM;
    if (status == AX_OK) status = put_axes(h, &g);
    if (status == AX_OK) status = ax_h5_group(h, "/grid");
    if (status == AX_OK && g.nf) {
        hsize_t dims[3] = {(hsize_t)g.nf, (hsize_t)g.nw, (hsize_t)g.ns};
        status = ax_h5_put_f64(h, "/grid/test_acc", 3, dims, values, false);
        if (status == AX_OK) status = attach(h, "/grid/test_acc", 0, "/axes/family", "family");
        if (status == AX_OK) status = attach(h, "/grid/test_acc", 1, "/axes/width", "width");
        if (status == AX_OK) status = attach(h, "/grid/test_acc", 2, "/axes/seed", "seed");
    }
    ax_free(values);
    ax_free(g.families);
    ax_free(g.widths);
    ax_free(g.seeds);
    return status;
}

int ax_views_put(ax_h5 *h, const ax_results *r)
{
    AX_TRY(put_ids(h, r));
    AX_TRY(put_table(h, r));
    AX_TRY(put_curves(h, r));
    return put_grid(h, r);
}

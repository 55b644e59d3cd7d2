/* A record to and from a group. Invariant: what was put comes back with the same bits, NaNs and 64-bit seeds included. */
#include "store/record_h5.h"

#include "base/alloc.h"
#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* One row an attribute, for both directions. */
#define TEXTS(X) X(id) X(multiplier) X(family) X(device) X(host) X(tags)
#define REALS(X) X(test_acc) X(test_loss) X(train_s) X(started)
#define OPTIONALS(X) X(energy_uj) X(train_energy_j)      /* reals that are left out where they are NAN */
#define WHOLES(X) X(width) X(epochs) X(best_epoch) X(retries) X(classes) X(in_plan)
#define DOCUMENTS(X) X(params) X(config) X(env) X(log_tail) X(message)

static int put_attributes(ax_h5 *h, const char *group, const ax_record *r)
{
#define X(field) AX_TRY(ax_h5_attr_text(h, group, #field, r->field));
    TEXTS(X)
#undef X
#define X(field) AX_TRY(ax_h5_attr_f64(h, group, #field, r->field));
    REALS(X)
#undef X
#define X(field) if (!isnan(r->field)) AX_TRY(ax_h5_attr_f64(h, group, #field, r->field));
    OPTIONALS(X)
#undef X
#define X(field) AX_TRY(ax_h5_attr_i64(h, group, #field, r->field));
    WHOLES(X)
#undef X
    AX_TRY(ax_h5_attr_u64(h, group, "seed", r->seed));
    AX_TRY(ax_h5_attr_i64(h, group, "images", r->ncorrect));
    return ax_h5_attr_text(h, group, "state", ax_state_name(r->state));
}

static int put_text(ax_h5 *h, const char *group, const char *name, const char *text)
{
    char *path = ax_h5_join(group, name);
    int status = path ? ax_h5_put_text(h, path, text ? text : "") : AX_ENOMEM;
    ax_free(path);
    return status;
}

static int put_array(ax_h5 *h, const char *group, const char *name, hid_t type, hid_t memory, int rank, const hsize_t *dims, const void *data)
{
    char *path = ax_h5_join(group, name);
    int status = path ? ax_h5_put(h, path, type, memory, rank, dims, data, false) : AX_ENOMEM;
    ax_free(path);
    return status;
}

int ax_record_put(ax_h5 *h, const char *group, const ax_record *r)
{
    if (strcmp(group, "/")) AX_TRY(ax_h5_group(h, group));
    AX_TRY(put_attributes(h, group, r));
#define X(field) AX_TRY(put_text(h, group, #field, r->field));
    DOCUMENTS(X)
#undef X
    hsize_t epochs[1] = {(hsize_t)r->epochs}, bytes[1] = {(hsize_t)((r->ncorrect + 7) / 8)};
    hsize_t square[2] = {(hsize_t)r->classes, (hsize_t)r->classes};
    for (int i = 0; i < r->ncurves; i++) {
        char name[40];
        snprintf(name, sizeof name, "curves/%s", r->curves[i].name);
        AX_TRY(put_array(h, group, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 1, epochs, r->curves[i].values));
    }
    if (r->correct) AX_TRY(put_array(h, group, "correct", H5T_STD_U8LE, H5T_NATIVE_UINT8, 1, bytes, r->correct));
    if (r->confusion) AX_TRY(put_array(h, group, "confusion", H5T_STD_I64LE, H5T_NATIVE_INT64, 2, square, r->confusion));
    return AX_OK;
}

static int get_int(ax_h5 *h, const char *group, const char *name, int64_t lo, int64_t hi, int64_t *out)
{
    *out = 0;
    AX_TRY(ax_h5_get_attr_i64(h, group, name, out));
    if (*out >= lo && *out <= hi) return AX_OK;
    return ax_fail(AX_EFORMAT, "%s: %s of %s is %lld, wanted %lld to %lld", h->path, name, group, (long long)*out, (long long)lo, (long long)hi);
}

static int get_attributes(ax_h5 *h, const char *group, ax_record *r)
{
    char state[32] = "";
    int64_t v;
#define X(field) AX_TRY(ax_h5_get_attr_text(h, group, #field, r->field, sizeof r->field));
    TEXTS(X)
#undef X
#define X(field) AX_TRY(ax_h5_get_attr_f64(h, group, #field, &r->field));
    REALS(X)
    OPTIONALS(X)
#undef X
#define X(field) AX_TRY(get_int(h, group, #field, 0, 1000000000, &v)); r->field = (int)v;
    WHOLES(X)
#undef X
    r->in_plan = v != 0;
    AX_TRY(get_int(h, group, "images", 0, INT64_MAX / 16, &r->ncorrect));
    AX_TRY(ax_h5_get_attr_u64(h, group, "seed", &r->seed));
    AX_TRY(ax_h5_get_attr_text(h, group, "state", state, sizeof state));
    return ax_state_parse(&r->state, state) == AX_OK ? AX_OK : ax_fail_in("%s: %s", h->path, group);
}

static int get_text(ax_h5 *h, const char *group, const char *name, char **text)
{
    char *path = ax_h5_join(group, name), *found = NULL;
    if (!path) return AX_ENOMEM;
    int status = ax_h5_has(h, path) ? ax_h5_get_text(h, path, &found) : AX_OK;
    if (found) {
        ax_free(*text);
        *text = found;
    }
    ax_free(path);
    return status;
}

/* An array of exactly the shape wanted; *data stays NULL if there is none. */
static int get_array(ax_h5 *h, const char *path, H5T_class_t class, hid_t memory, int rank, const hsize_t *dims, void **data)
{
    int found_rank;
    hsize_t found[AX_H5_RANK_MAX];
    *data = NULL;
    if (!ax_h5_has(h, path)) return AX_OK;
    AX_TRY(ax_h5_get(h, path, class, memory, &found_rank, found, data));
    bool ok = found_rank == rank;
    for (int i = 0; ok && i < rank; i++) ok = found[i] == dims[i];
    if (ok) return AX_OK;
    ax_free(*data);
    *data = NULL;
    return ax_fail(AX_EFORMAT, "%s: %s: its shape differs from what the trial's attributes say", h->path, path);
}

static int get_curve(ax_h5 *h, const char *curves, const char *name, ax_record *r)
{
    hsize_t epochs[1] = {(hsize_t)r->epochs};
    void *values = NULL;
    char *path = ax_h5_join(curves, name);
    int status = path ? get_array(h, path, H5T_FLOAT, H5T_NATIVE_DOUBLE, 1, epochs, &values) : AX_ENOMEM;
    if (status == AX_OK && !values) status = ax_fail(AX_EFORMAT, "%s: %s: there is a name, but no curve", h->path, path);
    if (status == AX_OK) status = ax_record_add_curve(r, name, values, r->epochs);
    if (status == AX_EARG) status = ax_fail(AX_EFORMAT, "%s: %s", h->path, ax_errmsg());
    ax_free(values);
    ax_free(path);
    return status;
}

static int get_curves(ax_h5 *h, const char *group, ax_record *r)
{
    char **names = NULL, *curves = ax_h5_join(group, "curves");
    int n = 0, status = curves ? ax_h5_names(h, curves, &names, &n) : AX_ENOMEM;
    for (int i = 0; i < n && status == AX_OK; i++) status = get_curve(h, curves, names[i], r);
    ax_h5_free_names(names, n);
    ax_free(curves);
    return status;
}

static int get_predictions(ax_h5 *h, const char *group, ax_record *r)
{
    hsize_t bytes[1] = {(hsize_t)((r->ncorrect + 7) / 8)}, square[2] = {(hsize_t)r->classes, (hsize_t)r->classes};
    char *correct = ax_h5_join(group, "correct"), *confusion = ax_h5_join(group, "confusion");
    int status = correct && confusion ? AX_OK : AX_ENOMEM;
    if (status == AX_OK) status = get_array(h, correct, H5T_INTEGER, H5T_NATIVE_UINT8, 1, bytes, (void **)&r->correct);
    if (status == AX_OK) status = get_array(h, confusion, H5T_INTEGER, H5T_NATIVE_INT64, 2, square, (void **)&r->confusion);
    ax_free(correct);
    ax_free(confusion);
    return status;
}

static int get_all(ax_h5 *h, const char *group, const char *id, ax_record *r)
{
    AX_TRY(get_attributes(h, group, r));
    if (strlen(r->id) != AX_ID_MAX - 1 || strspn(r->id, "0123456789abcdef") != AX_ID_MAX - 1)
        return ax_fail(AX_EFORMAT, "%s: trial id '%s', wanted %d hexadecimal digits", h->path, r->id, AX_ID_MAX - 1);
    if (id[0] && strcmp(id, r->id)) return ax_fail(AX_EFORMAT, "%s: it is of trial %s, wanted %s", h->path, r->id, id);
#define X(field) AX_TRY(get_text(h, group, #field, &r->field));
    DOCUMENTS(X)
#undef X
    AX_TRY(get_curves(h, group, r));
    return get_predictions(h, group, r);
}

int ax_record_get(ax_h5 *h, const char *group, ax_record *r)
{
    char id[AX_ID_MAX];
    memcpy(id, r->id, sizeof id);
    int status = get_all(h, group, id, r);
    if (status == AX_OK) return AX_OK;
    ax_record_release(r);
    ax_record_init(r);
    return status;
}

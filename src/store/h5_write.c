/* Groups, data sets and attributes into an image. Invariant: no object carries a time. */
#include "store/h5.h"

#include "base/alloc.h"
#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DEFLATE_LEVEL = 4, CHUNK_ROWS = 64 };

bool ax_h5_needs_utf8(const char *text, size_t len)
{
    while (len && !(text[len - 1] & 0x80)) len--;
    return len > 0;
}

hid_t ax_h5_string_type(size_t size, bool utf8)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type < 0) return type;
    if (H5Tset_size(type, size ? size : 1) >= 0 && H5Tset_cset(type, utf8 ? H5T_CSET_UTF8 : H5T_CSET_ASCII) >= 0 && H5Tset_strpad(type, H5T_STR_NULLPAD) >= 0)
        return type;
    H5Tclose(type);
    return -1;
}

/* One group; it may exist. */
static int make_group(ax_h5 *h, const char *name)
{
    if (H5Lexists(h->file, name, H5P_DEFAULT) > 0) return AX_OK;
    hid_t plist = H5Pcreate(H5P_GROUP_CREATE), group = -1;
    if (plist >= 0 && H5Pset_obj_track_times(plist, false) >= 0) group = H5Gcreate2(h->file, name, H5P_DEFAULT, plist, H5P_DEFAULT);
    int status = group >= 0 && H5Gclose(group) >= 0 ? AX_OK : ax_h5_fail(h, AX_ESTORE, name);
    if (plist >= 0) H5Pclose(plist);
    return status;
}

/* The groups above `name`, that is up to its last slash. */
static int make_parents(ax_h5 *h, const char *name)
{
    char *path = ax_strdup(name);
    if (!path) return AX_ENOMEM;
    int status = AX_OK;
    for (char *slash = strchr(path + 1, '/'); slash && status == AX_OK; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        status = make_group(h, path);
        *slash = '/';
    }
    ax_free(path);
    return status;
}

int ax_h5_group(ax_h5 *h, const char *name)
{
    AX_TRY(make_parents(h, name));
    return make_group(h, name);
}

static hid_t creation_list(hid_t type, int rank, const hsize_t *dims, bool packed)
{
    hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t chunk[AX_H5_RANK_MAX];
    double nan = NAN;
    if (plist < 0) return plist;
    bool ok = H5Pset_obj_track_times(plist, false) >= 0;
    if (packed) {
        for (int i = 0; i < rank; i++) chunk[i] = i == 0 && rank > 1 && dims[0] > CHUNK_ROWS ? CHUNK_ROWS : dims[i];
        ok = ok && H5Pset_chunk(plist, rank, chunk) >= 0 && H5Pset_shuffle(plist) >= 0 && H5Pset_deflate(plist, DEFLATE_LEVEL) >= 0;
        if (H5Tget_class(type) == H5T_FLOAT) ok = ok && H5Pset_fill_value(plist, H5T_NATIVE_DOUBLE, &nan) >= 0;
    }
    if (ok) return plist;
    H5Pclose(plist);
    return -1;
}

int ax_h5_put(ax_h5 *h, const char *name, hid_t type, hid_t memory, int rank, const hsize_t *dims, const void *data, bool packed)
{
    AX_TRY(make_parents(h, name));
    hid_t set = -1, plist = creation_list(type, rank, dims, packed);
    hid_t space = rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, dims, NULL);
    bool ok = plist >= 0 && space >= 0;
    if (ok) set = H5Dcreate2(h->file, name, type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
    ok = set >= 0 && (H5Sget_simple_extent_npoints(space) == 0 || H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    if (set >= 0 && H5Dclose(set) < 0) ok = false;
    int status = ok ? AX_OK : ax_h5_fail(h, AX_ESTORE, name);
    if (space >= 0) H5Sclose(space);
    if (plist >= 0) H5Pclose(plist);
    return status;
}

int ax_h5_put_f64(ax_h5 *h, const char *name, int rank, const hsize_t *dims, const double *data, bool packed)
{
    return ax_h5_put(h, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, rank, dims, data, packed);
}

int ax_h5_put_text(ax_h5 *h, const char *name, const char *text)
{
    hid_t type = ax_h5_string_type(strlen(text), ax_h5_needs_utf8(text, strlen(text)));
    if (type < 0) return ax_h5_fail(h, AX_ESTORE, name);
    int status = ax_h5_put(h, name, type, type, 0, NULL, text, false);
    H5Tclose(type);
    return status;
}

static int put_attr(ax_h5 *h, const char *object, const char *name, hid_t type, hid_t memory, const void *value)
{
    hid_t space = H5Screate(H5S_SCALAR), attr = -1;
    if (space >= 0) attr = H5Acreate_by_name(h->file, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    bool ok = attr >= 0 && H5Awrite(attr, memory, value) >= 0;
    if (attr >= 0 && H5Aclose(attr) < 0) ok = false;
    int status = ok ? AX_OK : ax_h5_fail(h, AX_ESTORE, name);
    if (space >= 0) H5Sclose(space);
    return status;
}

int ax_h5_attr_text(ax_h5 *h, const char *object, const char *name, const char *text)
{
    hid_t type = ax_h5_string_type(strlen(text), ax_h5_needs_utf8(text, strlen(text)));
    if (type < 0) return ax_h5_fail(h, AX_ESTORE, name);
    int status = put_attr(h, object, name, type, type, text);
    H5Tclose(type);
    return status;
}

int ax_h5_attr_f64(ax_h5 *h, const char *object, const char *name, double v)
{
    return put_attr(h, object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &v);
}

int ax_h5_attr_i64(ax_h5 *h, const char *object, const char *name, int64_t v)
{
    return put_attr(h, object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &v);
}

int ax_h5_attr_u64(ax_h5 *h, const char *object, const char *name, uint64_t v)
{
    return put_attr(h, object, name, H5T_STD_U64LE, H5T_NATIVE_UINT64, &v);
}

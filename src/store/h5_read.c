/* Data sets and attributes out of an image. Invariant: nothing is allocated before its size was checked against the file. */
#include "store/h5.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool ax_h5_has(ax_h5 *h, const char *name)
{
    char path[1024];                                 /* ours are shorter */
    size_t n = strlen(name);
    bool found = n > 0 && n < sizeof path;
    if (found) memcpy(path, name, n + 1);
    for (char *slash = found ? strchr(path + 1, '/') : NULL; found && slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        found = H5Lexists(h->file, path, H5P_DEFAULT) > 0;
        *slash = '/';
    }
    found = found && H5Lexists(h->file, path, H5P_DEFAULT) > 0;
    H5Eclear2(H5E_DEFAULT);
    return found;
}

/* The data set's type and shape; the check at opening has bounded its size. */
static int look(ax_h5 *h, hid_t set, const char *name, hid_t *type, int *rank, hsize_t *dims)
{
    hid_t space = H5Dget_space(set);
    *type = H5Dget_type(set);
    *rank = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    bool ok = *type >= 0 && *rank >= 0 && *rank <= AX_H5_RANK_MAX && H5Sget_simple_extent_dims(space, dims, NULL) >= 0;
    if (space >= 0) H5Sclose(space);
    return ok ? AX_OK : ax_h5_fail(h, AX_EFORMAT, name);
}

/* Reads with memory type `memory`, or with the file's own if that is negative (strings). One zero byte follows. */
static int read_set(ax_h5 *h, const char *name, H5T_class_t class, hid_t memory, int *rank, hsize_t *dims, void **data, size_t *bytes)
{
    hid_t type = -1, set = H5Dopen2(h->file, name, H5P_DEFAULT);
    int status = set < 0 ? ax_h5_fail(h, AX_EFORMAT, name) : look(h, set, name, &type, rank, dims);
    if (status != AX_OK) goto out;
    if (H5Tget_class(type) != class || (class == H5T_STRING && H5Tis_variable_str(type) != 0)) {
        status = ax_fail(AX_EFORMAT, "%s: %s: its values are not of the type wanted", h->path, name);
        goto out;
    }
    *bytes = H5Tget_size(memory < 0 ? type : memory);
    for (int i = 0; i < *rank; i++)
        if (__builtin_mul_overflow(*bytes, (size_t)dims[i], bytes)) *bytes = SIZE_MAX - 1;
    *data = ax_alloc(*bytes + 1, 1);
    if (!*data) status = AX_ENOMEM;
    else if (*bytes && H5Dread(set, memory < 0 ? type : memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, *data) < 0)
        status = ax_h5_fail(h, AX_EFORMAT, name);
    if (status != AX_OK) {
        ax_free(*data);
        *data = NULL;
    }
out:
    if (type >= 0) H5Tclose(type);
    if (set >= 0) H5Dclose(set);
    return status;
}

int ax_h5_get(ax_h5 *h, const char *name, H5T_class_t class, hid_t memory, int *rank, hsize_t *dims, void **data)
{
    size_t bytes;
    return read_set(h, name, class, memory, rank, dims, data, &bytes);
}

int ax_h5_get_text(ax_h5 *h, const char *name, char **text)
{
    int rank = 0;
    hsize_t dims[AX_H5_RANK_MAX];
    size_t bytes;
    void *data;
    AX_TRY(read_set(h, name, H5T_STRING, -1, &rank, dims, &data, &bytes));
    if (rank != 0) {
        ax_free(data);
        return ax_fail(AX_EFORMAT, "%s: %s: an array, wanted one string", h->path, name);
    }
    *text = data;
    return AX_OK;
}

/* Opens a scalar attribute of a class and, for strings, of at most `size` bytes. *attr: -1 if there is none. */
static int open_attr(ax_h5 *h, const char *object, const char *name, H5T_class_t class, size_t size, hid_t *attr)
{
    *attr = H5Aopen_by_name(h->file, object, name, H5P_DEFAULT, H5P_DEFAULT);
    if (*attr < 0 && H5Aexists_by_name(h->file, object, name, H5P_DEFAULT) == 0) {
        H5Eclear2(H5E_DEFAULT);
        return AX_OK;
    }
    if (*attr < 0) return ax_h5_fail(h, AX_EFORMAT, name);
    hid_t type = H5Aget_type(*attr), space = H5Aget_space(*attr);
    bool ok = type >= 0 && space >= 0 && H5Tget_class(type) == class && H5Sget_simple_extent_npoints(space) == 1
              && (class != H5T_STRING || (H5Tis_variable_str(type) == 0 && H5Tget_size(type) <= size));
    if (type >= 0) H5Tclose(type);
    if (space >= 0) H5Sclose(space);
    if (ok) return AX_OK;
    H5Aclose(*attr);
    *attr = -1;
    return ax_fail(AX_EFORMAT, "%s: attribute %s of %s: not one value of the type wanted", h->path, name, object);
}

int ax_h5_get_attr_text(ax_h5 *h, const char *object, const char *name, char *text, size_t size)
{
    hid_t attr;
    AX_TRY(open_attr(h, object, name, H5T_STRING, size - 1, &attr));
    if (attr < 0) return AX_OK;
    hid_t type = H5Aget_type(attr);
    memset(text, 0, size);
    int status = type >= 0 && H5Aread(attr, type, text) >= 0 ? AX_OK : ax_h5_fail(h, AX_EFORMAT, name);
    if (type >= 0) H5Tclose(type);
    H5Aclose(attr);
    return status;
}

static int get_attr(ax_h5 *h, const char *object, const char *name, H5T_class_t class, hid_t memory, void *v)
{
    hid_t attr;
    AX_TRY(open_attr(h, object, name, class, 0, &attr));
    if (attr < 0) return AX_OK;
    int status = H5Aread(attr, memory, v) >= 0 ? AX_OK : ax_h5_fail(h, AX_EFORMAT, name);
    H5Aclose(attr);
    return status;
}

int ax_h5_get_attr_f64(ax_h5 *h, const char *object, const char *name, double *v)
{
    return get_attr(h, object, name, H5T_FLOAT, H5T_NATIVE_DOUBLE, v);
}

int ax_h5_get_attr_i64(ax_h5 *h, const char *object, const char *name, int64_t *v)
{
    return get_attr(h, object, name, H5T_INTEGER, H5T_NATIVE_INT64, v);
}

int ax_h5_get_attr_u64(ax_h5 *h, const char *object, const char *name, uint64_t *v)
{
    return get_attr(h, object, name, H5T_INTEGER, H5T_NATIVE_UINT64, v);
}

typedef struct {
    char **names;
    int n;
    bool failed;
} name_list;

static herr_t add_name(hid_t group, const char *name, const H5L_info_t *info, void *data)
{
    name_list *list = data;
    (void)group;
    (void)info;
    char **names = ax_realloc(list->names, (size_t)list->n + 1, sizeof *names);
    if (names) {
        list->names = names;
        names[list->n] = ax_strdup(name);
    }
    list->failed = !names || !names[list->n];
    if (!list->failed) list->n++;
    return list->failed ? -1 : 0;
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

int ax_h5_names(ax_h5 *h, const char *group, char ***names, int *n)
{
    name_list list = {0};
    *names = NULL;
    *n = 0;
    if (!ax_h5_has(h, group)) return AX_OK;
    hid_t id = H5Gopen2(h->file, group, H5P_DEFAULT);
    herr_t rc = id < 0 ? -1 : H5Literate(id, H5_INDEX_NAME, H5_ITER_INC, NULL, add_name, &list);
    if (id >= 0) H5Gclose(id);
    if (rc < 0) {
        ax_h5_free_names(list.names, list.n);
        return list.failed ? AX_ENOMEM : ax_h5_fail(h, AX_EFORMAT, group);
    }
    if (list.n) qsort(list.names, (size_t)list.n, sizeof *list.names, by_bytes);
    *names = list.names;
    *n = list.n;
    return AX_OK;
}

void ax_h5_free_names(char **names, int n)
{
    for (int i = 0; i < n; i++) ax_free(names[i]);
    ax_free(names);
}

char *ax_h5_escape(const char *name)
{
    char *link = ax_alloc(3 * strlen(name) + 4, 1), *p = link;
    if (!link) return NULL;
    for (const char *c = name; *c; c++) {
        if (*c == '/' || *c == '%' || (*c == '.' && c == name)) p += snprintf(p, 4, "%%%02X", (unsigned)*c);
        else *p++ = *c;
    }
    return link;
}

char *ax_h5_unescape(const char *link)
{
    char *name = ax_strdup(link), *p = name;
    unsigned code;
    if (!name) return NULL;
    for (const char *c = link; *c; c++) {
        if (*c == '%' && sscanf(c + 1, "%2X", &code) == 1 && c[1] && c[2]) {
            *p++ = (char)code;
            c += 2;
        } else *p++ = *c;
    }
    *p = 0;
    return name;
}

char *ax_h5_join(const char *group, const char *link)
{
    size_t n = strlen(group) + strlen(link) + 2;
    char *path = ax_alloc(n, 1);
    if (path) snprintf(path, n, "%s%s%s", group, group[0] && group[strlen(group) - 1] == '/' ? "" : "/", link);
    return path;
}

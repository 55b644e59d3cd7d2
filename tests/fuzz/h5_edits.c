/* Forged files: a valid one changed through HDF5 and given its digest. HDF5's parser meets nothing that it did not write, since it
 * is not ours to repair; what our reading makes of any contents is tested. An edit is 16 bytes. */
#include "h5_files.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/hash.h"
#include "store/h5.h"

enum { EDITS_MAX = 16, OBJECTS_MAX = 256, TYPES = 9, SEAL_LEN = 20 + 64 + 1, VALUES_MAX = 4096 };

typedef struct {
    uint8_t what, object, attribute, type, dims[3], unused;
    uint64_t value;
} edit;

static struct {
    char *image;
    size_t len;
    char *objects[OBJECTS_MAX];
    int n;
} valid;

static herr_t list_object(hid_t file, const char *name, const H5O_info_t *info, void *data)
{
    (void)file, (void)info, (void)data;
    if (valid.n < OBJECTS_MAX) valid.objects[valid.n++] = ax_strdup(name);
    return 0;
}

static hid_t open_valid(void)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    promise(H5Pset_fapl_core(access, 1 << 16, false) >= 0 && H5Pset_file_image(access, valid.image, valid.len) >= 0);
    promise(H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0);
    hid_t file = H5Fopen("valid", H5F_ACC_RDWR, access);
    promise(file >= 0);
    H5Pclose(access);
    return file;
}

static void prepare(void (*write)(const char *path))
{
    const char *path = fuzz_file("valid.h5", NULL, 0);
    promise(remove(path) == 0);
    write(path);
    promise(ax_file_read(&valid.image, &valid.len, path, 1 << 24) == AX_OK && valid.len > SEAL_LEN);
    valid.len -= SEAL_LEN;
    hid_t file = open_valid();
    H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, list_object, NULL);
    promise(valid.n > 1);
    H5Fclose(file);
}

static hid_t type_of(const edit *e)
{
    const hid_t numbers[] = {H5T_IEEE_F64LE, H5T_STD_I64LE, H5T_STD_U64LE, H5T_IEEE_F32LE, H5T_STD_I32LE, H5T_STD_U8LE};
    if (e->type % TYPES < 6) return H5Tcopy(numbers[e->type % TYPES]);
    if (e->type % TYPES == 6) return H5Tcreate(H5T_OPAQUE, 8);
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, e->type % TYPES == 7 ? 1 + e->value % 300 : H5T_VARIABLE);
    return type;
}

static hid_t space_of(const edit *e)
{
    static const hsize_t sizes[] = {0, 1, 2, 3, 10, 1 << 20, (hsize_t)1 << 40, (hsize_t)1 << 60};
    hsize_t dims[3];
    int rank = e->dims[0] % 4;
    for (int i = 0; i < rank; i++) dims[i] = sizes[e->dims[i] / 4 % 8];
    return rank ? H5Screate_simple(rank, dims, NULL) : H5Screate(e->dims[1] == 255 ? H5S_NULL : H5S_SCALAR);
}

/* The value over and over, as far as that is little; NULL: what HDF5 fills in. */
static const void *values_of(const edit *e, hid_t type, hid_t space)
{
    static uint64_t values[VALUES_MAX / 8];
    hssize_t n = H5Sget_simple_extent_npoints(space);
    for (int i = 0; i < VALUES_MAX / 8; i++) values[i] = e->value;
    return n > 0 && n <= VALUES_MAX && (size_t)n * H5Tget_size(type) <= VALUES_MAX && H5Tis_variable_str(type) <= 0 ? values : NULL;
}

static void set_attribute(hid_t object, const edit *e)
{
    char name[64] = "";
    H5O_info_t info;
    if (H5Oget_info(object, &info) < 0 || info.num_attrs == 0) return;
    H5Aget_name_by_idx(object, ".", H5_INDEX_NAME, H5_ITER_INC, e->attribute % info.num_attrs, name, sizeof name, H5P_DEFAULT);
    H5Adelete(object, name);
    if (e->what & 1) return;
    hid_t type = type_of(e), space = space_of(e);
    hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    const void *values = values_of(e, type, space);
    if (attribute >= 0 && values) H5Awrite(attribute, type, values);
    if (attribute >= 0) H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
}

static void set_dataset(hid_t file, const char *name, const edit *e)
{
    hid_t type = type_of(e), space = space_of(e), set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    const void *values = values_of(e, type, space);
    if (set >= 0 && values) H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    if (set >= 0) H5Dclose(set);
    H5Sclose(space);
    H5Tclose(type);
}

static void apply(hid_t file, const edit *e)
{
    const char *name = valid.objects[e->object % valid.n], *other = valid.objects[e->value % (uint64_t)valid.n];
    if (e->what % 8 < 4) {
        hid_t object = H5Oopen(file, name, H5P_DEFAULT);
        if (object >= 0) set_attribute(object, e);
        if (object >= 0) H5Oclose(object);
        return;
    }
    if (H5Ldelete(file, name, H5P_DEFAULT) < 0) return;
    switch (e->what % 8) {
    case 4: set_dataset(file, name, e); break;
    case 5: H5Lcreate_hard(file, other, file, name, H5P_DEFAULT, H5P_DEFAULT); break;
    case 6: H5Lcreate_soft(other, file, name, H5P_DEFAULT, H5P_DEFAULT); break;
    default: break;
    }
}

/* The bytes of the file with its digest line. */
static const char *write_sealed(const char *name, hid_t file)
{
    char hex[AX_SHA256_HEX];
    ssize_t len = H5Fflush(file, H5F_SCOPE_GLOBAL) < 0 ? -1 : H5Fget_file_image(file, NULL, 0);
    promise(len > 0);
    char *bytes = malloc((size_t)len + SEAL_LEN + 1);
    promise(bytes && H5Fget_file_image(file, bytes, (size_t)len) == len && ax_sha256(hex, bytes, (size_t)len) == AX_OK);
    promise(snprintf(bytes + len, SEAL_LEN + 1, "\n# approxrun sha256 %s\n", hex) == SEAL_LEN);
    const char *path = fuzz_file(name, (const uint8_t *)bytes, (size_t)len + SEAL_LEN);
    free(bytes);
    return path;
}

const char *fuzz_h5(const char *name, void (*write)(const char *path), const uint8_t *data, size_t size)
{
    if (size >= 8 && !memcmp(data, "\211HDF\r\n\032\n", 8)) return fuzz_file(name, data, size);
    if (!valid.image) prepare(write);
    hid_t file = open_valid();
    for (size_t i = 0; i < EDITS_MAX && (i + 1) * sizeof(edit) <= size; i++) {
        edit e;
        memcpy(&e, data + i * sizeof e, sizeof e);
        apply(file, &e);
    }
    const char *path = write_sealed(name, file);
    H5Fclose(file);
    return path;
}

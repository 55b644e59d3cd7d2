/* Trial files and checkpoints: one record and named blocks of numbers, written whole. Invariant: a file that reads back without
 * error is bit for bit what was written. */
#include "store/trialfile.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "store/record_h5.h"

#include <string.h>

static const size_t file_cap = (size_t)8 << 30;      /* weights, moments and history of the largest model a CPU would train */

enum { DTYPES = 4 };                                 /* as in api.h: F32, I32, U8, F64 */

static hid_t file_type(int dtype)
{
    const hid_t types[DTYPES] = {H5T_IEEE_F32LE, H5T_STD_I32LE, H5T_STD_U8LE, H5T_IEEE_F64LE};
    return types[dtype];
}

static hid_t memory_type(int dtype)
{
    const hid_t types[DTYPES] = {H5T_NATIVE_FLOAT, H5T_NATIVE_INT32, H5T_NATIVE_UINT8, H5T_NATIVE_DOUBLE};
    return types[dtype];
}

void ax_blocks_release(ax_blocks *b)
{
    for (int i = 0; i < b->n; i++) ax_free(b->blocks[i].data);
    ax_free(b->blocks);
    *b = (ax_blocks){0};
}

static int check_block(const ax_block *b)
{
    const char *n = b->name;
    if (!n[0] || n[0] == '/' || n[0] == '.' || strstr(n, "//") || strstr(n, "/.") || ax_text_ends(n, "/"))
        return ax_fail(AX_EARG, "block '%s': wanted a name like w/conv1/kernel", n);
    if (b->dtype < 0 || b->dtype >= DTYPES || b->rank < 0 || b->rank > AX_H5_RANK_MAX)
        return ax_fail(AX_EARG, "block '%s': type %d, rank %d", n, b->dtype, b->rank);
    return AX_OK;
}

/* A block below `group`; the attribute `index` keeps its place, which the order of links does not. */
static int put_block(ax_h5 *h, const char *group, const ax_block *b, int index)
{
    hsize_t dims[AX_H5_RANK_MAX] = {0};
    AX_TRY(check_block(b));
    for (int i = 0; i < b->rank; i++) dims[i] = (hsize_t)b->shape[i];
    char *path = ax_h5_join(group, b->name);
    if (!path) return AX_ENOMEM;
    int status = ax_h5_put(h, path, file_type(b->dtype), memory_type(b->dtype), b->rank, dims, b->data, false);
    if (status == AX_OK) status = ax_h5_attr_i64(h, path, "index", index);
    ax_free(path);
    return status;
}

static int put_blocks(ax_h5 *h, const char *group, const ax_blocks *b)
{
    AX_TRY(ax_h5_group(h, group));
    AX_TRY(ax_h5_attr_i64(h, group, "blocks", b ? b->n : 0));
    for (int i = 0; b && i < b->n; i++) AX_TRY(put_block(h, group, &b->blocks[i], i));
    return AX_OK;
}

/* ---- reading blocks ---- */

static int dtype_of(hid_t set)
{
    hid_t type = H5Dget_type(set);
    int found = -1;
    for (int i = 0; i < DTYPES; i++)
        if (type >= 0 && H5Tequal(type, file_type(i)) > 0) found = i;
    if (type >= 0) H5Tclose(type);
    return found;
}

static int get_block(ax_h5 *h, const char *group, const char *name, ax_blocks *b)
{
    int64_t index = -1;
    int rank;
    hsize_t dims[AX_H5_RANK_MAX];
    char *path = ax_h5_join(group, name);
    if (!path) return AX_ENOMEM;
    hid_t set = H5Dopen2(h->file, path, H5P_DEFAULT);
    int dtype = set >= 0 ? dtype_of(set) : -1;
    if (set >= 0) H5Dclose(set);
    int status = ax_h5_get_attr_i64(h, path, "index", &index);
    if (status == AX_OK && (index < 0 || index >= b->n || b->blocks[index].data || dtype < 0 || strlen(name) >= sizeof b->blocks->name))
        status = ax_fail(AX_EFORMAT, "%s: %s: not a block that approxrun wrote", h->path, path);
    if (status == AX_OK) {
        ax_block *block = &b->blocks[index];
        H5T_class_t class = dtype == 0 || dtype == 3 ? H5T_FLOAT : H5T_INTEGER;
        status = ax_h5_get(h, path, class, memory_type(dtype), &rank, dims, &block->data);
        memcpy(block->name, name, strlen(name) + 1);
        block->dtype = dtype;
        block->rank = rank;
        for (int i = 0; status == AX_OK && i < rank; i++) block->shape[i] = (int64_t)dims[i];
    }
    ax_free(path);
    return status;
}

typedef struct {
    ax_h5 *h;
    const char *group;
    ax_blocks *blocks;
    int status;
} block_walk;

static herr_t visit_block(hid_t group, const char *name, const H5L_info_t *info, void *data)
{
    block_walk *w = data;
    (void)info;
    hid_t object = H5Oopen(group, name, H5P_DEFAULT);
    bool is_set = object >= 0 && H5Iget_type(object) == H5I_DATASET;
    if (object >= 0) H5Oclose(object);
    if (is_set) w->status = get_block(w->h, w->group, name, w->blocks);
    return w->status == AX_OK ? 0 : -1;
}

/* All blocks below `group`, in the order they were written in. */
static int get_blocks(ax_h5 *h, const char *group, ax_blocks *b)
{
    int64_t n = -1;
    *b = (ax_blocks){0};
    AX_TRY(ax_h5_get_attr_i64(h, group, "blocks", &n));
    if (n < 0 || n > 1000000) return ax_fail(AX_EFORMAT, "%s: %s: %lld blocks", h->path, group, (long long)n);
    b->blocks = ax_alloc(n > 0 ? (size_t)n : 1, sizeof *b->blocks);
    if (!b->blocks) return AX_ENOMEM;
    b->n = (int)n;
    block_walk walk = {h, group, b, AX_OK};
    hid_t id = H5Gopen2(h->file, group, H5P_DEFAULT);
    herr_t rc = id < 0 ? -1 : H5Lvisit(id, H5_INDEX_NAME, H5_ITER_INC, visit_block, &walk);
    if (id >= 0) H5Gclose(id);
    int status = walk.status != AX_OK ? walk.status : rc < 0 ? ax_h5_fail(h, AX_EFORMAT, group) : AX_OK;
    for (int i = 0; status == AX_OK && i < b->n; i++)
        if (!b->blocks[i].data) status = ax_fail(AX_EFORMAT, "%s: %s: block %d of %d is missing", h->path, group, i, b->n);
    if (status != AX_OK) ax_blocks_release(b);
    return status;
}

/* ---- trial files ---- */

int ax_trialfile_publish(const char *path, const ax_record *r, const ax_blocks *weights, bool *existed)
{
    ax_h5 h;
    char *data = NULL;
    size_t len = 0;
    AX_TRY(ax_h5_create(&h, path, "trial"));
    int status = ax_record_put(&h, "/", r);
    if (status == AX_OK) status = put_blocks(&h, "/weights", weights);
    if (status == AX_OK) status = ax_h5_finish(&h, &data, &len);
    if (status == AX_OK) status = ax_file_publish(path, data, len, existed);
    ax_free(data);
    ax_h5_close(&h);
    return status;
}

int ax_trialfile_read(const char *path, ax_record *r)
{
    ax_h5 h;
    AX_TRY(ax_h5_open(&h, path, file_cap, "trial", true));
    int status = ax_record_get(&h, "/", r);
    ax_h5_close(&h);
    return status;
}

static int read_weights(const char *path, ax_blocks *weights)
{
    ax_h5 h;
    *weights = (ax_blocks){0};
    AX_TRY(ax_h5_open(&h, path, file_cap, "trial", true));
    int status = get_blocks(&h, "/weights", weights);
    ax_h5_close(&h);
    return status;
}

static int rehearse_weights(const char *path)
{
    ax_blocks weights;
    int status = read_weights(path, &weights);
    ax_blocks_release(&weights);
    return status;
}

int ax_trialfile_weights(const char *path, ax_blocks *weights)
{
    *weights = (ax_blocks){0};
    AX_TRY(ax_h5_rehearse(path, rehearse_weights));
    return read_weights(path, weights);
}

/* ---- checkpoints ---- */

#define POSITIONS(X) X(epoch) X(step) X(updates) X(train_s)

static int put_position(ax_h5 *h, const ax_position *at, const char *device_class)
{
    AX_TRY(ax_h5_group(h, "/position"));
#define X(field) AX_TRY(ax_h5_attr_f64(h, "/position", #field, at->field));
    POSITIONS(X)
#undef X
    return ax_h5_attr_text(h, "/position", "device_class", device_class);
}

int ax_checkpoint_write(const char *path, const ax_record *r, const ax_position *at, const ax_blocks *state, const char *device_class)
{
    ax_h5 h;
    char *data = NULL;
    size_t len = 0;
    AX_TRY(ax_h5_create(&h, path, "checkpoint"));
    int status = ax_record_put(&h, "/", r);
    if (status == AX_OK) status = put_position(&h, at, device_class);
    if (status == AX_OK) status = put_blocks(&h, "/state", state);
    if (status == AX_OK) status = ax_h5_finish(&h, &data, &len);
    if (status == AX_OK) status = ax_file_write(path, data, len);
    ax_free(data);
    ax_h5_close(&h);
    return status;
}

static int get_position(ax_h5 *h, ax_position *at, const char *device_class)
{
    char found[64] = "";
    AX_TRY(ax_h5_get_attr_text(h, "/position", "device_class", found, sizeof found));
    if (device_class && strcmp(found, device_class))
        return ax_fail(AX_EFORMAT, "%s: a checkpoint of device class %s, wanted %s; remove it to start the trial afresh", h->path, found,
                       device_class);
    if (!at) return AX_OK;
    *at = (ax_position){0};
#define X(field) AX_TRY(ax_h5_get_attr_f64(h, "/position", #field, &at->field));
    POSITIONS(X)
#undef X
    return AX_OK;
}

static int read_checkpoint(const char *path, ax_record *r, ax_position *at, ax_blocks *state, const char *device_class)
{
    ax_h5 h;
    AX_TRY(ax_h5_open(&h, path, file_cap, "checkpoint", true));
    int status = get_position(&h, at, device_class);
    if (status == AX_OK) status = ax_record_get(&h, "/", r);
    if (status == AX_OK && state && (status = get_blocks(&h, "/state", state)) != AX_OK) {
        ax_record_release(r);
        ax_record_init(r);
    }
    ax_h5_close(&h);
    return status;
}

static int rehearse_checkpoint(const char *path)
{
    ax_record r;
    ax_position at;
    ax_blocks state = {0};
    ax_record_init(&r);
    int status = read_checkpoint(path, &r, &at, &state, NULL);
    ax_blocks_release(&state);
    ax_record_release(&r);
    return status;
}

int ax_checkpoint_read(const char *path, ax_record *r, ax_position *at, ax_blocks *state, const char *device_class)
{
    if (state) AX_TRY(ax_h5_rehearse(path, rehearse_checkpoint));
    return read_checkpoint(path, r, at, state, device_class);
}

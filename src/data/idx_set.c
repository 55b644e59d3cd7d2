/* Data sets of four IDX files: images and labels for training and for the test. Invariant: a loaded set has the registered
 * digests, shape and counts. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "data/fetch.h"
#include "data/idx.h"

#include <string.h>

int ax_idx_configure(ax_data_info *info, const cJSON *options);
int ax_idx_load(ax_samples train_test[2], const ax_data_info *info);

/* SHA-256 over the digests of the files in their order, each followed by a newline. */
int ax_idx_configure(ax_data_info *info, const cJSON *options)
{
    char text[4 * AX_SHA256_HEX];
    size_t n = 0;
    const ax_data_file *file;
    AX_TRY(ax_data_options_check(info->set->name, options, NULL, 0));
    for (int i = 0; i < 4 && (file = ax_data_file_at(info->set, i)); i++) {
        memcpy(text + n, file->sha256, AX_SHA256_HEX - 1);
        n += AX_SHA256_HEX;
        text[n - 1] = '\n';
    }
    return ax_sha256(info->sha256, text, n);
}

/* File `i` of the set, found or fetched, checked and parsed; *owned is its memory. */
static int load_file(ax_idx *idx, void **owned, char **path, const ax_data_set *set, int i)
{
    char *data = NULL;
    size_t len;
    const ax_data_file *file = ax_data_file_at(set, i);
    AX_TRY(ax_data_find(path, file));
    if (!*path) {
        AX_TRY(ax_data_get(set, &(ax_fetch_manner){0}));
        AX_TRY(ax_data_find(path, file));
        if (!*path) return ax_fail(AX_ENODATA, "%s: %s vanished after it was fetched", set->name, file->name);
    }
    AX_TRY(ax_data_read(&data, &len, *path, file));
    *owned = data;
    return ax_idx_parse(idx, data, len, i % 2 ? 1 : 3, *path);
}

static int check_part(const ax_idx *images, const ax_idx *labels, const ax_data_info *info, int64_t n, char *const path[2])
{
    if (images->dims[0] != n || images->dims[1] != info->shape[0] || images->dims[2] != info->shape[1])
        return ax_fail(AX_EFORMAT, "%s: %lld images of %lldx%lld, wanted %lld of %lldx%lld", path[0], (long long)images->dims[0],
                       (long long)images->dims[1], (long long)images->dims[2], (long long)n, (long long)info->shape[0],
                       (long long)info->shape[1]);
    if (labels->dims[0] != n)
        return ax_fail(AX_EFORMAT, "%s: %lld labels, wanted %lld", path[1], (long long)labels->dims[0], (long long)n);
    return ax_idx_check_labels(labels, info->classes, path[1]);
}

static int load_part(ax_samples *s, const ax_data_info *info, int part)
{
    ax_idx images, labels;
    char *path[2] = {0};
    int64_t n = part == 0 ? info->train : info->test;
    int status = load_file(&images, &s->owned[0], &path[0], info->set, 2 * part);
    if (status == AX_OK) status = load_file(&labels, &s->owned[1], &path[1], info->set, 2 * part + 1);
    if (status == AX_OK) status = check_part(&images, &labels, info, n, path);
    if (status == AX_OK) {
        s->n = n;
        s->pixels = images.data;
        s->labels = labels.data;
    }
    ax_free(path[0]);
    ax_free(path[1]);
    return status;
}

int ax_idx_load(ax_samples train_test[2], const ax_data_info *info)
{
    AX_TRY(load_part(&train_test[0], info, 0));
    return load_part(&train_test[1], info, 1);
}

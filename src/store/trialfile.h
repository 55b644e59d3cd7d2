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

/* r comes from ax_record_init; if r->id is set, it is the trial that is wanted. AX_ENOENT; AX_EFORMAT: damaged, not ours, or of
 * another trial; AX_ESTORE: newer schema. Weights are not read. After a failure r is as ax_record_init leaves it. */
int ax_trialfile_read(const char *path, ax_record *r);
int ax_trialfile_weights(const char *path, ax_blocks *weights);      /* the final ones, "w/conv1/kernel"; fails alike */

/* Where a trial stands. The history travels in the record's curves; state blocks are weights, moments and totals. */
typedef struct {
    double epoch, step, updates;      /* epochs done; batches done in the current one; optimiser steps in all */
    double train_s;                   /* seconds of training so far */
} ax_position;

/* r->id and `device_class` ("cpu") are stored; reading compares them with r->id, if that is set (r comes from ax_record_init),
 * and `device_class`, unless NULL: AX_EFORMAT names what differs. A checkpoint whose digest is wrong is AX_EFORMAT. at and
 * state may be NULL for a reader of the history alone. Whole checkpoints, and weights, are read in a child first; for records
 * ax_results_open does that once a study, since a digest can be forged. A block's name is a path without empty parts ("w/conv1/kernel"). */
int ax_checkpoint_write(const char *path, const ax_record *r, const ax_position *at, const ax_blocks *state, const char *device_class);
int ax_checkpoint_read(const char *path, ax_record *r, ax_position *at, ax_blocks *state, const char *device_class);

/* "1.10.8": the HDF5 library that is loaded. */
const char *ax_store_version(void);

#endif

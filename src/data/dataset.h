/* An open data set: its samples as bytes in memory, and the order in which an epoch sees them. */
#ifndef AX_DATA_DATASET_H
#define AX_DATA_DATASET_H

#include "data/registry.h"
#include "engine/api.h"
#include "kernels/backend.h"

enum ax_part { AX_PART_TRAIN, AX_PART_VALID, AX_PART_TEST, AX_PARTS };

struct ax_dataset {
    ax_data_info info;
    ax_samples stored[2];            /* training and test samples as in the files */
    int64_t pixels;                  /* of a sample: h * w * c */
    int64_t first[AX_PARTS], count[AX_PARTS];    /* a part is a range of the stored samples */
    float scale;
    const ax_backend *device;        /* where batches are made: NULL until the first is asked for */
    ax_samples resident[2];          /* the stored samples there: the same memory, or copies */
    uint32_t *resident_order;        /* likewise */
    uint32_t *order;                 /* (largest part): the permutation of the key below */
    int order_part;                  /* -1: none yet */
    uint64_t order_seed, order_epoch;
};

/* Frees what the set holds on a device. */
void ax_dataset_leave(ax_dataset *d);

#endif

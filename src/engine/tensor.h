/* Tensors for C users: contiguous memory of one type with a shape. Header and data live in the engine's arena. */
#ifndef AX_ENGINE_TENSOR_H
#define AX_ENGINE_TENSOR_H

#include "engine/api.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ax_dtype { AX_F32, AX_I32, AX_U8, AX_F64, AX_DTYPES };
enum { AX_RANK_MAX = 8 };

struct ax_tensor {
    ax_engine *engine;
    enum ax_dtype dtype;
    int rank;                        /* 1..AX_RANK_MAX */
    int64_t shape[AX_RANK_MAX];      /* each at least 1 */
    int64_t size;                    /* product of the shape */
    void *data;                      /* size elements on the engine's device, 64-byte aligned */
};

/* All elements, as they are, from or to host memory. AX_EDEVICE. */
int ax_tensor_get(const ax_tensor *t, void *host);
int ax_tensor_put(ax_tensor *t, const void *host);

size_t ax_dtype_bytes(enum ax_dtype dtype);
const char *ax_dtype_name(enum ax_dtype dtype);

/* "(128,28,28,1)", or "nil", in one of eight per-thread buffers used in turn. */
const char *ax_shape(const ax_tensor *t);

bool ax_same_shape(const ax_tensor *a, const ax_tensor *b);
bool ax_overlap(const ax_tensor *a, const ax_tensor *b);     /* some byte belongs to both */

/* Device memory: only kernels may look into it, unless the backend says it is the host's. */
static inline float *ax_f32(const ax_tensor *t) { return t->data; }
static inline int32_t *ax_i32(const ax_tensor *t) { return t->data; }

#endif

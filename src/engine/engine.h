/* The engine for C users: kernels of one backend, the arena of one trial, the order of sums. */
#ifndef AX_ENGINE_ENGINE_H
#define AX_ENGINE_ENGINE_H

#include "base/arena.h"
#include "engine/api.h"
#include "kernels/backend.h"

#include <stdbool.h>

typedef struct ax_device_block ax_device_block;

struct ax_engine {
    const ax_backend *backend;
    const ax_kernels *kernels;   /* the backend's */
    ax_arena arena;              /* headers of tensors */
    ax_device_block *blocks;     /* their data, on the device */
    double device_bytes;
    int strict, threads;         /* go into each product */
    void *work;                  /* for products on that many threads */
    int32_t *flag;               /* where an op leaves one number for the host */
    void *room;                  /* for ax_engine_room */
    size_t room_bytes;
};

/* Zeroed device memory that lives as long as the engine; NULL once it is sealed, or if there is none left. */
void *ax_engine_memory(ax_engine *e, size_t count, size_t size);

/* Device memory for copies of two of the engine's tensors, of so many bytes together, until the next call; 64-byte aligned. It is made when
 * first asked for, as large as the two largest tensors then, so that one call in a training step makes it for all. NULL: none left. */
void *ax_engine_room(ax_engine *e, size_t bytes);

#endif

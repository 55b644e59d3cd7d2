/* The engine for C users: kernels of one backend, the arena of one trial, the order of sums. */
#ifndef AX_ENGINE_ENGINE_H
#define AX_ENGINE_ENGINE_H

#include "base/arena.h"
#include "engine/api.h"
#include "kernels/kernels.h"

#include <stdbool.h>

struct ax_engine {
    const ax_kernels *kernels;
    ax_arena arena;              /* every tensor, header and data */
    int strict, threads;         /* go into each product */
    void *work;                  /* for products on that many threads */
};

#endif

/* The memory of one trial: blocks that live and die together. Once sealed it gives nothing more, so that
 * "no allocation inside a training step" is a test and not a wish. */
#ifndef AX_BASE_ARENA_H
#define AX_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

typedef struct ax_arena_block ax_arena_block;

typedef struct {
    ax_arena_block *blocks;
    size_t bytes;        /* handed out so far */
    bool sealed;
} ax_arena;

void ax_arena_init(ax_arena *a);
void ax_arena_release(ax_arena *a);
void *ax_arena_alloc(ax_arena *a, size_t count, size_t size);   /* zeroed, 64-byte aligned; NULL if sealed or no memory */
void ax_arena_seal(ax_arena *a);

#endif

/* A list of aligned blocks: tensors are few and large, so each gets a block of its own. */
#include "base/arena.h"

#include "base/alloc.h"
#include "base/error.h"

struct ax_arena_block {
    ax_arena_block *next;
    void *data;
};

void ax_arena_init(ax_arena *a) { *a = (ax_arena){0}; }

void ax_arena_release(ax_arena *a)
{
    while (a->blocks) {
        ax_arena_block *block = a->blocks;
        a->blocks = block->next;
        ax_free(block->data);
        ax_free(block);
    }
    *a = (ax_arena){0};
}

void *ax_arena_alloc(ax_arena *a, size_t count, size_t size)
{
    if (a->sealed) {
        ax_fail(AX_EARG, "memory asked for after the model was built (%zu x %zu bytes): layers allocate in build only",
                count, size);
        return NULL;
    }
    ax_arena_block *block = ax_alloc(1, sizeof *block);
    if (!block) return NULL;
    block->data = ax_alloc_aligned(count, size);
    if (!block->data) {
        ax_free(block);
        return NULL;
    }
    block->next = a->blocks;
    a->blocks = block;
    a->bytes += count * size;
    return block->data;
}

void ax_arena_seal(ax_arena *a) { a->sealed = true; }

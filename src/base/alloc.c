/* Checked allocation. Invariant: no product of sizes wraps, and a failure always leaves a message. */
#include "base/alloc.h"

#include "base/error.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static _Atomic bool any_failed;

static int total_bytes(size_t *total, size_t count, size_t size)
{
    if (__builtin_mul_overflow(count, size, total))
        return ax_fail(AX_ENOMEM, "out of memory: %zu items of %zu bytes is more than an address holds", count, size);
    if (*total == 0) *total = 1;
    return AX_OK;
}

static void *checked(void *p, size_t total)
{
    if (p) return p;
    atomic_store(&any_failed, true);
    ax_fail(AX_ENOMEM, "out of memory for %zu bytes", total);
    return NULL;
}

void *ax_alloc(size_t count, size_t size)
{
    size_t total;
    if (total_bytes(&total, count, size) != AX_OK) return NULL;
    return checked(calloc(total, 1), total);
}

void *ax_realloc(void *p, size_t count, size_t size)
{
    size_t total;
    if (total_bytes(&total, count, size) != AX_OK) return NULL;
    return checked(realloc(p, total), total);
}

void *ax_alloc_aligned(size_t count, size_t size)
{
    size_t total;
    if (total_bytes(&total, count, size) != AX_OK) return NULL;
    if (total > (size_t)-1 - 63) return checked(NULL, total);
    total = (total + 63) & ~(size_t)63;
    void *p = checked(aligned_alloc(64, total), total);
    if (p) memset(p, 0, total);
    return p;
}

char *ax_strdup(const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = ax_alloc(n, 1);
    if (copy) memcpy(copy, text, n);
    return copy;
}

void ax_free(void *p) { free(p); }

bool ax_alloc_failed(void) { return atomic_load(&any_failed); }

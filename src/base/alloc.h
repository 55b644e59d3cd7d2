/* The only callers of malloc. Sizes are count times size, checked for overflow; NULL leaves an AX_ENOMEM message. */
#ifndef AX_BASE_ALLOC_H
#define AX_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

void *ax_alloc(size_t count, size_t size);                  /* zeroed */
void *ax_realloc(void *p, size_t count, size_t size);       /* p stays valid on failure */
void *ax_alloc_aligned(size_t count, size_t size);          /* 64-byte aligned, zeroed; released by ax_free */
char *ax_strdup(const char *text);
void ax_free(void *p);

bool ax_alloc_failed(void);                                 /* whether any of them ever has, in this process */

#endif

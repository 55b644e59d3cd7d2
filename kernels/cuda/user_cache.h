/* Machine code for user's functions in files: what one process has compiled, later ones load. */
#ifndef AX_CUDA_USER_CACHE_H
#define AX_CUDA_USER_CACHE_H

#include <stddef.h>
#include <stdint.h>

static const uint64_t AX_HASH_START = 0xcbf29ce484222325;

/* FNV-1a, 64 bits: goes on from `hash`. */
uint64_t ax_cuda_hash(uint64_t hash, const void *data, size_t bytes);

/* What was kept in "<cache>.<key>.image", with a zero byte behind it, which the caller frees. NULL: nothing, or another thing; or
 * `cache` is NULL. */
void *ax_cuda_kept_image(const char *cache, uint64_t key);

/* Writes that file, whole or not at all; where it cannot, later processes compile again. */
void ax_cuda_keep_image(const char *cache, uint64_t key, const void *image, size_t bytes);

#endif

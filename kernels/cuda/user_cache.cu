/* Files of one image each: a head, and the image. Invariant: a file cut short, changed or moved here from elsewhere fits neither its
 * key nor its digest, and counts for nothing. */
#include "kernels/cuda/user_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct head {
    char magic[8];
    uint64_t key, bytes, digest;     /* of key and image */
};

enum { BYTES_MOST = 64 << 20, NAME_MOST = 4096 };

uint64_t ax_cuda_hash(uint64_t hash, const void *data, size_t bytes)
{
    for (const uint8_t *at = (const uint8_t *)data, *end = at + bytes; at < end; at++) hash = (hash ^ *at) * 0x100000001b3;
    return hash;
}

static head head_of(uint64_t key, const void *image, size_t bytes)
{
    return {"AXIMAGE", key, bytes, ax_cuda_hash(ax_cuda_hash(AX_HASH_START, &key, sizeof key), image, bytes)};
}

static char *read_image(FILE *f, uint64_t key)
{
    head found;
    if (fread(&found, sizeof found, 1, f) != 1 || found.bytes == 0 || found.bytes > BYTES_MOST) return nullptr;
    char *image = (char *)calloc(found.bytes + 1, 1);
    const size_t n = image ? fread(image, 1, found.bytes + 1, f) : 0;      /* one more, which there must not be */
    const head wanted = head_of(key, image, n);
    if (n == found.bytes && !memcmp(&found, &wanted, sizeof found)) return image;
    free(image);
    return nullptr;
}

/* False: nothing is kept. */
static bool name_of(char (&path)[NAME_MOST], const char *cache, uint64_t key, const char *ending)
{
    return cache && snprintf(path, sizeof path, "%s.%016llx.image%s", cache, (unsigned long long)key, ending) < (int)sizeof path;
}

void *ax_cuda_kept_image(const char *cache, uint64_t key)
{
    char path[NAME_MOST];
    FILE *f = name_of(path, cache, key, "") ? fopen(path, "rbe") : nullptr;
    if (!f) return nullptr;
    char *image = read_image(f, key);
    fclose(f);
    return image;
}

void ax_cuda_keep_image(const char *cache, uint64_t key, const void *image, size_t bytes)
{
    char path[NAME_MOST], temp[NAME_MOST], ending[32];
    const head h = head_of(key, image, bytes);
    snprintf(ending, sizeof ending, ".%ld.tmp", (long)getpid());
    FILE *f = name_of(path, cache, key, "") && name_of(temp, cache, key, ending) ? fopen(temp, "wbe") : nullptr;
    if (!f) return;
    const int written = fwrite(&h, sizeof h, 1, f) == 1 && fwrite(image, 1, bytes, f) == bytes;
    if (fclose(f) || !written || rename(temp, path)) unlink(temp);
}

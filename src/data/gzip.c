/* Unpacking into a buffer of the capped size. Invariant: a file of any size and content costs at most cap + 1 bytes. */
#include "data/gzip.h"

#include "base/alloc.h"
#include "base/error.h"

#include <limits.h>
#include <stdint.h>
#include <zlib.h>

bool ax_gzip_is(const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    return len >= 2 && p[0] == 0x1f && p[1] == 0x8b;
}

static int check_end(int result, const z_stream *z, size_t len, size_t cap, const char *name)
{
    if (result == Z_STREAM_END) {
        if (z->avail_in == 0) return AX_OK;
        return ax_fail(AX_EFORMAT, "%s: byte %lu: other bytes follow the gzip data", name, z->total_in);
    }
    if (result == Z_MEM_ERROR) return ax_fail(AX_ENOMEM, "%s: out of memory for unpacking", name);
    if (result == Z_DATA_ERROR || result == Z_NEED_DICT)
        return ax_fail(AX_EFORMAT, "%s: byte %lu: damaged gzip data (%s)", name, z->total_in, z->msg ? z->msg : "dictionary");
    if (z->avail_in > 0) return ax_fail(AX_EFORMAT, "%s: more than the %zu bytes wanted once unpacked", name, cap);
    return ax_fail(AX_EFORMAT, "%s: truncated: the gzip data does not end within the %zu bytes found", name, len);
}

int ax_gzip_unpack(char **out, size_t *out_len, const void *bytes, size_t len, size_t cap, const char *name)
{
    if (len > UINT_MAX || cap >= UINT_MAX)
        return ax_fail(AX_EFORMAT, "%s: %zu bytes, more than gzip data may have here", name, len);
    char *data = ax_alloc(cap + 1, 1);
    if (!data) return AX_ENOMEM;
    z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)len, .next_out = (Bytef *)data, .avail_out = (uInt)cap};
    int status = AX_OK;
    if (inflateInit2(&z, 15 + 16) != Z_OK) status = ax_fail(AX_ENOMEM, "%s: out of memory for unpacking", name);
    if (status == AX_OK) {
        status = check_end(inflate(&z, Z_FINISH), &z, len, cap, name);
        inflateEnd(&z);
    }
    if (status != AX_OK) {
        ax_free(data);
        return status;
    }
    *out = data;
    *out_len = z.total_out;
    return AX_OK;
}

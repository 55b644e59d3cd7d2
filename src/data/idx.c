/* The IDX reader. Invariant: nothing is believed that the number of bytes at hand does not confirm. */
#include "data/idx.h"

#include "base/error.h"

static uint32_t big_endian(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int ax_idx_parse(ax_idx *out, void *bytes, size_t len, int rank, const char *name)
{
    uint8_t *p = bytes;
    size_t header = 4 + 4 * (size_t)rank, size = 1, total;
    uint32_t magic_wanted = 0x0800u | (uint32_t)rank;       /* 0, 0, type 8 (unsigned byte), rank */
    *out = (ax_idx){.rank = rank, .offset = header};
    if (len < header)
        return ax_fail(AX_EFORMAT, "%s: %zu bytes, too short for an IDX header of %zu", name, len, header);
    if (big_endian(p) != magic_wanted)
        return ax_fail(AX_EFORMAT, "%s: byte 0: magic number 0x%08x, wanted 0x%08x (IDX, unsigned bytes, %d dimensions)",
                       name, big_endian(p), magic_wanted, rank);
    for (int i = 0; i < rank; i++) {
        uint32_t dim = big_endian(p + 4 + 4 * i);
        if (dim == 0) return ax_fail(AX_EFORMAT, "%s: byte %d: dimension %d is 0", name, 4 + 4 * i, i);
        if (__builtin_mul_overflow(size, (size_t)dim, &size))
            return ax_fail(AX_EFORMAT, "%s: byte %d: dimension %d is %u, the product of the dimensions overflows", name,
                           4 + 4 * i, i, dim);
        out->dims[i] = dim;
    }
    if (__builtin_add_overflow(header, size, &total) || total != len)
        return ax_fail(AX_EFORMAT, "%s: %zu bytes found, %zu + %zu wanted by its dimensions%s", name, len, header, size,
                       len - header < size ? " (truncated)" : "");
    out->data = p + header;
    out->size = size;
    return AX_OK;
}

int ax_idx_check_labels(const ax_idx *labels, int64_t classes, const char *name)
{
    for (size_t i = 0; i < labels->size; i++)
        if (labels->data[i] >= classes)
            return ax_fail(AX_EFORMAT, "%s: byte %zu: label %d, wanted 0 to %lld", name, labels->offset + i,
                           labels->data[i], (long long)classes - 1);
    return AX_OK;
}

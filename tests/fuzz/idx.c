/* IDX files, plain or gzipped, of images and of labels. */
#include "fuzz.h"

#include "base/alloc.h"
#include "data/gzip.h"
#include "data/idx.h"

static void parse(uint8_t *bytes, size_t len)
{
    ax_idx idx;
    for (int rank = 1; rank <= AX_IDX_MAX_RANK; rank++) {
        if (!fuzz_accepted(ax_idx_parse(&idx, bytes, len, rank, "file"))) continue;
        promise(idx.data == bytes + idx.offset && idx.offset + idx.size == len);
        if (rank == 1) fuzz_accepted(ax_idx_check_labels(&idx, 10, "file"));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { CAP = 1 << 16 };
    char *own = fuzz_text(data, size), *unpacked = NULL;
    size_t len = 0;
    parse((uint8_t *)own, size);
    if (ax_gzip_is(data, size) && fuzz_accepted(ax_gzip_unpack(&unpacked, &len, data, size, CAP, "file"))) {
        promise(len <= CAP);
        parse((uint8_t *)unpacked, len);
        ax_free(unpacked);
    }
    free(own);
    return 0;
}

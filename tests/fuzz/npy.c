/* .npy files; an array that is read can be written, and then reads the same. */
#include "fuzz.h"

#include "data/npy.h"

static void check_written(const ax_npy *a)
{
    ax_npy again;
    const char *path = fuzz_file("a.npy", NULL, 0);
    promise(ax_npy_write(path, a->data, a->rank, a->shape) == AX_OK && ax_npy_read(&again, path) == AX_OK);
    promise(again.rank == a->rank && again.size == a->size && !memcmp(again.shape, a->shape, sizeof a->shape));
    promise(!memcmp(again.data, a->data, (size_t)a->size * sizeof *a->data));
    ax_npy_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ax_npy a;
    if (!fuzz_accepted(ax_npy_parse(&a, data, size, "file"))) return 0;
    check_written(&a);
    ax_npy_release(&a);
    return 0;
}

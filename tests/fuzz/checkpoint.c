/* Checkpoints, damaged or forged, as `status` reads them and, less often since that takes a child, as a worker that resumes. */
#include "h5_files.h"

#include "store/trialfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ax_record r;
    ax_position at;
    ax_blocks state = {0};
    const char *path = fuzz_h5("ckpt/c.h5", fuzz_write_checkpoint, data, size);
    bool whole = size && data[size - 1] % 8 == 1;
    ax_record_init(&r);
    if (fuzz_accepted(ax_checkpoint_read(path, &r, &at, whole ? &state : NULL, "cpu")))
        for (int i = 0; i < state.n; i++) promise(state.blocks[i].data && state.blocks[i].name[0]);
    ax_blocks_release(&state);
    ax_record_release(&r);
    return 0;
}

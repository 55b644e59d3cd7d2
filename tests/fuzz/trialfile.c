/* Files of finished trials, damaged or forged. */
#include "h5_files.h"

#include "store/trialfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ax_record r;
    ax_record_init(&r);
    fuzz_accepted(ax_trialfile_read(fuzz_h5("trials/t.h5", fuzz_write_trial, data, size), &r));
    promise(r.params && r.config && r.env && r.log_tail && r.message);
    ax_record_release(&r);
    return 0;
}

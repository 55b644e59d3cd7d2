/* Study files. Whole files go through the child that goes first, edited ones are read at once. */
#include "h5_files.h"

#include "store/results.h"
#include "store/studyfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ax_results r = {0};
    const char *path = fuzz_h5("s.h5", fuzz_write_study, data, size);
    bool edited = size < 8 || data[0] != 0x89;
    fuzz_accepted(edited ? ax_studyfile_read(&r, path) : ax_results_open(&r, path));
    ax_results_release(&r);
    return 0;
}

/* The expressions of `ls -w`, on a trial that has every field. */
#include "fuzz.h"

#include "cmd/filter.h"
#include "store_sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ax_record trial;
    bool match;
    if (!trial.params) sample_record(&trial, 0, "mbm:7", "mbm", 7, UINT64_MAX, 0.75);
    char *text = fuzz_text(data, size);
    fuzz_accepted(ax_filter_match(&match, text, &trial, 1, &trial));
    free(text);
    return 0;
}

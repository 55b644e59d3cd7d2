/* plan.json: what passes has ids that are safe as file names. */
#include "fuzz.h"

#include "store/study.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ax_plan_file p;
    fuzz_file("plan.json", data, size);
    if (!fuzz_accepted(ax_plan_file_read(fuzz_folder(), &p))) return 0;
    for (int i = 0; i < p.n; i++) promise(strlen(p.specs[i].id) == 16 && p.specs[i].config && p.specs[i].params);
    ax_plan_file_release(&p);
    return 0;
}

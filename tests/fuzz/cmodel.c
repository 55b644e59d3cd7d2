/* Preprocessed C, in which the functions are looked for, and EvoApproxLib's comments. */
#include "fuzz.h"

#include "lut/cmodel_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ax_cmodel_function found[AX_CMODEL_FUNCTIONS];
    ax_cmodel_info info = {0};
    ax_buf own, text;
    char *exact = malloc(size), *source = fuzz_text(data, size);
    if (size) memcpy(exact, data, size);
    ax_buf_init(&own);
    ax_buf_init(&text);
    int n = ax_cmodel_scan(found, &own, exact, size);
    promise(n >= 0 && n <= AX_CMODEL_FUNCTIONS);
    for (int i = 0; i < n; i++) promise(memchr(found[i].name, 0, sizeof found[i].name) && found[i].name[0]);
    ax_cmodel_own(&text, exact, size, true);
    ax_cmodel_costs(&info, source);
    ax_buf_release(&text);
    ax_buf_release(&own);
    free(source);
    free(exact);
    return 0;
}

/* The list of --devices. */
#include "fuzz.h"

#include "cmd/device_list.h"
#include "cmd/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ax_device_list list;
    char *text = fuzz_text(data, size);
    ax_common_options.quiet = true;
    if (fuzz_accepted(ax_device_list_parse(&list, text))) promise(list.n > 0 && list.n <= AX_DEVICES_MAX && list.names[0]);
    free(text);
    return 0;
}

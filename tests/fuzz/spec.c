/* Specs of multipliers: a canonical spec, opened again, is the same multiplier. Neither files nor C functions are looked for. */
#include "fuzz.h"

#include "lut/lut.h"

#include <ctype.h>

/* Tables above width 6 take long to make, and the rules are the same; without a table there are none to make. */
static bool is_quick(const char *spec)
{
    const char *colon = strchr(spec, ':');
    if (!colon || !strncmp(spec, "lut:", 4) || !strncmp(spec, "c:", 2)) return !colon;
    long width = strtol(colon + 1, NULL, 10);
    return width <= 6 || width > 11;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    ax_lut *lut = is_quick(text) ? ax_lut_open(text) : NULL;
    if (lut) {
        ax_lut *again = ax_lut_open(lut->spec);
        promise(again && !strcmp(again->spec, lut->spec) && !strcmp(again->sha256, lut->sha256) && again->width == lut->width);
        ax_lut_close(again);
    } else if (is_quick(text)) {
        fuzz_accepted(ax_errstatus());
    }
    ax_lut_close(lut);
    free(text);
    return 0;
}

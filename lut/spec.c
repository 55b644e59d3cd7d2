/* The parts of a spec. Invariant: nothing is read behind the text's end, and every part is terminated. */
#include "lut/spec.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

const char *ax_spec_next(ax_spec_pair *pair, const char *keys)
{
    const char *text = keys + 1;
    size_t whole = strcspn(text, ","), name = strcspn(text, "=,");
    pair->has_value = name < whole;
    snprintf(pair->key, sizeof pair->key, "%.*s", (int)name, text);
    snprintf(pair->value, sizeof pair->value, "%.*s", pair->has_value ? (int)(whole - name - 1) : 0, pair->has_value ? text + name + 1 : "");
    return text + whole;
}

int ax_spec_once(const ax_spec_pair *pair, const char *keys, const char *spec)
{
    ax_spec_pair other;
    while (*keys) {
        keys = ax_spec_next(&other, keys);
        if (!strcmp(other.key, pair->key)) return ax_fail(AX_EARG, "multiplier '%s': the key %s is given twice, wanted once", spec, pair->key);
    }
    return AX_OK;
}

size_t ax_spec_path_length(const char *text)
{
    for (const char *comma = strchr(text, ','); comma; comma = strchr(comma + 1, ',')) {
        size_t word = strspn(comma + 1, "abcdefghijklmnopqrstuvwxyz_");
        if (word && comma[1 + word] == '=') return (size_t)(comma - text);
    }
    return strlen(text);
}

/* Multipliers of a layer in words. Invariant: what two passes or two epochs share is said once only if all of them share it. */
#include "cmd/assignment.h"

#include <stdio.h>

enum { TEXT = 256 };

int ax_assignment_lines(const cJSON *multiplier) { return cJSON_IsArray(multiplier) ? cJSON_GetArraySize(multiplier) : 1; }

static void by_pass(char *out, size_t size, const cJSON *m)
{
    if (cJSON_IsObject(m))
        snprintf(out, size, "fwd %s, dx %s, dw %s", ax_json_get_string(m, "forward", ""), ax_json_get_string(m, "grad_input", ""),
                 ax_json_get_string(m, "grad_weight", ""));
    else snprintf(out, size, "%s", cJSON_IsString(m) ? m->valuestring : "");
}

void ax_assignment_text(char *out, size_t size, const cJSON *multiplier, int i)
{
    char text[TEXT];
    const cJSON *part = cJSON_IsArray(multiplier) ? cJSON_GetArrayItem(multiplier, i) : NULL;
    if (!part) {
        by_pass(out, size, multiplier);
        return;
    }
    const cJSON *epochs = cJSON_GetObjectItemCaseSensitive(part, "epochs");
    double from = ax_json_value(cJSON_GetArrayItem(epochs, 0)), to = ax_json_value(cJSON_GetArrayItem(epochs, 1));
    by_pass(text, sizeof text, cJSON_GetObjectItemCaseSensitive(part, "multiplier"));
    if (from == to) snprintf(out, size, "epoch %.0f: %s", from, text);
    else snprintf(out, size, "epochs %.0f-%.0f: %s", from, to, text);
}

/* A layer's multipliers as the configuration and `summary` give them: "mbm:7"; or by pass, { "forward": ..., "grad_input": ...,
 * "grad_weight": ... }; or a list of { "epochs": [from, to], "multiplier": one of these }. */
#ifndef AX_CMD_ASSIGNMENT_H
#define AX_CMD_ASSIGNMENT_H

#include "base/json.h"

#include <stddef.h>

int ax_assignment_lines(const cJSON *multiplier);        /* how many lines the text takes: one, or one for each range of epochs */

/* "mbm:7", "fwd mbm:7, dx fp32, dw fp32", "epochs 1-2: fp32": line i of these. "" for NULL. */
void ax_assignment_text(char *out, size_t size, const cJSON *multiplier, int i);

#endif

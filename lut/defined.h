/* Multipliers that a script defines: a name, its widths, and for each width a table, given when it is first asked for.
 * They live until the process ends, so that a study file written after its script was closed still has them. */
#ifndef AX_LUT_DEFINED_H
#define AX_LUT_DEFINED_H

#include "lut/lut.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    char name[32];
    int width;
    uint32_t *words;      /* (2^m, 2^m) as in lut/view.h; NULL until they are given */
} ax_defined;

/* Makes NAME known for n widths, and for no others; what was given for these stays. AX_EARG: a name that a family has or that is
 * no word of letters, digits and '_', a width outside 1..11. */
int ax_defined_declare(const char *name, const int *widths, int n);

/* The table of a declared width: a copy is kept. *changed: it had another one. AX_EARG: not declared, or a bad word. */
int ax_defined_give(const char *name, int width, const uint32_t *words, bool *changed);

const ax_defined *ax_defined_find(const char *name, int width);      /* NULL: not declared */
bool ax_defined_known(const char *name);                             /* for any width */
size_t ax_defined_names(const char **names, size_t most);            /* each once; how many */

/* Fills `lut` for NAME:TEXT. AX_EARG: a width that was not declared, with those that were. */
int ax_defined_open(ax_lut *lut, const char *spec, const char *name, const char *text);

/* Where a multiplier's function stands: "family", "table" (lut:), "c" (c:), or "lua" for any other name. */
const char *ax_lut_kind(const char *spec);

#endif

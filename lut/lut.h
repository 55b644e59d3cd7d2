/* Multipliers by their specs: the registry of families, tables from files, error metrics.
 *
 * A spec is family:width,key=value...; `fp32` and `lut:FILE[,width=M][,format=u8|u32]` are specs too. */
#ifndef AX_LUT_H
#define AX_LUT_H

#include "lut/view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AX_SPEC_MAX = 512 };

typedef struct {
    char spec[AX_SPEC_MAX];     /* canonical: "fp32", "mbm:7", "lut:lut/tables/MBM_7.bin" */
    char family[32];            /* "fp32", "mbm", "lut" (for a file: its name without width and ending, "MBM") */
    int width;                  /* m; 23 for fp32 */
    char format[4];             /* of a table file: "u8" or "u32"; else "" */
    char sha256[65];            /* of the table's u32 file (lut/file.h: carry in bit 31), so that sha256sum of
                                 * `lut build SPEC --format u32` prints it; above m = 11 of "family:width numerics 1" */
    ax_lut_view view;           /* valid until ax_lut_close */
    uint32_t *words;            /* owned; NULL above m = 11 and for fp32 */
} ax_lut;

/* Opens a spec: parses, builds or loads, checks. NULL: AX_EARG (unknown family with a suggestion, width out of range with
 * the range), AX_ENOENT (no such table file), AX_EFORMAT (a table of the wrong size: found and wanted). */
ax_lut *ax_lut_open(const char *spec);
void ax_lut_close(ax_lut *lut);

/* "mbm:7 (1,8,7) 16 bits": how a width is shown everywhere; "fp32 (1,8,23) 32 bits". Writes at most `size` bytes. */
void ax_lut_format(char *text, size_t size, const ax_lut *lut);

/* The families, in the order of models.def behind fp32 (row 0); `lut` is the last. */
typedef struct {
    const char *name;
    int min_width, max_width;
    const char *title, *reference;
} ax_family;
int ax_family_count(void);
const ax_family *ax_family_at(int row);

#endif

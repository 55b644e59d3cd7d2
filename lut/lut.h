/* Multipliers by their specs: the registry of families, tables from files, error metrics.
 *
 * A spec is family:width,key=value...; `fp32`, `lut:FILE[,width=M][,format=u8|u32]`, `lut:FILE,width_a=M,width_b=N` and
 * `c:FILE[,symbol=NAME][,width=M]` are specs too. All but fp32 take operands=round and compat=approxtrain. */
#ifndef AX_LUT_H
#define AX_LUT_H

#include "lut/cmodel.h"
#include "lut/view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AX_SPEC_MAX = 512 };

typedef struct {
    char spec[AX_SPEC_MAX];     /* canonical: "fp32", "mbm:7", "drum:7,k=4", "lut:lut/tables/MBM_7.bin" */
    char family[32];            /* "fp32", "mbm", "lut" (for a file: its name without width and ending, "MBM") */
    int width;                  /* m; 23 for fp32 */
    int width_a, width_b;       /* of each operand: of some table files the lesser one is below m; else both are m */
    char format[4];             /* of a table file: "u8" or "u32"; else "" */
    char sha256[65];            /* of the table's u32 file (lut/file.h: carry in bit 31), so that sha256sum of
                                 * `lut build SPEC --format u32` prints it; above m = 11 of
                                 * "family:width,key=value numerics 1", the keys as in `spec`, or of a C function's text. Where
                                 * `spec` ends in operands=round or compat=approxtrain, see ax_lut_hash */
    ax_lut_view view;           /* valid until ax_lut_close */
    uint32_t *words;            /* owned; NULL above m = 11 and for fp32 */
    ax_cmodel *c;               /* owned: of a C function, what is known of it (lut/cmodel.h); else NULL */
} ax_lut;

/* Opens a spec: parses, builds or loads, checks. NULL: AX_EARG (unknown family or key with a suggestion, width or value out of
 * range with the range, a key missing or given twice), AX_ENOENT (no such table file), AX_EFORMAT (a table of the wrong size:
 * found and wanted). */
ax_lut *ax_lut_open(const char *spec);
void ax_lut_close(ax_lut *lut);

/* The sha256 of a multiplier of this canonical spec whose table is `words`: of its u32 file, and where `spec` ends in operands=round or
 * compat=approxtrain, of that SHA-256 in hexadecimal with this end of the spec, its comma too, behind it. */
int ax_lut_hash(char sha256[65], const uint32_t *words, int width, const char *spec);

/* "mbm:7 (1,8,7) 16 bits": how a width is shown everywhere; "fp32 (1,8,23) 32 bits". Writes at most `size` bytes. */
void ax_lut_format(char *text, size_t size, const ax_lut *lut);

/* The families, in the order of models.def behind fp32 (row 0), then what comes from a file. */
typedef struct {
    const char *name;
    int min_width, max_width;
    const char *file_keys;      /* its name is a file's: the keys it takes, as text; NULL: name:width and the keys below, or fp32 */
    const char *title, *reference;
} ax_family;
int ax_family_count(void);
const ax_family *ax_family_at(int row);

/* A key of a family: one of some words, whose value is its place among them, or a whole number from `least` to width + `over`. */
enum { AX_KEY_REQUIRED = -1, AX_EXAMPLE_WIDTH = 7 };
typedef struct {
    const char *name;
    const char *words;          /* "truncate|round"; NULL: a number */
    int least, over;
    int standard;               /* the value of a spec that leaves the key out; AX_KEY_REQUIRED: it must not */
    int example;                /* what the lists show; allowed from width AX_EXAMPLE_WIDTH on */
} ax_family_key;

/* The n-th key of a family, NULL behind the last. */
const ax_family_key *ax_family_key_at(const ax_family *family, int n);
/* "truncate|round", "1..m+1": what a key may be, m the width. */
void ax_family_key_range(char *text, size_t size, const ax_family_key *key);
/* The spec of a family (not of a file) with the example's keys: "drum:7,k=4". */
void ax_family_example(char *text, size_t size, const ax_family *family, int width);

#endif

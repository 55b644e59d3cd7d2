/* Table files: u8 (ApproxTrain's NAME_m.bin) and u32, with width and format inferred from name and size. */
#ifndef AX_LUT_FILE_H
#define AX_LUT_FILE_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

/* u8, m <= 7: 4^m bytes, entry (i << m) | j: bit 7 carry, bits m-1..0 fraction.
 * u32, m <= 11: 4^m little-endian words: bit 31 carry, bits 22..0 fraction in place.
 * Operands of widths of their own, a and b: 2^(a + b) entries, entry (i << b) | j, as of width m = max(a, b) otherwise. */
enum ax_table_format { AX_TABLE_ANY, AX_TABLE_U8, AX_TABLE_U32 };

enum { AX_TABLE_U8_MAX_WIDTH = 7, AX_TABLE_MAX_BYTES = 4 << 22 };     /* 4^12: u32 at m = 11 */

typedef struct {
    int a, b;                   /* 1..AX_TABLE_MAX_WIDTH */
} ax_table_widths;

const char *ax_table_format_name(enum ax_table_format format);                         /* "u8", "u32" */
int ax_table_format_parse(enum ax_table_format *format, const char *name);             /* AX_EARG */

/* The m of "..._m" or "..._m.ending"; 0 if the name does not end so. */
int ax_table_name_width(const char *path);

/* What a file of `size` bytes under this name holds. On entry *width (0: unknown) and *format are what the user said; a width said
 * overrides the name's. AX_EFORMAT: no such table has this size (found and wanted are named); AX_EARG: both u8 and u32
 * would do, and the user must say. */
int ax_table_infer(int *width, enum ax_table_format *format, const char *path, size_t size);

/* Bytes to words (lut/view.h) and back. `name` is for messages. Decoding: AX_EFORMAT names the first bad entry.
 * Encoding: AX_EARG if the format cannot hold the table, with the reason. */
int ax_table_decode(uint32_t *words, const unsigned char *data, int width, enum ax_table_format format, const char *name);
int ax_table_encode(ax_buf *out, const uint32_t *words, int width, enum ax_table_format format, const char *name);

/* The table of fewer bits of each operand, w.a and w.b <= width, the others taken as zeros. */
int ax_table_encode_widths(ax_buf *out, const uint32_t *words, int width, ax_table_widths w, enum ax_table_format format, const char *name);

/* Reads a table file; the caller frees *words with ax_free. AX_ENOENT, AX_EFORMAT, AX_EARG as above. */
int ax_table_read(uint32_t **words, int *width, enum ax_table_format *format, const char *path);

/* The same of widths that the user said: *words is the table of width max(a, b) in which the lower bits of one operand change nothing. */
int ax_table_read_widths(uint32_t **words, ax_table_widths w, enum ax_table_format *format, const char *path);

#endif

/* How verbs hand over what they made: a JSON tree, a text or a line, to stdout or to a file. What a study holds may come from anybody:
 * on stdout a control character (below U+0020, U+007F to U+009F) stands as JSON writes it, \u001b, so that it moves no cursor. */
#ifndef AX_CMD_OUTPUT_H
#define AX_CMD_OUTPUT_H

#include "base/buf.h"

#include <cJSON.h>
#include <stdio.h>

/* Prints a tree, indented, and frees it. */
int ax_output_json(cJSON *tree);

/* Writes a text whole to `path`, as it is, or to stdout if that is "-"; there ends of lines and tabs are kept. */
int ax_output_text(const ax_buf *text, const char *path);
int ax_output_bytes(const ax_buf *bytes, const char *path);      /* nothing is escaped */

void ax_output_block(const char *text);       /* to stdout; ends of lines and tabs are kept */
void ax_output_stream(FILE *from);            /* the same of what is left of a file */

/* "approxrun: TEXT" to stderr, escaped in the same way; ends of lines and tabs are kept. */
void ax_output_message(const char *text);

/* One line of stdout, whatever its texts hold: a line's end in them is escaped too. */
void ax_output_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A text as such a line shows it, filled up to `width` columns, and how many columns it takes. */
void ax_output_cell(ax_buf *out, const char *text, int width);
int ax_output_columns(const char *text);

/* Hands stdout to the system. AX_EIO: not all of it was taken, now or before. AX_ENOMEM: memory ran out while it was made. */
int ax_output_end(void);

#endif

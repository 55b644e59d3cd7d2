/* How verbs hand over what they made: a JSON tree or a text, to stdout or to a file. */
#ifndef AX_CMD_OUTPUT_H
#define AX_CMD_OUTPUT_H

#include "base/buf.h"

#include <cJSON.h>

/* Prints a tree, indented, and frees it. */
int ax_output_json(cJSON *tree);

/* Writes a text whole to `path`, or to stdout if that is "-". */
int ax_output_text(const ax_buf *text, const char *path);

/* Hands stdout to the system. AX_EIO: not all of it was taken, now or before. AX_ENOMEM: memory ran out while it was made. */
int ax_output_end(void);

#endif

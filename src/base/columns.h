/* Text as a terminal shows it: columns, not bytes. What is no character to show (a control byte, what is not UTF-8, and without
 * `utf8` all but ASCII) counts and is written as '?', so that a name can neither move the cursor nor misalign a line. */
#ifndef AX_BASE_COLUMNS_H
#define AX_BASE_COLUMNS_H

#include "base/buf.h"

int ax_columns_of(const char *text, bool utf8);
void ax_columns_add(ax_buf *out, const char *text, bool utf8);
void ax_columns_fit(ax_buf *out, const char *text, int width, bool utf8);      /* exactly `width`: padded, or its middle left out */

#endif

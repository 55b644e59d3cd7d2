/* Where output goes: to a terminal, how wide, in color or not. */
#ifndef AX_CMD_TERMINAL_H
#define AX_CMD_TERMINAL_H

#include <stdbool.h>

int ax_terminal_columns(int fd);       /* 0: no terminal, or one that can only print */
bool ax_terminal_color(int fd);        /* by --color, NO_COLOR and whether it is a terminal */

#endif

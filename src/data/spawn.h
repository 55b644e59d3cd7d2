/* Running another program to its end, without a shell. */
#ifndef AX_DATA_SPAWN_H
#define AX_DATA_SPAWN_H

#include <stdbool.h>

/* Runs argv[0] (found by PATH) in folder `dir`; nothing is read, its output goes nowhere. AX_ENODATA: it could not be started
 * or failed; the message has the first line that it wrote to standard error. */
int ax_spawn(const char *dir, const char *const *argv);

bool ax_spawn_has(const char *program);      /* PATH has it */

#endif

/* Running another program to its end, without a shell. */
#ifndef AX_DATA_PROGRAM_H
#define AX_DATA_PROGRAM_H

#include <stdbool.h>

/* Runs argv[0] (found by PATH) in folder `dir`; nothing is read, its output goes nowhere. AX_ENODATA: it could not be started
 * or failed; the message has the first line that it wrote to standard error. */
int ax_program_run(const char *dir, const char *const *argv);

bool ax_program_found(const char *program);      /* PATH has it */

#endif

/* Status codes and the per-thread error text.
 *
 * Every fallible function returns AX_OK (0) or a negative AX_E...; constructors return NULL. The text of the last failure
 * stands in a per-thread buffer. A message names the thing, what was found, what was wanted and, if known, the remedy. */
#ifndef AX_BASE_ERROR_H
#define AX_BASE_ERROR_H

enum ax_status_index {
    AX_OK_INDEX,
#define AX_ERROR(name, exit_code, meaning) name##_INDEX,
#include "base/errors.def"
#undef AX_ERROR
    AX_STATUS_COUNT
};

enum ax_status {
    AX_OK = 0,
#define AX_ERROR(name, exit_code, meaning) name = -(int)name##_INDEX,
#include "base/errors.def"
#undef AX_ERROR
};

/* Sets the message and returns `status`, so that `return ax_fail(AX_ESHAPE, "...")` reads well. */
int ax_fail(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "<text>: " before the current message; returns the status of that failure. */
int ax_fail_in(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

const char *ax_errmsg(void);     /* message of the last failure in this thread; valid until the next ax_fail */
int ax_errstatus(void);          /* its status */
int ax_exit_code(int status);    /* SPEC section 2: the program's exit code for a status */

/* Returns from the calling function if `expr` fails. */
#define AX_TRY(expr)                                                                                                   \
    do {                                                                                                               \
        int ax_try_status = (expr);                                                                                    \
        if (ax_try_status != AX_OK) return ax_try_status;                                                              \
    } while (0)

#endif

/* The per-thread error text. Invariant: after a failing call ax_errmsg() is one line that can be shown as it is. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char message[2048];
static _Thread_local int last_status;

static const int exit_codes[AX_STATUS_COUNT] = {
#define AX_ERROR(name, exit_code, meaning) [name##_INDEX] = exit_code,
#include "base/errors.def"
#undef AX_ERROR
};

int ax_fail(int status, const char *fmt, ...)
{
    char text[sizeof message];            /* an argument may be the old message */
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    memcpy(message, text, sizeof message);
    last_status = status;
    return status;
}

int ax_fail_in(const char *fmt, ...)
{
    char prefix[1024], text[sizeof prefix + sizeof message + 2];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(prefix, sizeof prefix, fmt, ap);
    va_end(ap);
    snprintf(text, sizeof text, "%s: %s", prefix, message);
    memcpy(message, text, sizeof message - 1);
    return last_status;
}

const char *ax_errmsg(void) { return message; }

int ax_errstatus(void) { return last_status; }

int ax_exit_code(int status)
{
    return status <= 0 && -status < AX_STATUS_COUNT ? exit_codes[-status] : 1;
}

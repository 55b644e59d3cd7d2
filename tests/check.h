/* What every C test includes: cmocka and its prerequisites in their order. */
#ifndef AX_TESTS_CHECK_H
#define AX_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"

#include <string.h>

/* A status that must be AX_OK; prints the message if it is not. */
#define assert_ok(expr)                                                                                                \
    do {                                                                                                               \
        int check_status = (expr);                                                                                     \
        if (check_status != AX_OK) fail_msg("%s: %s", #expr, ax_errmsg());                                             \
    } while (0)

/* A failure of the given status whose message contains `text`. */
#define assert_fails(expr, status, text)                                                                               \
    do {                                                                                                               \
        int check_status = (expr);                                                                                     \
        if (check_status != (status) || !strstr(ax_errmsg(), text))                                                    \
            fail_msg("%s: status %d, message '%s'; wanted %d and '%s'", #expr, check_status, ax_errmsg(), (status), text); \
    } while (0)

#endif

/* A growable byte string, always terminated by a zero. Out of memory is remembered in `failed`, so that a chain of
 * additions needs one check, at its end. */
#ifndef AX_BASE_BUF_H
#define AX_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    char *data;      /* never NULL after the first addition */
    size_t len;      /* without the final zero */
    size_t cap;
    bool failed;
} ax_buf;

void ax_buf_init(ax_buf *b);
void ax_buf_release(ax_buf *b);
void ax_buf_clear(ax_buf *b);                                /* keeps the memory */
void ax_buf_add(ax_buf *b, const void *data, size_t len);
void ax_buf_puts(ax_buf *b, const char *text);
void ax_buf_printf(ax_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *ax_buf_str(const ax_buf *b);                     /* "" if nothing was added */
char *ax_buf_steal(ax_buf *b);                               /* the caller frees; NULL if an addition failed */
int ax_buf_status(const ax_buf *b);                          /* AX_OK or AX_ENOMEM */

#endif

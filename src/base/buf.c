/* The growable string. Invariant: cap > len whenever data is not NULL, and data[len] == 0. */
#include "base/buf.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void ax_buf_init(ax_buf *b) { *b = (ax_buf){0}; }

void ax_buf_release(ax_buf *b)
{
    ax_free(b->data);
    *b = (ax_buf){0};
}

void ax_buf_clear(ax_buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data) b->data[0] = 0;
}

static bool reserve(ax_buf *b, size_t extra)
{
    if (b->failed) return false;
    if (b->cap - b->len > extra && b->data) return true;
    size_t cap = b->cap ? b->cap : 64;
    while (cap - b->len <= extra) {
        if (cap > (size_t)-1 / 2) return !(b->failed = true);
        cap *= 2;
    }
    char *data = ax_realloc(b->data, cap, 1);
    if (!data) return !(b->failed = true);
    b->data = data;
    b->cap = cap;
    return true;
}

void ax_buf_add(ax_buf *b, const void *data, size_t len)
{
    if (!reserve(b, len)) return;
    if (len) memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = 0;
}

void ax_buf_puts(ax_buf *b, const char *text) { ax_buf_add(b, text, strlen(text)); }

void ax_buf_printf(ax_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int need = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (need < 0 || !reserve(b, (size_t)need)) return;
    va_start(ap, fmt);
    vsnprintf(b->data + b->len, (size_t)need + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)need;
}

const char *ax_buf_str(const ax_buf *b) { return b->data ? b->data : ""; }

char *ax_buf_steal(ax_buf *b)
{
    if (!b->data) ax_buf_add(b, "", 0);
    char *data = b->failed ? NULL : b->data;
    if (b->failed) ax_free(b->data);
    *b = (ax_buf){0};
    return data;
}

int ax_buf_status(const ax_buf *b)
{
    return b->failed ? ax_fail(AX_ENOMEM, "out of memory for a text of %zu bytes", b->len) : AX_OK;
}

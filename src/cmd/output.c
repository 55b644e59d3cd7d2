/* Results to stdout or to a file. Invariant: a text reaches stdout through add_shown alone. */
#include "cmd/output.h"

#include "base/alloc.h"
#include "base/columns.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static int cannot_write(void)
{
    return ax_fail(AX_EIO, "standard output: cannot write: %s", strerror(errno));
}

/* ---- what a terminal may see ---- */

static const char c1_lead = (char)0xc2;      /* which U+0080 to U+00BF begin with in UTF-8 */

/* How many of the n bytes at s are a control character; 0: it is none. */
static size_t control_at(const char *s, size_t n)
{
    unsigned char c = (unsigned char)s[0], second = n > 1 ? (unsigned char)s[1] : 0;
    if (s[0] == c1_lead && second >= 0x80 && second < 0xa0) return 2;
    return c < 0x20 || c == 0x7f;
}

static bool lays_out(const char *s, size_t n) { return s[0] == '\n' || s[0] == '\t' || (s[0] == '\r' && n > 1 && s[1] == '\n'); }

/* block: with its ends of lines and its tabs. */
static void add_shown(ax_buf *out, const char *s, size_t n, bool block)
{
    size_t from = 0, len;
    for (size_t i = 0; i < n; i += len ? len : 1) {
        len = control_at(s + i, n - i);
        if (!len || (block && lays_out(s + i, n - i))) continue;
        ax_buf_add(out, s + from, i - from);
        ax_buf_printf(out, "\\u%04x", (unsigned char)s[i + len - 1]);
        from = i + len;
    }
    ax_buf_add(out, s + from, n - from);
}

static int print_shown(const char *s, size_t n)
{
    ax_buf out = {0};
    add_shown(&out, s, n, true);
    int status = ax_buf_status(&out);
    if (status == AX_OK && fwrite(ax_buf_str(&out), 1, out.len, stdout) != out.len) status = cannot_write();
    ax_buf_release(&out);
    return status;
}

/* ---- whole results ---- */

int ax_output_json(cJSON *tree)
{
    char *text = ax_json_text(tree, true);
    cJSON_Delete(tree);
    if (!text) return AX_ENOMEM;
    ax_output_block(text);
    putchar('\n');
    ax_free(text);
    return AX_OK;
}

int ax_output_text(const ax_buf *text, const char *path)
{
    AX_TRY(ax_buf_status(text));
    return strcmp(path, "-") ? ax_output_bytes(text, path) : print_shown(ax_buf_str(text), text->len);
}

int ax_output_bytes(const ax_buf *bytes, const char *path)
{
    AX_TRY(ax_buf_status(bytes));
    if (strcmp(path, "-")) return ax_file_write(path, bytes->data, bytes->len);
    size_t n = fwrite(bytes->data, 1, bytes->len, stdout);
    return n == bytes->len ? AX_OK : cannot_write();
}

void ax_output_block(const char *text) { (void)print_shown(text, strlen(text)); }      /* ax_output_end tells of failures */

/* It may be that memory has run out. One write, so that the lines of several processes stay lines. */
void ax_output_message(const char *text)
{
    char shown[6 * 2048];
    size_t n = strlen(text), at = 0, len;
    for (size_t i = 0; i < n && at + sizeof "\\u0000" < sizeof shown; i += len ? len : 1) {
        len = control_at(text + i, n - i);
        if (!len || lays_out(text + i, n - i)) shown[at++] = text[i];
        else at += (size_t)snprintf(shown + at, sizeof shown - at, "\\u%04x", (unsigned char)text[i + len - 1]);
    }
    fprintf(stderr, "approxrun: %.*s\n", (int)at, shown);
}

void ax_output_stream(FILE *from)
{
    char text[8192];
    size_t n;
    while ((n = fread(text, 1, sizeof text, from)) > 0) {
        bool cut = text[n - 1] == c1_lead;      /* to be read again with its other half, when that comes */
        (void)print_shown(text, cut ? n - 1 : n);
        if (cut && (fseeko(from, -1, SEEK_CUR) != 0 || n == 1)) return;
    }
}

/* ---- lines ---- */

void ax_output_line(const char *format, ...)
{
    va_list args, again;
    ax_buf out = {0};
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *text = ax_alloc(n > 0 ? (size_t)n + 1 : 1, 1);
    if (text && n > 0) vsnprintf(text, (size_t)n + 1, format, again);
    if (text) add_shown(&out, text, strlen(text), false);
    puts(ax_buf_str(&out));
    va_end(again);
    va_end(args);
    ax_free(text);
    ax_buf_release(&out);
}

int ax_output_columns(const char *text)
{
    ax_buf shown = {0};
    add_shown(&shown, text, strlen(text), false);
    int n = ax_columns_of(ax_buf_str(&shown), true);
    ax_buf_release(&shown);
    return n;
}

void ax_output_cell(ax_buf *out, const char *text, int width)
{
    add_shown(out, text, strlen(text), false);
    for (int n = ax_output_columns(text); n < width; n++) ax_buf_puts(out, " ");
}

int ax_output_end(void)
{
    if (ax_alloc_failed()) return ax_fail(AX_ENOMEM, "out of memory on the way: what was printed may lack parts");
    errno = EIO;                                     /* what an earlier write failed for is not known, if this one does not */
    return fflush(stdout) == 0 && !ferror(stdout) ? AX_OK : cannot_write();
}

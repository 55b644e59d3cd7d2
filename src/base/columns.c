/* Columns of text. Invariant: a character is written whole or not at all. */
#include "base/columns.h"

#include <stdint.h>
#include <string.h>

typedef struct {
    const char *bytes;
    int len, columns;
} glyph;

typedef struct {
    uint32_t first, last;
} range;

static const glyph unknown = {"?", 1, 1};

/* Marks that stand on the character before, and characters of no width (Unicode 15, the usual ones). */
static const range zero[] = {
    {0x300, 0x36f}, {0x483, 0x489}, {0x591, 0x5bd}, {0x610, 0x61a}, {0x64b, 0x65f}, {0x93c, 0x93c}, {0x94d, 0x94d}, {0xe31, 0xe31}, {0xe34, 0xe3a},
    {0xe47, 0xe4e}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xe0100, 0xe01ef}};

/* East Asian Width W and F, and emoji. */
static const range wide[] = {
    {0x1100, 0x115f}, {0x231a, 0x231b}, {0x23e9, 0x23ec}, {0x2e80, 0x303e}, {0x3041, 0x33ff}, {0x3400, 0x4dbf}, {0x4e00, 0x9fff}, {0xa000, 0xa4cf},
    {0xa960, 0xa97c}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff01, 0xff60}, {0xffe0, 0xffe6},
    {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};

static bool among(const range *r, size_t n, uint32_t c)
{
    for (size_t i = 0; i < n; i++)
        if (c >= r[i].first && c <= r[i].last) return true;
    return false;
}

static bool controls(uint32_t c) { return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069); }

/* Decodes one character of UTF-8; its length, or 0 for what is none (overlong forms, surrogates and cut ones included). */
static int decode(uint32_t *c, const unsigned char *s)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    int n = s[0] < 0x80 ? 1 : (s[0] & 0xe0) == 0xc0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : (s[0] & 0xf8) == 0xf0 ? 4 : 0;
    if (n == 0) return 0;
    *c = n == 1 ? s[0] : s[0] & (0xffu >> (n + 1));
    for (int i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0;
        *c = *c << 6 | (s[i] & 0x3f);
    }
    return *c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000) ? 0 : n;
}

/* The character at *text, which goes on behind it. */
static glyph next(const char **text, bool utf8)
{
    uint32_t c = 0;
    const char *at = *text;
    int n = decode(&c, (const unsigned char *)at);
    *text += n ? n : 1;
    if (n == 0 || controls(c) || (n > 1 && !utf8)) return unknown;
    int columns = among(zero, sizeof zero / sizeof zero[0], c) ? 0 : among(wide, sizeof wide / sizeof wide[0], c) ? 2 : 1;
    return (glyph){at, n, columns};
}

int ax_columns_of(const char *text, bool utf8)
{
    int n = 0;
    while (*text) n += next(&text, utf8).columns;
    return n;
}

/* Adds characters as long as they lie within columns [from, to) of the text; the columns added. */
static int add_between(ax_buf *out, const char *text, int from, int to, bool utf8)
{
    int at = 0, added = 0;
    while (*text) {
        glyph g = next(&text, utf8);
        bool begun = g.columns ? at >= from : added > 0;      /* a mark goes with what it stands on */
        at += g.columns;
        if (at > to) break;
        if (!begun) continue;
        ax_buf_add(out, g.bytes, (size_t)g.len);
        added += g.columns;
    }
    return added;
}

void ax_columns_add(ax_buf *out, const char *text, bool utf8)
{
    while (*text) {
        glyph g = next(&text, utf8);
        ax_buf_add(out, g.bytes, (size_t)g.len);
    }
}

void ax_columns_fit(ax_buf *out, const char *text, int width, bool utf8)
{
    int all = ax_columns_of(text, utf8), used;
    if (all <= width || width < 3) {
        used = add_between(out, text, 0, width, utf8);
    } else {
        int head = width / 2, tail = width - 1 - head;
        used = add_between(out, text, 0, head, utf8) + 1;
        ax_buf_puts(out, utf8 ? "…" : "~");
        used += add_between(out, text, all - tail, all, utf8);
    }
    for (; used < width; used++) ax_buf_puts(out, " ");
}

/* Table files. Invariant: a size is compared with the one wanted before a byte is decoded, and every entry is checked. */
#include "lut/file.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "lut/view.h"

#include <string.h>

enum { WORD_CARRY = 23, U8_CARRY = 7, U32_CARRY = 31, WORD_FRACTION = 0x7fffff };

static const char *const format_names[] = {"any", "u8", "u32"};

const char *ax_table_format_name(enum ax_table_format format)
{
    return format_names[format];
}

int ax_table_format_parse(enum ax_table_format *format, const char *name)
{
    for (int f = AX_TABLE_U8; f <= AX_TABLE_U32; f++)
        if (!strcmp(name, format_names[f])) {
            *format = (enum ax_table_format)f;
            return AX_OK;
        }
    return ax_fail(AX_EARG, "table format '%s': wanted u8 (widths 1 to 7) or u32 (1 to 11)", name);
}

int ax_table_name_width(const char *path)
{
    const char *base = ax_path_base(path), *mark = strrchr(base, '_');
    if (!mark) return 0;
    char digits[4];
    size_t n = strcspn(mark + 1, ".");
    if (n == 0 || n >= sizeof digits) return 0;
    memcpy(digits, mark + 1, n);
    digits[n] = 0;
    int64_t width;
    return ax_text_int(&width, digits, 1, AX_WIDTH_MAX) ? (int)width : 0;
}

static size_t table_bytes(int width, enum ax_table_format format)
{
    return ((size_t)1 << 2 * width) * (format == AX_TABLE_U32 ? 4 : 1);
}

static bool is_table(int width, enum ax_table_format format)
{
    return width >= 1 && width <= (format == AX_TABLE_U8 ? (int)AX_TABLE_U8_MAX_WIDTH : (int)AX_TABLE_MAX_WIDTH);
}

/* The width of a table of this format and size; 0: none. */
static int width_of_size(size_t size, enum ax_table_format format)
{
    for (int m = 1; is_table(m, format); m++)
        if (table_bytes(m, format) == size) return m;
    return 0;
}

/* Why nothing fits: the sizes wanted for the width, or for the format, or for any table. */
static int wrong_size(const char *path, size_t size, int width, enum ax_table_format format, bool named)
{
    const char *advice = named ? "; if the name is wrong, say width=M (lut:FILE,width=M in a spec, --width M for lut verbs)" : "";
    bool u8 = is_table(width, AX_TABLE_U8) && format != AX_TABLE_U32, u32 = is_table(width, AX_TABLE_U32) && format != AX_TABLE_U8;
    const char *source = named ? " (from its name)" : "";
    if (u8 && u32)
        return ax_fail(AX_EFORMAT, "table %s: %zu bytes, wanted %zu (u8) or %zu (u32) for width %d%s%s", path, size,
                       table_bytes(width, AX_TABLE_U8), table_bytes(width, AX_TABLE_U32), width, source, advice);
    if (u8 || u32)
        return ax_fail(AX_EFORMAT, "table %s: %zu bytes, wanted %zu (%s) for width %d%s%s", path, size,
                       table_bytes(width, u8 ? AX_TABLE_U8 : AX_TABLE_U32), u8 ? "u8" : "u32", width, source, advice);
    if (width)
        return ax_fail(AX_EFORMAT, "table %s: width %d%s, wanted 1 to %d for %s%s", path, width, source,
                       format == AX_TABLE_U8 ? AX_TABLE_U8_MAX_WIDTH : AX_TABLE_MAX_WIDTH,
                       format == AX_TABLE_U8 ? "u8, whose entries hold 7 bits" : "a table", advice);
    return ax_fail(AX_EFORMAT, "table %s: %zu bytes, wanted 4^m (u8, m = 1 to 7) or 4 * 4^m (u32, m = 1 to 11)", path, size);
}

int ax_table_infer(int *width, enum ax_table_format *format, const char *path, size_t size)
{
    bool named = *width == 0;
    int wanted = named ? ax_table_name_width(path) : *width;
    int u8 = *format == AX_TABLE_U32 ? 0 : width_of_size(size, AX_TABLE_U8);
    int u32 = *format == AX_TABLE_U8 ? 0 : width_of_size(size, AX_TABLE_U32);
    if (wanted && u8 != wanted) u8 = 0;
    if (wanted && u32 != wanted) u32 = 0;
    if (u8 && u32)
        return ax_fail(AX_EARG, "table %s: %zu bytes are u8 of width %d or u32 of width %d; say width=M or format=u8|u32 (lut:FILE,width=M in a spec, --width M for lut verbs)", path,
                       size, u8, u32);
    if (!u8 && !u32) return wrong_size(path, size, wanted, *format, named && wanted);
    *width = u8 ? u8 : u32;
    *format = u8 ? AX_TABLE_U8 : AX_TABLE_U32;
    return AX_OK;
}

static uint32_t load_u32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int widest(ax_table_widths w) { return w.a > w.b ? w.a : w.b; }

/* Words in the order of the file. */
static int decode(uint32_t *words, const unsigned char *data, ax_table_widths w, enum ax_table_format format, const char *name)
{
    size_t n = (size_t)1 << (w.a + w.b);
    int width = widest(w);
    bool u8 = format == AX_TABLE_U8;
    unsigned carry = u8 ? U8_CARRY : U32_CARRY;
    uint32_t fraction = u8 ? (1u << width) - 1 : WORD_FRACTION;
    for (size_t k = 0; k < n; k++) {
        uint32_t entry = u8 ? data[k] : load_u32(data + 4 * k);
        if (entry & ~(fraction | 1u << carry))
            return ax_fail(AX_EFORMAT, "table %s: entry (%zu, %zu) at byte %zu is 0x%0*x, wanted only bit %u (carry) and bits %d..0 (fraction)",
                           name, k >> w.b, k & ((1u << w.b) - 1), u8 ? k : 4 * k, u8 ? 2 : 8, entry, carry,
                           u8 ? width - 1 : WORD_CARRY - 1);
        words[k] = entry >> carry << WORD_CARRY | (entry & fraction) << (u8 ? WORD_CARRY - width : 0);
    }
    return AX_OK;
}

int ax_table_decode(uint32_t *words, const unsigned char *data, int width, enum ax_table_format format, const char *name)
{
    return decode(words, data, (ax_table_widths){width, width}, format, name);
}

/* The word of entry k of the table of fewer bits. */
static uint32_t word_of(const uint32_t *words, int width, ax_table_widths w, size_t k)
{
    size_t i = k >> w.b << (width - w.a), j = (k & (((size_t)1 << w.b) - 1)) << (width - w.b);
    return words[i << width | j];
}

static int check_u8(const uint32_t *words, int width, ax_table_widths w, const char *name)
{
    int m = widest(w);
    if (m > AX_TABLE_U8_MAX_WIDTH)
        return ax_fail(AX_EARG, "%s: format u8 holds fractions of at most 7 bits, found width %d; use --format u32", name, m);
    uint32_t below = ((1u << WORD_CARRY) - 1) >> m;
    for (size_t k = 0; k < (size_t)1 << (w.a + w.b); k++)
        if (word_of(words, width, w, k) & below)
            return ax_fail(AX_EARG, "%s: the product of (%zu, %zu) has more than %d fraction bits, which u8 cannot hold; use --format u32",
                           name, k >> w.b, k & ((1u << w.b) - 1), m);
    return AX_OK;
}

int ax_table_encode_widths(ax_buf *out, const uint32_t *words, int width, ax_table_widths w, enum ax_table_format format, const char *name)
{
    if (format == AX_TABLE_U8) AX_TRY(check_u8(words, width, w, name));
    for (size_t k = 0; k < (size_t)1 << (w.a + w.b); k++) {
        uint32_t word = word_of(words, width, w, k), carry = word >> WORD_CARRY, fraction = word & WORD_FRACTION;
        uint32_t u8 = carry << U8_CARRY | fraction >> (WORD_CARRY - widest(w)), u32 = carry << U32_CARRY | fraction;
        unsigned char bytes[4] = {(unsigned char)u32, (unsigned char)(u32 >> 8), (unsigned char)(u32 >> 16), (unsigned char)(u32 >> 24)};
        if (format == AX_TABLE_U8) bytes[0] = (unsigned char)u8;
        ax_buf_add(out, bytes, format == AX_TABLE_U8 ? 1 : 4);
    }
    return ax_buf_status(out);
}

int ax_table_encode(ax_buf *out, const uint32_t *words, int width, enum ax_table_format format, const char *name)
{
    return ax_table_encode_widths(out, words, width, (ax_table_widths){width, width}, format, name);
}

int ax_table_read(uint32_t **words, int *width, enum ax_table_format *format, const char *path)
{
    char *data = NULL;
    size_t size;
    *words = NULL;
    int status = ax_file_read(&data, &size, path, AX_TABLE_MAX_BYTES);
    if (status != AX_OK) return ax_fail_in("table");
    status = ax_table_infer(width, format, path, size);
    if (status == AX_OK) {
        *words = ax_alloc((size_t)1 << 2 * *width, sizeof **words);
        status = *words ? ax_table_decode(*words, (unsigned char *)data, *width, *format, path) : AX_ENOMEM;
    }
    ax_free(data);
    if (status == AX_OK) return AX_OK;
    ax_free(*words);
    *words = NULL;
    return status;
}

/* ---- operands of widths of their own ---- */

static int infer_widths(enum ax_table_format *format, ax_table_widths w, const char *path, size_t size)
{
    size_t n = (size_t)1 << (w.a + w.b);
    bool u8 = widest(w) <= AX_TABLE_U8_MAX_WIDTH && *format != AX_TABLE_U32, u32 = *format != AX_TABLE_U8;
    if (!u8 && !u32)
        return ax_fail(AX_EFORMAT, "table %s: widths %d and %d, wanted 1 to %d for u8, whose entries hold 7 bits", path, w.a, w.b,
                       AX_TABLE_U8_MAX_WIDTH);
    if (u8 && size == n) *format = AX_TABLE_U8;
    else if (u32 && size == 4 * n) *format = AX_TABLE_U32;
    else if (u8 && u32)
        return ax_fail(AX_EFORMAT, "table %s: %zu bytes, wanted %zu (u8) or %zu (u32) for widths %d and %d", path, size, n, 4 * n, w.a, w.b);
    else
        return ax_fail(AX_EFORMAT, "table %s: %zu bytes, wanted %zu (%s) for widths %d and %d", path, size, u8 ? n : 4 * n,
                       u8 ? "u8" : "u32", w.a, w.b);
    return AX_OK;
}

static void spread(uint32_t *square, const uint32_t *words, ax_table_widths w)
{
    int m = widest(w);
    for (size_t k = 0; k < (size_t)1 << 2 * m; k++) {
        size_t i = k >> m, j = k & (((size_t)1 << m) - 1);
        square[k] = words[i >> (m - w.a) << w.b | j >> (m - w.b)];
    }
}

int ax_table_read_widths(uint32_t **words, ax_table_widths w, enum ax_table_format *format, const char *path)
{
    char *data = NULL;
    uint32_t *own = NULL;
    size_t size;
    *words = NULL;
    if (ax_file_read(&data, &size, path, AX_TABLE_MAX_BYTES) != AX_OK) return ax_fail_in("table");
    int status = infer_widths(format, w, path, size);
    if (status == AX_OK) {
        own = ax_alloc((size_t)1 << (w.a + w.b), sizeof *own);
        status = own ? decode(own, (unsigned char *)data, w, *format, path) : AX_ENOMEM;
    }
    if (status == AX_OK) {
        *words = ax_alloc((size_t)1 << 2 * widest(w), sizeof **words);
        if (*words) spread(*words, own, w);
        else status = AX_ENOMEM;
    }
    ax_free(own);
    ax_free(data);
    return status;
}

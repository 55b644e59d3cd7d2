/* lut:FILE, a table from a file as a multiplier. Invariant: the canonical spec, opened again, reads the same words. */
#include "lut/spec.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "lut/file.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    int width;                      /* 0: not said */
    ax_table_widths own;            /* 0, 0: not said */
    enum ax_table_format format;
} table_keys;

static int parse_width(int *width, const char *spec, const ax_spec_pair *pair)
{
    int64_t m;
    if (!ax_text_int(&m, pair->value, 1, AX_TABLE_MAX_WIDTH))
        return ax_fail(AX_EARG, "multiplier '%s': %s is '%s', wanted a whole number from 1 to %d", spec, pair->key, pair->value, AX_TABLE_MAX_WIDTH);
    *width = (int)m;
    return AX_OK;
}

static int parse_key(table_keys *k, const char *spec, const ax_spec_pair *pair)
{
    static const char *const names[] = {"width", "format", "width_a", "width_b", "operands", "compat"};
    if (!strcmp(pair->key, "width")) return parse_width(&k->width, spec, pair);
    if (!strcmp(pair->key, "width_a")) return parse_width(&k->own.a, spec, pair);
    if (!strcmp(pair->key, "width_b")) return parse_width(&k->own.b, spec, pair);
    if (!strcmp(pair->key, "format"))
        return ax_table_format_parse(&k->format, pair->value) == AX_OK ? AX_OK : ax_fail_in("multiplier '%s'", spec);
    return ax_fail(AX_EARG, "multiplier '%s': unknown key '%s'%s, wanted width or format, or width_a and width_b", spec, pair->key,
                   ax_text_hint(pair->key, names, sizeof names / sizeof *names));
}

/* ",width=7,format=u8", ",width_a=7,width_b=4": two equal widths are one. */
static int parse_keys(table_keys *k, const char *spec, const char *keys)
{
    ax_spec_pair pair;
    while (*keys) {
        keys = ax_spec_next(&pair, keys);
        AX_TRY(parse_key(k, spec, &pair));
        AX_TRY(ax_spec_once(&pair, keys, spec));
    }
    if (!k->own.a && !k->own.b) return AX_OK;
    if (!k->own.a || !k->own.b)
        return ax_fail(AX_EARG, "multiplier '%s': %s is missing, wanted both width_a and width_b, or width", spec, k->own.a ? "width_b" : "width_a");
    if (k->width) return ax_fail(AX_EARG, "multiplier '%s': width stands beside width_a and width_b, wanted either", spec);
    if (k->own.a == k->own.b) k->width = k->own.a;
    return AX_OK;
}

/* "MBM" of "lut/tables/MBM_7.bin". */
static void family_of_file(char *family, size_t size, const char *path)
{
    const char *base = ax_path_base(path), *dot = strrchr(base, '.'), *mark = strrchr(base, '_');
    size_t n = dot && dot > base ? (size_t)(dot - base) : strlen(base);
    if (mark && mark > base && ax_table_name_width(path)) n = (size_t)(mark - base);
    snprintf(family, size, "%.*s", (int)(n < size ? n : size - 1), base);
}

/* Do name and size tell the width? */
static bool is_clear(const ax_lut *lut, const char *path, enum ax_table_format format)
{
    int width = 0;
    enum ax_table_format any = AX_TABLE_ANY;
    size_t size = ((size_t)1 << 2 * lut->width) * (format == AX_TABLE_U32 ? 4 : 1);
    return ax_table_infer(&width, &any, path, size) == AX_OK && width == lut->width && any == format;
}

/* Canonical: a key stays only where name and size leave the question open. */
static int canonical(ax_lut *lut, const char *path, const table_keys *k)
{
    char keys[48] = "";
    if (lut->width_a != lut->width_b) snprintf(keys, sizeof keys, ",width_a=%d,width_b=%d", lut->width_a, lut->width_b);
    else if (!is_clear(lut, path, k->format)) snprintf(keys, sizeof keys, ",width=%d", lut->width);
    int n = snprintf(lut->spec, sizeof lut->spec, "lut:%s%s", path, keys);
    if (n > 0 && (size_t)n < sizeof lut->spec) return AX_OK;
    return ax_fail(AX_EARG, "table %.60s...: the name is longer than %d bytes", path, AX_SPEC_MAX - 20);
}

int ax_open_table(ax_lut *lut, const ax_kind *kind, const char *spec, const char *text)
{
    char path[AX_SPEC_MAX];
    table_keys k = {.format = AX_TABLE_ANY};
    size_t n = text ? ax_spec_path_length(text) : 0;
    if (n == 0) return ax_fail(AX_EARG, "multiplier '%s': the file is missing, wanted %s:FILE[,width=M][,format=u8|u32]", spec, kind->family.name);
    if (n >= sizeof path) return ax_fail(AX_EARG, "table %.60s...: the name has %zu bytes, wanted fewer than %d", text, n, AX_SPEC_MAX);
    memcpy(path, text, n);
    path[n] = 0;
    AX_TRY(parse_keys(&k, spec, text + n));
    if (k.own.a == k.own.b) AX_TRY(ax_table_read(&lut->words, &k.width, &k.format, path));
    else AX_TRY(ax_table_read_widths(&lut->words, k.own, &k.format, path));
    lut->width_a = k.width ? k.width : k.own.a;
    lut->width_b = k.width ? k.width : k.own.b;
    lut->width = lut->width_a > lut->width_b ? lut->width_a : lut->width_b;
    snprintf(lut->format, sizeof lut->format, "%s", ax_table_format_name(k.format));
    family_of_file(lut->family, sizeof lut->family, path);
    return canonical(lut, path, &k);
}

/* The registry of families and the parser of specs. Invariant: an open ax_lut has words (m <= 11) or a model, or is native. */
#include "lut/lut.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "lut/file.h"
#include "lut/models/all.h"

#include <stdio.h>
#include <string.h>

enum { NUMERICS_VERSION = 1 };      /* changes when a family above m = 11 gives other bits: such a table has no bytes to hash */

/* A family's public row with what the builder needs. Rows: fp32, models.def, lut. */
static const struct {
    ax_family family;
    ax_model model;
} families[] = {
    {{"fp32", AX_WIDTH_MAX, AX_WIDTH_MAX, "the machine's own FP32 product", "IEEE 754"}, NULL},
#define AX_FAMILY(name, widest, form, title, reference) {{#name, 1, widest, title, reference}, ax_model_##name},
#include "lut/models.def"
#undef AX_FAMILY
    {{"lut", 1, AX_TABLE_MAX_WIDTH, "a table from a file: lut:FILE[,width=M][,format=u8|u32]", "docs/multipliers.md"}, NULL},
};
enum { FAMILIES = sizeof families / sizeof families[0], ROW_FP32 = 0, ROW_LUT = FAMILIES - 1 };

int ax_family_count(void)
{
    return FAMILIES;
}

const ax_family *ax_family_at(int row)
{
    return &families[row].family;
}

void ax_lut_format(char *text, size_t size, const ax_lut *lut)
{
    snprintf(text, size, "%s (1,8,%d) %d bits", lut->spec, lut->width, 9 + lut->width);
}

static int hash_table(ax_lut *lut)
{
    ax_buf bytes;
    ax_buf_init(&bytes);
    if (lut->words) {
        int status = ax_table_encode(&bytes, lut->words, lut->width, AX_TABLE_U32, lut->spec);
        if (status == AX_OK) status = ax_sha256(lut->sha256, bytes.data, bytes.len);
        ax_buf_release(&bytes);
        return status;
    }
    ax_buf_printf(&bytes, "%s:%d numerics %d", lut->family, lut->width, NUMERICS_VERSION);
    int status = ax_buf_status(&bytes);
    if (status == AX_OK) status = ax_sha256(lut->sha256, bytes.data, bytes.len);
    ax_buf_release(&bytes);
    return status;
}

static int build_words(ax_lut *lut)
{
    uint32_t n = 1u << lut->width;
    lut->words = ax_alloc((size_t)n * n, sizeof *lut->words);
    if (!lut->words) return AX_ENOMEM;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++) lut->words[i << lut->width | j] = lut->view.model((unsigned)lut->width, i, j);
    return AX_OK;
}

/* "7" of "mbm:7". */
static int parse_width(int *width, int row, const char *spec, const char *text)
{
    const ax_family *f = &families[row].family;
    int64_t value;
    const char *comma = text ? strchr(text, ',') : NULL;
    if (!text || !*text)
        return ax_fail(AX_EARG, "multiplier '%s': the width is missing, wanted %s:%d to %s:%d", spec, f->name, f->min_width, f->name, f->max_width);
    if (comma)
        return ax_fail(AX_EARG, "multiplier '%s': unknown key '%.*s', %s takes none; wanted %s:WIDTH", spec,
                       (int)strcspn(comma + 1, "=,"), comma + 1, f->name, f->name);
    if (!ax_text_int(&value, text, INT32_MIN, INT32_MAX))
        return ax_fail(AX_EARG, "multiplier '%s': the width is '%s', wanted a whole number from %d to %d", spec, text, f->min_width, f->max_width);
    if (value < f->min_width || value > f->max_width)
        return ax_fail(AX_EARG, "multiplier '%s': width %lld, wanted %d to %d", spec, (long long)value, f->min_width, f->max_width);
    *width = (int)value;
    return AX_OK;
}

static int open_model(ax_lut *lut, int row, const char *spec, const char *text)
{
    AX_TRY(parse_width(&lut->width, row, spec, text));
    snprintf(lut->family, sizeof lut->family, "%s", families[row].family.name);
    snprintf(lut->spec, sizeof lut->spec, "%s:%d", lut->family, lut->width);
    lut->view.model = families[row].model;
    lut->view.direct = row - 1;
    return lut->width <= AX_TABLE_MAX_WIDTH ? build_words(lut) : AX_OK;
}

static int open_native(ax_lut *lut, const char *spec, const char *text)
{
    if (text) return ax_fail(AX_EARG, "multiplier '%s': fp32 has no width and no keys; write fp32, or exact:WIDTH for a narrower one", spec);
    lut->width = AX_WIDTH_MAX;
    lut->view.native = 1;
    snprintf(lut->family, sizeof lut->family, "fp32");
    snprintf(lut->spec, sizeof lut->spec, "fp32");
    return AX_OK;
}

/* The end of the path in "FILE,key=value...": the first comma before a word and '='. A comma elsewhere belongs to the name. */
static size_t path_length(const char *text)
{
    for (const char *comma = strchr(text, ','); comma; comma = strchr(comma + 1, ',')) {
        size_t word = strspn(comma + 1, "abcdefghijklmnopqrstuvwxyz_");
        if (word && comma[1 + word] == '=') return (size_t)(comma - text);
    }
    return strlen(text);
}

/* ",width=7,format=u8" */
static int parse_table_keys(int *width, enum ax_table_format *format, const char *spec, const char *keys)
{
    static const char *const names[] = {"width", "format"};
    while (*keys) {
        char key[32], value[32];
        size_t n = strcspn(keys + 1, ","), name = strcspn(keys + 1, "=,");
        snprintf(key, sizeof key, "%.*s", (int)name, keys + 1);
        snprintf(value, sizeof value, "%.*s", name < n ? (int)(n - name - 1) : 0, name < n ? keys + 2 + name : "");
        keys += 1 + n;
        int64_t m;
        if (!strcmp(key, "format")) {
            if (ax_table_format_parse(format, value) != AX_OK) return ax_fail_in("multiplier '%s'", spec);
        } else if (strcmp(key, "width")) {
            return ax_fail(AX_EARG, "multiplier '%s': unknown key '%s'%s, wanted width or format", spec, key, ax_text_hint(key, names, 2));
        } else if (ax_text_int(&m, value, 1, AX_TABLE_MAX_WIDTH)) {
            *width = (int)m;
        } else {
            return ax_fail(AX_EARG, "multiplier '%s': width is '%s', wanted a whole number from 1 to %d", spec, value, AX_TABLE_MAX_WIDTH);
        }
    }
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

/* Canonical: a key stays only where name and size leave the question open. */
static int canonical_file(ax_lut *lut, const char *path, enum ax_table_format format)
{
    int width = 0;
    enum ax_table_format any = AX_TABLE_ANY;
    size_t size = ((size_t)1 << 2 * lut->width) * (format == AX_TABLE_U32 ? 4 : 1);
    bool clear = ax_table_infer(&width, &any, path, size) == AX_OK && width == lut->width && any == format;
    int n = snprintf(lut->spec, sizeof lut->spec, "lut:%s", path);
    if (!clear && n > 0 && (size_t)n < sizeof lut->spec)
        n += snprintf(lut->spec + n, sizeof lut->spec - (size_t)n, ",width=%d", lut->width);
    return n > 0 && (size_t)n < sizeof lut->spec ? AX_OK : ax_fail(AX_EARG, "table %.60s...: the name is longer than %d bytes", path, AX_SPEC_MAX - 20);
}

static int open_file(ax_lut *lut, const char *spec, const char *text)
{
    char path[AX_SPEC_MAX];
    int width = 0;
    enum ax_table_format format = AX_TABLE_ANY;
    size_t n = text ? path_length(text) : 0;
    if (n == 0) return ax_fail(AX_EARG, "multiplier '%s': the file is missing, wanted lut:FILE[,width=M][,format=u8|u32]", spec);
    if (n >= sizeof path) return ax_fail(AX_EARG, "table %.60s...: the name has %zu bytes, wanted fewer than %d", text, n, AX_SPEC_MAX);
    memcpy(path, text, n);
    path[n] = 0;
    AX_TRY(parse_table_keys(&width, &format, spec, text + n));
    AX_TRY(ax_table_read(&lut->words, &width, &format, path));
    lut->width = width;
    snprintf(lut->format, sizeof lut->format, "%s", ax_table_format_name(format));
    family_of_file(lut->family, sizeof lut->family, path);
    return canonical_file(lut, path, format);
}

static int unknown_family(const char *spec, const char *name)
{
    const char *names[FAMILIES];
    for (int row = 0; row < FAMILIES; row++) names[row] = families[row].family.name;
    const char *hint = ax_text_hint(name, names, FAMILIES);
    return ax_fail(AX_EARG, "multiplier '%s': unknown family '%s'%s; see 'approxrun mult list'", spec, name, hint);
}

static int open_spec(ax_lut *lut, const char *spec)
{
    char name[64];
    size_t n = strcspn(spec, ":,");
    const char *text = spec[n] ? spec + n + 1 : NULL;
    snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), spec);
    if (!*spec) return ax_fail(AX_EARG, "multiplier '': wanted FAMILY:WIDTH, such as mbm:7, or fp32; see 'approxrun mult list'");
    for (int row = 0; row < FAMILIES; row++) {
        if (strcmp(name, families[row].family.name)) continue;
        if (row == ROW_FP32) return open_native(lut, spec, text);
        return row == ROW_LUT ? open_file(lut, spec, text) : open_model(lut, row, spec, text);
    }
    return unknown_family(spec, name);
}

ax_lut *ax_lut_open(const char *spec)
{
    ax_lut *lut = ax_alloc(1, sizeof *lut);
    if (!lut) return NULL;
    lut->view.direct = -1;
    int status = open_spec(lut, spec);
    lut->view.width = lut->width;
    lut->view.words = lut->words;
    if (status == AX_OK) status = hash_table(lut);
    if (status == AX_OK) return lut;
    ax_lut_close(lut);
    return NULL;
}

void ax_lut_close(ax_lut *lut)
{
    if (!lut) return;
    ax_free(lut->words);
    ax_free(lut);
}

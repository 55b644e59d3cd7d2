/* The registry of multipliers that a script defines. Invariant: a row's words, once given, are a table of its width. */
#include "lut/defined.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

static ax_defined *rows;
static size_t nrows;

/* ---- rows ---- */

static ax_defined *find(const char *name, int width)
{
    for (size_t i = 0; i < nrows; i++)
        if (rows[i].width == width && !strcmp(rows[i].name, name)) return &rows[i];
    return NULL;
}

const ax_defined *ax_defined_find(const char *name, int width) { return find(name, width); }

bool ax_defined_known(const char *name)
{
    for (size_t i = 0; i < nrows; i++)
        if (!strcmp(rows[i].name, name)) return true;
    return false;
}

size_t ax_defined_names(const char **names, size_t most)
{
    size_t n = 0;
    for (size_t i = 0; i < nrows && n < most; i++) {
        bool listed = false;
        for (size_t k = 0; k < n; k++) listed = listed || !strcmp(names[k], rows[i].name);
        if (!listed) names[n++] = rows[i].name;
    }
    return n;
}

/* ---- declaring ---- */

static bool is_family(const char *name)
{
    for (int row = 0; row < ax_family_count(); row++)
        if (!strcmp(ax_family_at(row)->name, name)) return true;
    return false;
}

static int check_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", others[] = "0123456789_";
    size_t n = strlen(name), most = sizeof rows->name - 1;
    char all[sizeof letters + sizeof others];
    snprintf(all, sizeof all, "%s%s", letters, others);
    if (n == 0 || n > most || !strchr(letters, name[0]) || strspn(name, all) != n)
        return ax_fail(AX_EARG, "the name '%.60s', wanted a letter, then letters, digits or '_', %zu at most", name, most);
    if (is_family(name)) return ax_fail(AX_EARG, "the name '%s' is a family's; choose another ('approxrun mult list' shows them)", name);
    return AX_OK;
}

static bool listed(int width, const int *widths, int n)
{
    for (int i = 0; i < n; i++)
        if (widths[i] == width) return true;
    return false;
}

/* Rows of the name for widths it has no more. */
static void drop_others(const char *name, const int *widths, int n)
{
    size_t kept = 0;
    for (size_t i = 0; i < nrows; i++) {
        if (strcmp(rows[i].name, name) || listed(rows[i].width, widths, n)) rows[kept++] = rows[i];
        else ax_free(rows[i].words);
    }
    nrows = kept;
}

int ax_defined_declare(const char *name, const int *widths, int n)
{
    AX_TRY(check_name(name));
    for (int i = 0; i < n; i++)
        if (widths[i] < 1 || widths[i] > AX_TABLE_MAX_WIDTH)
            return ax_fail(AX_EARG, "multiplier '%s': width %d, wanted 1 to %d; a wider one can be a C function: c:FILE.c", name, widths[i],
                           AX_TABLE_MAX_WIDTH);
    ax_defined *grown = ax_realloc(rows, nrows + (size_t)n + 1, sizeof *rows);
    if (!grown) return AX_ENOMEM;
    rows = grown;
    drop_others(name, widths, n);
    for (int i = 0; i < n; i++) {
        if (find(name, widths[i])) continue;
        ax_defined *row = &rows[nrows++];
        *row = (ax_defined){.width = widths[i]};
        snprintf(row->name, sizeof row->name, "%s", name);
    }
    return AX_OK;
}

/* ---- tables ---- */

static int check_words(const char *name, int width, const uint32_t *words)
{
    size_t n = (size_t)1 << 2 * width;
    uint32_t bits = (0xffffffu << (23 - width)) & 0xffffffu;      /* carry and fraction */
    for (size_t k = 0; k < n; k++)
        if (words[k] & ~bits)
            return ax_fail(AX_EARG, "multiplier '%s:%d': word %zu is 0x%08x, wanted a carry in bit 23 and a fraction in bits 22 to %d", name,
                           width, k, words[k], 23 - width);
    return AX_OK;
}

int ax_defined_give(const char *name, int width, const uint32_t *words, bool *changed)
{
    *changed = false;
    ax_defined *row = find(name, width);
    if (!row) return ax_fail(AX_EARG, "multiplier '%s:%d' is not declared", name, width);
    AX_TRY(check_words(name, width, words));
    size_t bytes = sizeof *words << 2 * width;
    if (row->words && !memcmp(row->words, words, bytes)) return AX_OK;
    uint32_t *copy = ax_alloc(bytes, 1);
    if (!copy) return AX_ENOMEM;
    memcpy(copy, words, bytes);
    *changed = row->words != NULL;
    ax_free(row->words);
    row->words = copy;
    return AX_OK;
}

/* ---- opening ---- */

static int no_such_width(const char *spec, const char *name)
{
    ax_buf widths = {0};
    for (size_t i = 0; i < nrows; i++)
        if (!strcmp(rows[i].name, name)) ax_buf_printf(&widths, "%s%d", widths.len ? ", " : "", rows[i].width);
    int status = ax_fail(AX_EARG, "multiplier '%s': the script defines '%s' for the widths %s; wanted %s:WIDTH", spec, name,
                         ax_buf_str(&widths), name);
    ax_buf_release(&widths);
    return status;
}

int ax_defined_open(ax_lut *lut, const char *spec, const char *name, const char *text)
{
    int64_t width;
    if (!text || !ax_text_int(&width, text, 1, AX_TABLE_MAX_WIDTH)) return no_such_width(spec, name);
    const ax_defined *row = find(name, (int)width);
    if (!row) return no_such_width(spec, name);
    if (!row->words) return ax_fail(AX_EARG, "multiplier '%s': its table is not made yet; it is open to the script that defines it alone", spec);
    size_t bytes = sizeof *row->words << 2 * row->width;
    lut->words = ax_alloc(bytes, 1);
    if (!lut->words) return AX_ENOMEM;
    memcpy(lut->words, row->words, bytes);
    lut->width = row->width;
    snprintf(lut->family, sizeof lut->family, "%s", row->name);
    snprintf(lut->spec, sizeof lut->spec, "%s:%d", row->name, row->width);
    return AX_OK;
}

const char *ax_lut_kind(const char *spec)
{
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(spec, ":,"), spec);
    if (!strcmp(name, "lut")) return "table";
    if (!strcmp(name, "c")) return "c";
    return is_family(name) ? "family" : "lua";
}

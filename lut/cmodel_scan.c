/* Finds the functions of a C file in its preprocessed text, where no comments, macros and conditions are left. This is no parser:
 * it looks at the words between one top-level declaration and the next, and what it does not know is a function that does not fit. */
#include "lut/cmodel_parts.h"

#include "base/text.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *at;
    size_t len;
} word;

enum { WORDS = 96, PARAMETERS = 3 };

typedef struct {
    word words[WORDS];      /* of the declaration so far, attributes left out */
    int n;                  /* WORDS + 1: too long for a function that fits */
} declaration;

typedef struct {
    bool is_float, is_unsigned;
    int bits;
} type;

static bool is(word w, const char *text) { return strlen(text) == w.len && !memcmp(w.at, text, w.len); }

static bool is_one_of(word w, const char *const *texts)
{
    for (; *texts; texts++)
        if (is(w, *texts)) return true;
    return false;
}

static bool is_name(word w) { return isalpha((unsigned char)*w.at) || *w.at == '_'; }

/* ---- words ---- */

/* The end of a string or character constant that begins at `at`. */
static const char *end_of_quote(const char *at, const char *end)
{
    char quote = *at++;
    while (at < end && *at != quote) at += *at == '\\' && at + 1 < end ? 2 : 1;
    return at < end ? at + 1 : end;
}

/* The next word at or behind *at: a name, a number, a quoted text or one other character; .len is 0 at the end. */
static word next_word(const char **at, const char *end)
{
    while (*at < end && isspace((unsigned char)**at)) ++*at;
    const char *from = *at;
    if (from == end) return (word){from, 0};
    if (*from == '"' || *from == '\'') *at = end_of_quote(from, end);
    else if (isalnum((unsigned char)*from) || *from == '_')
        while (*at < end && (isalnum((unsigned char)**at) || **at == '_')) ++*at;
    else ++*at;
    return (word){from, (size_t)(*at - from)};
}

/* A line marker, # 12 "NAME" 1 3: its flag 3 says system header. GCC says so of a system's macro in the user's file too, which is
 * known by the name of the text before it. */
static bool begins_system(word *name, const char *line, const char *end)
{
    const char *open = memchr(line, '"', (size_t)(end - line)), *close = end;
    while (open && close > open && *close != '"') close--;
    if (!open || close == open) return false;
    word found = {open, (size_t)(close - open)};
    bool same = found.len == name->len && !memcmp(found.at, name->at, found.len), system = memchr(close, '3', (size_t)(end - close)) && !same;
    if (!system) *name = found;
    return system;
}

/* The 12 of "# 12 ..."; text ends at `end`, with no zero behind it. */
static long marker_line(const char *at, const char *end)
{
    long n = 0;
    for (; at < end && isdigit((unsigned char)*at) && n < 100000000; at++) n = 10 * n + (*at - '0');
    return n;
}

void ax_cmodel_own(ax_buf *out, const char *text, size_t len, bool markers)
{
    const char *end = text + len;
    bool system = false;
    word name = {"", 0};
    while (text < end) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text)), *next = line_end ? line_end + 1 : end;
        bool marker = next - text > 2 && text[0] == '#' && text[1] == ' ' && isdigit((unsigned char)text[2]);
        if (marker) system = begins_system(&name, text, next - 1);
        if (!marker && !system) ax_buf_add(out, text, (size_t)(next - text));
        if (marker && !system && markers && marker_line(text + 2, next) > 0)      /* GCC's `# 0` stands before what is no line */
            ax_buf_printf(out, "#line %ld %.*s\"\n", marker_line(text + 2, next), (int)name.len, name.at);
        text = next;
    }
}

/* ---- types ---- */

static const char *const ignored[] = {"const",  "volatile",   "register",     "restrict",   "__restrict",    "static",
                                      "extern", "inline",     "__inline",     "__inline__", "__extension__", "_Noreturn",
                                      "int",    "__restrict__", NULL};

static int fixed_bits(word w)
{
    static const struct {
        const char *name;
        int bits;
    } names[] = {{"uint8_t", 8}, {"uint16_t", 16}, {"uint32_t", 32}, {"uint64_t", 64}, {"uint", 32}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is(w, names[i].name)) return names[i].bits;
    return 0;
}

/* The type that words [from, to) name, a parameter's own name behind it allowed. Not one we know: .bits = 0. */
static type type_of(const declaration *d, int from, int to)
{
    type t = {0};
    int base = 0, longs = 0;
    for (int i = from; i < to; i++) {
        word w = d->words[i];
        if (is_one_of(w, ignored)) continue;
        if (is(w, "unsigned")) t.is_unsigned = true, base = base ? base : 32;
        else if (is(w, "long")) longs++;
        else if (is(w, "short")) base = 16;
        else if (is(w, "char")) base = 8;
        else if (is(w, "float")) t.is_float = true, base = 32;
        else if (fixed_bits(w)) t.is_unsigned = true, base = fixed_bits(w);
        else if (i != to - 1 || !is_name(w) || (!base && !longs)) return (type){0};
    }
    t.bits = longs ? (longs > 1 ? 64 : (int)(8 * sizeof(long))) : base;
    return t.is_unsigned || t.is_float ? t : (type){0};
}

int ax_cmodel_name_bits(const char *name)
{
    if (!ax_text_starts(name, "mul")) return 0;
    char *end;
    long bits = strtol(name + 3, &end, 10);
    return isdigit((unsigned char)name[3]) && *end == 'u' && (!end[1] || end[1] == '_') && bits >= 2 && bits <= 24 ? (int)bits : 0;
}

static void classify(ax_cmodel_function *f, type result, const type *p, int n)
{
    bool fit = result.bits && n >= 2 && n <= 3, words = result.bits == 32;
    for (int i = 0; i < n && i < PARAMETERS; i++) {
        fit &= p[i].bits && p[i].is_float == result.is_float;
        words &= p[i].bits == 32;
    }
    if (!fit) return;
    f->result_bits = result.bits;
    f->operand_bits = p[0].bits < p[1].bits ? p[0].bits : p[1].bits;
    if (n == 3) f->kind = words && !result.is_float ? AX_CMODEL_WORD_WIDTH : AX_CMODEL_NONE;
    else if (result.is_float) f->kind = AX_CMODEL_FLOAT;
    else f->kind = words && !ax_cmodel_name_bits(f->name) ? AX_CMODEL_WORD : AX_CMODEL_INTEGER;
}

/* ---- declarations ---- */

/* The word that closes the parenthesis at word `open`. */
static int closing(const declaration *d, int open)
{
    int depth = 0;
    for (int i = open; i < d->n; i++) {
        depth += is(d->words[i], "(") - is(d->words[i], ")");
        if (!depth) return i;
    }
    return d->n;
}

/* A declaration with a body: is it a function, and which? */
static bool take_function(ax_cmodel_function *f, const declaration *d)
{
    type p[PARAMETERS] = {{0}};
    int open = 0, n = 0, depth = 0;
    *f = (ax_cmodel_function){0};
    if (d->n > WORDS) return false;
    while (open < d->n && !is(d->words[open], "(")) open++;
    int close = closing(d, open);
    if (open == 0 || open >= d->n || close != d->n - 1 || !is_name(d->words[open - 1])) return false;
    word name = d->words[open - 1];
    if (name.len >= sizeof f->name) return false;
    memcpy(f->name, name.at, name.len);
    for (int i = 0; i < open - 1; i++) f->is_static |= is(d->words[i], "static");
    for (int i = open + 1, from = i; i <= close; i++) {
        depth += is(d->words[i], "(") - is(d->words[i], ")");
        if (i < close && (depth || !is(d->words[i], ","))) continue;
        if (n < PARAMETERS) p[n] = type_of(d, from, i);
        from = i + 1;
        n++;
    }
    classify(f, type_of(d, 0, open - 1), p, n);
    return true;
}

static void mark_called(ax_cmodel_function *found, int n, word w, int caller)
{
    for (int i = 0; i < n; i++) found[i].called |= i != caller && is(w, found[i].name);
}

static word keep_word(ax_buf *own, const char **at, const char *end)
{
    word w = next_word(at, end);
    ax_buf_add(own, w.at, w.len);
    ax_buf_puts(own, "\n");
    return w;
}

/* Skips "((...))" behind __attribute__ and its like. */
static void skip_parentheses(ax_buf *own, const char **at, const char *end)
{
    int depth = 0;
    do {
        word w = keep_word(own, at, end);
        if (!w.len) return;
        depth += is(w, "(") - is(w, ")");
    } while (depth);
}

/* Skips a directive, of which preprocessing leaves #pragma: its words are those of no declaration. */
static void skip_line(ax_buf *own, const char **at, const char *end)
{
    const char *line_end = memchr(*at, '\n', (size_t)(end - *at));
    for (word w; (w = next_word(at, line_end ? line_end : end)).len;) {
        ax_buf_add(own, w.at, w.len);
        ax_buf_puts(own, "\n");
    }
}

static int scan(ax_cmodel_function *found, ax_buf *own, const ax_buf *text)
{
    static const char *const skipped[] = {"__attribute__", "__attribute", "__asm__", "_Alignas", "__declspec", NULL};
    const char *at = ax_buf_str(text), *end = at + text->len;
    declaration d = {.n = 0};
    int n = 0, depth = 0, body = -1;
    for (word w; (w = keep_word(own, &at, end)).len;) {
        if (is_one_of(w, skipped)) {
            skip_parentheses(own, &at, end);
        } else if (is(w, "#")) {
            skip_line(own, &at, end);
        } else if (is(w, "{")) {
            if (depth++ == 0 && n < AX_CMODEL_FUNCTIONS && take_function(&found[n], &d)) body = n++;
        } else if (is(w, "}")) {
            if (depth > 0) depth--;
            if (depth == 0 && body >= 0) d.n = 0, body = -1;
        } else if (depth > 0) {
            mark_called(found, n, w, body);
        } else if (is(w, ";")) {
            d.n = 0;
        } else if (d.n < WORDS) {
            d.words[d.n++] = w;
        } else {
            d.n = WORDS + 1;
        }
    }
    return n;
}

int ax_cmodel_scan(ax_cmodel_function *found, ax_buf *own, const char *preprocessed, size_t len)
{
    ax_buf text;
    ax_buf_init(&text);
    ax_cmodel_own(&text, preprocessed, len, false);
    int n = scan(found, own, &text);
    own->failed |= text.failed;
    ax_buf_release(&text);
    return n;
}

/* ---- costs ---- */

/* The number behind "NAME = ", with its unit's factor. */
static double cost(const char *source, const char *name, const char *const *units, const double *factors)
{
    for (const char *at = strstr(source, name); at; at = strstr(at + 1, name)) {
        const char *text = at + strlen(name);
        text += strspn(text, " \t");
        if (*text != '=') continue;
        char *end;
        double value = strtod(text + 1, &end);
        if (end == text + 1) continue;
        end += strspn(end, " \t");
        for (int i = 0; units[i]; i++)
            if (ax_text_starts(end, units[i])) return value * factors[i];
    }
    return (double)NAN;
}

void ax_cmodel_costs(ax_cmodel_info *info, const char *source)
{
    static const char *const areas[] = {"um2", "um^2", NULL}, *const powers[] = {"mW", "uW", "W", NULL}, *const delays[] = {"ns", "ps", NULL};
    info->area_um2 = cost(source, "_AREA", areas, (const double[]){1, 1});
    info->power_mw = cost(source, "_PWR", powers, (const double[]){1, 1e-3, 1e3});
    info->delay_ns = cost(source, "_DELAY", delays, (const double[]){1, 1e-3});
}

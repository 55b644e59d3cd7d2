/* Strict numbers and spelling suggestions. The C locale is never left, so strtod reads a decimal point everywhere. */
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool ax_text_int(int64_t *out, const char *text, int64_t lo, int64_t hi)
{
    char *end;
    if (!isdigit((unsigned char)text[0]) && text[0] != '-') return false;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno || *end || end == text || v < lo || v > hi) return false;
    *out = v;
    return true;
}

bool ax_text_u64(uint64_t *out, const char *text)
{
    char *end;
    if (!isdigit((unsigned char)text[0])) return false;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (errno || *end) return false;
    *out = v;
    return true;
}

bool ax_text_double(double *out, const char *text)
{
    char *end;
    if (!text[0] || isspace((unsigned char)text[0])) return false;
    errno = 0;
    double v = strtod(text, &end);
    if ((errno && (v > 1 || v < -1)) || *end || end == text) return false;
    *out = v;
    return true;
}

/* The number at *text, of digits and at most one point, and moves behind it; -1: there is none. */
static double take_number(const char **text)
{
    char word[24];
    size_t n = strspn(*text, "0123456789.");
    double v = -1;
    if (!n || n >= sizeof word) return -1;
    memcpy(word, *text, n);
    word[n] = 0;
    *text += n;
    return ax_text_double(&v, word) ? v : -1;
}

/* "50", "3h50m": units in falling order. */
static double with_units(const char *text)
{
    static const char letters[] = "dhms";
    static const double scale[] = {86400, 3600, 60, 1};
    double sum = 0;
    for (const char *next = letters; *text;) {
        double v = take_number(&text);
        const char *unit = *text ? strchr(next, *text) : NULL;
        if (v < 0 || (*text && !unit)) return -1;
        if (!unit) return next == letters ? v : -1;
        sum += v * scale[unit - letters];
        next = unit + 1;
        text++;
    }
    return sum;
}

/* "D-HH:MM:SS" and its shorter forms: without days the last part is seconds, with them the first is hours. */
static double with_colons(const char *text)
{
    double days = 0, parts[3] = {0};
    int n = 0;
    bool dash = strchr(text, '-') != NULL;
    if (dash && ((days = take_number(&text)) < 0 || *text++ != '-')) return -1;
    do {
        if (n == 3 || (parts[n++] = take_number(&text)) < 0) return -1;
    } while (*text == ':' && *++text);
    if (*text || text[-1] == ':') return -1;
    bool hours = dash || n == 3;
    return hours ? 86400 * days + 3600 * parts[0] + 60 * parts[1] + parts[2] : 60 * parts[0] + parts[1];
}

bool ax_text_duration(double *seconds, const char *text)
{
    *seconds = strpbrk(text, ":-") ? with_colons(text) : with_units(text);
    return *seconds > 0 && *seconds <= 1e9;
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Distance with transpositions (optimal string alignment); words longer than 63 are "far". */
static size_t distance(const char *a, const char *b)
{
    enum { LONGEST = 63 };
    size_t na = strlen(a), nb = strlen(b);
    if (na > LONGEST || nb > LONGEST) return LONGEST;
    size_t d[LONGEST + 1][LONGEST + 1];
    for (size_t i = 0; i <= na; i++) d[i][0] = i;
    for (size_t j = 0; j <= nb; j++) d[0][j] = j;
    for (size_t i = 1; i <= na; i++)
        for (size_t j = 1; j <= nb; j++) {
            d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < d[i][j])
                d[i][j] = d[i - 2][j - 2] + 1;
        }
    return d[na][nb];
}

const char *ax_text_nearest(const char *word, const char *const *candidates, size_t n)
{
    const char *best = NULL;
    size_t limit = strlen(word) <= 3 ? 1 : strlen(word) <= 6 ? 2 : 3, best_distance = limit + 1;
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(word, candidates[i]);
        if (d < best_distance && d < strlen(candidates[i])) best = candidates[i], best_distance = d;
    }
    return best;
}

const char *ax_text_hint(const char *word, const char *const *candidates, size_t n)
{
    static _Thread_local char hint[128];
    const char *near = ax_text_nearest(word, candidates, n);
    hint[0] = 0;
    if (near) snprintf(hint, sizeof hint, " (did you mean '%s'?)", near);
    return hint;
}

bool ax_text_starts(const char *text, const char *prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

bool ax_text_ends(const char *text, const char *suffix)
{
    size_t n = strlen(text), k = strlen(suffix);
    return n >= k && strcmp(text + n - k, suffix) == 0;
}

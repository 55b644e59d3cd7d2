/* Option rows to values, help and errors. Invariant: what --help prints and what parsing accepts come from the same rows. */
#include "cmd/options.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

ax_common ax_common_options = {.color = "auto"};

const ax_option ax_common_rows[] = {
    {"threads", 0, AX_OPT_INT, &ax_common_options.threads, "N", "threads of each worker (default: cores over workers; OMP_NUM_THREADS honoured)", 1, 4096},
    {"color", 0, AX_OPT_TEXT, &ax_common_options.color, "WHEN", "auto, always or never (default auto; NO_COLOR honoured)", 0, 0},
    {"quiet", 'q', AX_OPT_FLAG, &ax_common_options.quiet, NULL, "errors only", 0, 0},
    {"verbose", 'v', AX_OPT_FLAG, &ax_common_options.verbose, NULL, "say more", 0, 0},
    {"help", 'h', AX_OPT_FLAG, &ax_common_options.help, NULL, "this text", 0, 0},
    {0},
};

static void print_rows(const ax_option *rows)
{
    for (; rows->name; rows++) {
        char left[64];
        int n = rows->letter ? snprintf(left, sizeof left, "-%c, --%s", rows->letter, rows->name)
                             : snprintf(left, sizeof left, "    --%s", rows->name);
        if (rows->unit) snprintf(left + n, sizeof left - (size_t)n, " %s", rows->unit);
        printf("  %-26s %s\n", left, rows->help);
    }
}

void ax_options_help(const ax_usage *usage, const ax_option *options)
{
    printf("usage: approxrun %s %s\n\n%s\n", usage->name, usage->usage, usage->summary);
    if (usage->details) printf("\n%s\n", usage->details);
    if (options && options->name) {
        printf("\noptions:\n");
        print_rows(options);
    }
    printf("\ncommon options:\n");
    print_rows(ax_common_rows);
}

static const ax_option *find_in(const ax_option *rows, const char *name, size_t len, char letter)
{
    for (; rows && rows->name; rows++)
        if (letter ? rows->letter == letter : strlen(rows->name) == len && !strncmp(rows->name, name, len)) return rows;
    return NULL;
}

static const ax_option *find(const ax_option *options, const char *name, size_t len, char letter)
{
    const ax_option *row = find_in(options, name, len, letter);
    return row ? row : find_in(ax_common_rows, name, len, letter);
}

static int unknown(const ax_usage *usage, const ax_option *options, const char *arg)
{
    const char *names[64];
    size_t n = 0, len = strcspn(arg + 2, "=");
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)len, arg[1] == '-' ? arg + 2 : arg + 1);
    for (const ax_option *r = options; r && r->name && n < 48; r++) names[n++] = r->name;
    for (const ax_option *r = ax_common_rows; r->name; r++) names[n++] = r->name;
    const char *near = ax_text_nearest(word, names, n);
    return near ? ax_fail(AX_EARG, "%s: unknown option '%s' (did you mean '--%s'?)", usage->name, arg, near)
                : ax_fail(AX_EARG, "%s: unknown option '%s'; see 'approxrun %s --help'", usage->name, arg, usage->name);
}

static int append(ax_texts *list, const char *item)
{
    const char **items = ax_realloc(list->items, (size_t)list->n + 1, sizeof *items);
    if (!items) return AX_ENOMEM;
    list->items = items;
    list->items[list->n++] = item;
    return AX_OK;
}

static int store(const ax_usage *usage, const ax_option *row, const char *text)
{
    switch (row->kind) {
    case AX_OPT_FLAG: *(bool *)row->value = true; return AX_OK;
    case AX_OPT_TEXT: *(const char **)row->value = text; return AX_OK;
    case AX_OPT_LIST: return append(row->value, text);
    case AX_OPT_INT:
        if (ax_text_int(row->value, text, row->lo, row->hi)) return AX_OK;
        return ax_fail(AX_EARG, "%s: --%s is '%s', wanted a whole number from %lld to %lld", usage->name, row->name, text,
                       (long long)row->lo, (long long)row->hi);
    }
    return AX_OK;
}

/* One option at argv[*i], with its value from "=..." or from the next word. */
static int take(const ax_usage *usage, const ax_option *options, int argc, char **argv, int *i)
{
    const char *arg = argv[*i], *value = NULL;
    bool is_long = arg[1] == '-';
    size_t len = is_long ? strcspn(arg + 2, "=") : 0;
    const ax_option *row = find(options, arg + 2, len, is_long ? 0 : arg[1]);
    if (!row) return unknown(usage, options, arg);
    if (is_long && arg[2 + len] == '=') value = arg + 3 + len;
    if (!is_long && arg[2]) value = arg + 2;
    if (row->kind == AX_OPT_FLAG)
        return value ? ax_fail(AX_EARG, "%s: --%s takes no value, found '%s'", usage->name, row->name, value)
                     : store(usage, row, NULL);
    if (!value && *i + 1 >= argc) return ax_fail(AX_EARG, "%s: --%s wants a value (%s)", usage->name, row->name, row->unit);
    return store(usage, row, value ? value : argv[++*i]);
}

static int check_common(const ax_usage *usage)
{
    const char *c = ax_common_options.color;
    if (!strcmp(c, "auto") || !strcmp(c, "always") || !strcmp(c, "never")) return AX_OK;
    return ax_fail(AX_EARG, "%s: --color is '%s', wanted auto, always or never", usage->name, c);
}

/* ---- the rows themselves ---- */

static struct {
    ax_options_see *see;
    void *arg;
} reader;

bool ax_options_showing(void) { return reader.see != NULL; }

int ax_options_show(int (*verb)(int argc, char **argv), const char *name, ax_options_see *see, void *arg)
{
    char *argv[] = {(char *)name, NULL};
    reader.see = see;
    reader.arg = arg;
    ax_common_options.help = true;      /* the verb takes it for a --help that has been answered */
    int status = verb(1, argv);
    ax_common_options.help = false;
    reader.see = NULL;
    return status;
}

/* ---- parsing ---- */

int ax_options_parse(const ax_usage *usage, const ax_option *options, int argc, char **argv, ax_texts *args)
{
    *args = (ax_texts){0};
    if (reader.see) {
        reader.see(reader.arg, usage, options);
        return AX_OK;
    }
    bool only_args = false;
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (!only_args && !strcmp(arg, "--")) only_args = true;
        else if (only_args || arg[0] != '-' || !arg[1] || (arg[1] >= '0' && arg[1] <= '9') || arg[1] == '.') AX_TRY(append(args, arg));
        else AX_TRY(take(usage, options, argc, argv, &i));
    }
    if (ax_common_options.help) {
        args->n = 0;
        ax_options_help(usage, options);
        return AX_OK;
    }
    AX_TRY(check_common(usage));
    if (args->n < usage->min_args || (usage->max_args >= 0 && args->n > usage->max_args))
        return ax_fail(AX_EARG, "%s: %s; usage: approxrun %s %s", usage->name,
                       args->n < usage->min_args ? "an argument is missing" : "too many arguments", usage->name, usage->usage);
    return AX_OK;
}

/* ---- times ---- */

int ax_option_duration(double *seconds, const char *verb, const char *option, const char *text)
{
    if (!text || ax_text_duration(seconds, text)) return AX_OK;
    return ax_fail(AX_EARG, "%s: --%s is '%s', wanted a time such as 90 (seconds), 45m, 3h50m or 1-00:00:00", verb, option, text);
}

/* Stopping takes some seconds, and writing the study file of a large study some more. */
double ax_option_stop_at(double began, double max_time) { return max_time > 0 ? began + max_time - fmin(max_time / 4, 30) : 0; }

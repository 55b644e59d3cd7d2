/* Declarative command-line options: one row each, from which parsing, --help, man pages, completion and errors follow. */
#ifndef AX_CMD_OPTIONS_H
#define AX_CMD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum ax_option_kind {
    AX_OPT_FLAG,       /* bool: present or absent */
    AX_OPT_INT,        /* int64_t with a range */
    AX_OPT_TEXT,       /* const char * */
    AX_OPT_LIST,       /* ax_texts: may be repeated */
};

typedef struct {
    const char **items;
    int n;
} ax_texts;

typedef struct {
    const char *name;          /* long name without dashes; NULL ends a table */
    char letter;               /* one-letter form, or 0 */
    enum ax_option_kind kind;
    void *value;               /* bool, int64_t, const char * or ax_texts, by kind; its initial value is the default */
    const char *unit;          /* what --help shows for the value: N, FILE, ... (NULL for a flag) */
    const char *help;          /* one line, with the default */
    int64_t lo, hi;            /* AX_OPT_INT: inclusive range */
} ax_option;

typedef struct {
    const char *name;          /* the verb, "sweep", or two words, "lut build" */
    const char *usage;         /* "FILE.lua [key=value...]": what follows the verb, options left out */
    const char *summary;       /* one line for the overview */
    const char *details;       /* paragraphs for --help, or NULL */
    int min_args, max_args;    /* positional arguments; max -1: any number */
} ax_usage;

/* Options every verb takes: --json (if the verb has it), -q, -v, --color, --threads, -h. */
typedef struct {
    bool quiet, verbose, help;
    const char *color;         /* auto, always, never */
    int64_t threads;           /* 0: cores over workers; OMP_NUM_THREADS honoured */
} ax_common;
extern ax_common ax_common_options;

/* Parses argv[1..] against `options` and the common ones. Positionals are returned in *args in their order (they point into
 * argv; the array lives as long as the process). An unknown or incomplete option fails with AX_EARG, naming the nearest
 * spelling. After --help *args is left empty, the text is on stdout and ax_common_options.help is true. */
int ax_options_parse(const ax_usage *usage, const ax_option *options, int argc, char **argv, ax_texts *args);

/* The TIME of a verb's --OPTION in seconds; text NULL: *seconds stays as it is. AX_EARG */
int ax_option_duration(double *seconds, const char *verb, const char *option, const char *text);

/* When a process that began at `began` has to be asked to stop, so that it has ended before --max-time is over; 0 (of 0): never. */
double ax_option_stop_at(double began, double max_time);

/* The help text of a verb, as --help prints it. */
void ax_options_help(const ax_usage *usage, const ax_option *options);

/* Shows the rows of a verb, or of each of its two-word verbs, to `see`; nothing else happens. Their values live no longer than the
 * call of `see`. Completion and the man pages are made from these. */
typedef void ax_options_see(void *arg, const ax_usage *usage, const ax_option *options);      /* options may be NULL */
int ax_options_show(int (*verb)(int argc, char **argv), const char *name, ax_options_see *see, void *arg);
bool ax_options_showing(void);
extern const ax_option ax_common_rows[];

#endif

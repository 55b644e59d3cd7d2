/* Dispatch of two-word verbs. */
#include "cmd/verbs.h"

#include "base/error.h"
#include "base/text.h"
#include "cmd/options.h"

#include <stdio.h>
#include <string.h>

enum { VERBS_MAX = 8 };

static int overview(const ax_verb *rows, const char *verb)
{
    printf("usage: approxrun %s WORD [ARGUMENTS] [--help]\n\n", verb);
    for (; rows->name; rows++) {
        char left[64];
        snprintf(left, sizeof left, "%s %s %s", verb, rows->name, rows->usage);
        printf("  %-34s %s\n", left, rows->summary);
    }
    return AX_OK;
}

static int unknown(const ax_verb *rows, const char *verb, const char *word)
{
    const char *names[VERBS_MAX];
    char list[128] = "";
    size_t n = 0, used = 0;
    for (; rows[n].name && n < VERBS_MAX; n++) {
        names[n] = rows[n].name;
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", n ? ", " : "", names[n]);
    }
    if (!word) return ax_fail(AX_EARG, "%s: a second word is missing: %s", verb, list);
    return ax_fail(AX_EARG, "%s: unknown word '%s'%s, wanted one of: %s", verb, word, ax_text_hint(word, names, n), list);
}

static int show_all(const ax_verb *rows)
{
    for (; rows->name; rows++) AX_TRY(rows->run(1, (char *[]){(char *)rows->name, NULL}));
    return AX_OK;
}

int ax_verbs_run(const ax_verb *rows, int argc, char **argv)
{
    if (ax_options_showing()) return show_all(rows);
    if (argc < 2) return unknown(rows, argv[0], NULL);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) return overview(rows, argv[0]);
    for (const ax_verb *row = rows; row->name; row++)
        if (!strcmp(argv[1], row->name)) return row->run(argc - 1, argv + 1);
    return unknown(rows, argv[0], argv[1]);
}

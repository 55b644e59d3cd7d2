/* Completion of verbs, words of two-word verbs, options and arguments, from the rows that parsing reads. Invariant: nothing is
 * executed and nothing fails; where nothing is known, nothing is offered. */
#include "cmd/complete.h"

#include "base/error.h"
#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/output.h"

#include <stdio.h>
#include <string.h>

enum { KIND_MAX = 64 };

typedef struct {
    const char *const *words;    /* (n): the verb and what follows; the last is to be completed */
    int n;
} line;

void ax_complete_offer(const ax_incomplete *w, const char *word, const char *what)
{
    if (!ax_text_starts(word, w->rest)) return;
    ax_buf offer = {0};
    ax_output_cell(&offer, word, 0);
    ax_buf_puts(&offer, "\t");
    ax_output_cell(&offer, what, 0);
    printf("%.*s%s\n", w->nlead, w->lead, ax_buf_str(&offer));
    ax_buf_release(&offer);
}

/* ---- options ---- */

static const ax_option *find_in(const ax_option *rows, const char *word)
{
    bool is_long = word[1] == '-';
    size_t len = strcspn(word, "=");
    for (; rows && rows->name; rows++)
        if (is_long ? strlen(rows->name) == len - 2 && !strncmp(rows->name, word + 2, len - 2) : rows->letter == word[1]) return rows;
    return NULL;
}

static const ax_option *find(const ax_option *options, const char *word)
{
    if (word[0] != '-' || !word[1]) return NULL;
    const ax_option *row = find_in(options, word);
    return row ? row : find_in(ax_common_rows, word);
}

/* Whether the value of the option in `word` is the next word. */
static bool wants_next(const ax_option *row, const char *word)
{
    return row && row->kind != AX_OPT_FLAG && (word[1] == '-' ? !strchr(word, '=') : !word[2]);
}

static void offer_options(const ax_incomplete *w, const ax_option *rows)
{
    char word[64];
    for (; rows && rows->name; rows++) {
        snprintf(word, sizeof word, "--%s", rows->name);
        ax_complete_offer(w, word, rows->help);
    }
}

/* "width|epochs|pareto", where the usage shows that behind the option; else the row's unit. */
static void option_kind(char kind[KIND_MAX], const ax_usage *usage, const ax_option *row)
{
    char shown[KIND_MAX];
    int n = snprintf(shown, sizeof shown, "--%s ", row->name);
    const char *at = strstr(usage->usage, shown);
    size_t len = at ? strcspn(at + n, " ]") : 0;
    if (at && memchr(at + n, '|', len)) snprintf(kind, KIND_MAX, "%.*s", (int)len, at + n);
    else snprintf(kind, KIND_MAX, "%s", row->unit);
}

static void offer_value(ax_incomplete *w, const ax_usage *usage, const ax_option *row, const char *word, int nlead)
{
    char kind[KIND_MAX];
    w->lead = word;
    w->nlead = nlead;
    w->rest = word + nlead;
    option_kind(kind, usage, row);
    ax_complete_values(w, kind, row->name);
}

/* ---- arguments ---- */

/* The kind of an argument by its place in the usage; "" behind the last. An option shown there without brackets takes the word
 * after it. */
static void argument_kind(char kind[KIND_MAX], const ax_usage *usage, int at)
{
    char text[256], *rest = text;
    bool repeated = false;
    snprintf(text, sizeof text, "%s", usage->usage);
    kind[0] = 0;
    for (char *token; at >= 0 && (token = strsep(&rest, " "));) {
        token += *token == '[';
        if (*token == '-') {
            if (!strchr(token, ']')) strsep(&rest, " ");
            continue;
        }
        repeated = strstr(token, "...") != NULL;
        for (size_t n = strlen(token); n && strchr(".]", token[n - 1]); n--) token[n - 1] = 0;
        snprintf(kind, KIND_MAX, "%s", token);
        at--;
    }
    if (at >= 0 && !repeated) kind[0] = 0;
}

/* ---- the line ---- */

/* Reads the words before the last one: the study that they name, as first argument or behind --study. Returns how many are arguments. */
static int read_before(ax_incomplete *w, const line *l, int from, const ax_usage *usage, const ax_option *options)
{
    int at = 0;
    for (int i = from; i < l->n - 1; i++) {
        const char *word = l->words[i], *equals = strchr(word, '=');
        const ax_option *row = find(options, word);
        const char *value = wants_next(row, word) ? l->words[++i] : equals ? equals + 1 : NULL;
        if (row && value && !strcmp(row->name, "study")) w->study = value;
        if (word[0] != '-' && at++ == 0 && ax_text_starts(usage->usage, "STUDY")) w->study = word;
    }
    return at;
}

static void complete_in(const line *l, int from, const ax_usage *usage, const ax_option *options)
{
    const char *word = l->words[l->n - 1];
    ax_incomplete w = {.lead = "", .rest = word};
    int at = read_before(&w, l, from, usage, options);
    const char *before = l->n - 1 > from ? l->words[l->n - 2] : "";
    const ax_option *row = find(options, before);
    if (wants_next(row, before)) {
        offer_value(&w, usage, row, word, 0);
    } else if (word[0] == '-' && strchr(word, '=')) {
        row = find(options, word);
        if (row && row->kind != AX_OPT_FLAG) offer_value(&w, usage, row, word, (int)strcspn(word, "=") + 1);
    } else if (word[0] == '-') {
        offer_options(&w, options);
        offer_options(&w, ax_common_rows);
    } else {
        char kind[KIND_MAX];
        argument_kind(kind, usage, at);
        if (kind[0]) ax_complete_values(&w, kind, NULL);
    }
}

static void see(void *arg, const ax_usage *usage, const ax_option *options)
{
    const line *l = arg;
    const char *space = strchr(usage->name, ' ');
    const ax_incomplete w = {.lead = "", .rest = l->words[l->n - 1]};
    if (!space) complete_in(l, 1, usage, options);
    else if (l->n == 2) ax_complete_offer(&w, space + 1, usage->summary);
    else if (!strcmp(l->words[1], space + 1)) complete_in(l, 2, usage, options);
}

int ax_complete(const char *const *words, int n)
{
    line l = {words, n};
    if (n < 1) return AX_OK;
    if (n == 1) {
        const ax_incomplete w = {.lead = "", .rest = words[0]};
        for (int i = 0; i < AX_COMMANDS; i++) ax_complete_offer(&w, ax_commands[i].name, ax_commands[i].summary);
        ax_complete_offer(&w, "--help", "the verbs");
        ax_complete_offer(&w, "--version", "of the program and its libraries");
        return AX_OK;
    }
    const ax_command *c = ax_command_find(words[0]);
    return c ? ax_options_show(c->run, c->name, see, &l) : AX_OK;
}

/* Man pages from the rows of the verbs, in scdoc's language. Invariant: all that --help says of a verb stands in its page. */
#include "cmd/manpage.h"

#include "base/error.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "gitid.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* `len` bytes of plain text: what scdoc would take for a mark is escaped. */
static void plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (strchr("\\*_`+", text[i]) || (i == 0 && strchr("#-|[]:.", text[i]))) putchar('\\');
        putchar(text[i]);
    }
}

/* Paragraphs; indented lines are shown as they are. */
static void prose(const char *text)
{
    bool literal = false;
    for (size_t len; *text; text += len + (text[len] == '\n')) {
        len = strcspn(text, "\n");
        if ((*text == ' ') != literal && len) {
            puts(literal ? "```\n" : "\n```");
            literal = !literal;
        }
        if (literal) printf("%.*s", (int)len, text);
        else plain(text, len);
        putchar('\n');
    }
    puts(literal ? "```\n" : "");
}

static void options_list(const char *title, const ax_option *rows)
{
    if (!rows || !rows->name) return;
    printf("# %s\n\n", title);
    for (; rows->name; rows++) {
        if (rows->letter) printf("*-%c*, ", rows->letter);
        printf("*--%s*", rows->name);
        if (rows->unit) {
            printf(" ");
            plain(rows->unit, strlen(rows->unit));
        }
        printf("\n\t");
        plain(rows->help, strlen(rows->help));
        printf("\n\n");
    }
}

/* ---- a verb ---- */

static void see_usage(void *any, const ax_usage *usage, const ax_option *options)
{
    bool *any_before = any;
    (void)options;
    printf("%s*approxrun %s*%s", *any_before ? "++\n" : "", usage->name, usage->usage[0] ? " " : "");
    plain(usage->usage, strlen(usage->usage));
    *any_before = true;
}

static void see_body(void *arg, const ax_usage *usage, const ax_option *options)
{
    char title[64];
    bool two_words = strchr(usage->name, ' ') != NULL;
    (void)arg;
    snprintf(title, sizeof title, "%s", two_words ? usage->name : "description");
    for (char *c = title; *c; c++) *c = (char)toupper((unsigned char)*c);
    printf("# %s\n\n", title);
    if (two_words || !usage->details) prose(usage->summary);
    if (usage->details) prose(usage->details);
    snprintf(title + strlen(title), sizeof title - strlen(title), " OPTIONS");
    options_list(two_words ? title : "OPTIONS", options);
}

static int verb_page(const ax_command *c)
{
    bool any = false;
    printf("approxrun-%s(1) \"approxrun %s\" \"approxrun manual\"\n\n# NAME\n\napproxrun-%s - ", c->name, AX_VERSION, c->name);
    plain(c->summary, strlen(c->summary));
    printf("\n\n# SYNOPSIS\n\n");
    AX_TRY(ax_options_show(c->run, c->name, see_usage, &any));
    printf("\n\n");
    AX_TRY(ax_options_show(c->run, c->name, see_body, NULL));
    options_list("COMMON OPTIONS", ax_common_rows);
    printf("# SEE ALSO\n\n*approxrun*(1)\n");
    return AX_OK;
}

/* ---- the program ---- */

static const char *const exit_codes[][2] = {
    {"0", "success; of a sweep: all trials are complete"},
    {"1", "some trial failed, or memory or a data set could not be had"},
    {"2", "usage, which includes a file named on the command line that does not exist"},
    {"3", "an error in the script"},
    {"4", "the store cannot be used: locked, of a newer version, or the disk is full"},
    {"5", "a device error before any trial"},
    {"6", "what --assert states is false"},
    {"65", "a malformed file"},
    {"75", "stopped with work left; the same command goes on"},
    {"130", "interrupted by Ctrl-C; the same command goes on"},
};

static const char *const variables[][2] = {
    {"APPROXRUN_DATA", "directory of data sets, searched first"},
    {"APPROXRUN_ISA", "instruction set of the kernels on the cpu, as *approxrun devices* names them"},
    {"APPROXRUN_JIT", "off: scripts run without LuaJIT's compiler"},
    {"APPROXRUN_LUA", "directory of the Lua library that replaces the program's own, for its development"},
    {"APPROXRUN_MODEL_SECONDS", "time that a multiplier written in C may take to compile and fill its table (60)"},
    {"CC", "the compiler of multipliers written in C (cc)"},
    {"CURL_CA_BUNDLE", "certificates to trust when data sets are fetched"},
    {"OMP_NUM_THREADS", "threads of each worker, unless --threads says"},
    {"NO_COLOR", "if not empty: no colours"},
    {"XDG_CACHE_HOME", "where data sets and compiled multipliers are kept (~/.cache)"},
};

static int program_page(void)
{
    printf("approxrun(1) \"approxrun %s\" \"approxrun manual\"\n\n"
           "# NAME\n\napproxrun - train neural networks under approximate multipliers\n\n"
           "# SYNOPSIS\n\n*approxrun* _VERB_ [_ARGUMENTS_]\n\n"
           "# DESCRIPTION\n\nApproxrun simulates an approximate multiplier inside every matrix product of a neural network, forward and\n"
           "backward. Lua scripts describe models and experiments; *approxrun sweep* trains every multiplier, width and seed of one and\n"
           "resumes after anything; other verbs compare, plot and export the results.\n\n# VERBS\n\n", AX_VERSION);
    for (int i = 0; i < AX_COMMANDS; i++) {
        printf("*approxrun-%s*(1)\n\t", ax_commands[i].name);
        plain(ax_commands[i].summary, strlen(ax_commands[i].summary));
        printf("\n\n");
    }
    printf("# OPTIONS\n\n*--help*\n\tthe verbs\n\n*--version*\n\tof the program and its libraries\n\n");
    options_list("COMMON OPTIONS", ax_common_rows);
    printf("# EXIT STATUS\n\n");
    for (size_t i = 0; i < sizeof exit_codes / sizeof exit_codes[0]; i++) printf("*%s*\n\t%s\n\n", exit_codes[i][0], exit_codes[i][1]);
    printf("# ENVIRONMENT\n\n");
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) printf("*%s*\n\t%s\n\n", variables[i][0], variables[i][1]);
    printf("# EXAMPLES\n\n```\napproxrun sweep experiments/mnist.lua\napproxrun compare results/mnist.h5 mbm mit\n"
           "approxrun export results/mnist.h5 -o mnist.json\n```\n");
    return AX_OK;
}

int ax_manpage_print(const char *verb)
{
    const ax_command *c = verb ? ax_command_find(verb) : NULL;
    if (verb && !c) return ax_errstatus();
    return c ? verb_page(c) : program_page();
}

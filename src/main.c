/* The table of verbs and the exit codes; nothing else. Only main ends the process. */
#include "base/error.h"
#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/version.h"
#include "engine/backend.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
#define AX_COMMAND(name, function, summary) {name, function, summary},
#include "cmd/commands.def"
#undef AX_COMMAND
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static int overview(void)
{
    printf("usage: approxrun VERB [ARGUMENTS] [--help]\n\n"
           "What does an approximate multiplier do to the training of a neural network, and how narrow may it be?\n\n");
    for (int i = 0; i < COMMANDS; i++) printf("  %-9s %s\n", commands[i].name, commands[i].summary);
    printf("\n  approxrun sweep experiments/mnist.lua        run (again: resume)\n"
           "  approxrun compare results/mnist.h5 mbm mit   side by side\n"
           "  approxrun export results/mnist.h5 -o mnist.json\n");
    return AX_OK;
}

static int unknown_verb(const char *word)
{
    const char *names[COMMANDS];
    for (int i = 0; i < COMMANDS; i++) names[i] = commands[i].name;
    const char *near = ax_text_nearest(word, names, COMMANDS);
    return near ? ax_fail(AX_EARG, "unknown verb '%s' (did you mean '%s'?)", word, near)
                : ax_fail(AX_EARG, "unknown verb '%s'; see 'approxrun --help'", word);
}

static int run(int argc, char **argv)
{
    if (argc < 2) return ax_fail(AX_EARG, "a verb is missing; see 'approxrun --help'");
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) return overview();
    if (!strcmp(argv[1], "--version")) return ax_version_print();
    for (int i = 0; i < COMMANDS; i++)
        if (!strcmp(argv[1], commands[i].name)) {
            AX_TRY(ax_backend_check_isa());
            return commands[i].run(argc - 1, argv + 1);
        }
    return unknown_verb(argv[1]);
}

int main(int argc, char **argv)
{
    int status = run(argc, argv);
    if (fflush(stdout) != 0 && status == AX_OK) status = ax_fail(AX_EIO, "standard output: cannot write");
    if (status != AX_OK && ax_errmsg()[0]) fprintf(stderr, "approxrun: %s\n", ax_errmsg());
    return ax_exit_code(status);
}

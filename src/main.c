/* The words before a verb, and the exit codes; nothing else. Only main ends the process. */
#include "base/error.h"
#include "cmd/commands.h"
#include "cmd/output.h"
#include "cmd/version.h"
#include "engine/backend.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static int overview(void)
{
    printf("usage: approxrun VERB [ARGUMENTS] [--help]\n\n"
           "What does an approximate multiplier do to the training of a neural network, and how narrow may it be?\n\n");
    for (int i = 0; i < AX_COMMANDS; i++) printf("  %-10s %s\n", ax_commands[i].name, ax_commands[i].summary);
    printf("\n  approxrun sweep experiments/mnist.lua        run (again: resume)\n"
           "  approxrun compare results/mnist.h5 mbm mit   side by side\n"
           "  approxrun export results/mnist.h5 -o mnist.json\n");
    return AX_OK;
}

static int run(int argc, char **argv)
{
    if (argc < 2) return ax_fail(AX_EARG, "a verb is missing; see 'approxrun --help'");
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) return overview();
    if (!strcmp(argv[1], "--version")) return ax_version_print();
    const ax_command *command = ax_command_find(argv[1]);
    if (!command) return ax_errstatus();
    AX_TRY(ax_backend_check_isa());
    return command->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    signal(SIGCHLD, SIG_DFL);      /* who started us may ignore it, and what became of our own children would be lost */
    int status = run(argc, argv);
    if (status == AX_OK) status = ax_output_end();
    if (status != AX_OK && ax_errmsg()[0]) ax_output_message(ax_errmsg());
    return ax_exit_code(status);
}

/* The verbs. Each returns AX_OK or a status whose exit code main gives back; data goes to stdout, talk to stderr. */
#ifndef AX_CMD_COMMANDS_H
#define AX_CMD_COMMANDS_H

#define AX_COMMAND(name, function, summary) int function(int argc, char **argv);
#include "cmd/commands.def"
#undef AX_COMMAND

typedef struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} ax_command;

enum {
#define AX_COMMAND(name, function, summary) AX_ROW_##function,
#include "cmd/commands.def"
#undef AX_COMMAND
    AX_COMMANDS
};
extern const ax_command ax_commands[AX_COMMANDS];       /* in the order of the overview */

const ax_command *ax_command_find(const char *name);    /* NULL: AX_EARG, with a suggestion */

#endif

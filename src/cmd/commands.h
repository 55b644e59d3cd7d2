/* The verbs. Each returns AX_OK or a status whose exit code main gives back; data goes to stdout, talk to stderr. */
#ifndef AX_CMD_COMMANDS_H
#define AX_CMD_COMMANDS_H

#define AX_COMMAND(name, function, summary) int function(int argc, char **argv);
#include "cmd/commands.def"
#undef AX_COMMAND

#endif

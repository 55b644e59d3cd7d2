/* The table of verbs. */
#include "cmd/commands.h"

#include "base/error.h"
#include "base/text.h"

#include <string.h>

const ax_command ax_commands[AX_COMMANDS] = {
#define AX_COMMAND(name, function, summary) {name, function, summary},
#include "cmd/commands.def"
#undef AX_COMMAND
};

const ax_command *ax_command_find(const char *name)
{
    const char *names[AX_COMMANDS];
    for (int i = 0; i < AX_COMMANDS; i++) {
        if (!strcmp(name, ax_commands[i].name)) return &ax_commands[i];
        names[i] = ax_commands[i].name;
    }
    const char *near = ax_text_nearest(name, names, AX_COMMANDS);
    if (near) ax_fail(AX_EARG, "unknown verb '%s' (did you mean '%s'?)", name, near);
    else ax_fail(AX_EARG, "unknown verb '%s'; see 'approxrun --help'", name);
    return NULL;
}

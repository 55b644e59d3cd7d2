/* approxrun completion: scripts for shells, and what these ask; the sources of the man pages. */
#include "base/error.h"
#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/complete.h"
#include "cmd/manpage.h"
#include "cmd/options.h"
#include "script/embedded.h"

#include <stdio.h>
#include <string.h>

static int print_script(const char *shell)
{
    static const char *const words[] = {"bash", "zsh", "fish", "scdoc", "words"};
    char name[64];
    snprintf(name, sizeof name, "completion.%s", shell);
    for (const ax_embedded_text *e = ax_embedded; e->name; e++) {
        if (strcmp(e->name, name) != 0) continue;
        fputs(e->text, stdout);
        return AX_OK;
    }
    return ax_fail(AX_EARG, "completion: unknown shell '%s'%s, wanted bash, zsh or fish", shell,
                   ax_text_hint(shell, words, sizeof words / sizeof words[0]));
}

int cmd_completion(int argc, char **argv)
{
    const ax_usage usage = {
        "completion", "bash|zsh|fish", "the completion script of a shell",
        "bash: eval \"$(approxrun completion bash)\" in ~/.bashrc; zsh: approxrun completion zsh > DIRECTORY/_approxrun, for a\n"
        "directory of $fpath; fish: approxrun completion fish > ~/.config/fish/completions/approxrun.fish. What make install put in\n"
        "its place needs none of these. The scripts ask 'approxrun completion words -- WORD...' what may stand for the last word.\n"
        "'approxrun completion scdoc [VERB]' prints the source of a man page.", 1, -1};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, NULL, argc, argv, &args));
    if (!args.n) return AX_OK;
    if (!strcmp(args.items[0], "words")) return ax_complete(args.items + 1, args.n - 1);
    if (args.n > 2 || (args.n == 2 && strcmp(args.items[0], "scdoc") != 0)) return ax_fail(AX_EARG, "completion: too many arguments");
    if (!strcmp(args.items[0], "scdoc")) return ax_manpage_print(args.n == 2 ? args.items[1] : NULL);
    return print_script(args.items[0]);
}

/* Terminals. */
#include "cmd/terminal.h"

#include "cmd/options.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int ax_terminal_columns(int fd)
{
    struct winsize size;
    const char *term = getenv("TERM");
    if (!isatty(fd) || (term && !strcmp(term, "dumb"))) return 0;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

bool ax_terminal_color(int fd)
{
    const char *no = getenv("NO_COLOR"), *when = ax_common_options.color;
    if (!strcmp(when, "always")) return true;
    return strcmp(when, "never") != 0 && !(no && *no) && ax_terminal_columns(fd) > 0;
}

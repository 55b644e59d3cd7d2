/* Signals of the supervisor. Invariant: a handler either ends the process or writes one byte to a pipe. Blocking signals and waiting
 * for them would not do: the BLAS library has started threads before main, and what one of those does not block would end the
 * process. */
#include "run/signals.h"

#include "base/error.h"
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const int numbers[] = {SIGINT, SIGTERM, SIGUSR1, SIGHUP, SIGCHLD, SIGWINCH};
enum { SIGNALS = sizeof numbers / sizeof numbers[0], REQUESTS = 4 };      /* the first four ask for an end */

static int waiting[2] = {-1, -1};            /* a pipe: a byte is the number of a signal */
static struct sigaction before[SIGNALS];
static pid_t owner;                          /* a forked child inherits the handler, but not what it is for */

/* Lets `handler` take the first n of them, but those that are ignored; `old` (n) or NULL takes what they did. */
static void handle(int n, void (*handler)(int), struct sigaction *old)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART}, now;
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < n; i++) {
        sigaction(numbers[i], NULL, &now);
        if (now.sa_handler != SIG_IGN || numbers[i] == SIGINT) sigaction(numbers[i], &action, NULL);
        if (old) old[i] = now;
    }
}

static void end_process(int number)
{
    static const char text[] = "approxrun: stopped; the same command goes on\n";
    if (getpid() != owner) _exit(128 + number);
    ax_spawn_end_waited();
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) errno = 0;
    _exit(ax_exit_code(number == SIGINT ? AX_EINTR : AX_ESTOP));
}

void ax_signals_end_process(void)
{
    owner = getpid();
    handle(REQUESTS, end_process, NULL);
}

void ax_signals_outlive_reader(void)
{
    signal(SIGPIPE, SIG_IGN);
}

static void to_pipe(int number)
{
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    if (write(waiting[1], &byte, 1) != 1) errno = saved;       /* full: enough signals are waiting */
    errno = saved;
}

int ax_signals_catch(void)
{
    if (pipe2(waiting, O_CLOEXEC | O_NONBLOCK) != 0) return ax_fail(AX_EFAILED, "cannot make a pipe: %s", strerror(errno));
    handle(SIGNALS, to_pipe, before);
    return AX_OK;
}

void ax_signals_release(void)
{
    if (waiting[0] < 0) return;
    for (int i = 0; i < SIGNALS; i++) sigaction(numbers[i], &before[i], NULL);
    close(waiting[0]);
    close(waiting[1]);
    waiting[0] = waiting[1] = -1;
}

int ax_signals_take(double seconds)
{
    struct pollfd fd = {.fd = waiting[0], .events = POLLIN};
    unsigned char number;
    if (seconds > 0) poll(&fd, 1, (int)(1000 * seconds));
    return read(waiting[0], &number, 1) == 1 ? number : 0;
}

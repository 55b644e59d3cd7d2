/* posix_spawn with all that our children need set up. Invariant: of our files the child has those it is given, and no others
 * that were opened with O_CLOEXEC. */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int set_actions(posix_spawn_file_actions_t *actions, const ax_program *p)
{
    int failed = 0;
    for (int i = 0; i < p->nfiles && !failed; i++)
        failed = p->files[i] < 0 ? posix_spawn_file_actions_addopen(actions, i, "/dev/null", O_RDWR, 0)
                                 : posix_spawn_file_actions_adddup2(actions, p->files[i], i);
    if (!failed && p->dir) failed = posix_spawn_file_actions_addchdir_np(actions, p->dir);
    return failed;
}

static int set_attributes(posix_spawnattr_t *attr, const ax_program *p)
{
    sigset_t none, defaults;
    sigemptyset(&none);
    if (p->group) sigfillset(&defaults);
    else sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);      /* that we ignore it is ours; what else is ignored was so before us (nohup) */
    int failed = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (p->group ? POSIX_SPAWN_SETPGROUP : 0));
    if (!failed) failed = posix_spawnattr_setsigmask(attr, &none);
    if (!failed) failed = posix_spawnattr_setpgroup(attr, 0);
    if (!failed) failed = posix_spawnattr_setsigdefault(attr, &defaults);
    return failed;
}

int ax_spawn(pid_t *pid, const ax_program *p)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed) return failed;
    failed = posix_spawnattr_init(&attr);
    if (failed) goto out;
    failed = set_actions(&actions, p);
    if (!failed) failed = set_attributes(&attr, p);
    if (!failed)
        failed = posix_spawnp(pid, p->file ? p->file : p->argv[0], &actions, &attr, (char *const *)(uintptr_t)p->argv, p->env ? p->env : environ);
    posix_spawnattr_destroy(&attr);
out:
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static volatile pid_t waited;      /* 0: for none */

int ax_spawn_wait(pid_t pid)
{
    int how = 0;
    pid_t ended;
    waited = pid;
    while ((ended = waitpid(pid, &how, 0)) < 0 && errno == EINTR) continue;
    waited = 0;
    return ended == pid ? how : W_EXITCODE(127, 0);
}

void ax_spawn_end_waited(void)
{
    if (waited > 0) kill(waited, SIGTERM);
}

/* A system that has no room for further processes, for tests: preloaded, posix_spawnp fails with EAGAIN after SPAWNS successes until
 * there is a file SPAWNS_AGAIN. */
#include <dlfcn.h>
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int spawn_function(pid_t *restrict, const char *restrict, const posix_spawn_file_actions_t *, const posix_spawnattr_t *restrict,
                           char *const[restrict], char *const[restrict]);

int posix_spawnp(pid_t *restrict pid, const char *restrict file, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *restrict attr, char *const argv[restrict], char *const env[restrict])
{
    static int spawned;
    static spawn_function *real;
    const char *most = getenv("SPAWNS"), *again = getenv("SPAWNS_AGAIN");
    if (most && spawned >= atoi(most) && !(again && access(again, F_OK) == 0)) return EAGAIN;
    void *next = dlsym(RTLD_NEXT, "posix_spawnp");
    memcpy(&real, &next, sizeof real);
    int failed = real(pid, file, actions, attr, argv, env);
    spawned += !failed;
    return failed;
}

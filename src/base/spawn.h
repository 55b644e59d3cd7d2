/* Starting another program, without a shell. */
#ifndef AX_BASE_SPAWN_H
#define AX_BASE_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

typedef struct {
    const char *file;             /* what is run, by PATH; NULL: argv[0] */
    const char *const *argv;      /* NULL at the end */
    char *const *env;             /* NULL: ours */
    const char *dir;              /* where it starts; NULL: where we are */
    const int *files;             /* (nfiles) of ours that are its 0, 1, 2, ...; -1: /dev/null */
    int nfiles;
    bool group;                   /* leads a process group of its own and takes every signal by default: kill(-pid) ends all of it */
} ax_program;

/* 0, or an errno. No signal is blocked in the child, and SIGPIPE ends it. */
int ax_spawn(pid_t *pid, const ax_program *p);

/* Waits for its end; the wait status, exit code 127 if somebody else took that. */
int ax_spawn_wait(pid_t pid);

/* Asks the one that ax_spawn_wait is waiting for, if any, to end. For handlers of signals that end this process. */
void ax_spawn_end_waited(void);

#endif

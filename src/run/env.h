/* What a result should say about where it was computed. */
#ifndef AX_RUN_ENV_H
#define AX_RUN_ENV_H

#include <stddef.h>
#include <sys/types.h>

/* JSON object: program, host, CPU, instruction set, BLAS, libraries, command line of process `pid`, threads. The caller
 * frees. NULL: AX_ENOMEM. */
char *ax_env_json(pid_t pid, int threads);

/* The CPU's model name, "unknown" where the system tells none. */
void ax_env_cpu(char *out, size_t size);

#endif

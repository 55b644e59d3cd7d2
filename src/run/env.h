/* What a result should say about where it was computed. */
#ifndef AX_RUN_ENV_H
#define AX_RUN_ENV_H

#include <stddef.h>
#include <sys/types.h>

/* JSON object: program, host, CPU, instruction set, BLAS, libraries, command line of process `pid`, threads, and the CUDA device
 * unless `device` is "cpu". The caller frees. NULL: AX_ENOMEM, or AX_EDEVICE: the device tells nothing of itself. */
char *ax_env_json(pid_t pid, int threads, const char *device);

/* The CPU's model name, "unknown" where the system tells none. */
void ax_env_cpu(char *out, size_t size);

#endif

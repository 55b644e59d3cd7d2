/* What a result should say about where it was computed. */
#ifndef AX_RUN_ENV_H
#define AX_RUN_ENV_H

#include "kernels/backend.h"

#include <cJSON.h>
#include <stddef.h>
#include <sys/types.h>

/* JSON object: program, host, CPU, instruction set, BLAS, libraries, command line of process `pid`, threads, the CUDA device
 * unless `device` is "cpu", and the Slurm job if it runs in one. The caller frees. NULL: AX_ENOMEM, or AX_EDEVICE: the device
 * tells nothing of itself. */
char *ax_env_json(pid_t pid, int threads, const char *device);

/* The CPU's model name, "unknown" where the system tells none. */
void ax_env_cpu(char *out, size_t size);

/* Adds "name", "capability", "memory", "driver" and "runtime" to an object. */
void ax_env_add_gpu(cJSON *object, const ax_device_info *gpu);

#endif

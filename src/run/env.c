/* Provenance of a result: enough to say years later what computed it, and on what. */
#include "run/env.h"

#include "base/error.h"
#include "base/json.h"
#include "engine/backend.h"
#include "gitid.h"
#include "kernels/kernels.h"
#include "script/script.h"
#include "store/claim.h"
#include "store/trialfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The value of the first "model name : VALUE" line. */
void ax_env_cpu(char *out, size_t size)
{
    char line[512];
    snprintf(out, size, "unknown");
    FILE *f = fopen("/proc/cpuinfo", "re");
    if (!f) return;
    while (fgets(line, sizeof line, f)) {
        char *value = strstr(line, ": ");
        if (strncmp(line, "model name", 10) != 0 || !value) continue;
        value[strcspn(value, "\n")] = 0;
        snprintf(out, size, "%s", value + 2);
        break;
    }
    fclose(f);
}

static void add_argv(cJSON *env, pid_t pid)
{
    cJSON *argv = ax_json_set_array(env, "argv");
    char path[64], text[16384];
    snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)pid);
    FILE *f = fopen(path, "re");
    if (!f) return;
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = 0;
    for (size_t at = 0; at < n; at += strlen(text + at) + 1) cJSON_AddItemToArray(argv, cJSON_CreateString(text + at));
    fclose(f);
}

void ax_env_add_gpu(cJSON *object, const ax_device_info *gpu)
{
    ax_json_set_string(object, "name", gpu->name);
    ax_json_set_number(object, "capability", gpu->capability);
    ax_json_set_number(object, "memory", (double)gpu->memory);
    ax_json_set_string(object, "driver", gpu->driver);
    ax_json_set_string(object, "runtime", gpu->runtime);
}

static int add_gpu(cJSON *env, const char *device)
{
    ax_device_info info;
    int number = (int)strtol(device, NULL, 10);
    AX_TRY(ax_backend_cuda_describe(&info, number));
    cJSON *gpu = ax_json_set_object(env, "gpu");
    ax_json_set_number(gpu, "device", number);
    ax_env_add_gpu(gpu, &info);
    return AX_OK;
}

/* Under Slurm: which job, where, and what it was given. */
static void add_slurm(cJSON *env)
{
    static const char *const words[][2] = {
        {"node", "SLURMD_NODENAME"}, {"partition", "SLURM_JOB_PARTITION"}, {"restarts", "SLURM_RESTART_COUNT"}, {"gpus", "CUDA_VISIBLE_DEVICES"},
    };
    char job[32];
    ax_claim_job(job);
    if (!job[0]) return;
    cJSON *slurm = ax_json_set_object(env, "slurm");
    ax_json_set_string(slurm, "job", job);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const char *value = getenv(words[i][1]);
        if (value) ax_json_set_string(slurm, words[i][0], value);
    }
}

char *ax_env_json(pid_t pid, int threads, const char *device)
{
    struct utsname os;
    char text[512];
    cJSON *env = cJSON_CreateObject();
    ax_json_set_string(env, "version", AX_VERSION);
    ax_json_set_string(env, "git", AX_GIT_ID);
    if (uname(&os) == 0) {
        ax_json_set_string(env, "host", os.nodename);
        snprintf(text, sizeof text, "%s %s %s", os.sysname, os.release, os.machine);
        ax_json_set_string(env, "os", text);
    }
    ax_env_cpu(text, sizeof text);
    ax_json_set_string(env, "cpu", text);
    ax_json_set_number(env, "cores", (double)sysconf(_SC_NPROCESSORS_ONLN));
    ax_json_set_number(env, "threads", threads);
    ax_json_set_string(env, "isa", ax_cpu_isa() ? ax_cpu_isa() : "");
    ax_json_set_string(env, "blas", ax_cpu_blas() ? ax_cpu_blas() : "");
    ax_json_set_string(env, "hdf5", ax_store_version());
    ax_json_set_string(env, "luajit", ax_script_version());
    add_argv(env, pid);
    add_slurm(env);
    int status = strcmp(device, "cpu") ? add_gpu(env, device) : AX_OK;
    char *json = status == AX_OK ? ax_json_text(env, false) : NULL;
    cJSON_Delete(env);
    return json;
}

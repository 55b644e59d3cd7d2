/* What the system tells of its CPU. Caches come from sysfs, for sysconf adds up those of all sockets; a virtual machine may have none there,
 * and then what belongs to one core comes from sysconf. */
#include "cmd/machine.h"

#include "base/error.h"
#include "base/json.h"
#include "cmd/threads.h"
#include "engine/backend.h"
#include "kernels/kernels.h"
#include "run/env.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The first line of a file below the first core's cache directory, without its end; "" if there is none. */
static void read_line(char *out, size_t size, int cache, const char *name)
{
    char path[96];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", cache, name);
    FILE *f = fopen(path, "re");
    if (!f || !fgets(out, (int)size, f)) out[0] = 0;
    out[strcspn(out, "\n")] = 0;
    if (f) fclose(f);
}

static void take_sysfs_caches(ax_machine *m)
{
    char level[16], type[32], size[32];
    int64_t *const by_level[] = {&m->l1d, &m->l2, &m->l3};
    for (int i = 0;; i++) {
        int64_t kib = 0;
        read_line(level, sizeof level, i, "level");
        read_line(type, sizeof type, i, "type");
        read_line(size, sizeof size, i, "size");
        if (!level[0]) return;
        if (level[0] < '1' || level[0] > '3' || !strcmp(type, "Instruction")) continue;
        if (sscanf(size, "%" SCNd64 "K", &kib) == 1) *by_level[level[0] - '1'] = kib * 1024;
    }
}

static int64_t cache_of_a_core(int name)
{
    long bytes = sysconf(name);
    return bytes > 0 ? bytes : 0;
}

static void take_caches(ax_machine *m)
{
    take_sysfs_caches(m);
    if (!m->l1d) m->l1d = cache_of_a_core(_SC_LEVEL1_DCACHE_SIZE);
    if (!m->l2) m->l2 = cache_of_a_core(_SC_LEVEL2_CACHE_SIZE);
}

void ax_machine_get(ax_machine *m)
{
    const char *isa = ax_cpu_isa(), *blas = ax_cpu_blas();
    memset(m, 0, sizeof *m);
    ax_env_cpu(m->cpu, sizeof m->cpu);
    m->cores = ax_cores();
    m->isa = isa ? isa : "none";
    m->blas = blas ? blas : "unknown";
    take_caches(m);
}

int ax_machine_add_device(ax_machine *m, const char *device)
{
    return strcmp(device, "cpu") ? ax_backend_cuda_describe(&m->gpu, (int)strtol(device, NULL, 10)) : AX_OK;
}

void ax_machine_json(cJSON *object, const ax_machine *m, int threads)
{
    ax_json_set_string(object, "cpu", m->cpu);
    ax_json_set_number(object, "cores", m->cores);
    if (threads) ax_json_set_number(object, "threads", threads);
    ax_json_set_string(object, "isa", m->isa);
    ax_json_set_string(object, "blas", m->blas);
    ax_json_set_number(object, "l1d", (double)m->l1d);
    ax_json_set_number(object, "l2", (double)m->l2);
    ax_json_set_number(object, "l3", (double)m->l3);
    if (m->gpu.name[0]) ax_env_add_gpu(ax_json_set_object(object, "gpu"), &m->gpu);
}

void ax_machine_date(cJSON *object, const char *key)
{
    char text[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    ax_json_set_string(object, key, text);
}

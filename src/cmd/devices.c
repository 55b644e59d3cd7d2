/* approxrun devices: what this machine has, which of it computes, and why. */
#include "base/error.h"
#include "base/json.h"
#include "cmd/commands.h"
#include "cmd/machine.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "engine/backend.h"
#include "kernels/kernels.h"
#include "run/env.h"

#include <stdio.h>
#include <stdlib.h>

/* The value of an environment variable, or NULL if it is unset or empty. */
static const char *forced_by(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* CUDA devices, or why there are none. */
static void print_gpus(void)
{
    int n = ax_backend_cuda_devices();
    if (n < 0) printf("gpu  %s\n", ax_errmsg());
    if (n == 0) printf("gpu  none\n");
    for (int i = 0; i < n; i++) {
        ax_device_info info;
        if (ax_backend_cuda_describe(&info, i) != AX_OK) printf("gpu  %d: %s\n", i, ax_errmsg());
        else printf("gpu  %d: %s, capability %d.%d, %.1f GiB, driver %s, module for %s\n", i, info.name, info.capability / 10, info.capability % 10,
                    (double)info.memory / (1 << 30), info.driver, info.runtime);
    }
}

static void add_gpus(cJSON *tree)
{
    cJSON *list = ax_json_set_array(tree, "gpus");
    int n = ax_backend_cuda_devices();
    if (n < 0) ax_json_set_string(tree, "gpus_absent", ax_errmsg());
    for (int i = 0; i < n; i++) {
        ax_device_info info;
        if (ax_backend_cuda_describe(&info, i) != AX_OK) continue;
        cJSON *gpu = cJSON_CreateObject();
        ax_json_set_number(gpu, "device", i);
        ax_env_add_gpu(gpu, &info);
        cJSON_AddItemToArray(list, gpu);
    }
}

static int print_json(const ax_machine *m)
{
    cJSON *tree = cJSON_CreateObject();
    ax_json_set_number(tree, "schema", 1);
    cJSON *cpu = ax_json_set_object(tree, "cpu"), *sets = NULL;
    ax_machine_json(cpu, m, 0);
    ax_json_set_bool(cpu, "isa_forced", forced_by("APPROXRUN_ISA") != NULL);
    ax_json_set_bool(cpu, "blas_forced", forced_by("OPENBLAS_CORETYPE") != NULL);
    sets = ax_json_set_array(cpu, "instruction_sets");
    int has = 0;
    const char *name;
    for (int i = 0; (name = ax_cpu_isa_name(i, &has)); i++)
        if (has > 0) cJSON_AddItemToArray(sets, cJSON_CreateString(name));
    add_gpus(tree);
    return ax_output_json(tree);
}

static void print_isa(const ax_machine *m)
{
    int has = 0;
    const char *name;
    printf("  instruction sets  ");
    for (int i = 0; (name = ax_cpu_isa_name(i, &has)); i++)
        if (has) printf("%s%s%s", i ? ", " : "", name, has < 0 ? " (not used: it sums pairs in another order than the strict one)" : "");
    printf("\n  in force          %s: %s\n", m->isa,
           forced_by("APPROXRUN_ISA") ? "APPROXRUN_ISA says so" : "the best that this machine has");
}

static const char *size_text(char out[32], int64_t bytes)
{
    if (bytes) snprintf(out, 32, "%lld KiB", (long long)(bytes >> 10));
    else snprintf(out, 32, "unknown");
    return out;
}

static void print_caches(const ax_machine *m)
{
    char l1d[32], l2[32], l3[32];
    printf("  caches            L1D %s, L2 %s, L3 %s\n", size_text(l1d, m->l1d), size_text(l2, m->l2), size_text(l3, m->l3));
}

static void print_text(const ax_machine *m)
{
    const char *core = forced_by("OPENBLAS_CORETYPE");
    printf("cpu  %s, %d core%s\n", m->cpu, m->cores, m->cores == 1 ? "" : "s");
    print_isa(m);
    print_caches(m);
    printf("  OpenBLAS          %s%s\n", m->blas, core ? ": OPENBLAS_CORETYPE says so, its own choice may be faster" : "");
    print_gpus();
}

int cmd_devices(int argc, char **argv)
{
    bool json = false;
    const ax_option options[] = {{"json", 0, AX_OPT_FLAG, &json, NULL, "print JSON", 0, 0}, {0}};
    const ax_usage usage = {
        "devices", "", "What this machine has to compute with, what is used, and why.",
        "APPROXRUN_ISA=c|avx2|avx512|avx512bf16 forces an instruction set; every set gives the same bits.", 0, 0};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (ax_common_options.help) return AX_OK;
    ax_machine m;
    ax_machine_get(&m);
    if (json) return print_json(&m);
    print_text(&m);
    return AX_OK;
}

/* The cpu backend, and the cuda module loaded on first use: a machine without CUDA never looks for it. */
#include "engine/backend.h"

#include "base/alloc.h"
#include "base/error.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- cpu: the host's memory, in order by nature ---- */

static int cpu_devices(void) { return 1; }
static int cpu_describe(ax_device_info *info, int device) { return *info = (ax_device_info){0}, (void)device, 0; }
static int cpu_open(int device) { return (void)device, 0; }
static void *cpu_memory_new(size_t bytes) { return ax_alloc_aligned(bytes ? bytes : 1, 1); }
static int cpu_copy(void *to, const void *from, size_t bytes) { return memcpy(to, from, bytes), 0; }
static int cpu_wait(void) { return 0; }
static const char *cpu_error(void) { return NULL; }
static void cpu_segment_begin(int key) { (void)key; }
static void cpu_segments_forget(void) {}

static const ax_backend cpu = {
    .name = "cpu", .host_memory = 1, .kernels = &ax_kernels_cpu, .devices = cpu_devices, .describe = cpu_describe, .open = cpu_open,
    .memory_new = cpu_memory_new, .memory_free = ax_free, .put = cpu_copy, .get = cpu_copy, .wait = cpu_wait, .error = cpu_error,
    .segment_begin = cpu_segment_begin, .segment_end = cpu_wait, .segments_forget = cpu_segments_forget,
    .baselines = ax_cpu_baselines,
};

/* ---- cuda ---- */

static const char module_name[] = "approxrun_cuda.so";

/* Beside the program, or where an installation and a bundle keep it. */
const char *ax_backend_cuda_module(void)
{
    static const char *const places[] = {"", "../lib/approxrun/"};
    static char path[4096 + 64];
    char self[4096], *slash;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    if (!(slash = strrchr(self, '/'))) return NULL;
    slash[1] = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(path, sizeof path, "%s%s%s", self, places[i], module_name);
        if (access(path, R_OK) == 0) return path;
    }
    return NULL;
}

static const ax_backend *load_cuda(void)
{
    static const ax_backend *loaded;
    if (loaded) return loaded;
    const char *path = ax_backend_cuda_module();
    void *module = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!module) {
        ax_fail(AX_EDEVICE, "no CUDA: %s; use the cpu, or see docs/gpu.md", path ? dlerror() : "this build has no approxrun_cuda.so");
        return NULL;
    }
    const ax_backend *(*get)(void);
    *(void **)&get = dlsym(module, "ax_cuda_backend");
    if (!get) ax_fail(AX_EDEVICE, "%s: not a module of this program", module_name);
    return loaded = get ? get() : NULL;
}

int ax_backend_check_isa(void)
{
    if (ax_cpu_isa()) return AX_OK;
    return ax_fail(AX_EDEVICE, "APPROXRUN_ISA is '%s', wanted c, avx2, avx512 or avx512bf16, one that this machine has; unset it to let "
                               "the program choose", getenv("APPROXRUN_ISA"));
}

int ax_backend_status(const ax_backend *b)
{
    const char *text = b->error();
    return text ? ax_fail(AX_EDEVICE, "%s", text) : AX_OK;
}

int ax_backend_cuda_devices(void)
{
    const ax_backend *b = load_cuda();
    int n = b ? b->devices() : -1;
    if (b && n < 0) ax_backend_status(b);
    return n;
}

int ax_backend_cuda_describe(ax_device_info *info, int device)
{
    const ax_backend *b = load_cuda();
    return !b ? ax_errstatus() : b->describe(info, device) ? ax_backend_status(b) : AX_OK;
}

const ax_backend *ax_backend_open(const char *device)
{
    char *end;
    if (!strcmp(device, cpu.name)) return &cpu;
    long number = strtol(device, &end, 10);
    if (end == device || *end || number < 0 || number > 1024) {
        ax_fail(AX_EARG, "device '%s'; wanted cpu or the number of a CUDA device", device);
        return NULL;
    }
    const ax_backend *b = load_cuda();
    int n = b ? ax_backend_cuda_devices() : -1;
    if (n < 0) return NULL;
    if (number >= n) {
        ax_fail(AX_EDEVICE, "device %ld; this machine has %d CUDA device%s: see 'approxrun devices'", number, n, n == 1 ? "" : "s");
        return NULL;
    }
    if (b->open((int)number)) return ax_backend_status(b), NULL;
    return b;
}

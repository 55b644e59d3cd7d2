/* The module's device: failures, memory, order. Invariant: what an engine allocated here is gone when it has been forgotten, and a
 * failure that outlives it is one of the device. */
#include "kernels/cuda/device.h"

#include "kernels/cuda/segment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

ax_cuda_device ax_cuda;

/* ---- failures ---- */

static char first_failure[2048];      /* a compiler's own text may be in it */

static const char *error_text(void) { return first_failure[0] ? first_failure : nullptr; }
int ax_cuda_status(void) { return first_failure[0] ? -1 : 0; }

void ax_cuda_fail(const char *op, const char *what)
{
    if (first_failure[0]) return;
    int n = snprintf(first_failure, sizeof first_failure, "%s: %s", op, what);
    if (ax_cuda.ordinal >= 0 && n > 0 && n < (int)sizeof first_failure)
        snprintf(first_failure + n, sizeof first_failure - (size_t)n, " (CUDA device %d)", ax_cuda.ordinal);
}

void ax_cuda_check(cudaError_t code, const char *op)
{
    if (code != cudaSuccess) ax_cuda_fail(op, cudaGetErrorString(code));
}

/* ---- devices ---- */

/* "13.0" of 13000 */
struct version_text {
    char text[16];
};

static version_text version_of(int cuda)
{
    version_text v;
    snprintf(v.text, sizeof v.text, "%d.%d", cuda / 1000, cuda % 1000 / 10);
    return v;
}

static int driver_supports(void)
{
    int cuda = 0;
    return cudaDriverGetVersion(&cuda) == cudaSuccess ? cuda : 0;
}

static int devices(void)
{
    int n = 0, driver = driver_supports();
    cudaError_t code = cudaGetDeviceCount(&n);
    if (code == cudaSuccess || code == cudaErrorNoDevice) return n;
    if (code == cudaErrorInsufficientDriver) {
        char what[160];
        if (driver)
            snprintf(what, sizeof what, "the NVIDIA driver here supports CUDA %s, the module needs %s; install a newer driver",
                     version_of(driver).text, version_of(CUDART_VERSION).text);
        else
            snprintf(what, sizeof what, "no NVIDIA driver here");
        ax_cuda_fail("CUDA", what);
    }
    ax_cuda_check(code, "CUDA");
    return -1;
}

/* The driver's own version, as its kernel module tells it; "" where it does not. */
static void driver_release(char *out, size_t size)
{
    char line[512], *end = line;
    out[0] = 0;
    FILE *f = fopen("/proc/driver/nvidia/version", "re");
    if (!f) return;
    if (!fgets(line, sizeof line, f)) line[0] = 0;
    fclose(f);
    while (!out[0] && end) {
        const char *word = strsep(&end, " \t\n");
        if (strspn(word, "0123456789") > 1 && strchr(word, '.')) snprintf(out, size, "%s", word);
    }
}

static int describe(ax_device_info *info, int device)
{
    cudaDeviceProp p;
    char release[24];
    ax_cuda_check(cudaGetDeviceProperties(&p, device), "CUDA");
    if (ax_cuda_status()) return -1;
    memset(info, 0, sizeof *info);
    driver_release(release, sizeof release);
    snprintf(info->name, sizeof info->name, "%s", p.name);
    snprintf(info->driver, sizeof info->driver, "%s%sCUDA %s", release, release[0] ? ", " : "", version_of(driver_supports()).text);
    snprintf(info->runtime, sizeof info->runtime, "CUDA %s", version_of(CUDART_VERSION).text);
    info->capability = 10 * p.major + p.minor;
    info->memory = p.totalGlobalMem;
    return 0;
}

static __global__ void nothing() {}

/* A module built for other capabilities says so here, not at its first op. */
static int has_code_for(int capability)
{
    cudaFuncAttributes attributes;
    if (cudaFuncGetAttributes(&attributes, nothing) == cudaSuccess) return 1;
    char what[128];
    snprintf(what, sizeof what, "the module holds no code for capability %d; build with -DAPPROXRUN_CUDA_ARCHS=%d", capability, capability);
    cudaGetLastError();
    ax_cuda_fail("CUDA", what);
    return 0;
}

/* FP32 without TF32 and without atomics, in work memory of its own: what a recorded product uses must stay where it is, and the same
 * amount of it every time makes the same choices. */
static int open_blas(size_t work_bytes)
{
    void *work = nullptr;
    return cudaMalloc(&work, work_bytes) == cudaSuccess && cublasCreate(&ax_cuda.blas) == CUBLAS_STATUS_SUCCESS &&
           cublasSetStream(ax_cuda.blas, ax_cuda.stream) == CUBLAS_STATUS_SUCCESS &&
           cublasSetWorkspace(ax_cuda.blas, work, work_bytes) == CUBLAS_STATUS_SUCCESS &&
           cublasSetMathMode(ax_cuda.blas, CUBLAS_PEDANTIC_MATH) == CUBLAS_STATUS_SUCCESS &&
           cublasSetAtomicsMode(ax_cuda.blas, CUBLAS_ATOMICS_NOT_ALLOWED) == CUBLAS_STATUS_SUCCESS;
}

static int open_device(int device)
{
    if (ax_cuda.ordinal == device) return ax_cuda_status();
    if (ax_cuda.ordinal >= 0) {
        ax_cuda_fail("CUDA", "another device is open in this process");
        return -1;
    }
    cudaDeviceProp p;
    ax_cuda_check(cudaSetDevice(device), "CUDA");
    ax_cuda_check(cudaGetDeviceProperties(&p, device), "CUDA");
    ax_cuda_check(cudaStreamCreateWithFlags(&ax_cuda.stream, cudaStreamNonBlocking), "CUDA");
    if (ax_cuda_status() || !has_code_for(10 * p.major + p.minor)) return -1;
    if (!open_blas(p.major >= 9 ? 32 << 20 : 8 << 20)) {
        ax_cuda_fail("cuBLAS", "it could not be opened; the device may have no memory left");
        return -1;
    }
    ax_cuda.ordinal = device;
    ax_cuda.capability = 10 * p.major + p.minor;
    ax_cuda.processors = p.multiProcessorCount;
    ax_cuda.shared_bytes = p.sharedMemPerBlockOptin;
    return 0;
}

/* ---- memory ---- */

static void *memory_new(size_t bytes)
{
    void *p = nullptr;
    if (ax_cuda_status()) return nullptr;
    if (cudaMalloc(&p, bytes ? bytes : 1) != cudaSuccess) {
        cudaGetLastError();      /* the trial fails, the device does not */
        return nullptr;
    }
    ax_cuda_check(cudaMemsetAsync(p, 0, bytes, ax_cuda.stream), "memory");
    return p;
}

static void memory_free(void *memory) { ax_cuda_check(cudaFree(memory), "memory"); }

static int put(void *device, const void *host, size_t bytes)
{
    ax_cuda_check(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, ax_cuda.stream), "copy to the device");
    return ax_cuda_status();
}

int ax_cuda_wait(void)
{
    ax_cuda_check(cudaStreamSynchronize(ax_cuda.stream), "the device");
    return ax_cuda_status();
}

static int get(void *host, const void *device, size_t bytes)
{
    ax_cuda_check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, ax_cuda.stream), "copy from the device");
    return ax_cuda_wait();
}

/* ---- what belongs to the engine that runs, but not to its tensors: tables, and one block of work memory ---- */

struct kept_block {
    void *memory;
    kept_block *next;
};

static kept_block *kept_blocks;
static void *work_memory;
static size_t work_bytes;

/* cudaMalloc, or a failure that says what was wanted and what there is. */
static void *allocate(const char *op, size_t bytes)
{
    void *memory = nullptr;
    size_t left = 0, total = 0;
    if (cudaMalloc(&memory, bytes) == cudaSuccess) return memory;
    cudaGetLastError();
    if (cudaMemGetInfo(&left, &total) != cudaSuccess) cudaGetLastError();
    char what[160];
    snprintf(what, sizeof what, "%.1f MiB wanted, %.1f of the device's %.0f MiB left; a smaller batch or fewer workers a device may fit",
             (double)bytes / (1 << 20), (double)left / (1 << 20), (double)total / (1 << 20));
    ax_cuda_fail(op, what);
    return nullptr;
}

void *ax_cuda_keep_room(size_t bytes)
{
    kept_block *block = (kept_block *)malloc(sizeof *block);
    void *memory = block ? allocate("multiplier", bytes) : nullptr;
    if (!memory) {
        if (!block) ax_cuda_fail("multiplier", "out of memory");
        free(block);
        return nullptr;
    }
    *block = {memory, kept_blocks};
    kept_blocks = block;
    return memory;
}

void *ax_cuda_keep(const void *host, size_t bytes)
{
    void *device = ax_cuda_keep_room(bytes);
    if (device) put(device, host, bytes);
    return device;
}

void *ax_cuda_work(size_t bytes)
{
    if (bytes <= work_bytes) return work_memory;
    if (ax_cuda_recording()) {
        ax_cuda_fail("work memory", "a recorded step wants more than the step before");
        return nullptr;
    }
    ax_cuda_segments_drop();         /* their graphs hold the old address */
    if (work_memory) cudaFree(work_memory);
    work_bytes = bytes + bytes / 4;
    if (!(work_memory = allocate("work memory", work_bytes))) work_bytes = 0;
    return work_memory;
}

/* CUDA tells the failures that end a process's use of a device from those that do not: it answers again. */
static void recover(void)
{
    cudaGetLastError();
    if (ax_cuda_status() && ax_cuda.ordinal >= 0 && cudaDeviceSynchronize() == cudaSuccess) first_failure[0] = 0;
}

static void forget(void)
{
    ax_cuda_segments_abandon();
    ax_cuda_segments_drop();
    for (kept_block *next; kept_blocks; kept_blocks = next) {
        next = kept_blocks->next;
        cudaFree(kept_blocks->memory);
        free(kept_blocks);
    }
    cudaFree(work_memory);
    work_memory = nullptr;
    work_bytes = 0;
    ax_cuda.generation++;
    recover();
}

/* ---- the backend ---- */

static const ax_kernels kernels = {
    "cuda",
#define AX_OP(op, params) ax_cuda_##op,
#include "kernels/ops.def"
#undef AX_OP
};

static const ax_backend backend = {
    "cuda", 0, &kernels, devices, describe, open_device, memory_new, memory_free, put, get, ax_cuda_wait, error_text,
    ax_cuda_segment_begin, ax_cuda_segment_end, forget, ax_cuda_baselines, ax_cuda_clock_read, ax_cuda_clock_end,
    ax_cuda_gemm_kernel_name,
};

extern "C" __attribute__((visibility("default"))) const ax_backend *ax_cuda_backend(void) { return &backend; }

/* The module's device: memory, order, failures, and the recording of segments as CUDA graphs. Invariant: a replayed segment
 * launches what was recorded, and its signature proves that the ops called since are the recorded ones. */
#include "kernels/cuda/device.h"

#include <stdio.h>
#include <string.h>

ax_cuda_device ax_cuda;

/* ---- failures ---- */

static char first_failure[256];

static const char *error_text(void) { return first_failure[0] ? first_failure : nullptr; }
static int status(void) { return first_failure[0] ? -1 : 0; }

void ax_cuda_fail(const char *op, const char *what)
{
    if (!first_failure[0]) snprintf(first_failure, sizeof first_failure, "%s: %s", op, what);
}

void ax_cuda_check(cudaError_t code, const char *op)
{
    if (code != cudaSuccess) ax_cuda_fail(op, cudaGetErrorString(code));
}

/* ---- devices ---- */

static int devices(void)
{
    int n = 0;
    cudaError_t code = cudaGetDeviceCount(&n);
    if (code == cudaSuccess || code == cudaErrorNoDevice) return n;
    if (code == cudaErrorInsufficientDriver) {
        char what[96];
        snprintf(what, sizeof what, "no NVIDIA driver here, or one older than CUDA %d.%d", CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
        ax_cuda_fail("CUDA", what);
    }
    ax_cuda_check(code, "CUDA");
    return -1;
}

static int describe(ax_device_info *info, int device)
{
    cudaDeviceProp p;
    int driver = 0;
    ax_cuda_check(cudaGetDeviceProperties(&p, device), "CUDA");
    ax_cuda_check(cudaDriverGetVersion(&driver), "CUDA");
    if (status()) return -1;
    memset(info, 0, sizeof *info);
    snprintf(info->name, sizeof info->name, "%s", p.name);
    snprintf(info->driver, sizeof info->driver, "CUDA %d.%d", driver / 1000, driver % 1000 / 10);
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

static int open_device(int device)
{
    if (ax_cuda.ordinal == device) return status();
    if (ax_cuda.ordinal >= 0) {
        ax_cuda_fail("CUDA", "another device is open in this process");
        return -1;
    }
    cudaDeviceProp p;
    ax_cuda_check(cudaSetDevice(device), "CUDA");
    ax_cuda_check(cudaGetDeviceProperties(&p, device), "CUDA");
    ax_cuda_check(cudaStreamCreateWithFlags(&ax_cuda.stream, cudaStreamNonBlocking), "CUDA");
    if (status() || !has_code_for(10 * p.major + p.minor)) return -1;
    if (cublasCreate(&ax_cuda.blas) != CUBLAS_STATUS_SUCCESS || cublasSetStream(ax_cuda.blas, ax_cuda.stream) != CUBLAS_STATUS_SUCCESS ||
        cublasSetMathMode(ax_cuda.blas, CUBLAS_PEDANTIC_MATH) != CUBLAS_STATUS_SUCCESS ||
        cublasSetAtomicsMode(ax_cuda.blas, CUBLAS_ATOMICS_NOT_ALLOWED) != CUBLAS_STATUS_SUCCESS) {
        ax_cuda_fail("cuBLAS", "it could not be opened");
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
    if (status()) return nullptr;
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
    return status();
}

static int wait_for_all(void)
{
    ax_cuda_check(cudaStreamSynchronize(ax_cuda.stream), "the device");
    return status();
}

static int get(void *host, const void *device, size_t bytes)
{
    ax_cuda_check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, ax_cuda.stream), "copy from the device");
    return wait_for_all();
}

void *ax_cuda_keep(const void *host, size_t bytes)
{
    void *device = nullptr;
    ax_cuda_check(cudaMalloc(&device, bytes), "multiplier");
    if (device) put(device, host, bytes);
    return device;
}

/* ---- segments ---- */

enum { RING = 8, VARY_BYTES = 64 << 10, ALIGN = 16 };
enum mode { EAGER, RECORD, REPLAY };

/* What varies is written to a ring of pinned copies, so that the host may run ahead of the device. */
struct varying {
    char *host;                      /* (RING, VARY_BYTES), pinned */
    char *device;                    /* VARY_BYTES */
    cudaEvent_t taken[RING];         /* when a copy has been read */
    int turn;
    size_t used;
};

struct segment {
    int runs;
    uint64_t signature;
    cudaGraphExec_t graph;
    varying vary;
};

static segment segments[AX_SEGMENTS];
static varying outside;              /* for ops outside segments and in a segment's first run */
static segment *current;
static mode current_mode;
static uint64_t signature;

static int ready(varying *v)
{
    if (v->host) return 1;
    ax_cuda_check(cudaMallocHost(&v->host, (size_t)RING * VARY_BYTES), "memory");
    ax_cuda_check(cudaMalloc(&v->device, VARY_BYTES), "memory");
    for (int i = 0; i < RING; i++) ax_cuda_check(cudaEventCreateWithFlags(&v->taken[i], cudaEventDisableTiming), "memory");
    return !status();
}

static char *copy_of(varying *v) { return v->host + (size_t)v->turn * VARY_BYTES; }

/* Sends the turn's copy and goes on to the next, once that has been read. */
static void send(varying *v)
{
    if (v->used) ax_cuda_check(cudaMemcpyAsync(v->device, copy_of(v), v->used, cudaMemcpyHostToDevice, ax_cuda.stream), "copy to the device");
    ax_cuda_check(cudaEventRecord(v->taken[v->turn], ax_cuda.stream), "the device");
    v->turn = (v->turn + 1) % RING;
    v->used = 0;
    ax_cuda_check(cudaEventSynchronize(v->taken[v->turn]), "the device");
}

const void *ax_cuda_vary(const void *value, size_t bytes)
{
    varying *v = current_mode == EAGER ? &outside : &current->vary;
    if (!ready(v)) return nullptr;
    size_t at = v->used;
    if (at + bytes > VARY_BYTES) {
        ax_cuda_fail("segment", "too many values vary");
        return nullptr;
    }
    ax_cuda_sign(&at, sizeof at);
    memcpy(copy_of(v) + at, value, bytes);
    v->used = (at + bytes + ALIGN - 1) / ALIGN * ALIGN;
    if (current_mode == EAGER) send(v);      /* in order before the op that reads it, and after those that read the last */
    return v->device + (current_mode == EAGER ? 0 : at);
}

void ax_cuda_sign(const void *bytes, size_t n)
{
    const unsigned char *b = (const unsigned char *)bytes;
    for (size_t i = 0; i < n; i++) signature = (signature ^ b[i]) * 0x100000001b3u;
}

int ax_cuda_enter(const char *op)
{
    ax_cuda_sign(op, strlen(op));
    return current_mode != REPLAY && !status();
}

/* Leaves a segment that an error ended before its end. */
static void abandon(void)
{
    cudaGraph_t graph = nullptr;
    if (current_mode == RECORD && cudaStreamEndCapture(ax_cuda.stream, &graph) == cudaSuccess && graph) cudaGraphDestroy(graph);
    if (current) current->vary.used = 0;
    current = nullptr;
    current_mode = EAGER;
}

static void segment_begin(int key)
{
    abandon();
    current = &segments[key];
    current_mode = current->graph ? REPLAY : current->runs ? RECORD : EAGER;
    signature = 0xcbf29ce484222325u;
    if (!ready(&current->vary)) current_mode = EAGER;
    if (current_mode == RECORD) ax_cuda_check(cudaStreamBeginCapture(ax_cuda.stream, cudaStreamCaptureModeThreadLocal), "segment");
}

static void finish_recording(void)
{
    cudaGraph_t graph = nullptr;
    ax_cuda_check(cudaStreamEndCapture(ax_cuda.stream, &graph), "segment");
    if (graph) ax_cuda_check(cudaGraphInstantiate(&current->graph, graph, 0), "segment");
    if (graph) cudaGraphDestroy(graph);
    current->signature = signature;
}

static int segment_end(void)
{
    if (!current) return status();
    if (current_mode == RECORD) finish_recording();
    if (current_mode == REPLAY && signature != current->signature)
        ax_cuda_fail("segment", "a training step called other ops than the step before; each step must call the same");
    if (current_mode != EAGER && !status()) {
        send(&current->vary);
        ax_cuda_check(cudaGraphLaunch(current->graph, ax_cuda.stream), "segment");
    }
    current->runs++;
    current = nullptr;
    current_mode = EAGER;
    return status();
}

static void drop_recordings(void)
{
    wait_for_all();
    for (int i = 0; i < AX_SEGMENTS; i++) {
        if (segments[i].graph) cudaGraphExecDestroy(segments[i].graph);
        segments[i].graph = nullptr;
        segments[i].runs = 0;
        segments[i].vary.used = 0;
    }
}

static void segments_forget(void)
{
    abandon();
    drop_recordings();
}

/* ---- work memory ---- */

void *ax_cuda_work(size_t bytes)
{
    static void *memory;
    static size_t size;
    if (bytes <= size) return memory;
    if (current_mode == RECORD) {
        ax_cuda_fail("work memory", "a recorded step wants more than the step before");
        return nullptr;
    }
    if (memory) {
        drop_recordings();           /* their graphs hold the old address */
        cudaFree(memory);
    }
    size = bytes + bytes / 4;
    if (cudaMalloc(&memory, size) != cudaSuccess) {
        cudaGetLastError();
        memory = nullptr;
        size = 0;
        ax_cuda_fail("work memory", "the device has no memory left");
    }
    return memory;
}

/* ---- the backend ---- */

static const ax_kernels kernels = {
    "cuda",
#define AX_OP(op, params) ax_cuda_##op,
#include "kernels/ops.def"
#undef AX_OP
};

static const ax_backend backend = {
    "cuda", 0, &kernels, devices, describe, open_device, memory_new, memory_free, put, get, wait_for_all, error_text,
    segment_begin, segment_end, segments_forget,
};

extern "C" __attribute__((visibility("default"))) const ax_backend *ax_cuda_backend(void) { return &backend; }

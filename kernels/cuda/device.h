/* The open CUDA device, for every file of the module: its stream, its work memory, how ops launch and how they fail. */
#ifndef AX_CUDA_DEVICE_H
#define AX_CUDA_DEVICE_H

extern "C" {
#include "kernels/backend.h"

#define AX_OP(op, params) void ax_cuda_##op params;
#include "kernels/ops.def"
#undef AX_OP
}

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <type_traits>

struct ax_cuda_device {
    int ordinal = -1;
    int capability = 0;              /* 10 * major + minor */
    int processors = 0;
    size_t shared_bytes = 0;         /* a block may ask for */
    cudaStream_t stream = nullptr;
    cublasHandle_t blas = nullptr;   /* FP32 without TF32, no atomics */
    unsigned generation = 0;         /* grows when what ax_cuda_keep gave was freed: caches of it begin anew */
};

extern ax_cuda_device ax_cuda;

/* Processors that cuts of sums are made for: a constant, so that shapes alone decide the order of a sum. */
enum { AX_CUDA_CUT_FOR = 132 };

/* Records the first failure, with the op it showed at. */
void ax_cuda_check(cudaError_t status, const char *op);
void ax_cuda_fail(const char *op, const char *what);
int ax_cuda_status(void);            /* 0, or -1 after a failure */
int ax_cuda_wait(void);              /* until the stream is idle: the status then */

/* A copy of host memory on the device, in order with the kernels: tables. It is freed when the engine ends, and ax_cuda.generation
 * grows. NULL: the failure is recorded. */
void *ax_cuda_keep(const void *host, size_t bytes);
void *ax_cuda_keep_room(size_t bytes);       /* the same, not filled */

/* Work memory that lives until the end of the op that asks: one block, grown when an op outside a recorded segment asks for
 * more, freed when the engine ends. NULL if there is none left (the failure is recorded). */
void *ax_cuda_work(size_t bytes);

/* --- what `bench` asks for (clock.cu, baseline.cu) -------------------------------------------------------------------------- */

/* Says what the stream does from here on; nothing while no clock runs. */
void ax_cuda_phase(enum ax_phase phase);

int ax_cuda_clock_read(double seconds[AX_PHASES]);
void ax_cuda_clock_end(void);
extern const ax_baseline ax_cuda_baselines[];
const char *ax_cuda_gemm_kernel_name(void);

/* --- segments: an op says which arguments it was called with, and whether it has to launch --------------------------------- */

/* Mixes an op's fixed arguments into the running segment's signature. */
void ax_cuda_sign(const void *bytes, size_t n);

/* 1: launch now (at once or into the recording); 0: the recorded segment will do it. */
int ax_cuda_enter(const char *op);

/* Where kernels find a value that varies from run to run of a segment: device memory holding a copy of it. An op asks for one, and
 * before AX_CUDA_OP: a replay needs it as well. */
const void *ax_cuda_vary(const void *value, size_t bytes);

/* Only what has no padding, whose bytes would be anything. */
template <class T> static inline void ax_cuda_sign_one(const T &value)
{
    static_assert(std::has_unique_object_representations_v<T> || std::is_floating_point_v<T>, "sign its fields one by one");
    ax_cuda_sign(&value, sizeof value);
}

static inline void ax_cuda_sign_one(const ax_operand &o)
{
    const int64_t fields[] = {o.kind, (int64_t)(intptr_t)o.data, o.row_stride, o.k_stride, o.k_inner, o.k_outer_stride, o.n, o.h, o.w, o.c,
                              o.out_h, o.out_w, o.kernel_h, o.kernel_w, o.stride_h, o.stride_w, o.pad_h, o.pad_w, o.dilation_h,
                              o.dilation_w, o.step, o.transposed};
    ax_cuda_sign(fields, sizeof fields);
}

static inline void ax_cuda_sign_all(void) {}
template <class T, class... More> static inline void ax_cuda_sign_all(const T &first, const More &...more)
{
    ax_cuda_sign_one(first);
    ax_cuda_sign_all(more...);
}

/* Opens an op whose fixed arguments are given: leaves it if the segment is replayed. */
#define AX_CUDA_OP(op, ...)                                                                                            \
    ax_cuda_sign_all(__VA_ARGS__);                                                                                     \
    if (!ax_cuda_enter(op)) return

/* --- elementwise ------------------------------------------------------------------------------------------------------------ */

enum { AX_CUDA_THREADS = 256 };

template <class F> __global__ void ax_cuda_each_kernel(int64_t n, F f)
{
    for (int64_t i = blockIdx.x * (int64_t)blockDim.x + threadIdx.x; i < n; i += gridDim.x * (int64_t)blockDim.x) f(i);
}

/* f(i) for i = 0 .. n - 1, in no order. */
template <class F> static inline void ax_cuda_each(const char *op, int64_t n, F f)
{
    if (n <= 0) return;
    int64_t blocks = (n + AX_CUDA_THREADS - 1) / AX_CUDA_THREADS, most = 16 * (int64_t)ax_cuda.processors;
    ax_cuda_each_kernel<<<(unsigned)(blocks < most ? blocks : most), AX_CUDA_THREADS, 0, ax_cuda.stream>>>(n, f);
    ax_cuda_check(cudaGetLastError(), op);
}

#endif

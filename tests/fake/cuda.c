/* A device that is none: the cpu's kernels on memory that only they, put and get can touch. Looked into by the host it is a
 * segmentation fault, so what works here keeps host and device apart. It stands in for approxrun_cuda.so where no GPU is.
 *
 *   FAKE_CUDA_DEVICES=N          how many there are (2)
 *   FAKE_CUDA_MEMORY=BYTES       each one's memory (256 MiB)
 *   FAKE_CUDA_LOST=DEVICE:N      that device fails for good at its Nth op in a process
 *   FAKE_CUDA_OLD_DRIVER=1       none can be used
 *   FAKE_CUDA_LOG=FILE           a line 'open DEVICE PID' for each that is opened, 'peak BYTES PID' when an engine ends */
#include "kernels/backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BLOCKS_MAX = 4096, PAGE = 4096 };

typedef struct {
    size_t at, bytes;            /* bytes = 0: free place */
} block;

static block blocks[BLOCKS_MAX]; /* in the order of their places */
static int nblocks;
static char *memory;
static size_t size, in_use, peak;
static int ordinal = -1;
static long ops;                 /* since the device was opened */
static const char *failure;      /* sticks, as CUDA's own do */
static const char *mistake;      /* does not outlive the engine */
static uint64_t recorded[AX_SEGMENTS];   /* the signature of a segment's ops; 0: it has not run yet */
static int current = -1;         /* the segment that runs */
static uint64_t signature;       /* of the ops since it began: how many, and the multipliers of products; odd */

static long number(const char *name, long otherwise)
{
    const char *text = getenv(name);
    return text && *text ? atol(text) : otherwise;
}

static void note(const char *what, long n)
{
    const char *path = getenv("FAKE_CUDA_LOG");
    FILE *f = path ? fopen(path, "ae") : NULL;
    if (!f) return;
    fprintf(f, "%s %ld %ld\n", what, n, (long)getpid());
    fclose(f);
}

static const char *error(void) { return failure ? failure : mistake; }
static int status(void) { return error() ? -1 : 0; }

/* ---- devices ---- */

static int devices(void)
{
    if (!number("FAKE_CUDA_OLD_DRIVER", 0)) return (int)number("FAKE_CUDA_DEVICES", 2);
    failure = "CUDA: the NVIDIA driver here supports CUDA 10.2, the module needs 13.0; install a newer driver";
    return -1;
}

static int describe(ax_device_info *info, int device)
{
    *info = (ax_device_info){.driver = "580.65.06, CUDA 13.0", .runtime = "CUDA 13.0", .capability = 90,
                             .memory = (size_t)number("FAKE_CUDA_MEMORY", 256l << 20)};
    snprintf(info->name, sizeof info->name, "Fake GPU %c", 'A' + device);
    return 0;
}

static int open_device(int device)
{
    if (ordinal == device) return status();
    size = ((size_t)number("FAKE_CUDA_MEMORY", 256l << 20) + PAGE - 1) / PAGE * PAGE;
    memory = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) failure = "CUDA: no address space";
    ordinal = device;
    note("open", device);
    return status();
}

/* ---- memory: the first free place that is large enough ---- */

static void let_in(void) { mprotect(memory, size, PROT_READ | PROT_WRITE); }
static void keep_out(void) { mprotect(memory, size, PROT_NONE); }

static void *memory_new(size_t bytes)
{
    size_t at = 0, whole = (bytes + PAGE - 1) / PAGE * PAGE;
    int i = 0;
    if (!whole) whole = PAGE;
    for (; i < nblocks && blocks[i].at - at < whole; i++) at = blocks[i].at + blocks[i].bytes;
    if (status() || nblocks == BLOCKS_MAX || size - at < whole) return NULL;
    memmove(blocks + i + 1, blocks + i, (size_t)(nblocks++ - i) * sizeof *blocks);
    blocks[i] = (block){at, whole};
    in_use += whole;
    if (in_use > peak) peak = in_use;
    let_in();
    memset(memory + at, 0, whole);
    keep_out();
    return memory + at;
}

static void memory_free(void *address)
{
    int i = 0;
    while (i < nblocks && memory + blocks[i].at != address) i++;
    if (i == nblocks) abort();       /* not ours, or freed twice */
    in_use -= blocks[i].bytes;
    memmove(blocks + i, blocks + i + 1, (size_t)(--nblocks - i) * sizeof *blocks);
}

static int copy(void *to, const void *from, size_t bytes)
{
    if (current >= 0 && recorded[current]) mistake = "the device: a copy in a segment that is being recorded";
    if (status()) return -1;
    let_in();
    memcpy(to, from, bytes);
    keep_out();
    return 0;
}

/* ---- segments: whether each run calls as many ops as the first, under its multipliers, and copies nothing after it ---- */

static void sign(uint64_t value) { signature = (signature ^ value << 1) * 0x100000001b3u; }

static void segment_begin(int key)
{
    current = key;
    signature = 1;
}

static int segment_end(void)
{
    if (current < 0) return status();
    if (recorded[current] && recorded[current] != signature) mistake = "segment: a training step called other ops than the step before; each step must call the same";
    recorded[current] = signature;
    current = -1;
    return status();
}

static void forget(void)
{
    memset(recorded, 0, sizeof recorded);
    current = -1;
    mistake = NULL;
    note("peak", (long)peak);
}

/* ---- ops ---- */

static int enter(void)
{
    const char *lost = getenv("FAKE_CUDA_LOST");
    long device = -1, after = 0;
    ops++;
    sign(1);
    if (lost && sscanf(lost, "%ld:%ld", &device, &after) == 2 && device == ordinal && ops >= after)
        failure = "the device: unspecified launch failure (fake)";
    if (status()) return 0;
    let_in();
    return 1;
}

static void gemm_work_bytes(size_t *bytes, int threads) { ax_kernels_cpu.gemm_work_bytes(bytes, threads); }

static void gemm(const ax_gemm *g)
{
    sign((uintptr_t)g->plan);
    if (!enter()) return;
    ax_kernels_cpu.gemm(g);
    keep_out();
}

#define OP(name, params, args)                                                                                         \
    static void name params                                                                                            \
    {                                                                                                                  \
        if (!enter()) return;                                                                                          \
        ax_kernels_cpu.name args;                                                                                      \
        keep_out();                                                                                                    \
    }
OP(gradient_sum, (const ax_gradient_sum *g), (g))
OP(gradient_map, (float *y, const float *x, const ax_gradient *g, int by, int64_t n), (y, x, g, by, n))
OP(round_operand, (float *y, const float *x, int width, int64_t n), (y, x, width, n))
OP(bias_grad, (float *db, const float *dy, int64_t rows, int64_t n), (db, dy, rows, n))
OP(relu_fwd, (float *y, const float *x, int64_t n), (y, x, n))
OP(relu_bwd, (float *dx, const float *dy, const float *y, int64_t n), (dx, dy, y, n))
OP(tanh_fwd, (float *y, const float *x, int64_t n), (y, x, n))
OP(tanh_bwd, (float *dx, const float *dy, const float *y, int64_t n), (dx, dy, y, n))
OP(sigmoid_fwd, (float *y, const float *x, int64_t n), (y, x, n))
OP(sigmoid_bwd, (float *dx, const float *dy, const float *y, int64_t n), (dx, dy, y, n))
OP(maxpool_fwd, (float *y, int32_t *arg, const float *x, const ax_pool *p), (y, arg, x, p))
OP(maxpool_bwd, (float *dx, const float *dy, const int32_t *arg, const ax_pool *p), (dx, dy, arg, p))
OP(avgpool_fwd, (float *y, const float *x, const ax_pool *p), (y, x, p))
OP(avgpool_bwd, (float *dx, const float *dy, const ax_pool *p), (dx, dy, p))
OP(dropout, (float *y, const float *x, float rate, uint64_t seed, uint64_t stream, int64_t n), (y, x, rate, seed, stream, n))
OP(softmax_xent, (float *dlogits, double *totals, const float *logits, const int32_t *labels, int64_t rows, int64_t classes), (dlogits, totals, logits, labels, rows, classes))
OP(argmax, (int32_t *index, const float *x, int64_t rows, int64_t n), (index, x, rows, n))
OP(sgd_step, (float *w, float *velocity, const float *g, const ax_sgd *p, int64_t n), (w, velocity, g, p, n))
OP(adam_step, (float *w, float *m, float *v, const float *g, const ax_adam *p, int64_t n), (w, m, v, g, p, n))
OP(gather_batch, (float *x, int32_t *labels, const ax_gather *g, int64_t rows), (x, labels, g, rows))
OP(fill, (float *y, float value, int64_t n), (y, value, n))
OP(fill_uniform, (float *y, float lo, float hi, uint64_t seed, uint64_t stream, int64_t n), (y, lo, hi, seed, stream, n))
OP(all_finite, (int32_t *yes, const float *x, int64_t n), (yes, x, n))
#undef OP

static const ax_kernels kernels = {
    "cuda",
#define AX_OP(op, params) op,
#include "kernels/ops.def"
#undef AX_OP
};

static int wait_for_all(void) { return status(); }

__attribute__((visibility("default"))) const ax_backend *ax_cuda_backend(void);

const ax_backend *ax_cuda_backend(void)
{
    static const ax_backend backend = {
        .name = "cuda", .kernels = &kernels, .devices = devices, .describe = describe, .open = open_device, .memory_new = memory_new,
        .memory_free = memory_free, .put = copy, .get = copy, .wait = wait_for_all, .error = error, .segment_begin = segment_begin,
        .segment_end = segment_end, .segments_forget = forget,
    };
    return &backend;
}

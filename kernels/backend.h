/* Where an engine's numbers live and who computes them. The cpu backend is part of the program; the cuda backend is a module,
 * approxrun_cuda.so, loaded when a device is first asked for, whose one exported symbol is ax_cuda_backend().
 *
 * Work on a device is in order: kernels, put and get run one after another. Kernels and put return before it is done; get and wait
 * return after, and so may making and freeing memory and ending a segment that has run far ahead. A failure sticks: from then on
 * everything fails and error() tells the first cause. */
#ifndef AX_BACKEND_H
#define AX_BACKEND_H

#include "kernels/kernels.h"

typedef struct {
    char name[256];
    char driver[48];                 /* its release and the newest CUDA it supports: "580.65.06, CUDA 13.0" */
    char runtime[32];                /* the CUDA the module was built with: "CUDA 13.0" */
    int capability;                  /* 10 * major + minor: 90 is Hopper */
    size_t memory;                   /* bytes */
} ax_device_info;

/* A product by another's method, for `bench` to compare with: c (m, n) = a (m, k) x b (k, n). */
typedef struct {
    const char *name;                /* NULL ends a list */
    int widest;                      /* table it simulates, in bits; 0: it multiplies in plain FP32 */
    void (*product)(float *c, const float *a, const float *b, int64_t m, int64_t n, int64_t k, const ax_plan *plan, int threads);
} ax_baseline;

extern const ax_baseline ax_cpu_baselines[];     /* that BLAS, one thread of ours a slice */

/* What a product's time goes to: the multiplication itself, or whatever prepares and ends it. */
enum ax_phase { AX_PHASE_ENCODE, AX_PHASE_MULTIPLY, AX_PHASES };

typedef struct ax_backend {
    const char *name;                /* "cpu" or "cuda": the device class of a result */
    int host_memory;                 /* 1: its memory is the host's, which may look into it */
    const ax_kernels *kernels;       /* all tensors and results are in the backend's memory, descriptors in the host's */
    int (*devices)(void);            /* how many there are; -1: error() says why none can be used */
    int (*describe)(ax_device_info *info, int device);
    int (*open)(int device);         /* 0, or -1. One device a process; opening it again changes nothing */
    void *(*memory_new)(size_t bytes);       /* zeroed, at least 64-byte aligned; NULL: none left */
    void (*memory_free)(void *memory);
    int (*put)(void *device, const void *host, size_t bytes);      /* `host` may be reused when it returns */
    int (*get)(void *host, const void *device, size_t bytes);
    int (*wait)(void);               /* until all work is done: 0, or -1 if something failed */
    const char *(*error)(void);      /* one line, or NULL */

    /* The ops between begin and end are the segment `key` (below AX_SEGMENTS) of a training step: the same ops on the same memory
     * whenever it runs, but for what their descriptions call varying. A backend may record a segment and replay it. */
    void (*segment_begin)(int key);
    int (*segment_end)(void);
    void (*segments_forget)(void);   /* when an engine ends, before its memory is freed: recordings, and whatever is kept for its
                                      * products. A failure that was not the device's own is forgotten too */

    /* For `bench`. phases starts a clock, or reads and restarts it: the device's seconds of each phase since the last call, outside
     * recorded segments. It gives the host a head start: the device idles for a few milliseconds first. phases_end stops it. NULL:
     * the backend has no such clock. kernel names what the last product took; NULL: ax_plan_kernel says it. */
    const ax_baseline *baselines;
    int (*phases)(double seconds[AX_PHASES]);
    void (*phases_end)(void);
    const char *(*kernel)(void);
} ax_backend;

enum { AX_SEGMENTS = 16 };

#endif

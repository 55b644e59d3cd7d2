/* What the tests of the device share: the cuda backend, opened, or the reason why there is none. They print one line a check and
 * a summary, and exit 0, 1 (a check failed) or 77 (nothing to check on). */
#ifndef AX_TESTS_CUDA_H
#define AX_TESTS_CUDA_H

#include "kernels/backend.h"
#include "kernels/cpu/cpu.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CUDA_SKIP = 77 };

static int cuda_passed, cuda_failed;

/* Opens approxrun_cuda.so beside the test's program or one directory above it. */
static void *cuda_module(void)
{
    char at[4096] = "", path[sizeof at + 32];
    ssize_t n = readlink("/proc/self/exe", at, sizeof at - 1);
    at[n > 0 ? n : 0] = 0;
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(at, '/');
        if (!slash) break;
        *slash = 0;
        snprintf(path, sizeof path, "%s/approxrun_cuda.so", at);
        if (access(path, R_OK)) continue;
        void *module = dlopen(path, RTLD_NOW);
        if (!module) printf("skipped: %s\n", dlerror());
        return module;
    }
    printf("skipped: no approxrun_cuda.so beside this program (built without CUDA)\n");
    return NULL;
}

/* The backend with device 0 open; leaves with 77 where there is none. */
static inline const ax_backend *cuda_backend(void)
{
    void *module = cuda_module();
    if (!module) exit(CUDA_SKIP);
    const ax_backend *(*get)(void);
    *(void **)&get = dlsym(module, "ax_cuda_backend");
    if (!get) {
        printf("skipped: %s\n", dlerror());
        exit(CUDA_SKIP);
    }
    const ax_backend *b = get();
    ax_device_info info;
    int devices = b->devices();
    if (devices < 1 || b->describe(&info, 0) || b->open(0)) {
        printf("skipped: %s\n", b->error() ? b->error() : "no CUDA device");
        exit(CUDA_SKIP);
    }
    void (*serve_small)(int);
    *(void **)&serve_small = dlsym(module, "ax_cuda_serve_small");
    if (serve_small) serve_small(1);      /* every kernel, however small the product */
    printf("device: %s, capability %d, %s\n", info.name, info.capability, info.driver);
    return b;
}

/* AX_WATCHED=I/N: compute-sanitizer looks on, and only it judges. The references, which would take hours beside it, are left out,
 * the largest products are cut, no result is compared, and of every N products the I-th is made (1/1: all). */
static inline const char *cuda_watched(void) { return getenv("AX_WATCHED"); }

/* Asked before each product: whether it is to be made. */
static inline int cuda_turn(void)
{
    static int asked;
    int i = 1, n = 1;
    if (cuda_watched() && (sscanf(cuda_watched(), "%d/%d", &i, &n) != 2 || n < 1)) {
        fprintf(stderr, "AX_WATCHED=%s: wanted I/N, the I-th of every N products\n", cuda_watched());
        exit(1);
    }
    return asked++ % n == i - 1;
}

/* A size, at most `most` where the test is watched. */
static inline int64_t cuda_cut(int64_t k, int64_t most) { return cuda_watched() && k > most ? most : k; }

static inline int cuda_report(int good, const char *name, const char *what)
{
    if (cuda_watched()) good = 1;
    good ? cuda_passed++ : cuda_failed++;
    printf("%s %s%s%s\n", cuda_watched() ? "ran " : good ? "ok  " : "FAIL", name, *what ? ": " : "", what);
    fflush(stdout);
    return good;
}

static inline int cuda_summary(void)
{
    if (cuda_watched()) printf("%d ran, their results were not compared\n", cuda_passed);
    else printf("%d passed, %d failed\n", cuda_passed, cuda_failed);
    return cuda_failed ? 1 : 0;
}

/* Device memory holding a copy. */
static inline void *cuda_copy(const ax_backend *b, const void *host, size_t bytes)
{
    void *device = b->memory_new(bytes);
    b->put(device, host, bytes);
    return device;
}

/* The index of the first of n 32-bit words that differ, or -1. As floats: two NaNs are equal whatever their payload, which the
 * CPU passes on and the device does not. */
static inline int64_t cuda_first_difference(const void *a, const void *b, int64_t n, int floats)
{
    const uint32_t *x = a, *y = b;
    for (int64_t i = 0; i < n; i++) {
        int nans = floats && (x[i] & 0x7fffffffu) > 0x7f800000u && (y[i] & 0x7fffffffu) > 0x7f800000u;
        if (x[i] != y[i] && !nans) return i;
    }
    return -1;
}

#endif

/* Products by a function that a user wrote (m > 11): kernels compiled at run time, one program a function. They sum in the strict order;
 * where none is asked for, long sums of few outputs in parts, cut and added as in simt_kernel.h.
 * Invariant: a program is loaded once a process, and found by the hash of its text. */
#include "kernels/cuda/parts.h"
#include "kernels/cuda/simt_fetch.h"
#include "kernels/cuda/user_compile.h"

#include <cuda.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- the driver, which the runtime has loaded ---- */

static struct {
    decltype(&cuModuleLoadData) load;
    decltype(&cuModuleGetFunction) function;
    decltype(&cuLaunchKernel) launch;
    decltype(&cuGetErrorString) text;
} driver;

static int open_driver(void)
{
    if (driver.text) return 1;
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library) {
        *(void **)&driver.load = dlsym(library, "cuModuleLoadData");
        *(void **)&driver.function = dlsym(library, "cuModuleGetFunction");
        *(void **)&driver.launch = dlsym(library, "cuLaunchKernel");
        *(void **)&driver.text = dlsym(library, "cuGetErrorString");
    }
    if (driver.load && driver.function && driver.launch && driver.text) return 1;
    driver = {};
    ax_cuda_fail("gemm", "libcuda.so.1 lacks what launches a C function's kernels; install the NVIDIA driver again");
    return 0;
}

static int check(CUresult code)
{
    const char *text = nullptr;
    if (code == CUDA_SUCCESS) return 1;
    driver.text(code, &text);
    ax_cuda_fail("gemm of a C function", text ? text : "an unknown error");
    return 0;
}

/* ---- programs ---- */

/* Blocks of outputs, and a kernel for each with a matrix and with patches; the last is the literal rule's. */
static const struct {
    int rows, columns;
    const char *names[2];
} tiles[] = {
#define AX_USER_TILE(bm, bn) {bm, bn, {"ax_user_matrix_" #bm "x" #bn, "ax_user_patches_" #bm "x" #bn}},
#include "kernels/cuda/user_tiles.def"
#undef AX_USER_TILE
};
enum { TILES = sizeof tiles / sizeof *tiles, LARGE = 0, SMALL = 1, TALL = 2, SMALLEST = 3 };

struct loaded {
    uint64_t hash;
    CUfunction kernels[TILES][2], literal;
    loaded *next;
};

static int load(loaded *l, const void *image)
{
    CUmodule module;
    if (!check(driver.load(&module, image))) return 0;
    for (int t = 0; t < TILES; t++)
        for (int patches = 0; patches < 2; patches++)
            if (!check(driver.function(&l->kernels[t][patches], module, tiles[t].names[patches]))) return 0;
    return check(driver.function(&l->literal, module, "ax_user_literal"));
}

/* Loading is no work of the stream's, and none that a recording should hold. */
static int load_unrecorded(loaded *l, const void *image)
{
    cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
    ax_cuda_check(cudaThreadExchangeStreamCaptureMode(&mode), "gemm");
    const int good = load(l, image);
    ax_cuda_check(cudaThreadExchangeStreamCaptureMode(&mode), "gemm");
    return good;
}

static const loaded *program_of(const ax_lut_code *code)
{
    static loaded *all;
    for (const loaded *l = all; l; l = l->next)
        if (l->hash == code->hash) return l;
    char message[1600];
    if (!open_driver()) return nullptr;
    void *image = ax_cuda_user_image(code, ax_cuda.capability, message, sizeof message);
    loaded *l = image ? (loaded *)calloc(1, sizeof *l) : nullptr;
    if (!l) ax_cuda_fail("gemm", image ? "out of memory" : message);
    const int good = l && load_unrecorded(l, image);
    free(image);
    if (!good) {
        free(l);
        return nullptr;
    }
    l->hash = code->hash, l->next = all;
    return all = l;
}

/* ---- products ---- */

/* As user_kernel.h has it. */
struct task {
    float *sums;
    int parts, part_ks, rows_run_a, rows_run_b, wide_a;
};

static int is_wide(const ax_cuda_product *p)
{
    return p->a.patches && p->a.c % 4 == 0 && (uintptr_t)p->a.data % 16 == 0 && (p->batch == 1 || p->a_batch % 4 == 0);
}

/* The largest that leaves no processor idle and less than half of its rows and columns empty. */
static int choose_tile(const ax_cuda_product *p, int parts)
{
    const int64_t copies = (int64_t)p->batch * parts;
    const auto fills = [=](int t) { return ax_tiles(p->m, tiles[t].rows) * ax_tiles(p->n, tiles[t].columns) * copies >= ax_cuda.processors; };
    if (p->n <= tiles[TALL].columns) return p->m > tiles[SMALLEST].rows && fills(TALL) ? TALL : SMALLEST;
    return p->m > tiles[SMALL].rows && p->n > tiles[SMALL].columns && fills(LARGE) ? LARGE : SMALL;
}

static int launch(CUfunction kernel, dim3 grid, const ax_cuda_product *p, task t)
{
    void *parameters[] = {(void *)(uintptr_t)p, &t};
    return check(driver.launch(kernel, grid.x, grid.y, grid.z, AX_SIMT_THREADS, 1, 1, 0, ax_cuda.stream, parameters, nullptr));
}

/* Either the kernels before the literal one leave at once or that sums nothing: which, the extents say. */
static void run_cut(const ax_gemm *g, const ax_cuda_product *p, int parts, float *sums)
{
    const loaded *l = program_of(g->plan->lut.code);
    if (!l) return;
    const int t = choose_tile(p, parts);
    const task how = {sums, parts, ax_cuda_part_ks(p->k, parts, AX_SIMT_DEPTH), ax_rows_run(g->a), ax_rows_run(g->b), is_wide(p)};
    const dim3 grid((unsigned)ax_tiles(p->m, tiles[t].rows), (unsigned)ax_tiles(p->n, tiles[t].columns), (unsigned)(p->batch * parts));
    ax_cuda_phase(AX_PHASE_MULTIPLY);
    if (!launch(l->kernels[t][p->a.patches], grid, p, how)) return;
    if (sums) ax_cuda_add_parts(p, sums, parts, 1);
    launch(l->literal, dim3((unsigned)ax_cuda.processors), p, how);
}

static void run(const ax_gemm *g, const ax_cuda_product *p) { run_cut(g, p, 1, nullptr); }

static void run_in_parts(const ax_gemm *g, const ax_cuda_product *p)
{
    const int parts = ax_cuda_parts_of(g);
    float *sums = ax_cuda_part_sums(p, parts);
    if (sums) run_cut(g, p, parts, sums);
}

static int serves(const ax_gemm *g) { return g->plan->lut.code != nullptr; }
static int serves_in_parts(const ax_gemm *g) { return serves(g) && ax_cuda_parts_of(g) >= 2; }

const ax_cuda_gemm_kernel ax_cuda_user_kernels[] = {
    {"cuda-user-parts", 0, 0, serves_in_parts, run_in_parts, 0, 0, 1},
    {"cuda-user", 0, 1, serves, run, 0, 0, 1},
    {},
};

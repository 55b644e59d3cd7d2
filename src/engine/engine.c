/* One engine a trial: it dies with its arena, and every tensor with it. */
#include "engine/engine.h"

#include "base/alloc.h"
#include "base/error.h"

#ifdef _OPENMP
#include <omp.h>
#endif

enum { THREADS_MAX = 1024 };

/* Threads of the parallel regions that this thread opens from now on; 0 leaves OpenMP's own (OMP_NUM_THREADS). */
static int use_threads(int threads)
{
#ifdef _OPENMP
    if (threads > 0) omp_set_num_threads(threads);
    return omp_get_max_threads();
#else
    (void)threads;
    return 1;
#endif
}

static int add_work(ax_engine *e)
{
    size_t bytes;
    e->kernels->gemm_work_bytes(&bytes, e->threads);
    e->work = ax_arena_alloc(&e->arena, bytes, 1);
    return e->work ? AX_OK : ax_errstatus();
}

ax_engine *ax_engine_new(int threads, int strict)
{
    if (threads < 0 || threads > THREADS_MAX) {
        ax_fail(AX_EARG, "engine: %d threads; wanted 1 to %d, or 0 for all cores", threads, THREADS_MAX);
        return NULL;
    }
    if (!ax_cpu_isa()) {
        ax_fail(AX_EDEVICE, "APPROXRUN_ISA names an instruction set that is unknown or that this machine lacks; "
                            "wanted c, avx2, avx512 or avx512bf16, or leave it unset");
        return NULL;
    }
    ax_engine *e = ax_alloc(1, sizeof *e);
    if (!e) return NULL;
    e->kernels = &ax_kernels_cpu;
    e->strict = strict != 0;
    ax_arena_init(&e->arena);
    e->threads = use_threads(threads);
    if (add_work(e) == AX_OK) return e;
    ax_engine_free(e);
    return NULL;
}

void ax_engine_free(ax_engine *e)
{
    if (!e) return;
    ax_arena_release(&e->arena);
    ax_free(e);
}

int ax_engine_seal(ax_engine *e)
{
    if (!e) return ax_fail(AX_EARG, "engine_seal: the engine is nil");
    ax_arena_seal(&e->arena);
    return AX_OK;
}

double ax_engine_bytes(const ax_engine *e) { return e ? (double)e->arena.bytes : 0.0; }

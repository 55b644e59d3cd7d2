/* One engine a trial: it dies with its arena, and every tensor with it. */
#include "engine/engine.h"

#include "base/alloc.h"
#include "base/error.h"
#include "engine/backend.h"

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

struct ax_device_block {
    void *memory;
    size_t bytes;
    ax_device_block *next;
};

void *ax_engine_memory(ax_engine *e, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        ax_fail(AX_ENOMEM, "out of memory: %zu x %zu bytes", count, size);
        return NULL;
    }
    ax_device_block *block = ax_arena_alloc(&e->arena, 1, sizeof *block);
    if (!block) return NULL;
    block->memory = e->backend->memory_new(bytes);
    if (!block->memory) {
        if (ax_backend_status(e->backend) == AX_OK)
            ax_fail(AX_ENOMEM, "the %s device has no %zu bytes left; a smaller batch or fewer trials at a time may fit", e->backend->name, bytes);
        return NULL;
    }
    block->bytes = bytes;
    block->next = e->blocks;
    e->blocks = block;
    e->device_bytes += (double)bytes;
    return block->memory;
}

static size_t two_largest(const ax_engine *e)
{
    size_t first = 0, second = 0;
    for (const ax_device_block *b = e->blocks; b; b = b->next) {
        size_t bytes = (b->bytes + 63) / 64 * 64;
        if (b->memory == e->work) continue;
        if (bytes > first) second = first, first = bytes;
        else if (bytes > second) second = bytes;
    }
    return first + second;
}

void *ax_engine_room(ax_engine *e, size_t bytes)
{
    if (bytes <= e->room_bytes) return e->room;
    size_t wanted = two_largest(e);
    if (wanted < bytes) wanted = bytes;
    if (e->room) e->backend->memory_free(e->room);
    e->device_bytes -= (double)e->room_bytes;
    e->room_bytes = 0;
    e->room = e->backend->memory_new(wanted);
    if (!e->room) {
        if (ax_backend_status(e->backend) == AX_OK)
            ax_fail(AX_ENOMEM, "the %s device has no %zu bytes left for rounded operands; a smaller batch may fit", e->backend->name, wanted);
        return NULL;
    }
    e->room_bytes = wanted;
    e->device_bytes += (double)wanted;
    return e->room;
}

static int add_work(ax_engine *e)
{
    size_t bytes;
    e->kernels->gemm_work_bytes(&bytes, e->threads);
    e->work = ax_engine_memory(e, bytes, 1);
    e->flag = e->work ? ax_engine_memory(e, 1, sizeof *e->flag) : NULL;
    return e->flag ? AX_OK : ax_errstatus();
}

ax_engine *ax_engine_new(const char *device, int threads, int strict)
{
    if (threads < 0 || threads > THREADS_MAX) {
        ax_fail(AX_EARG, "engine: %d threads; wanted 1 to %d, or 0 for all cores", threads, THREADS_MAX);
        return NULL;
    }
    if (ax_backend_check_isa() != AX_OK) return NULL;
    const ax_backend *backend = ax_backend_open(device);
    ax_engine *e = backend ? ax_alloc(1, sizeof *e) : NULL;
    if (!e) return NULL;
    e->backend = backend;
    e->kernels = backend->kernels;
    e->strict = strict != 0;
    ax_arena_init(&e->arena);
    e->threads = use_threads(threads);
    if (add_work(e) == AX_OK) return e;
    ax_engine_free(e);
    return NULL;
}

/* Whose segments the device holds: one engine's at a time. */
static const ax_engine *recorded;

void ax_engine_free(ax_engine *e)
{
    if (!e) return;
    if (recorded == e) recorded = NULL;
    e->backend->segments_forget();
    for (ax_device_block *b = e->blocks; b; b = b->next) e->backend->memory_free(b->memory);
    if (e->room) e->backend->memory_free(e->room);
    ax_arena_release(&e->arena);
    ax_free(e);
}

int ax_engine_seal(ax_engine *e)
{
    if (!e) return ax_fail(AX_EARG, "engine_seal: the engine is nil");
    ax_arena_seal(&e->arena);
    return AX_OK;
}

double ax_engine_bytes(const ax_engine *e) { return e ? (double)e->arena.bytes + e->device_bytes : 0.0; }

const char *ax_engine_device(const ax_engine *e) { return e->backend->name; }

int ax_engine_segment(ax_engine *e, int key)
{
    if (!e || key >= AX_SEGMENTS) return ax_fail(AX_EARG, "segment %d; wanted 0 to %d, or -1 to end one", key, AX_SEGMENTS - 1);
    if (key >= 0 && !e->backend->host_memory && recorded != e) {
        if (recorded) e->backend->segments_forget();
        recorded = e;
    }
    if (key >= 0) return e->backend->segment_begin(key), AX_OK;
    return e->backend->segment_end() ? ax_backend_status(e->backend) : AX_OK;
}

int ax_engine_wait(ax_engine *e) { return e->backend->wait() ? ax_backend_status(e->backend) : AX_OK; }

int ax_engine_forget(ax_engine *e)
{
    if (!e) return ax_fail(AX_EARG, "engine_forget: the engine is nil");
    AX_TRY(ax_engine_wait(e));           /* a failure would be forgotten too */
    e->backend->segments_forget();
    return AX_OK;
}

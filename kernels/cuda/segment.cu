/* Segments of a training step, recorded as CUDA graphs. Invariant: a replayed segment launches what was recorded, and its signature
 * proves that the ops called since are the recorded ones. */
#include "kernels/cuda/segment.h"

#include <string.h>

enum { RING = 8, VARY_BYTES = 64 << 10, ALIGN = 16 };
enum mode { EAGER, RECORD, REPLAY };

/* What varies is written to a ring of pinned copies, so that the host may run ahead of the device. */
struct varying {
    char *host;                      /* (RING, VARY_BYTES), pinned */
    char *device;                    /* VARY_BYTES */
    cudaEvent_t taken[RING];         /* when a copy has been read */
    int turn, ready;
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
    if (v->ready) return 1;
    if (!v->host) ax_cuda_check(cudaMallocHost(&v->host, (size_t)RING * VARY_BYTES), "memory");
    if (!v->device) ax_cuda_check(cudaMalloc(&v->device, VARY_BYTES), "memory");
    for (int i = 0; i < RING; i++)
        if (!v->taken[i]) ax_cuda_check(cudaEventCreateWithFlags(&v->taken[i], cudaEventDisableTiming), "memory");
    return v->ready = !ax_cuda_status();
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
    return current_mode != REPLAY && !ax_cuda_status();
}

void ax_cuda_segments_abandon(void)
{
    cudaGraph_t graph = nullptr;
    if (current_mode == RECORD && cudaStreamEndCapture(ax_cuda.stream, &graph) == cudaSuccess && graph) cudaGraphDestroy(graph);
    if (current) current->vary.used = 0;
    current = nullptr;
    current_mode = EAGER;
}

void ax_cuda_segment_begin(int key)
{
    ax_cuda_segments_abandon();
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

int ax_cuda_segment_end(void)
{
    if (!current) return ax_cuda_status();
    if (current_mode == RECORD) finish_recording();
    if (current_mode == REPLAY && signature != current->signature)
        ax_cuda_fail("segment", "a training step called other ops than the step before; each step must call the same");
    if (current_mode != EAGER && !ax_cuda_status()) {
        send(&current->vary);
        ax_cuda_check(cudaGraphLaunch(current->graph, ax_cuda.stream), "segment");
    }
    current->runs++;
    current = nullptr;
    current_mode = EAGER;
    return ax_cuda_status();
}

int ax_cuda_recording(void) { return current_mode == RECORD; }

void ax_cuda_segments_drop(void)
{
    ax_cuda_wait();
    for (segment &s : segments) {
        if (s.graph) cudaGraphExecDestroy(s.graph);
        s.graph = nullptr;
        s.runs = 0;
        s.vary.used = 0;
    }
}

/* The clock of phases: an event on the stream wherever a phase begins. Nothing is recorded, and nothing costs, until `bench` asks. */
#include "kernels/cuda/device.h"

enum { EVENTS = 4096 };
static const unsigned head_start_ns = 4000000;

static cudaEvent_t events[EVENTS];
static enum ax_phase begun[EVENTS];
static int made, count, running;
static double sums[AX_PHASES];

/* Adds what lies between the events, the last of which ends the last phase, and begins anew. */
static void sum_up()
{
    if (count) ax_cuda_check(cudaEventSynchronize(events[count - 1]), "clock");
    for (int i = 0; i + 1 < count; i++) {
        float ms = 0;
        ax_cuda_check(cudaEventElapsedTime(&ms, events[i], events[i + 1]), "clock");
        sums[begun[i]] += 1e-3 * ms;
    }
    count = 0;
}

static void record(enum ax_phase phase)
{
    if (count == made) {
        ax_cuda_check(cudaEventCreate(&events[made]), "clock");
        made++;
    }
    ax_cuda_check(cudaEventRecord(events[count], ax_cuda.stream), "clock");
    begun[count++] = phase;
}

void ax_cuda_phase(enum ax_phase phase)
{
    if (!running) return;
    record(phase);
    if (count < EVENTS) return;
    sum_up();                        /* the device waits for the host here: what was measured stays right */
    record(phase);
}

/* The device does nothing for a while, in which the host calls the ops to be timed: between kernels it then never waits. */
__global__ static void idle(unsigned ns)
{
    unsigned long long start, now;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(start));
    do asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
    while (now - start < ns);
}

int ax_cuda_clock_read(double seconds[AX_PHASES])
{
    if (running) {
        record(AX_PHASE_ENCODE);     /* ends the last phase; its own is never summed */
        sum_up();
    }
    for (int i = 0; i < AX_PHASES; i++) seconds[i] = sums[i], sums[i] = 0;
    running = 1;
    idle<<<1, 1, 0, ax_cuda.stream>>>(head_start_ns);
    ax_cuda_check(cudaGetLastError(), "clock");
    return ax_cuda_status();
}

void ax_cuda_clock_end()
{
    while (made > 0) cudaEventDestroy(events[--made]);
    count = running = 0;
    for (double &sum : sums) sum = 0;
}

/* Threads from the command line, the environment or the machine, in this order. */
#include "cmd/threads.h"

#include "base/text.h"
#include "cmd/options.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

int ax_cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n > 0 ? n : 1;
}

static int as_asked(int threads)
{
    if (threads > ax_cores() && !ax_common_options.quiet)
        fprintf(stderr, "--threads %d, but there are %d cores to run them on: threads will wait for each other\n", threads, ax_cores());
    return threads;
}

int ax_threads_each(int workers)
{
    int64_t n = 0;
    const char *omp = getenv("OMP_NUM_THREADS");
    if (ax_common_options.threads > 0) return as_asked((int)ax_common_options.threads);
    if (omp && ax_text_int(&n, omp, 1, 4096)) return (int)n;
    n = ax_cores() / (workers > 0 ? workers : 1);
    return n > 0 ? (int)n : 1;
}

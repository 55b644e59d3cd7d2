/* How the cpu backend shares an elementwise loop among threads: contiguous ranges, each under flush-to-zero. */
#ifndef AX_CPU_SPLIT_H
#define AX_CPU_SPLIT_H

#include <stdint.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#ifdef __SSE2__
#include <immintrin.h>
#endif

/* One loop, compiled for the widest registers found at run time. The bits are the same: contraction is off and no sum is
 * reordered. Sanitizers cannot run in the resolvers this makes. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define AX_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define AX_CLONES
#endif

enum { AX_CPU_SERIAL = 65536 };      /* below this many elements a thread team costs more than it gives */

/* Flush-to-zero and denormals-are-zero on; returns what to restore. */
static inline unsigned ax_cpu_flush(void)
{
#ifdef __SSE2__
    unsigned old = _mm_getcsr();
    _mm_setcsr(old | 0x8040u);
    return old;
#else
    return 0;
#endif
}

static inline void ax_cpu_unflush(unsigned old)
{
#ifdef __SSE2__
    _mm_setcsr(old);
#else
    (void)old;
#endif
}

/* Which thread of its team this is. */
static inline int ax_cpu_rank(void)
{
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}

/* This thread's part [*lo, *hi) of n elements, cut at multiples of `grain`. */
static inline void ax_cpu_share(int64_t *lo, int64_t *hi, int64_t n, int64_t grain)
{
    int64_t threads = 1, rank = 0, grains = (n + grain - 1) / grain;
#ifdef _OPENMP
    threads = omp_get_num_threads();
    rank = omp_get_thread_num();
#endif
    *lo = grains * rank / threads * grain;
    *hi = grains * (rank + 1) / threads * grain;
    if (*lo > n) *lo = n;
    if (*hi > n) *hi = n;
}

/* Runs `body` once a thread with its range [lo, hi) of n things of `weight` elements each. */
#define AX_CPU_SPLIT(n, weight, grain, body)                                                                           \
    do {                                                                                                               \
        int64_t split_n = (n);                                                                                         \
        int split_team = split_n * (weight) > AX_CPU_SERIAL;                                                           \
        (void)split_team;                                                                                              \
        _Pragma("omp parallel if (split_team)")                                                                        \
        {                                                                                                              \
            int64_t lo, hi;                                                                                            \
            unsigned csr = ax_cpu_flush();                                                                             \
            ax_cpu_share(&lo, &hi, split_n, grain);                                                                    \
            body;                                                                                                      \
            ax_cpu_unflush(csr);                                                                                       \
        }                                                                                                              \
    } while (0)

#endif

/* Hopper's asynchronous copies and sparse products (PTX ISA, "wgmma.mma_async.sp"), one instruction a function. Machine code for
 * capability 90a only: elsewhere AX_WGMMA is 0 and kernels that need them are empty. */
#ifndef AX_CUDA_WGMMA_H
#define AX_CUDA_WGMMA_H

#include <stdint.h>

#ifdef __CUDA_ARCH_FEAT_SM90_ALL
#define AX_WGMMA 1
#else
#define AX_WGMMA 0
#endif

#if AX_WGMMA

__device__ static inline uint32_t ax_shared_address(const void *p) { return (uint32_t)__cvta_generic_to_shared(p); }

/* --- barriers in shared memory --- */

__device__ static inline void ax_barrier_init(uint32_t barrier, uint32_t arrivals)
{
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}

__device__ static inline void ax_barriers_visible() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

__device__ static inline void ax_barrier_arrive(uint32_t barrier)
{
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}

/* Until the phase of this parity is complete. */
__device__ static inline void ax_barrier_wait(uint32_t barrier, uint32_t parity)
{
    asm volatile("{\n"
                 ".reg .pred done;\n"
                 "again: mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
                 "@!done bra again;\n"
                 "}" ::"r"(barrier), "r"(parity)
                 : "memory");
}

/* Starts a copy of `bytes` (a multiple of 16) from device to shared memory; the barrier's phase waits for them. */
__device__ static inline void ax_bulk_copy(uint32_t to, const void *from, uint32_t bytes, uint32_t barrier)
{
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(to), "l"(from),
                 "r"(bytes), "r"(barrier)
                 : "memory");
}

/* --- registers between warpgroups --- */

template <int COUNT> __device__ static inline void ax_registers_take() { asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(COUNT)); }
template <int COUNT> __device__ static inline void ax_registers_give() { asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(COUNT)); }

/* --- products of a warpgroup --- */

__device__ static inline void ax_wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ static inline void ax_wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

/* Until at most COUNT groups are in flight. */
template <int COUNT> __device__ static inline void ax_wgmma_wait() { asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(COUNT) : "memory"); }

/* A block of B in shared memory, k-major without swizzle: matrices of 8 columns x 16 bytes of k, the next k 128 bytes on, the next
 * 8 columns `columns_step` on. */
__device__ static inline uint64_t ax_wgmma_block(uint32_t address, uint32_t columns_step)
{
    return (uint64_t)(address >> 4 & 0x3fff) | (uint64_t)(128 >> 4) << 16 | (uint64_t)(columns_step >> 4) << 32;
}

#define AX_F4(d, i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define AX_F16(d, i) AX_F4(d, i), AX_F4(d, i + 4), AX_F4(d, i + 8), AX_F4(d, i + 12)

/* d (64, N) = a (64, 32: 16 stored, a.x .. a.w, their places in `places`) x b (32, N) + (add ? d : 0). */
template <int N> __device__ static void ax_wgmma_sparse(float *d, const uint4 &a, uint32_t places, uint64_t b, int add);

template <> __device__ inline void ax_wgmma_sparse<128>(float *d, const uint4 &a, uint32_t places, uint64_t b, int add)
{
    asm volatile("{\n"
                 ".reg .pred p;\n"
                 "setp.ne.b32 p, %70, 0;\n"
                 "wgmma.mma_async.sp.sync.aligned.m64n128k32.f32.bf16.bf16 "
                 "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
                 "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
                 "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
                 "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
                 "{%64, %65, %66, %67}, %68, %69, 0, p, 1, 1, 0;\n"
                 "}"
                 : AX_F16(d, 0), AX_F16(d, 16), AX_F16(d, 32), AX_F16(d, 48)
                 : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "l"(b), "r"(places), "r"(add));
}

template <> __device__ inline void ax_wgmma_sparse<64>(float *d, const uint4 &a, uint32_t places, uint64_t b, int add)
{
    asm volatile("{\n"
                 ".reg .pred p;\n"
                 "setp.ne.b32 p, %38, 0;\n"
                 "wgmma.mma_async.sp.sync.aligned.m64n64k32.f32.bf16.bf16 "
                 "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
                 "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, "
                 "{%32, %33, %34, %35}, %36, %37, 0, p, 1, 1, 0;\n"
                 "}"
                 : AX_F16(d, 0), AX_F16(d, 16)
                 : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "l"(b), "r"(places), "r"(add));
}

#undef AX_F4
#undef AX_F16

/* Pairs of bfloat16: 1 where equal, else 0; products. */
__device__ static inline uint32_t ax_pair_equal(uint32_t a, uint32_t b)
{
    uint32_t r;
    asm("set.eq.bf16x2.bf16x2 %0, %1, %2;" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

__device__ static inline uint32_t ax_pair_product(uint32_t a, uint32_t b)
{
    uint32_t r;
    asm("mul.rn.bf16x2 %0, %1, %2;" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

#endif

#endif

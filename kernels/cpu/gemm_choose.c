/* Which kernel serves a product here: sets of kernels, the best first. A new kernel is a row in a set. */
#include "kernels/cpu/gemm.h"

#include <stdlib.h>

static const char *const isa_names[] = {"c", "avx2", "avx512", "avx512bf16"};
enum { ISA_COUNT = sizeof isa_names / sizeof *isa_names };

#ifdef __x86_64__
static const ax_gemm_kernel *const sets[] = {
    ax_gemm_bf16_additive, ax_gemm_bf16_table4, ax_gemm_bf16_table7, ax_gemm_vbmi_planes, ax_gemm_avx512_narrow,
    ax_gemm_avx512, ax_gemm_avx2_narrow, ax_gemm_avx2, ax_gemm_literal,
};

/* 1 yes, 0 no; -1: the CPU has it, but adds a pair in another order than ours. */
static int machine_has(enum ax_isa isa)
{
    static int bf16_strict = -1;      /* probed once; every prober finds the same */
    if (isa == AX_ISA_C) return 1;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 0;
    if (isa == AX_ISA_AVX2) return 1;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512vl") ||
        !__builtin_cpu_supports("avx512dq"))
        return 0;
    if (isa == AX_ISA_AVX512) return 1;
    if (!__builtin_cpu_supports("avx512vbmi") || !__builtin_cpu_supports("avx512bf16")) return 0;
    int strict = __atomic_load_n(&bf16_strict, __ATOMIC_RELAXED);
    if (strict < 0) __atomic_store_n(&bf16_strict, strict = ax_gemm_bf16_is_strict(), __ATOMIC_RELAXED);
    return strict ? 1 : -1;
}
#else
static const ax_gemm_kernel *const sets[] = {ax_gemm_literal};

static int machine_has(enum ax_isa isa) { return isa == AX_ISA_C; }
#endif

static enum ax_isa best(void)
{
    int isa = ISA_COUNT - 1;
    while (machine_has((enum ax_isa)isa) <= 0) isa--;
    return (enum ax_isa)isa;
}

const char *ax_cpu_isa(void)
{
    const char *forced = getenv("APPROXRUN_ISA");
    if (!forced || !*forced) return isa_names[best()];
    for (int i = 0; i < ISA_COUNT; i++)
        if (strcmp(forced, isa_names[i]) == 0) return machine_has((enum ax_isa)i) > 0 ? isa_names[i] : NULL;
    return NULL;
}

const char *ax_cpu_isa_name(int i, int *has)
{
    if (i >= ISA_COUNT) return NULL;
    *has = machine_has((enum ax_isa)i);
    return isa_names[i];
}

enum ax_isa ax_gemm_isa(void)
{
    const char *name = ax_cpu_isa();
    for (int i = 0; i < ISA_COUNT; i++)
        if (name == isa_names[i]) return (enum ax_isa)i;
    return AX_ISA_C;
}

const ax_moves *ax_gemm_moves(enum ax_isa isa)
{
#ifdef __x86_64__
    if (isa >= AX_ISA_AVX512) return &ax_moves_avx512;
    if (isa >= AX_ISA_AVX2) return &ax_moves_avx2;
#endif
    (void)isa;
    return &ax_moves_c;
}

const ax_gemm_kernel *ax_gemm_choose(const ax_plan *plan, int role, enum ax_isa isa)
{
    if (plan->lut.compat) return ax_gemm_literal;      /* all others form products by the rule */
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        for (const ax_gemm_kernel *k = sets[i]; k->name; k++)
            if (k->isa <= isa && k->serves(plan, role)) return k;
    return ax_gemm_literal;
}

const ax_gemm_kernel *ax_gemm_kernel_at(int i)
{
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++)
        for (const ax_gemm_kernel *k = sets[s]; k->name; k++)
            if (i-- == 0) return k;
    return NULL;
}

const char *ax_plan_kernel(const ax_plan *plan, int role)
{
    if (plan->lut.native) return "sgemm";
    return ax_gemm_choose(plan, role, ax_gemm_isa())->name;
}

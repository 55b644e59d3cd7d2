/* Does this machine's vdpbf16ps do what the kernels need: the high pair first, each product exact, each sum rounded to
 * nearest even with subnormals flushed? The order is what Intel documents and Zen 5 does; another machine may differ. */
#ifdef __AVX512BF16__
#include "kernels/cpu/avx512bf16/narrow.h"

#include "kernels/cpu/split.h"

static uint32_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 32);
}

/* Exponents within 16 of each other, so that both roundings matter; every fourth case near 2^-126. */
static void draw(uint32_t *acc, uint32_t *u, uint32_t *scale, uint64_t *state, int low)
{
    uint32_t base = low ? 3 : 120;
    *acc = (next(state) & 0x807fffffu) | (base + next(state) % 16) << 23;
    *u = *scale = 0;
    for (int half = 0; half < 2; half++) {
        uint32_t e = base + next(state) % 16;
        *u |= ((next(state) & 0x807fu) | e << 7) << 16 * half;
        *scale |= ((next(state) & 0x8000u) | (117 + next(state) % 8) << 7) << 16 * half;
    }
}

int ax_gemm_bf16_is_strict(void)
{
    uint64_t state = 1;
    unsigned csr = ax_cpu_flush();
    int same = 1;
    for (int trial = 0; trial < 4096 && same; trial++) {
        uint32_t acc, u, scale;
        draw(&acc, &u, &scale, &state, trial % 4 == 0);
        volatile float wanted = fmaf(ax_float(u & 0xffff0000u), ax_float(scale & 0xffff0000u), ax_float(acc));
        wanted = fmaf(ax_float(u << 16), ax_float(scale << 16), wanted);
        __m512 got = add_pairs(_mm512_set1_ps(ax_float(acc)), splat(u), splat(scale));
        same = _mm512_cvtss_f32(got) == wanted;
    }
    ax_cpu_unflush(csr);
    return same;
}
#endif

/* Products by nothing but the definition. Every kernel is compared with this, bit by bit; where no kernel is compiled for the
 * machine, this is what runs. */
#include "kernels/cpu/gemm.h"

INLINE float step(const ax_gemm_side side, float acc, float row, float lane)
{
    if (side.plan->lut.native) return fmaf(row, lane, acc);
    return side.role ? ax_gemm_step(side.plan, acc, lane, row) : ax_gemm_step(side.plan, acc, row, lane);
}

void ax_gemm_add_literally(float *sums, int64_t ld, ax_block x, ax_block y, int64_t rows, int64_t lanes, int64_t ks,
                           ax_gemm_side side)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t k = 0; k < ks; k++)
            for (int64_t l = 0; l < lanes; l++)
                sums[r * ld + l] = step(side, sums[r * ld + l], x.data[r * x.ld + k], y.data[k * y.ld + l]);
}

static int serves(const ax_plan *plan, int role) { return (void)plan, (void)role, 1; }
static int fits(ax_extent rows, ax_extent lanes) { return (void)rows, (void)lanes, 0; }

static ax_extent pack_rows(void *out, int64_t stride, const float *x, int64_t ld, int rows, int ks, ax_gemm_side side)
{
    (void)out, (void)stride, (void)x, (void)ld, (void)rows, (void)ks, (void)side;
    return (ax_extent){0, 0};
}

static ax_extent pack_lanes(void *out, const float *x, int64_t ld, int lanes, int ks, ax_gemm_side side)
{
    (void)out, (void)x, (void)ld, (void)lanes, (void)ks, (void)side;
    return (ax_extent){0, 0};
}

const ax_gemm_kernel ax_gemm_literal[] = {
    {.name = "c-literal", .isa = AX_ISA_C, .serves = serves, .fits = fits, .panel = AX_PANEL_MAX, .block = 1024, .group = 64,
     .row_bytes = 1, .panel_bytes = 1, .pack_rows = pack_rows, .pack_lanes = pack_lanes},
    {0},
};

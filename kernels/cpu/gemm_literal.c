/* The plain C kernels: nothing but the definition. Every other kernel is compared with these, bit by bit. */
#include "kernels/cpu/gemm.h"

static int serves_table(const ax_plan *plan, int role)
{
    (void)role;
    return !plan->lut.native;
}

static int serves_native(const ax_plan *plan, int role)
{
    (void)role;
    return plan->lut.native;
}

static uint32_t pack_rows(void *out, const float *x, int64_t ld, int rows, int ks, ax_gemm_side side)
{
    (void)side;
    for (int r = 0; r < rows; r++) memcpy((char *)out + (size_t)r * AX_ROW_BYTES, x + r * ld, (size_t)ks * sizeof *x);
    return 0;
}

/* (ks, AX_PANEL) floats. */
static uint32_t pack_lanes(void *out, const float *x, int64_t ld, int lanes, int ks, ax_gemm_side side)
{
    (void)side;
    for (int k = 0; k < ks; k++) memcpy((float *)out + k * AX_PANEL, x + k * ld, (size_t)lanes * sizeof *x);
    return 0;
}

static const float *row_at(const ax_gemm_block *b, int r)
{
    return (const float *)(const void *)((const char *)b->rows + (size_t)r * AX_ROW_BYTES);
}

static void add_literal(const ax_gemm_block *b)
{
    const ax_plan *plan = b->side.plan;
    for (int r = 0; r < b->nrows; r++) {
        const float *x = row_at(b, r), *y = b->lanes;
        float *sum = b->sums + r * b->ld;
        for (int k = 0; k < b->ks; k++, y += AX_PANEL)
            for (int l = 0; l < b->nlanes; l++)
                sum[l] = b->side.role ? ax_gemm_step(plan, sum[l], y[l], x[k]) : ax_gemm_step(plan, sum[l], x[k], y[l]);
    }
}

static void add_native(const ax_gemm_block *b)
{
    for (int r = 0; r < b->nrows; r++) {
        const float *x = row_at(b, r), *y = b->lanes;
        float *sum = b->sums + r * b->ld;
        for (int k = 0; k < b->ks; k++, y += AX_PANEL)
            for (int l = 0; l < b->nlanes; l++) sum[l] = fmaf(x[k], y[l], sum[l]);
    }
}

const ax_gemm_kernel ax_gemm_literal[] = {
    {"c-literal", AX_ISA_C, serves_table, pack_rows, pack_lanes, add_literal},
    {"c-fma", AX_ISA_C, serves_native, pack_rows, pack_lanes, add_native},
    {0},
};

/* FP32 by cuBLAS, where no strict order is asked for and both operands are matrices it can read: the fraction that our kernel leaves
 * of the machine's FMAs it does not. Same bits from run to run: no atomics, the device's own workspace (device.cu). */
#include "kernels/cuda/gemm.h"
#include "kernels/cuda/parts.h"

#include <limits.h>

/* An operand as BLAS takes it: its k or its rows lie together, the others ld floats apart. */
struct blas_matrix {
    int k_runs;
    int64_t ld;
};

/* 1 x 1 patches, stride 1, without padding: each position is a row of channels. */
static int is_pixels(const ax_operand &o)
{
    return o.kind == AX_OPERAND_PATCHES && o.kernel_h == 1 && o.kernel_w == 1 && o.stride_h == 1 && o.stride_w == 1 &&
           o.pad_h == 0 && o.pad_w == 0 && o.dilation_h == 1 && o.dilation_w == 1 && o.out_h == o.h && o.out_w == o.w;
}

/* 0: BLAS cannot read it. */
static int find_matrix(blas_matrix *x, const ax_operand &o, int64_t rows, int64_t ks)
{
    if (is_pixels(o)) {
        *x = {!o.transposed, o.c};
        return o.c <= INT_MAX;
    }
    if (o.kind != AX_OPERAND_MATRIX || o.k_inner < ks) return 0;
    if ((o.k_stride == 1 || ks == 1) && (o.row_stride >= ks || rows == 1)) *x = {1, rows == 1 ? ks : o.row_stride};
    else if ((o.row_stride == 1 || rows == 1) && (o.k_stride >= rows || ks == 1)) *x = {0, ks == 1 ? rows : o.k_stride};
    else return 0;
    return x->ld <= INT_MAX;
}

static int serves(const ax_gemm *g)
{
    blas_matrix a, b;
    return g->plan->lut.native && g->k > 0 && g->ldc <= INT_MAX && find_matrix(&a, g->a, g->m, g->k) && find_matrix(&b, g->b, g->n, g->k);
}

/* C by rows is its transpose by columns: (n, m) = B (n, k) by A's transpose (k, m). */
static void run(const ax_gemm *g, const ax_cuda_product *p)
{
    blas_matrix a, b;
    const float one = 1.0f, zero = 0.0f;
    find_matrix(&a, g->a, g->m, g->k);
    find_matrix(&b, g->b, g->n, g->k);
    ax_cuda_phase(AX_PHASE_MULTIPLY);
    cublasStatus_t status = cublasSgemmStridedBatched(
        ax_cuda.blas, b.k_runs ? CUBLAS_OP_T : CUBLAS_OP_N, a.k_runs ? CUBLAS_OP_N : CUBLAS_OP_T, p->n, p->m, p->k, &one,
        g->b.data, (int)b.ld, p->b_batch, g->a.data, (int)a.ld, p->a_batch, &zero, p->c, (int)p->ldc, p->c_batch, p->batch);
    if (status != CUBLAS_STATUS_SUCCESS) ax_cuda_fail("gemm", cublasGetStatusString(status));
    if (p->bias || p->activation != AX_LINEAR) ax_cuda_end_sums(p);
}

const ax_cuda_gemm_kernel ax_cuda_blas_kernels[] = {{"cuda-blas", 0, 0, serves, run}, {}};

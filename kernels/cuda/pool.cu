/* Pooling over NHWC tensors: the twins of kernels/cpu/pool.c. Invariant: a sum runs in the CPU's order. Backward gathers: a cell
 * takes from the windows that hold it in ascending output order, which is the order in which the CPU scatters to it. */
#include "kernels/cuda/rows.h"
#include "kernels/math.h"

struct span { int lo, hi; };                           /* [lo, hi) */

struct axis { int in, out, kernel, stride, pad; };

static __device__ inline axis rows_of(const ax_pool &p)
{
    return {(int)p.h, (int)p.out_h, (int)p.kernel_h, (int)p.stride_h, (int)p.pad_h};
}

static __device__ inline axis columns_of(const ax_pool &p)
{
    return {(int)p.w, (int)p.out_w, (int)p.kernel_w, (int)p.stride_w, (int)p.pad_w};
}

/* The cells of a window that lie inside the image. */
static __device__ inline span cells_of(const axis &a, int window)
{
    int first = window * a.stride - a.pad;
    return {max(first, 0), min(first + a.kernel, a.in)};
}

/* The windows that hold a cell. */
static __device__ inline span windows_of(const axis &a, int cell)
{
    int after_first = cell + a.pad - a.kernel;         /* the last place where a window would end before the cell */
    return {after_first < 0 ? 0 : after_first / a.stride + 1, min((cell + a.pad) / a.stride + 1, a.out)};
}

/* An element of a tensor (n, height, width, c) as its rows (n, height) and the elements (width, c) of one have it. */
struct place { int64_t image; int row, column, channel; };

static __device__ inline place place_of(unsigned row, unsigned i, const ax_pool &p, int64_t height)
{
    unsigned h = (unsigned)height, c = (unsigned)p.c;
    return {row / h, (int)(row % h), (int)(i / c), (int)(i % c)};
}

/* The index into x of a window's maximum, the first on ties. A NaN wins, so that it is seen downstream. */
static __device__ int32_t index_of_maximum(const float *x, const place &at, const ax_pool &p)
{
    span rows = cells_of(rows_of(p), at.row), columns = cells_of(columns_of(p), at.column);
    int32_t w = (int32_t)p.w, c = (int32_t)p.c, top = (int32_t)(at.image * p.h);
    int32_t best = ((top + rows.lo) * w + columns.lo) * c + at.channel;
    float most = x[best];
    for (int row = rows.lo; row < rows.hi; row++)
        for (int column = columns.lo; column < columns.hi; column++) {
            int32_t index = ((top + row) * w + column) * c + at.channel;
            float cell = x[index];
            bool take = cell > most || ax_is_nan(cell);
            most = take ? cell : most;
            best = take ? index : best;
        }
    return best;
}

static __device__ float average(const float *x, const place &at, const ax_pool &p)
{
    span rows = cells_of(rows_of(p), at.row), columns = cells_of(columns_of(p), at.column);
    float sum = 0.0f;
    for (int row = rows.lo; row < rows.hi; row++)
        for (int column = columns.lo; column < columns.hi; column++)
            sum += x[((at.image * p.h + row) * p.w + column) * p.c + at.channel];
    return sum * (1.0f / (float)((rows.hi - rows.lo) * (columns.hi - columns.lo)));
}

/* The sum of f(index into y, row and column of the window) over the windows that hold an element of x. */
template <class F> static __device__ inline float collect(const place &at, const ax_pool &p, F f)
{
    span rows = windows_of(rows_of(p), at.row), columns = windows_of(columns_of(p), at.column);
    float sum = 0.0f;
    for (int row = rows.lo; row < rows.hi; row++)
        for (int column = columns.lo; column < columns.hi; column++)
            f(&sum, ((at.image * p.out_h + row) * p.out_w + column) * p.c + at.channel, row, column);
    return sum;
}

void ax_cuda_maxpool_fwd(float *y, int32_t *arg, const float *x, const ax_pool *pool)
{
    ax_pool p = *pool;
    AX_CUDA_OP("maxpool_fwd", y, arg, x, p);
    ax_cuda_each_in_rows("maxpool_fwd", p.n * p.out_h, p.out_w * p.c, [=] __device__(unsigned row, unsigned i) {
        int32_t best = index_of_maximum(x, place_of(row, i, p, p.out_h), p);
        int64_t out = row * (p.out_w * p.c) + i;
        y[out] = x[best];
        arg[out] = best;
    });
}

void ax_cuda_maxpool_bwd(float *dx, const float *dy, const int32_t *arg, const ax_pool *pool)
{
    ax_pool p = *pool;
    AX_CUDA_OP("maxpool_bwd", dx, dy, arg, p);
    ax_cuda_each_in_rows("maxpool_bwd", p.n * p.h, p.w * p.c, [=] __device__(unsigned row, unsigned i) {
        int64_t in = row * (p.w * p.c) + i;
        dx[in] = collect(place_of(row, i, p, p.h), p, [=](float *sum, int64_t out, int, int) {
            if (arg[out] == in) *sum += dy[out];
        });
    });
}

void ax_cuda_avgpool_fwd(float *y, const float *x, const ax_pool *pool)
{
    ax_pool p = *pool;
    AX_CUDA_OP("avgpool_fwd", y, x, p);
    ax_cuda_each_in_rows("avgpool_fwd", p.n * p.out_h, p.out_w * p.c, [=] __device__(unsigned row, unsigned i) {
        y[row * (p.out_w * p.c) + i] = average(x, place_of(row, i, p, p.out_h), p);
    });
}

void ax_cuda_avgpool_bwd(float *dx, const float *dy, const ax_pool *pool)
{
    ax_pool p = *pool;
    AX_CUDA_OP("avgpool_bwd", dx, dy, p);
    ax_cuda_each_in_rows("avgpool_bwd", p.n * p.h, p.w * p.c, [=] __device__(unsigned row, unsigned i) {
        axis down = rows_of(p), across = columns_of(p);
        dx[row * (p.w * p.c) + i] = collect(place_of(row, i, p, p.h), p, [=](float *sum, int64_t out, int window, int column) {
            span r = cells_of(down, window), c = cells_of(across, column);
            *sum += dy[out] * (1.0f / (float)((r.hi - r.lo) * (c.hi - c.lo)));
        });
    });
}

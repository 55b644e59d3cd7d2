/* The check of `bench gemm`: sampled elements of a product against their definition, read element by element on the host, and
 * against the CPU's own product in the strict order. */
#include "base/alloc.h"
#include "base/error.h"
#include "cmd/bench_gemm.h"
#include "engine/mult.h"
#include "engine/tensor.h"

#include <math.h>

/* The operands and the output on the host, and the samples: rows and columns spread over c, the first and last among them. */
typedef struct {
    const ax_bench_shape *s;
    float *a, *b, *c;
    int64_t rows, columns;
    float *a_rows, *b_columns;       /* (rows, k), (k, columns) */
    float *strict;                   /* (rows, columns) */
} samples;

static int64_t spread(int64_t i, int64_t count, int64_t n) { return count > 1 ? i * (n - 1) / (count - 1) : 0; }

/* Input cell of window (oh, ow) of an image at (kh, kw); padding is 0. */
static float cell(const samples *t, int64_t position, int64_t tap)
{
    const ax_bench_shape *s = t->s;
    int64_t channel = tap % s->channels, kw = tap / s->channels % s->kw, kh = tap / s->channels / s->kw;
    int64_t ow = position % s->ow, oh = position / s->ow % s->oh, image = position / s->ow / s->oh;
    int64_t y = oh * s->stride - s->pad_h + kh, x = ow * s->stride - s->pad_w + kw;
    if (y < 0 || x < 0 || y >= s->h || x >= s->w) return 0;
    return t->a[((image * s->h + y) * s->w + x) * s->channels + channel];
}

/* The gradient of the window that used an input cell at tap (kh, kw), by one filter; 0 if there is none. */
static float user(const samples *t, int64_t position, int64_t tap)
{
    const ax_bench_shape *s = t->s;
    int64_t filter = tap % s->filters, kw = tap / s->filters % s->kw, kh = tap / s->filters / s->kw;
    int64_t x = position % s->w, y = position / s->w % s->h, image = position / s->w / s->h;
    int64_t from_y = y + s->pad_h - kh, from_x = x + s->pad_w - kw;
    if (from_y < 0 || from_x < 0 || from_y % s->stride || from_x % s->stride) return 0;
    int64_t oh = from_y / s->stride, ow = from_x / s->stride;
    return oh < s->oh && ow < s->ow ? t->a[((image * s->oh + oh) * s->ow + ow) * s->filters + filter] : 0;
}

static float a_at(const samples *t, int64_t i, int64_t k)
{
    switch (t->s->pass) {
    case AX_BENCH_FORWARD: return cell(t, i, k);
    case AX_BENCH_GRAD_INPUT: return user(t, i, k);
    case AX_BENCH_GRAD_WEIGHT: return cell(t, k, i);
    default: return t->a[i * t->s->k + k];
    }
}

/* Only the gradient by the input reads its weights (taps, channels, filters) otherwise than as (k, n). */
static float b_at(const samples *t, int64_t k, int64_t j)
{
    const ax_bench_shape *s = t->s;
    if (s->pass != AX_BENCH_GRAD_INPUT) return t->b[k * s->n + j];
    return t->b[(k / s->filters * s->channels + j) * s->filters + k % s->filters];
}

static float *copy_of(const ax_tensor *t)
{
    float *host = ax_alloc((size_t)t->size, sizeof *host);
    if (host && ax_tensor_get(t, host) == AX_OK) return host;
    ax_free(host);
    return NULL;
}

static int take(samples *t, const ax_bench_shape *s, int side)
{
    t->s = s;
    t->rows = s->m < side ? s->m : side, t->columns = s->n < side ? s->n : side;
    t->a = copy_of(s->a);
    t->b = t->a ? copy_of(s->b) : NULL;
    t->c = t->b ? copy_of(s->c) : NULL;
    t->a_rows = t->c ? ax_alloc((size_t)(t->rows * s->k), sizeof *t->a_rows) : NULL;
    t->b_columns = t->a_rows ? ax_alloc((size_t)(t->columns * s->k), sizeof *t->b_columns) : NULL;
    t->strict = t->b_columns ? ax_alloc((size_t)(t->rows * t->columns), sizeof *t->strict) : NULL;
    if (!t->strict) return ax_errstatus();
    for (int64_t i = 0; i < t->rows; i++)
        for (int64_t k = 0; k < s->k; k++) t->a_rows[i * s->k + k] = a_at(t, spread(i, t->rows, s->m), k);
    for (int64_t k = 0; k < s->k; k++)
        for (int64_t j = 0; j < t->columns; j++) t->b_columns[k * t->columns + j] = b_at(t, k, spread(j, t->columns, s->n));
    return AX_OK;
}

static void release(samples *t)
{
    float *const all[] = {t->a, t->b, t->c, t->a_rows, t->b_columns, t->strict};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) ax_free(all[i]);
}

/* The samples by the CPU engine, in the strict order. */
static int multiply_strictly(samples *t, const char *spec)
{
    ax_engine *e = ax_engine_new("cpu", 0, 1);
    if (!e) return ax_errstatus();
    const ax_mult *m = ax_mult_get(spec);
    ax_tensor *a = ax_tensor_new(e, AX_F32, 2, (int64_t[]){t->rows, t->s->k}), *b = NULL, *c = NULL;
    if (a) b = ax_tensor_new(e, AX_F32, 2, (int64_t[]){t->s->k, t->columns});
    if (b) c = ax_tensor_new(e, AX_F32, 2, (int64_t[]){t->rows, t->columns});
    int status = m && c ? AX_OK : ax_errstatus();
    if (status == AX_OK) status = ax_tensor_put(a, t->a_rows);
    if (status == AX_OK) status = ax_tensor_put(b, t->b_columns);
    if (status == AX_OK) status = ax_matmul(c, a, b, NULL, 0, 0, m);
    if (status == AX_OK) status = ax_tensor_get(c, t->strict);
    ax_engine_free(e);
    return status;
}

static double sum_by_definition(const samples *t, const ax_lut_view *lut, int64_t i, int64_t j)
{
    double sum = 0;
    for (int64_t k = 0; k < t->s->k; k++) {
        float x = t->a_rows[i * t->s->k + k], y = t->b_columns[k * t->columns + j];
        sum += lut->native ? (double)x * y : (double)ax_product(lut, x, y);
    }
    return sum;
}

static int compare(ax_bench_error *error, const samples *t, const char *spec)
{
    const ax_mult *m = ax_mult_get(spec);
    double squares = 0, ours = 0, strict = 0, largest = 0;
    if (!m) return ax_errstatus();
    *error = (ax_bench_error){.samples = (int)(t->rows * t->columns)};
    for (int64_t i = 0; i < t->rows; i++)
        for (int64_t j = 0; j < t->columns; j++) {
            float found = t->c[spread(i, t->rows, t->s->m) * t->s->n + spread(j, t->columns, t->s->n)], by_cpu = t->strict[i * t->columns + j];
            double sum = sum_by_definition(t, &ax_mult_lut(m)->view, i, j), off = fabs(found - sum);
            error->different += ax_bits(found) != ax_bits(by_cpu);
            squares += sum * sum;
            ours += off * off;
            strict += (by_cpu - sum) * (by_cpu - sum);
            if (!(off <= largest)) largest = off;
        }
    error->l2 = sqrt(ours / squares);
    error->strict_l2 = sqrt(strict / squares);
    error->largest = largest / sqrt(squares / error->samples);
    return AX_OK;
}

int ax_bench_measure_error(ax_bench_error *error, const ax_bench_shape *s, const char *spec, int side)
{
    enum { PRODUCTS = 1 << 24 };     /* of a check, at most, unless four elements take more */
    while (side > 2 && (double)side * side * (double)s->k > PRODUCTS) side /= 2;
    samples t = {0};
    int status = take(&t, s, side);
    if (status == AX_OK) status = multiply_strictly(&t, spec);
    if (status == AX_OK) status = compare(error, &t, spec);
    release(&t);
    return status;
}

/* approxrun matmul: an approximate product of the user's own arrays, through the engine that trains. */
#include "base/alloc.h"
#include "base/error.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/threads.h"
#include "data/npy.h"
#include "engine/api.h"
#include "engine/tensor.h"

#include <stdio.h>
#include <string.h>

enum { TRANSPOSE_A = 1, TRANSPOSE_B = 2 };      /* flags of ax_matmul */

typedef struct {
    const char *a, *b, *c, *multiplier, *device;
    bool strict, transpose_a, transpose_b;
} request;

static int read_operand(ax_tensor **t, ax_engine *e, const char *path)
{
    ax_npy array;
    int status = ax_npy_read(&array, path);
    if (status == AX_OK && array.rank < 2)
        status = ax_fail(AX_EFORMAT, "%s: %d dimensions, wanted 2 or more", path, array.rank);
    if (status == AX_OK && array.size == 0) status = ax_fail(AX_EFORMAT, "%s: an empty array, wanted at least one element", path);
    if (status == AX_OK) {
        *t = ax_tensor_new(e, AX_F32, array.rank, array.shape);
        status = *t ? AX_OK : ax_errstatus();
    }
    if (status == AX_OK) status = ax_tensor_put(*t, array.data);
    ax_npy_release(&array);
    return status;
}

/* Rows and columns of the last two dimensions, as they enter the product. */
static void matrix_of(const ax_tensor *t, bool transposed, int64_t *rows, int64_t *columns)
{
    *rows = t->shape[t->rank - (transposed ? 1 : 2)];
    *columns = t->shape[t->rank - (transposed ? 2 : 1)];
}

/* C's shape: A's leading dimensions, then (rows of A, columns of B). */
static int output_shape(int64_t shape[AX_RANK_MAX], const ax_tensor *a, const ax_tensor *b, const request *r)
{
    int64_t m, ka, kb, n;
    matrix_of(a, r->transpose_a, &m, &ka);
    matrix_of(b, r->transpose_b, &kb, &n);
    bool batched = b->rank == a->rank && !memcmp(a->shape, b->shape, (size_t)(a->rank - 2) * sizeof *shape);
    if (!batched && b->rank != 2)
        return ax_fail(AX_EARG, "matmul: %s is %s and %s is %s, wanted equal leading dimensions, or a second array of 2 dimensions", r->a,
                       ax_shape(a), r->b, ax_shape(b));
    if (ka != kb)
        return ax_fail(AX_EARG, "matmul: %s is %s%s and %s is %s%s: %lld columns times %lld rows, wanted the same number", r->a, ax_shape(a),
                       r->transpose_a ? " (transposed)" : "", r->b, ax_shape(b), r->transpose_b ? " (transposed)" : "", (long long)ka,
                       (long long)kb);
    memcpy(shape, a->shape, (size_t)a->rank * sizeof *shape);
    shape[a->rank - 2] = m;
    shape[a->rank - 1] = n;
    return AX_OK;
}

static int multiply(ax_engine *e, const request *r, const ax_mult *m)
{
    ax_tensor *a = NULL, *b = NULL;
    int64_t shape[AX_RANK_MAX];
    AX_TRY(read_operand(&a, e, r->a));
    AX_TRY(read_operand(&b, e, r->b));
    AX_TRY(output_shape(shape, a, b, r));
    ax_tensor *c = ax_tensor_new(e, AX_F32, a->rank, shape);
    if (!c) return ax_errstatus();
    AX_TRY(ax_matmul(c, a, b, NULL, 0, (r->transpose_a ? TRANSPOSE_A : 0) | (r->transpose_b ? TRANSPOSE_B : 0), m));
    float *product = ax_alloc((size_t)c->size, sizeof *product);
    if (!product) return AX_ENOMEM;
    int status = ax_tensor_get(c, product);
    if (status == AX_OK) status = ax_npy_write(r->c, product, c->rank, c->shape);
    ax_free(product);
    AX_TRY(status);
    if (!ax_common_options.quiet) fprintf(stderr, "%s: %s under %s\n", r->c, ax_shape(c), ax_mult_spec(m));
    return AX_OK;
}

int cmd_matmul(int argc, char **argv)
{
    request r = {.device = "cpu"};
    const ax_option options[] = {
        {"output", 'o', AX_OPT_TEXT, &r.c, "C.npy", "the product, float32", 0, 0},
        {"multiplier", 'm', AX_OPT_TEXT, &r.multiplier, "SPEC", "the multiplier of every product, such as mbm:7 or lut:FILE", 0, 0},
        {"device", 0, AX_OPT_TEXT, &r.device, "NAME", "cpu (default), or the number of a CUDA device", 0, 0},
        {"strict", 0, AX_OPT_FLAG, &r.strict, NULL, "sum in ascending order: the same bits on every machine", 0, 0},
        {"transpose-a", 0, AX_OPT_FLAG, &r.transpose_a, NULL, "transpose the last two dimensions of A", 0, 0},
        {"transpose-b", 0, AX_OPT_FLAG, &r.transpose_b, NULL, "transpose the last two dimensions of B", 0, 0},
        {0},
    };
    const ax_usage usage = {
        "matmul", "A.npy B.npy -o C.npy --multiplier SPEC", "An approximate matrix product of .npy arrays.",
        "A and B are little-endian float32 or float64 arrays in C order of 2 to 8 dimensions; float64 is rounded to float32. The\n"
        "last two dimensions are multiplied for each of the leading ones, which must be equal, or B has just two. A's numbers\n"
        "are the multiplier's first operand.", 2, 2};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (ax_common_options.help) return AX_OK;
    r.a = args.items[0];
    r.b = args.items[1];
    if (!r.c) return ax_fail(AX_EARG, "matmul: -o C.npy is missing");
    if (!r.multiplier) return ax_fail(AX_EARG, "matmul: --multiplier SPEC is missing; see 'approxrun mult list'");
    const ax_mult *m = ax_mult_get(r.multiplier);
    if (!m) return ax_errstatus();
    ax_engine *e = ax_engine_new(r.device, ax_threads_each(1), r.strict);
    if (!e) return ax_errstatus();
    int status = multiply(e, &r, m);
    ax_engine_free(e);
    return status;
}

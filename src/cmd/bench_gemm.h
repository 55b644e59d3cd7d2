/* The parts of `bench gemm`: shapes and their operands (bench_shape.c), the check of a product (bench_check.c), what is shown
 * (bench_rows.c), and what is timed (bench_gemm.c). */
#ifndef AX_CMD_BENCH_GEMM_H
#define AX_CMD_BENCH_GEMM_H

#include "cmd/machine.h"
#include "cmd/options.h"
#include "engine/api.h"
#include "kernels/backend.h"
#include "lut/lut.h"

#include <cJSON.h>

enum { AX_BENCH_BASELINES = 2 };

enum ax_bench_pass { AX_BENCH_MATMUL, AX_BENCH_FORWARD, AX_BENCH_GRAD_INPUT, AX_BENCH_GRAD_WEIGHT, AX_BENCH_PASSES };

/* A product c (m, n) = a (m, k) x b (k, n): of matrices, or a convolution or one of its gradients, read from its tensors. */
typedef struct {
    char name[96];
    enum ax_bench_pass pass;
    int64_t m, n, k;
    int64_t images, h, w, channels, kh, kw, filters, stride, oh, ow, pad_h, pad_w;      /* convolutions */
    ax_tensor *a, *b, *c;                /* the multiplier's first operands, its second ones, the output */
    ax_tensor *matrix_a, *matrix_b;      /* (m, k) and (k, n), which baselines multiply: a and b if those are matrices */
} ax_bench_shape;

/* The shapes that a word of --shape stands for, one, or a convolution's three passes, appended at *n. AX_EARG. */
int ax_bench_shape_parse(ax_bench_shape *list, int *n, const char *text);

/* Its tensors on an engine, filled. */
int ax_bench_shape_make(ax_bench_shape *s, ax_engine *e);

int ax_bench_shape_multiply(const ax_bench_shape *s, const ax_mult *m);

/* How far the output is from the products by the definition summed in double, at sampled elements. */
typedef struct {
    int samples, different;      /* how many differ in a bit from the CPU's product in the strict order */
    double l2, strict_l2;        /* relative L2 of the output, and of that product */
    double largest;              /* largest distance over the root mean square of the samples */
} ax_bench_error;

/* Of side x side elements. */
int ax_bench_measure_error(ax_bench_error *error, const ax_bench_shape *s, const char *spec, int side);

typedef struct {
    ax_texts multipliers, shapes;
    int64_t rounds;
    const char *device, *blas;
    bool json, strict, check;
    int threads, name_width;
    const ax_backend *backend;
} ax_bench_request;

/* What makes the product: the engine, or another's method. */
typedef struct {
    const ax_baseline *method;       /* NULL: the engine */
    int chunk, runs;                 /* a sample is `runs` segments of `chunk` products */
    double *gmacs, *ratio;           /* (rounds): 10^9 products a second; the engine's in the same round over it */
} ax_bench_contender;

/* One multiplier at one shape: the engine, then the baselines. */
typedef struct {
    const char *spec;                /* as it was asked for */
    char name[AX_SPEC_MAX + 32], kernel[64];
    ax_bench_contender with[1 + AX_BENCH_BASELINES];
    int n;
    double *multiply;                /* (rounds): 10^9 products a second of the multiplication alone; NULL: not told apart */
    ax_bench_error error;
} ax_bench_row;

cJSON *ax_bench_tree(const ax_bench_request *q, const ax_machine *m);
void ax_bench_row_json(cJSON *results, const ax_bench_row *r, const ax_bench_shape *s, const ax_bench_request *q);
void ax_bench_head_print(const ax_bench_request *q, const ax_machine *m);
void ax_bench_shape_print(const ax_bench_shape *s, const ax_bench_request *q);
void ax_bench_row_print(const ax_bench_row *r, const ax_bench_request *q);

#endif

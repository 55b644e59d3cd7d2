/* Products of matrices under table multipliers against a scalar definition, bit for bit: every transposition, batches, one b for
 * the whole batch, bias. The words come from arithmetic written here, or from a random table that is not symmetric; operands are
 * normal numbers, whose products are normal too. Under fp32 the sums are compared with double within their rounding error. */
#include "tensors.h"

#include <unistd.h>

enum { M = 7, CELLS = 1 << M };          /* fraction bits of all multipliers here */

/* The approximate product of the significands 1 + i/128 and 1 + j/128: 1 up to 4. */
typedef double (*mantissa)(unsigned i, unsigned j);

static uint8_t table[CELLS * CELLS];     /* carry in bit 7, fraction below */

static double by_table(unsigned i, unsigned j)
{
    unsigned word = table[i * CELLS + j];
    return (1 + (word & 127) / 128.0) * (1 + (word >> 7));
}

/* Truncating bfloat16: the product's own significand is cut to M bits as well. */
static double exact(unsigned i, unsigned j)
{
    double product = (1 + i / 128.0) * (1 + j / 128.0), unit = product < 2 ? 128 : 64;
    return floor(product * unit) / unit;
}

/* Saadat et al., IEEE TCAD 37(11), 2018: the constant is 10/128, halved after a carry and dropped where it would carry again. */
static double mbm(unsigned i, unsigned j)
{
    unsigned sum = (i | 1) + (j | 1), carry = sum >= 128, fraction = sum % 128;
    if (carry) return 2 * (1 + (fraction + (fraction + 5 < 128 ? 5 : 0)) / 128.0);
    return fraction + 10 < 128 ? 1 + (fraction + 10) / 128.0 : 2 * (1 + (fraction + 10 - 128) / 2 / 128.0);
}

/* x by y: signs and exponents as they are, the significands cut to M bits. */
static float multiply(mantissa f, float x, float y)
{
    int ex, ey;
    double a = frexp(fabs((double)x), &ex), b = frexp(fabs((double)y), &ey);         /* 0.5 up to 1 */
    if (x == 0 || y == 0) return 0;
    double p = ldexp(f((unsigned)(a * 2 * CELLS) - CELLS, (unsigned)(b * 2 * CELLS) - CELLS), ex + ey - 2);
    return (float)((x < 0) == (y < 0) ? p : -p);
}

typedef struct {
    const char *name;
    int64_t batch[2];                    /* leading dimensions; 0: absent */
    int64_t m, n, k;
    int flags, shared, bias;             /* flags: 1: a is (k, m), 2: b is (n, k); shared: one b for the whole batch */
} layout;

static const layout layouts[] = {
    {"plain", {0, 0}, 5, 7, 11, 0, 0, 0},
    {"bias", {0, 0}, 33, 10, 84, 0, 0, 1},
    {"a transposed", {0, 0}, 19, 35, 40, 1, 0, 0},
    {"b transposed", {0, 0}, 32, 23, 9, 2, 0, 1},
    {"both transposed", {0, 0}, 9, 6, 70, 3, 0, 1},
    {"row by column", {0, 0}, 1, 1, 300, 0, 0, 1},
    {"one product", {0, 0}, 3, 17, 1, 3, 0, 0},
    {"batch", {3, 0}, 6, 9, 13, 0, 0, 1},
    {"batch of batches, a transposed", {2, 3}, 4, 5, 21, 1, 0, 0},
    {"batch, b transposed", {2, 2}, 7, 18, 8, 2, 0, 1},
    {"batch, both transposed", {3, 0}, 5, 4, 16, 3, 0, 1},
    {"shared b", {3, 0}, 6, 9, 13, 0, 1, 1},
    {"shared b, a transposed", {3, 0}, 6, 9, 13, 1, 1, 1},
    {"shared b, transposed", {2, 2}, 8, 20, 31, 2, 1, 0},
    {"shared b, both transposed", {2, 0}, 8, 20, 31, 3, 1, 1},
    {"blocks and remainders", {0, 0}, 131, 67, 401, 0, 0, 1},
};
enum { LAYOUTS = sizeof layouts / sizeof layouts[0] };

typedef struct { ax_engine *engine; ax_tensor *a, *b, *bias, *c; } operands;

/* (batch.., rows, columns), or without the batch. */
static ax_tensor *tensor(ax_engine *e, const layout *l, int batched, int64_t rows, int64_t columns)
{
    int64_t shape[4];
    int rank = 0;
    for (int i = 0; i < 2; i++)
        if (batched && l->batch[i]) shape[rank++] = l->batch[i];
    shape[rank++] = rows, shape[rank++] = columns;
    return tensor_of(e, AX_F32, rank, shape);
}

static operands operands_new(const layout *l, int threads)
{
    ax_engine *e = engine_with(threads);
    operands o = {.engine = e, .c = tensor(e, l, 1, l->m, l->n), .bias = l->bias ? F32(e, l->n) : NULL};
    o.a = l->flags & 1 ? tensor(e, l, 1, l->k, l->m) : tensor(e, l, 1, l->m, l->k);
    o.b = l->flags & 2 ? tensor(e, l, !l->shared, l->n, l->k) : tensor(e, l, !l->shared, l->k, l->n);
    randomise(o.a, -2, 2, 80), randomise(o.b, -1, 1, 81), randomise(o.c, 5, 6, 82);
    for (int64_t i = 0; i < o.a->size; i += 9) ax_f32(o.a)[i] = 0;
    if (o.bias) randomise(o.bias, -1, 1, 83);
    return o;
}

static float at_a(const layout *l, const operands *o, int64_t batch, int64_t i, int64_t k)
{
    return ax_f32(o->a)[batch * l->m * l->k + (l->flags & 1 ? k * l->m + i : i * l->k + k)];
}

static float at_b(const layout *l, const operands *o, int64_t batch, int64_t k, int64_t j)
{
    return ax_f32(o->b)[(l->shared ? 0 : batch * l->n * l->k) + (l->flags & 2 ? j * l->k + k : k * l->n + j)];
}

/* One float accumulator, k ascending, then the bias. */
static float element(const layout *l, const operands *o, mantissa f, int64_t batch, int64_t i, int64_t j)
{
    float sum = 0;
    for (int64_t k = 0; k < l->k; k++) sum += multiply(f, at_a(l, o, batch, i, k), at_b(l, o, batch, k, j));
    return o->bias ? sum + ax_f32(o->bias)[j] : sum;
}

static void compare_bits(const layout *l, const operands *o, mantissa f, const char *spec)
{
    for (int64_t at = 0; at < o->c->size; at++) {
        int64_t j = at % l->n, i = at / l->n % l->m, batch = at / l->n / l->m;
        float got = ax_f32(o->c)[at], want = element(l, o, f, batch, i, j);
        if (got == want) continue;                       /* a zero may have any sign, and there is no NaN */
        fail_msg("%s, %s: c(%d,%d) of batch %d is %a; wanted %a", spec, l->name, (int)i, (int)j, (int)batch, (double)got, (double)want);
    }
}

static void check_spec(const char *spec, mantissa f)
{
    const ax_mult *m = mult_of(spec);
    for (int i = 0; i < LAYOUTS; i++)
        for (int threads = 1; threads <= 2; threads++) {
            operands o = operands_new(&layouts[i], threads);
            assert_ok(ax_matmul(o.c, o.a, o.b, o.bias, 0, layouts[i].flags, m));
            compare_bits(&layouts[i], &o, f, spec);
            ax_engine_free(o.engine);
        }
}

static void matmul__under_an_exact_table_equals_its_definition(void **state)
{
    (void)state;
    check_spec("exact:7", exact);
}

static void matmul__under_mbm_equals_its_definition(void **state)
{
    (void)state;
    check_spec("mbm:7", mbm);
}

static void matmul__takes_its_first_operand_as_the_row_of_a_table(void **state)
{
    (void)state;
    char path[64], spec[128];
    int different = 0;
    for (int i = 0; i < CELLS * CELLS; i++) table[i] = (uint8_t)(ax_rng(1, AX_RNG_TEST, 84, (uint64_t)i / 4).v[i % 4] >> 24);
    for (int i = 0; i < CELLS; i++)
        for (int j = 0; j < i; j++) different += table[i * CELLS + j] != table[j * CELLS + i];
    assert_true(different > CELLS * CELLS / 2 * 9 / 10);
    snprintf(path, sizeof path, "/tmp/ax_matmul_%d_7.bin", (int)getpid());
    snprintf(spec, sizeof spec, "lut:%s,width=7,format=u8", path);
    assert_ok(ax_file_write(path, table, sizeof table));
    check_spec(spec, by_table);
    unlink(path);
}

/* |sum - true sum| <= (k + 1) 2^-24 sum |a b|, whatever the order (Higham, Accuracy and Stability, section 3.1), and the bias. */
static void matmul__under_fp32_is_within_rounding_of_double(void **state)
{
    (void)state;
    for (int i = 0; i < LAYOUTS; i++) {
        const layout *l = &layouts[i];
        operands o = operands_new(l, 2);
        assert_ok(ax_matmul(o.c, o.a, o.b, o.bias, 0, l->flags, mult_of("fp32")));
        for (int64_t at = 0; at < o.c->size; at++) {
            int64_t j = at % l->n, r = at / l->n % l->m, batch = at / l->n / l->m;
            double sum = o.bias ? (double)ax_f32(o.bias)[j] : 0, size = fabs(sum);
            for (int64_t k = 0; k < l->k; k++) {
                double p = (double)at_a(l, &o, batch, r, k) * (double)at_b(l, &o, batch, k, j);
                sum += p, size += fabs(p);
            }
            if (!(fabs((double)ax_f32(o.c)[at] - sum) <= (double)(l->k + 2) * 0x1p-24 * size)) fail_msg("%s: element %d", l->name, (int)at);
        }
        ax_engine_free(o.engine);
    }
}

/* A dense layer and its gradients as layers call them; written out for PyTorch, with the sums in double as a check here. */
static void dense__gives_outputs_and_gradients(void **state)
{
    (void)state;
    static const int64_t shapes[][3] = {{128, 400, 120}, {32, 84, 10}, {1, 5, 3}, {17, 1, 33}};      /* rows, inputs, units */
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        int64_t rows = shapes[s][0], in = shapes[s][1], units = shapes[s][2];
        ax_engine *e = engine_with(2);
        ax_tensor *x = F32(e, rows, in), *w = F32(e, in, units), *bias = F32(e, units), *y = F32(e, rows, units), *dy = F32(e, rows, units);
        ax_tensor *dx = F32(e, rows, in), *dw = F32(e, in, units), *db = F32(e, units);
        const ax_mult *m = mult_of("fp32");
        char name[64];
        snprintf(name, sizeof name, "dense,rows=%d,inputs=%d,units=%d", (int)rows, (int)in, (int)units);
        randomise(x, -1, 1, 85), randomise(w, -1, 1, 86), randomise(bias, -1, 1, 87), randomise(dy, -1, 1, 88);
        assert_ok(ax_matmul(y, x, w, bias, 0, 0, m));
        assert_ok(ax_matmul(dx, dy, w, NULL, 0, 2, m));
        assert_ok(ax_matmul(dw, x, dy, NULL, 0, 1, m));
        assert_ok(ax_bias_grad(db, dy));
        double first[3] = {(double)ax_f32(bias)[0], 0, 0};               /* y(0,0), dx(0,0), dw(0,0) */
        for (int64_t k = 0; k < in; k++) first[0] += (double)ax_f32(x)[k] * (double)ax_f32(w)[k * units];
        for (int64_t k = 0; k < units; k++) first[1] += (double)ax_f32(dy)[k] * (double)ax_f32(w)[k];
        for (int64_t k = 0; k < rows; k++) first[2] += (double)ax_f32(x)[k * in] * (double)ax_f32(dy)[k * units];
        assert_near(y->data, first, 1, 1e-5, "y"), assert_near(dx->data, first + 1, 1, 1e-5, "dx");
        assert_near(dw->data, first + 2, 1, 1e-5, "dw");
        dump(name, "x", x), dump(name, "w", w), dump(name, "bias", bias), dump(name, "y", y);
        dump(name, "dy", dy), dump(name, "dx", dx), dump(name, "dw", dw), dump(name, "db", db);
        ax_engine_free(e);
    }
}

static void matmul__names_what_does_not_fit(void **state)
{
    (void)state;
    ax_engine *e = engine_with(1);
    ax_tensor *a = F32(e, 4, 5), *b = F32(e, 6, 7), *b3 = F32(e, 2, 5, 7), *c = F32(e, 4, 7), *square = F32(e, 5, 5);
    const ax_mult *m = mult_of("exact:7");
    assert_fails(ax_matmul(c, a, b, NULL, 0, 0, m), AX_ESHAPE, "a is (4,5) but b is (6,7): inner dimensions 5 and 6 differ");
    assert_fails(ax_matmul(c, a, square, NULL, 0, 0, m), AX_ESHAPE, "c is (4,7); wanted 4 rows and 5 columns");
    assert_fails(ax_matmul(c, a, b3, NULL, 0, 0, m), AX_ESHAPE, "wanted equal numbers of dimensions");
    assert_fails(ax_matmul(c, a, b, NULL, 0, 4, m), AX_EARG, "flags are 4; wanted 0 to 3");
    assert_fails(ax_matmul(square, square, square, NULL, 0, 0, m), AX_EARG, "shares memory");
    ax_engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matmul__under_an_exact_table_equals_its_definition),
        cmocka_unit_test(matmul__under_mbm_equals_its_definition),
        cmocka_unit_test(matmul__takes_its_first_operand_as_the_row_of_a_table),
        cmocka_unit_test(matmul__under_fp32_is_within_rounding_of_double),
        cmocka_unit_test(dense__gives_outputs_and_gradients),
        cmocka_unit_test(matmul__names_what_does_not_fit),
    };
    return cmocka_run_group_tests_name("op_matmul", tests, NULL, NULL);
}

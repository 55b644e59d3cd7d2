/* Products against their definition (gemm.h), bit for bit: families, narrow tables, shapes, operands, the edges of the range. */
#include "gemm.h"

/* --- products ---------------------------------------------------------------------------------------------------- */

static void products_of_every_mantissa_pair_equal_the_definition(void **state)
{
    (void)state;
    for (int m = 1; m <= 7; m++) {
        for (int f = 0; f < FAMILIES; f++) {
            mult t = from_model(families[f].model, f, m);
            analyse(&t);
            check_all_pairs(&t, families[f].name);
            release(&t);
        }
        mult noise = from_noise(m, m), wide = from_noise(m, 23);
        analyse(&noise);
        analyse(&wide);
        check_all_pairs(&noise, "random table");
        check_all_pairs(&wide, "random table of 23 output bits");
        release(&noise);
        release(&wide);
    }
}

/* Tables that ignore low operand bits, differently on each side, and those that are sums of odd parts. */
static void tables_with_structure_equal_the_definition(void **state)
{
    (void)state;
    for (int live_a = 1; live_a <= 7; live_a += 2)
        for (int live_b = 1; live_b <= 7; live_b += 3) {
            uint32_t *words = new_words(7), noise[128 * 128];
            for (int e = 0; e < 128 * 128; e++) noise[e] = (draw() & 0xffu) << 16;
            for (int e = 0; e < 128 * 128; e++)
                words[e] = noise[((e >> 7) >> (7 - live_a)) << live_b | (e & 127) >> (7 - live_b)];
            mult t = from_words(7, words);
            analyse(&t);
            check_all_pairs(&t, "dead bits");
            check_shape(&t, 70, 11, 37, 100, 150, "dead bits");
            release(&t);
        }
    for (int m = 2; m <= 11; m += 3) {
        mult t = ready(from_random_sum(m));
        assert_true(t.plan.additive && t.plan.lut.fused);
        if (m <= 7) check_all_pairs(&t, "random sum");
        check_shape(&t, 17, 90, 133, 90, 160, "random sum");
        check_shape(&t, 90, 17, 133, 90, 160, "random sum");
        release(&t);
    }
}

static void a_flipped_table_entry_is_one_different_product(void **state)
{
    (void)state;
    for (int m = 2; m <= 7; m++) {
        mult t = from_noise(m, m);
        analyse(&t);
        int side = 1 << m;
        float a[128], b[128], *before = malloc(sizeof *before * 128 * 128), *after = malloc(sizeof *after * 128 * 128);
        for (int i = 0; i < side; i++) a[i] = b[i] = ax_float(127u << 23 | (uint32_t)i << (23 - m));
        ax_gemm g = product(&t, a, b, side, side, 1);
        for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
            if (!use_isa(isas[i])) continue;
            g.threads = 1;
            g.c = before;
            ax_cpu_gemm(&g);
            uint32_t entry = draw() & ((1u << 2 * m) - 1);
            t.words[entry] ^= 1u << (23 - m);
            analyse(&t);
            g.c = after;
            ax_cpu_gemm(&g);
            assert_int_equal(differing(&g, before, after, side * side), 1);
            assert_true(before[entry] != after[entry]);
        }
        unsetenv("APPROXRUN_ISA");
        free(before);
        free(after);
        release(&t);
    }
}

/* --- sums -------------------------------------------------------------------------------------------------------- */

static void each_multiplier(void (*check)(const mult *t, const char *what), int from, int to)
{
    for (int m = from; m <= to; m++) {
        for (int f = 0; f < FAMILIES; f++) {
            mult t = from_model(families[f].model, f, m);
            analyse(&t);
            check(&t, families[f].name);
            release(&t);
        }
        if (m > 11) continue;
        mult noise = from_noise(m, m);
        analyse(&noise);
        check(&noise, "random table");
        release(&noise);
    }
}

static void check_shapes(const mult *t, const char *what)
{
    static const int64_t shapes[][3] = {{1, 1, 1},   {3, 65, 2},  {65, 3, 131}, {6, 100, 25}, {100, 6, 25},
                                        {37, 31, 70}, {9, 129, 5}, {25, 6, 300}, {1, 40, 260}, {40, 1, 9}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        check_shape(t, shapes[s][0], shapes[s][1], shapes[s][2], 118, 134, what);
}

static void ragged_shapes_equal_the_definition(void **state)
{
    (void)state;
    each_multiplier(check_shapes, 1, 9);
    each_multiplier(check_shapes, 11, 13);
    each_multiplier(check_shapes, 22, 23);
}

/* Exponents over 2^+-8 make nearly every other order of summation give other bits. */
static void check_long_sum(const mult *t, const char *what) { check_shape(t, 7, 35, 577, 119, 135, what); }

static void long_sums_of_wide_exponents_are_in_order(void **state)
{
    (void)state;
    each_multiplier(check_long_sum, 3, 8);
    each_multiplier(check_long_sum, 16, 16);
}

/* Large row and lane tiles, several of each. */
static void products_of_many_tiles_equal_the_definition(void **state)
{
    (void)state;
    mult t = from_noise(7, 7);
    analyse(&t);
    check_shape(&t, 530, 70, 20, 110, 140, "many tiles");
    check_shape(&t, 70, 900, 20, 110, 140, "many tiles");
    check_shape(&t, 300, 450, 10, 110, 140, "many tiles");
    release(&t);
}

static void check_tiny(const mult *t, const char *what)
{
    check_shape(t, 40, 50, 9, 1, 130, what);       /* most products below 2^-126: fused or flushed */
    check_shape(t, 50, 6, 9, 50, 80, what);
}

static void products_below_the_range_are_fused_or_flushed(void **state)
{
    (void)state;
    each_multiplier(check_tiny, 1, 23);
}

static void check_huge(const mult *t, const char *what)
{
    float *a = numbers(20 * 5, 1, 254), *b = numbers(70 * 5, 1, 254);
    ax_gemm g = product(t, a, b, 20, 70, 5);
    assert_defined(&g, what);                       /* overflow to either Inf, Inf - Inf */
    a[7] = INFINITY;
    b[11] = -INFINITY;
    a[50] = ax_float(0xffc12345u);
    a[60] = ax_float(0x00000001u);
    assert_defined(&g, what);
    a[7] = a[50] = 1.0f;
    b[11] = ax_float(254u << 23 | 0x7fffffu);
    assert_defined(&g, what);
    free(a);
    free(b);
}

static void overflow_infinity_and_nan_follow_the_rule(void **state)
{
    (void)state;
    each_multiplier(check_huge, 1, 23);
}

/* Operands of one exponent each, around the last products that are finite: ea + eb + carry - 127 of 253 to 255, and a first
 * operand of 2^127 whose fraction carries although the product is small. */
static void check_edges(const mult *t, const char *what)
{
    static const uint32_t exponents[][2] = {{254, 126}, {254, 127}, {254, 128}, {253, 128}, {128, 253}, {127, 254},
                                            {126, 254}, {191, 189}, {190, 190}, {254, 20},  {20, 254},  {1, 126}};
    for (size_t e = 0; e < sizeof exponents / sizeof *exponents; e++)
        for (int tall = 0; tall < 2; tall++) {
            int64_t m = tall ? 90 : 10, n = tall ? 10 : 90;
            float *a = malloc((size_t)m * 2 * sizeof *a), *b = malloc((size_t)n * 2 * sizeof *b);
            for (int64_t i = 0; i < 2 * m; i++) a[i] = ax_float((draw() & 0x807fffffu) | exponents[e][0] << 23);
            for (int64_t i = 0; i < 2 * n; i++) b[i] = ax_float((draw() & 0x807fffffu) | exponents[e][1] << 23);
            ax_gemm g = product(t, a, b, m, n, 2);
            assert_defined(&g, what);
            free(a);
            free(b);
        }
}

static void products_at_the_edges_of_the_range_equal_the_definition(void **state)
{
    (void)state;
    each_multiplier(check_edges, 1, 9);
    each_multiplier(check_edges, 23, 23);
}

/* --- operands ---------------------------------------------------------------------------------------------------- */

static void check_operands(ax_operand a, ax_operand b, int64_t m, int64_t n, int64_t k, const char *what)
{
    mult tables[3] = {from_noise(7, 7), from_model(ax_model_mit, 1, 5), {.view = {.width = 23, .native = 1, .direct = -1}}};
    for (int i = 0; i < 3; i++) {
        analyse(&tables[i]);
        ax_gemm g = {.a = a, .b = b, .m = m, .n = n, .k = k, .ldc = n + 3, .batch = 1, .plan = &tables[i].plan, .strict = 1,
                     .work = work_memory()};
        assert_defined(&g, what);
        release(&tables[i]);
    }
}

static void strided_matrices_are_read_by_their_strides(void **state)
{
    (void)state;
    float *x = numbers(200000, 110, 140);
    int64_t m = 45, n = 71, k = 150;
    for (int layout = 0; layout < 4; layout++) {
        ax_operand a = layout & 1 ? matrix(x, 1, m + 2, k) : matrix(x, k + 5, 1, k);
        ax_operand b = layout & 2 ? matrix(x + 50000, 1, n, k) : matrix(x + 50000, k, 1, k);
        check_operands(a, b, m, n, k, "transposition");
        check_operands(b, a, n, m, k, "transposition");
    }
    ax_operand odd = matrix(x + 9, 3, 150, k), levels = matrix(x + 100000, 10, 1, 10);
    levels.k_outer_stride = 10 * n;
    check_operands(odd, levels, m, n, k, "two levels of k");
    check_operands(levels, odd, n, m, k, "two levels of k");
    free(x);
}

/* Forward, weight gradient and input gradient of one convolution; weights are (kernel, kernel, c, oc). */
typedef struct {
    int64_t n, h, w, c, oc, kernel_h, kernel_w, stride, pad;
} conv;

static void check_convolution(const conv *v)
{
    int64_t oh = (v->h + 2 * v->pad - v->kernel_h) / v->stride + 1, ow = (v->w + 2 * v->pad - v->kernel_w) / v->stride + 1;
    int64_t taps = v->kernel_h * v->kernel_w * v->c, positions = v->n * oh * ow, inputs = v->n * v->h * v->w;
    float *x = numbers(inputs * v->c, 110, 140), *w = numbers(taps * v->oc, 110, 140);
    float *dy = numbers(positions * v->oc, 110, 140);
    ax_operand patches = {.kind = AX_OPERAND_PATCHES, .data = x, .n = v->n, .h = v->h, .w = v->w, .c = v->c, .out_h = oh,
                          .out_w = ow, .kernel_h = v->kernel_h, .kernel_w = v->kernel_w, .stride_h = v->stride,
                          .stride_w = v->stride, .pad_h = v->pad, .pad_w = v->pad, .dilation_h = 1, .dilation_w = 1, .step = 1};
    check_operands(patches, matrix(w, 1, v->oc, taps), positions, v->oc, taps, "forward");
    patches.transposed = 1;
    check_operands(patches, matrix(dy, 1, v->oc, positions), taps, v->oc, positions, "weight gradient");
    ax_operand back = {.kind = AX_OPERAND_PATCHES, .data = dy, .n = v->n, .h = oh, .w = ow, .c = v->oc, .out_h = v->h,
                       .out_w = v->w, .kernel_h = v->kernel_h, .kernel_w = v->kernel_w, .stride_h = 1, .stride_w = 1,
                       .pad_h = -v->pad, .pad_w = -v->pad, .dilation_h = v->stride, .dilation_w = v->stride, .step = -1};
    ax_operand turned = matrix(w, v->oc, 1, v->oc);
    turned.k_outer_stride = v->c * v->oc;
    check_operands(back, turned, inputs, v->c, v->kernel_h * v->kernel_w * v->oc, "input gradient");
    free(x);
    free(w);
    free(dy);
}

static void convolutions_equal_a_naive_im2col(void **state)
{
    static const conv cases[] = {
        {2, 9, 8, 1, 6, 5, 5, 1, 2}, {2, 7, 9, 6, 5, 5, 5, 1, 0}, {1, 9, 11, 3, 4, 3, 2, 2, 1},  {1, 8, 8, 5, 17, 3, 3, 3, 2},
        {3, 2, 2, 2, 3, 3, 3, 1, 1}, {1, 4, 30, 16, 3, 1, 1, 1, 0}, {2, 6, 5, 4, 2, 2, 5, 2, 3}, {1, 5, 5, 1, 1, 5, 5, 1, 0},
        {1, 5, 70, 1, 3, 5, 5, 1, 2}, {2, 12, 10, 1, 2, 9, 9, 1, 4}, {3, 10, 9, 3, 6, 3, 3, 1, 1}, {2, 5, 5, 3, 150, 3, 3, 1, 1},
        {70, 3, 2, 1, 9, 3, 3, 1, 2}, {5, 7, 6, 33, 2, 3, 3, 1, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_convolution(&cases[i]);
}

/* Tiles that see more of the tensor than is copied at a time: many channels, many tiny images, strides that leave holes. */
static void convolutions_too_large_to_copy_equal_a_naive_im2col(void **state)
{
    static const conv cases[] = {
        {16, 4, 4, 240, 2, 3, 3, 1, 1}, {16, 4, 4, 2, 240, 3, 3, 1, 1}, {16, 7, 7, 2, 240, 3, 3, 2, 1}, {520, 1, 1, 16, 3, 5, 5, 1, 2},
        {520, 1, 1, 3, 16, 5, 5, 1, 2}, {130, 2, 2, 3, 16, 9, 9, 2, 4},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_convolution(&cases[i]);
}

static void bias_rows_apart_and_batches_are_kept_apart(void **state)
{
    (void)state;
    mult t = from_model(ax_model_mbm, 2, 7);
    analyse(&t);
    int64_t m = 21, n = 33, k = 40, batch = 3;
    float *a = numbers(batch * m * k, 115, 135), *b = numbers(batch * n * k, 115, 135), *bias = numbers(n, 120, 130);
    bias[3] = INFINITY;
    bias[4] = -0.0f;
    ax_gemm g = product(&t, a, b, m, n, k);
    g.batch = batch;
    g.a_batch = m * k;
    g.b_batch = n * k;
    g.ldc = n + 9;
    g.c_batch = m * (n + 9);
    g.bias = bias;
    assert_defined(&g, "bias and batch");
    g.b_batch = 0;
    assert_defined(&g, "shared operand");
    g.k = 0;
    assert_defined(&g, "empty sum");
    free(a);
    free(b);
    free(bias);
    release(&t);
}

/* --- fp32 -------------------------------------------------------------------------------------------------------- */

static void strict_fp32_is_a_chain_of_fma(void **state)
{
    (void)state;
    mult t = {.view = {.width = 23, .native = 1, .direct = -1}};
    analyse(&t);
    check_shapes(&t, "fp32");
    check_long_sum(&t, "fp32");
    check_tiny(&t, "fp32");
    check_huge(&t, "fp32");
    release(&t);
}

/* sgemm's order is its own: against double, |error| <= K 2^-24 sum |a b|; and bits never depend on the threads. */
static void fast_fp32_is_near_double_and_the_same_for_any_threads(void **state)
{
    static const int64_t shapes[][3] = {{300, 270, 1000}, {6, 25, 5000}, {700, 6, 25}, {1, 10, 84}};
    (void)state;
    mult t = {.view = {.width = 23, .native = 1, .direct = -1}};
    analyse(&t);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int64_t m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
        float *a = numbers(m * k, 118, 133), *b = numbers(n * k, 118, 133);
        float *c = malloc((size_t)(m * n) * sizeof *c), *again = malloc((size_t)(m * n) * sizeof *again);
        ax_gemm g = product(&t, a, b, m, n, k);
        g.strict = 0;
        g.c = c;
        g.threads = 1;
        ax_cpu_gemm(&g);
        g.c = again;
        g.threads = 2;
        ax_cpu_gemm(&g);
        assert_memory_equal(c, again, (size_t)(m * n) * sizeof *c);
        for (int64_t e = 0; e < m * n; e += 1 + m * n / 500) {
            double sum = 0, size = 0;
            for (int64_t q = 0; q < k; q++) {
                double p = (double)a[e / n * k + q] * b[q * n + e % n];
                sum += p;
                size += fabs(p);
            }
            assert_true(fabs(sum - c[e]) <= (double)k * ldexp(size, -24));
        }
        free(a);
        free(b);
        free(c);
        free(again);
    }
    release(&t);
}

static void an_unknown_instruction_set_has_no_name(void **state)
{
    (void)state;
    setenv("APPROXRUN_ISA", "avx1024", 1);
    assert_null(ax_cpu_isa());
    setenv("APPROXRUN_ISA", "c", 1);
    assert_string_equal(ax_cpu_isa(), "c");
    unsetenv("APPROXRUN_ISA");
    assert_non_null(ax_cpu_isa());
    printf("instruction set: %s, BLAS kernel: %s\n", ax_cpu_isa(), ax_cpu_blas());
}

int main(void)
{
    rng_state = 20240229;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_instruction_set_has_no_name),
        cmocka_unit_test(products_of_every_mantissa_pair_equal_the_definition),
        cmocka_unit_test(tables_with_structure_equal_the_definition),
        cmocka_unit_test(a_flipped_table_entry_is_one_different_product),
        cmocka_unit_test(ragged_shapes_equal_the_definition),
        cmocka_unit_test(long_sums_of_wide_exponents_are_in_order),
        cmocka_unit_test(products_of_many_tiles_equal_the_definition),
        cmocka_unit_test(products_below_the_range_are_fused_or_flushed),
        cmocka_unit_test(overflow_infinity_and_nan_follow_the_rule),
        cmocka_unit_test(products_at_the_edges_of_the_range_equal_the_definition),
        cmocka_unit_test(strided_matrices_are_read_by_their_strides),
        cmocka_unit_test(convolutions_equal_a_naive_im2col),
        cmocka_unit_test(convolutions_too_large_to_copy_equal_a_naive_im2col),
        cmocka_unit_test(bias_rows_apart_and_batches_are_kept_apart),
        cmocka_unit_test(strict_fp32_is_a_chain_of_fma),
        cmocka_unit_test(fast_fp32_is_near_double_and_the_same_for_any_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

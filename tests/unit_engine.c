/* Tensors, the arena's seal, the multiplier cache and the shapes of matmul. */
#include "tensors.h"

static void seal__ends_allocation(void **state)
{
    (void)state;
    ax_engine *e = engine_with(1);
    ax_tensor *t = F32(e, 10, 10);
    double bytes = ax_engine_bytes(e);
    assert_true(bytes >= 400);
    assert_ok(ax_engine_seal(e));
    assert_null(ax_tensor_new(e, AX_F32, SHAPE(2, 2)));
    assert_null(ax_tensor_alias(e, t, SHAPE(100)));
    assert_true(ax_engine_bytes(e) == bytes);
    ax_engine_free(e);
}

static void tensors__refuse_senseless_shapes_and_numbers(void **state)
{
    (void)state;
    ax_engine *e = engine_with(1);
    ax_tensor *t = F32(e, 2, 3), *bytes = tensor_of(e, AX_U8, SHAPE(2));
    double v[6] = {0, 1, 2, 3, 4, 5};
    assert_null(ax_tensor_new(e, AX_F32, SHAPE(2, 0)));
    assert_non_null(strstr(ax_errmsg(), "shape (2,0); every dimension must be at least 1"));
    assert_null(ax_tensor_new(e, AX_F32, SHAPE(INT64_C(1) << 40, INT64_C(1) << 40)));
    assert_non_null(strstr(ax_errmsg(), "is too large"));
    assert_null(ax_tensor_new(e, 4, SHAPE(2)));
    assert_null(ax_tensor_new(e, AX_F32, 9, (const int64_t[9]){1, 1, 1, 1, 1, 1, 1, 1, 1}));
    assert_fails(ax_tensor_read(t, v, 0.5, 1), AX_EARG, "offset is 0.5");
    assert_fails(ax_tensor_read(t, v, 0, NAN), AX_EARG, "n is nan");
    assert_fails(ax_tensor_read(t, v, 4, 3), AX_EARG, "elements 4 to 6 of a tensor (2,3) of 6");
    assert_fails(ax_tensor_write(bytes, (const double[]){256}, 0, 1), AX_EARG, "element 0 is 256");
    assert_fails(ax_tensor_reshape(t, SHAPE(7)), AX_ESHAPE, "(2,3) holds 6 elements but (7) holds 7");
    assert_ok(ax_tensor_write(t, v, 0, 6));
    double back[6] = {0};
    assert_ok(ax_tensor_reshape(t, SHAPE(3, 2)));
    assert_ok(ax_tensor_read(t, back, 0, 6));
    assert_memory_equal(back, v, sizeof v);
    assert_true(ax_tensor_rank(t) == 2 && ax_tensor_dim(t, 0) == 3 && ax_tensor_size(t) == 6);
    ax_engine_free(e);
}

static void mult__is_opened_once(void **state)
{
    (void)state;
    const ax_mult *m = mult_of("mbm:7");
    assert_ptr_equal(m, mult_of("mbm:7"));
    assert_string_equal(ax_mult_spec(m), "mbm:7");
    assert_string_equal(ax_mult_family(m), "mbm");
    assert_int_equal(ax_mult_width(m), 7);
    assert_null(ax_mult_get("mbn:7"));
    assert_null(ax_mult_get(NULL));
}

/* Element (r, k) of a matrix with `columns`, or of its transpose. */
static double at(const float *t, int64_t r, int64_t k, int64_t columns, int transposed)
{
    return (double)(transposed ? t[k * columns + r] : t[r * columns + k]);
}

static void matmul__equals_its_definition(void **state)
{
    (void)state;
    enum { B = 3, M = 5, N = 7, K = 11 };
    for (int flags = 0; flags < 4; flags++)
        for (int shared = 0; shared < 2; shared++) {
            ax_engine *e = engine_with(2);
            int ta = flags & 1, tb = flags >> 1;
            ax_tensor *a = F32(e, B, ta ? K : M, ta ? M : K), *c = F32(e, B, M, N), *bias = F32(e, N);
            ax_tensor *b = shared ? F32(e, tb ? N : K, tb ? K : N) : F32(e, B, tb ? N : K, tb ? K : N);
            double want[B * M * N];
            randomise(a, -1, 1, 90), randomise(b, -1, 1, 91), randomise(bias, -1, 1, 92);
            assert_ok(ax_matmul(c, a, b, bias, 0, flags, mult_of("fp32")));
            for (int i = 0; i < B * M * N; i++) {
                int batch = i / (M * N), row = i / N % M, column = i % N;
                const float *pa = ax_f32(a) + batch * M * K, *pb = ax_f32(b) + (shared ? 0 : batch * K * N);
                want[i] = (double)ax_f32(bias)[column];
                for (int k = 0; k < K; k++) want[i] += at(pa, row, k, ta ? M : K, ta) * at(pb, k, column, tb ? K : N, tb);
            }
            assert_near(c->data, want, B * M * N, 1e-5, "matmul");
            ax_engine_free(e);
        }
}

static void matmul__names_what_does_not_fit(void **state)
{
    (void)state;
    ax_engine *e = engine_with(1), *other = engine_with(1);
    ax_tensor *a = F32(e, 2, 3), *b = F32(e, 4, 5), *c = F32(e, 2, 5), *foreign = F32(other, 3, 5), *i = I32(e, 3, 5);
    const ax_mult *m = mult_of("fp32");
    assert_fails(ax_matmul(c, a, b, NULL, 0, 0, m), AX_ESHAPE, "a is (2,3) but b is (4,5): inner dimensions 3 and 4 differ");
    assert_fails(ax_matmul(c, a, foreign, NULL, 0, 0, m), AX_EARG, "b belongs to another engine");
    assert_fails(ax_matmul(c, a, i, NULL, 0, 0, m), AX_EARG, "b is of type I32; wanted F32");
    assert_fails(ax_matmul(c, c, b, NULL, 0, 0, m), AX_EARG, "c shares memory with a");
    assert_fails(ax_matmul(c, a, b, NULL, 0, 4, m), AX_EARG, "flags are 4");
    ax_engine_free(e);
    ax_engine_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seal__ends_allocation),
        cmocka_unit_test(tensors__refuse_senseless_shapes_and_numbers),
        cmocka_unit_test(mult__is_opened_once),
        cmocka_unit_test(matmul__equals_its_definition),
        cmocka_unit_test(matmul__names_what_does_not_fit),
    };
    return cmocka_run_group_tests_name("unit_engine", tests, NULL, NULL);
}

/* Random fillings and dropout: the numbers of base/rng.h, whatever thread makes them. */
#include "tensors.h"

#include "kernels/random.h"

enum { N = 100001 };

static void random__is_the_stream_of_base_rng(void **state)
{
    (void)state;
    const uint64_t seed = UINT64_C(0x123456789abcdef0), number = UINT64_C(0xabcdef01234567);
    for (uint32_t i = 0; i < 100; i++) {
        philox4x32_ctr_t r = ax_random(seed, (uint64_t)AX_RNG_DROPOUT << 56 | number, i);
        ax_rng_block want = ax_rng(seed, AX_RNG_DROPOUT, number, i);
        assert_memory_equal(r.v, want.v, sizeof want.v);
    }
}

static void fill_uniform__gives_word_i_to_element_i(void **state)
{
    (void)state;
    ax_engine *e = engine_with(3);
    ax_tensor *t = F32(e, N);
    assert_ok(ax_fill_uniform(t, -2, 6, 77, 5));
    for (uint64_t i = 0; i < N; i++) {
        float want = -2 + 8 * ax_rng_float(ax_rng(77, AX_RNG_INIT, 5, i / 4).v[i % 4]);
        assert_true(ax_f32(t)[i] == want);
    }
    ax_engine_free(e);
}

static void fill_uniform__has_the_moments_of_a_uniform(void **state)
{
    (void)state;
    ax_engine *e = engine_with(2);
    ax_tensor *t = F32(e, N);
    double mean = 0, square = 0;
    assert_ok(ax_fill_uniform(t, -1, 1, 1, 1));
    for (int i = 0; i < N; i++) mean += (double)ax_f32(t)[i] / N, square += (double)ax_f32(t)[i] * (double)ax_f32(t)[i] / N;
    assert_true(fabs(mean) < 5 * sqrt(1.0 / 3 / N) && fabs(square - 1.0 / 3) < 5 * sqrt(4.0 / 45 / N));
    ax_engine_free(e);
}

static void streams__differ_by_seed_and_number(void **state)
{
    (void)state;
    ax_engine *e = engine_with(1);
    ax_tensor *a = F32(e, 8), *b = F32(e, 8);
    const double other[][2] = {{2, 1}, {1, 2}, {1, 4294967297.0}};
    assert_ok(ax_fill_uniform(a, 0, 1, 1, 1));
    for (int i = 0; i < 3; i++) {
        assert_ok(ax_fill_uniform(b, 0, 1, other[i][0], other[i][1]));
        assert_memory_not_equal(a->data, b->data, 8 * sizeof(float));
    }
    ax_engine_free(e);
}

static void dropout__keeps_the_mean_and_its_own_mask_in_backward(void **state)
{
    (void)state;
    ax_engine *e = engine_with(2);
    ax_tensor *x = F32(e, N), *y = F32(e, N), *dx = F32(e, N);
    int kept = 0;
    assert_ok(ax_fill(x, 3));
    assert_ok(ax_dropout(y, x, 0.25, 9, 4, 100));
    assert_ok(ax_dropout(dx, x, 0.25, 9, 4, 100));
    assert_memory_equal(y->data, dx->data, N * sizeof(float));
    for (int i = 0; i < N; i++) {
        assert_true(ax_f32(y)[i] == 0 || ax_f32(y)[i] == 4);
        kept += ax_f32(y)[i] != 0;
    }
    assert_true(fabs(kept - 0.75 * N) < 5 * sqrt(0.1875 * N));
    assert_ok(ax_dropout(dx, x, 0.25, 9, 4, 101));
    assert_memory_not_equal(y->data, dx->data, N * sizeof(float));
    assert_ok(ax_dropout(dx, x, 0.25, 9, 5, 100));
    assert_memory_not_equal(y->data, dx->data, N * sizeof(float));
    assert_ok(ax_dropout(y, x, 0, 9, 4, 100));
    assert_memory_equal(y->data, x->data, N * sizeof(float));
    ax_engine_free(e);
}

static void dropout__has_the_same_bits_on_any_number_of_threads(void **state)
{
    (void)state;
    static float want[N];
    for (int threads = 1; threads <= 5; threads++) {
        ax_engine *e = engine_with(threads);
        ax_tensor *x = F32(e, N);
        assert_ok(ax_fill_uniform(x, -1, 1, 3, 3));
        assert_ok(ax_dropout(x, x, 0.5, 3, 1, 1));
        if (threads == 1) memcpy(want, x->data, sizeof want);
        assert_memory_equal(x->data, want, sizeof want);
        ax_engine_free(e);
    }
}

static void random_ops__refuse_senseless_numbers(void **state)
{
    (void)state;
    ax_engine *e = engine_with(1);
    ax_tensor *x = F32(e, 4);
    assert_fails(ax_dropout(x, x, 1, 1, 1, 1), AX_EARG, "rate is 1; wanted at least 0 and below 1");
    assert_fails(ax_dropout(x, x, NAN, 1, 1, 1), AX_EARG, "rate is nan");
    assert_fails(ax_dropout(x, x, 0.5, 1.5, 1, 1), AX_EARG, "seed is 1.5");
    assert_fails(ax_dropout(x, x, 0.5, 1, 16777216, 1), AX_EARG, "layer is 16777216");
    assert_fails(ax_fill_uniform(x, 1, 0, 1, 1), AX_EARG, "lo is 1");
    assert_fails(ax_fill_uniform(x, 0, INFINITY, 1, 1), AX_EARG, "hi is inf");
    assert_fails(ax_fill_uniform(x, 0, 1, -1, 1), AX_EARG, "seed is -1");
    ax_engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random__is_the_stream_of_base_rng),
        cmocka_unit_test(fill_uniform__gives_word_i_to_element_i),
        cmocka_unit_test(fill_uniform__has_the_moments_of_a_uniform),
        cmocka_unit_test(streams__differ_by_seed_and_number),
        cmocka_unit_test(dropout__keeps_the_mean_and_its_own_mask_in_backward),
        cmocka_unit_test(dropout__has_the_same_bits_on_any_number_of_threads),
        cmocka_unit_test(random_ops__refuse_senseless_numbers),
    };
    return cmocka_run_group_tests_name("op_random", tests, NULL, NULL);
}

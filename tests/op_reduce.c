/* Bias gradients against sums in double, and the test for finite numbers at every place. */
#include "tensors.h"

/* (rows, n): narrow and wide, fewer rows than blocks, remainders everywhere. */
static const int64_t shapes[][2] = {{1, 1}, {3, 5}, {63, 10}, {1000, 6}, {100352, 6}, {6401, 16}, {128, 1024}, {130, 84}, {700, 65}, {65, 200}};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static void bias_grad__is_the_sum_over_rows(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES; s++) {
        int64_t rows = shapes[s][0], n = shapes[s][1];
        ax_engine *e = engine_with(2);
        ax_tensor *dy = F32(e, rows, n), *db = F32(e, n);
        double *want = calloc((size_t)n, sizeof *want);
        randomise(dy, -1, 2, 60);
        randomise(db, 8, 9, 61);
        for (int64_t i = 0; i < rows * n; i++) want[i % n] += (double)ax_f32(dy)[i];
        assert_ok(ax_bias_grad(db, dy));
        assert_near(db->data, want, n, 3e-6, "bias_grad");
        free(want);
        ax_engine_free(e);
    }
}

static void bias_grad__has_the_same_bits_on_any_number_of_threads(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES; s++) {
        int64_t rows = shapes[s][0], n = shapes[s][1];
        float want[1024];
        for (int threads = 1; threads <= 5; threads++) {
            ax_engine *e = engine_with(threads);
            ax_tensor *dy = F32(e, rows, n), *db = F32(e, n);
            randomise(dy, -1, 2, 62);
            assert_ok(ax_bias_grad(db, dy));
            if (threads == 1) memcpy(want, db->data, (size_t)n * sizeof *want);
            assert_memory_equal(db->data, want, (size_t)n * sizeof *want);
            ax_engine_free(e);
        }
    }
}

static void all_finite__finds_one_special_value_anywhere(void **state)
{
    (void)state;
    enum { N = 40009 };
    ax_engine *e = engine_with(3);
    ax_tensor *x = F32(e, N);
    const float specials[] = {NAN, INFINITY, -INFINITY};
    randomise(x, -1.5e38f, 1.5e38f, 63);
    assert_int_equal(ax_all_finite(x), 1);
    for (int at = 0; at < N; at += at < 64 || at > N - 64 ? 1 : 997) {
        float old = ax_f32(x)[at];
        ax_f32(x)[at] = specials[at % 3];
        assert_int_equal(ax_all_finite(x), 0);
        ax_f32(x)[at] = old;
    }
    assert_int_equal(ax_all_finite(x), 1);
    assert_int_equal(ax_all_finite(NULL), AX_EARG);
    ax_engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bias_grad__is_the_sum_over_rows),
        cmocka_unit_test(bias_grad__has_the_same_bits_on_any_number_of_threads),
        cmocka_unit_test(all_finite__finds_one_special_value_anywhere),
    };
    return cmocka_run_group_tests_name("op_reduce", tests, NULL, NULL);
}

/* Softmax cross entropy and arg max against their definitions in double. */
#include "tensors.h"

/* The loss of one row by definition, and its gradient times the number of labelled rows. */
static double row_loss(double *gradient, const float *x, int label, int classes)
{
    double top = (double)x[0], sum = 0;
    for (int i = 1; i < classes; i++) top = fmax(top, (double)x[i]);
    for (int i = 0; i < classes; i++) sum += exp((double)x[i] - top);
    for (int i = 0; i < classes; i++) gradient[i] = exp((double)x[i] - top) / sum - (i == label);
    return log(sum) + top - (double)x[label];
}

/* Row 0 is class 0, ..; every `skip`-th row has no label. */
static void compare(int rows, int classes, int skip, float range)
{
    ax_engine *e = engine_with(2);
    ax_tensor *logits = F32(e, rows, classes), *gradient = F32(e, rows, classes), *totals = F64(e, 3), *labels = I32(e, rows);
    double *row = calloc((size_t)classes, sizeof *row), loss = 0, *t = totals->data;
    int labelled = 0, correct = 0;
    randomise(logits, -range, range, 20);
    for (int r = 0; r < rows; r++) labelled += (ax_i32(labels)[r] = r % skip ? r % classes : -1) >= 0;
    assert_ok(ax_softmax_xent(gradient, totals, logits, labels));
    for (int r = 0; r < rows; r++) {
        const float *x = ax_f32(logits) + r * classes, *g = ax_f32(gradient) + r * classes;
        int label = ax_i32(labels)[r], best = 0;
        for (int i = 0; i < classes; i++) row[i] = 0;
        if (label >= 0) {
            loss += row_loss(row, x, label, classes);
            for (int i = 0; i < classes; i++) row[i] /= labelled, best = x[i] > x[best] ? i : best;
            correct += best == label;
        }
        for (int i = 0; i < classes; i++) row[i] *= labelled;
        float scaled[2048];
        for (int i = 0; i < classes; i++) scaled[i] = g[i] * (float)labelled;
        assert_near(scaled, row, classes, 2e-6, "gradient");
    }
    assert_true(fabs(t[0] - loss) <= 2e-6 * fmax(1, fabs(loss)));
    assert_true(t[1] == correct && t[2] == labelled);
    char name[64];
    snprintf(name, sizeof name, "softmax_xent,rows=%d,classes=%d", rows, classes);
    dump(name, "logits", logits), dump(name, "labels", labels), dump(name, "gradient", gradient), dump(name, "totals", totals);
    free(row);
    ax_engine_free(e);
}

static void softmax_xent__equals_its_definition(void **state)
{
    (void)state;
    compare(128, 10, 7, 5);
    compare(1, 2, 5, 1);
    compare(700, 1000, 3, 20);
    compare(64, 10, 1000, 500);
}

static void softmax_xent__adds_to_the_totals(void **state)
{
    (void)state;
    ax_engine *e = engine_with(1);
    ax_tensor *logits = F32(e, 4, 3), *totals = F64(e, 3), *labels = I32(e, 4);
    const double start[] = {1000, 5, 7}, label[] = {0, -1, 2, -1};
    double end[3];
    assert_ok(ax_tensor_write(totals, start, 0, 3));
    assert_ok(ax_tensor_write(labels, label, 0, 4));
    assert_ok(ax_softmax_xent(NULL, totals, logits, labels));        /* equal logits: ln 3 a row, class 0 is the arg max */
    assert_ok(ax_tensor_read(totals, end, 0, 3));
    assert_true(fabs(end[0] - 1000 - 2 * log(3)) < 1e-6 && end[1] == 6 && end[2] == 9);
    ax_engine_free(e);
}

static void softmax_xent__survives_huge_and_no_labels(void **state)
{
    (void)state;
    ax_engine *e = engine_with(1);
    ax_tensor *logits = F32(e, 2, 3), *gradient = F32(e, 2, 3), *totals = F64(e, 3), *labels = I32(e, 2);
    const double huge[] = {3e38, -3e38, 0, 1e4, 1e4, -1e4}, first[] = {0, 0}, none[] = {-1, -1};
    double *t = totals->data;
    assert_ok(ax_tensor_write(logits, huge, 0, 6));
    assert_ok(ax_tensor_write(labels, first, 0, 2));
    assert_ok(ax_softmax_xent(gradient, totals, logits, labels));
    assert_true(fabs(t[0] - log(2)) < 1e-6);
    assert_int_equal(ax_all_finite(gradient), 1);
    assert_ok(ax_tensor_write(labels, none, 0, 2));
    assert_ok(ax_softmax_xent(gradient, totals, logits, labels));
    for (int i = 0; i < 6; i++) assert_true(ax_f32(gradient)[i] == 0);
    assert_true(t[2] == 2);
    ax_engine_free(e);
}

static void softmax_xent__shows_a_nan(void **state)
{
    (void)state;
    ax_engine *e = engine_with(1);
    ax_tensor *logits = F32(e, 1, 3), *gradient = F32(e, 1, 3), *totals = F64(e, 3), *labels = I32(e, 1);
    const double in[] = {1, NAN, 2};
    assert_ok(ax_tensor_write(logits, in, 0, 3));
    assert_ok(ax_softmax_xent(gradient, totals, logits, labels));
    assert_true(isnan(((double *)totals->data)[0]));
    assert_int_equal(ax_all_finite(gradient), 0);
    ax_engine_free(e);
}

static void softmax_xent__has_the_same_bits_on_any_number_of_threads(void **state)
{
    (void)state;
    float want[600 * 50];
    double totals_want[3];
    for (int threads = 1; threads <= 5; threads++) {
        ax_engine *e = engine_with(threads);
        ax_tensor *logits = F32(e, 600, 50), *gradient = F32(e, 600, 50), *totals = F64(e, 3), *labels = I32(e, 600);
        randomise(logits, -4, 4, 21);
        assert_ok(ax_softmax_xent(gradient, totals, logits, labels));
        if (threads == 1) memcpy(want, gradient->data, sizeof want), memcpy(totals_want, totals->data, sizeof totals_want);
        assert_memory_equal(gradient->data, want, sizeof want);
        assert_memory_equal(totals->data, totals_want, sizeof totals_want);
        ax_engine_free(e);
    }
}

static void argmax__takes_the_first_of_equals(void **state)
{
    (void)state;
    ax_engine *e = engine_with(1);
    ax_tensor *x = F32(e, 3, 4), *index = I32(e, 3);
    const double in[] = {1, 5, 5, 2, -1, -1, -1, -1, 0, 1, 2, 3};
    assert_ok(ax_tensor_write(x, in, 0, 12));
    assert_ok(ax_argmax(index, x));
    assert_int_equal(ax_i32(index)[0], 1);
    assert_int_equal(ax_i32(index)[1], 0);
    assert_int_equal(ax_i32(index)[2], 3);
    ax_engine_free(e);
}

static void softmax_xent__refuses_a_label_beyond_the_classes(void **state)
{
    (void)state;
    ax_engine *e = engine_with(1);
    ax_tensor *logits = F32(e, 2, 3), *totals = F64(e, 3), *labels = I32(e, 2);
    ax_i32(labels)[1] = 3;
    assert_fails(ax_softmax_xent(NULL, totals, logits, labels), AX_EARG, "label 3 of row 1; the logits have 3 classes, 0 to 2");
    ax_engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_xent__equals_its_definition),
        cmocka_unit_test(softmax_xent__adds_to_the_totals),
        cmocka_unit_test(softmax_xent__survives_huge_and_no_labels),
        cmocka_unit_test(softmax_xent__shows_a_nan),
        cmocka_unit_test(softmax_xent__has_the_same_bits_on_any_number_of_threads),
        cmocka_unit_test(argmax__takes_the_first_of_equals),
        cmocka_unit_test(softmax_xent__refuses_a_label_beyond_the_classes),
    };
    return cmocka_run_group_tests_name("op_loss", tests, NULL, NULL);
}

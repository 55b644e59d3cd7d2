/* Batches of a data set: every sample once an epoch, in an order of seed and epoch alone; what is left over is masked. Written out,
 * they are the very batches of a trial with that seed, for PyTorch to train on. */
#include "tensors.h"

enum { PIXELS = 28 * 28, TRAIN = 300, TEST = 40, BATCH = 32, STEPS = (TRAIN + BATCH - 1) / BATCH };
enum { IN_ORDER = -1, TRAINING = 0, TESTING = 2 };       /* an epoch; parts of a set */

/* The set of tests/interop/lenet.lua. */
static ax_dataset *open_set(void)
{
    ax_dataset *d = ax_dataset_open("synthetic", "{\"shape\":[28,28,1],\"classes\":10,\"train\":300,\"test\":40}", 1 / 64.0, 0);
    if (!d) fail_msg("data set: %s", ax_errmsg());
    return d;
}

/* All batches of an epoch one after the other: x (STEPS * BATCH, 28, 28, 1). */
static void load_epoch(ax_tensor *x, ax_tensor *labels, ax_dataset *d, double seed, double epoch)
{
    ax_engine *e = engine_with(1);
    ax_tensor *rows = F32(e, BATCH, 28, 28, 1), *marks = I32(e, BATCH);
    for (int b = 0; b < STEPS; b++) {
        assert_ok(ax_batch_load(rows, marks, d, TRAINING, seed, epoch, b));
        memcpy(ax_f32(x) + b * BATCH * PIXELS, rows->data, BATCH * PIXELS * sizeof(float));
        memcpy(ax_i32(labels) + b * BATCH, marks->data, BATCH * sizeof(int32_t));
    }
    ax_engine_free(e);
}

/* The sample of the set's own order that row r is, or -1. */
static int sample_of(const float *row, const ax_tensor *set)
{
    for (int i = 0; i < TRAIN; i++)
        if (!memcmp(row, ax_f32(set) + i * PIXELS, PIXELS * sizeof(float))) return i;
    return -1;
}

static void epochs__hold_every_sample_once_with_its_label(void **state)
{
    (void)state;
    ax_dataset *d = open_set();
    ax_engine *e = engine_with(1);
    ax_tensor *set = F32(e, STEPS * BATCH, 28, 28, 1), *set_labels = I32(e, STEPS * BATCH);
    ax_tensor *x = F32(e, STEPS * BATCH, 28, 28, 1), *labels = I32(e, STEPS * BATCH);
    load_epoch(set, set_labels, d, 1, IN_ORDER);
    for (int epoch = 1; epoch <= 2; epoch++) {
        int seen[TRAIN] = {0}, moved = 0;
        load_epoch(x, labels, d, 1, epoch);
        for (int r = 0; r < TRAIN; r++) {
            int i = sample_of(ax_f32(x) + r * PIXELS, set);
            assert_in_range(i, 0, TRAIN - 1);
            assert_int_equal(seen[i]++, 0);
            assert_int_equal(ax_i32(labels)[r], ax_i32(set_labels)[i]);
            moved += i != r;
        }
        assert_true(moved > TRAIN * 9 / 10);
        for (int r = TRAIN; r < STEPS * BATCH; r++) {
            assert_int_equal(ax_i32(labels)[r], -1);
            for (int i = 0; i < PIXELS; i++) assert_true(ax_f32(x)[r * PIXELS + i] == 0);
        }
    }
    ax_engine_free(e);
    ax_dataset_close(d);
}

static void orders__differ_by_seed_and_by_epoch(void **state)
{
    (void)state;
    ax_dataset *d = open_set();
    ax_engine *e = engine_with(1);
    ax_tensor *x = F32(e, STEPS * BATCH, 28, 28, 1), *y = F32(e, STEPS * BATCH, 28, 28, 1), *labels = I32(e, STEPS * BATCH);
    const size_t bytes = (size_t)x->size * sizeof(float);
    load_epoch(x, labels, d, 1, 1);
    load_epoch(y, labels, d, 1, 2), assert_memory_not_equal(x->data, y->data, bytes);
    load_epoch(y, labels, d, 2, 1), assert_memory_not_equal(x->data, y->data, bytes);
    load_epoch(y, labels, d, 1, 1), assert_memory_equal(x->data, y->data, bytes);
    ax_engine_free(e);
    ax_dataset_close(d);
}

static void batches__are_written_out(void **state)
{
    (void)state;
    if (!getenv("AX_DUMP")) skip();
    ax_dataset *d = open_set();
    ax_engine *e = engine_with(1);
    ax_tensor *x = F32(e, STEPS * BATCH, 28, 28, 1), *labels = I32(e, STEPS * BATCH);
    ax_tensor *test = F32(e, TEST, 28, 28, 1), *test_labels = I32(e, TEST);
    for (int epoch = 1; epoch <= 2; epoch++) {
        char name[32];
        snprintf(name, sizeof name, "batches,epoch=%d", epoch);
        load_epoch(x, labels, d, 1, epoch);
        dump(name, "x", x), dump(name, "labels", labels);
    }
    assert_ok(ax_batch_load(test, test_labels, d, TESTING, 1, IN_ORDER, 0));
    dump("batches,test", "x", test), dump("batches,test", "labels", test_labels);
    ax_engine_free(e);
    ax_dataset_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(epochs__hold_every_sample_once_with_its_label),
        cmocka_unit_test(orders__differ_by_seed_and_by_epoch),
        cmocka_unit_test(batches__are_written_out),
    };
    return cmocka_run_group_tests_name("op_batch", tests, NULL, NULL);
}

/* Data sets without files: descriptions, options, splits, and the order in which an epoch sees the samples. */
#include "data/dataset.h"
#include "data/source.h"
#include "tensors.h"

#define OPTIONS "{\"shape\":[3,5,2],\"classes\":3,\"train\":50,\"test\":17,\"seed\":4}"
#define MNIST_SHA256 "ac89dbc26b7b0b5f68ff586bc0579a0c16e78b3436b0c71ccdd0169cbebf9ff7"
enum { PIXELS = 30, TRAIN = 50, TEST = 17, VALID = 11, ROWS = 8 };

static ax_dataset *open_of(const char *options, double scale, double valid)
{
    ax_dataset *d = ax_dataset_open("synthetic", options, scale, valid);
    if (!d) fail_msg("%s", ax_errmsg());
    return d;
}

static int open_status(const char *name, const char *options, double scale, double valid)
{
    ax_dataset *d = ax_dataset_open(name, options, scale, valid);
    ax_dataset_close(d);
    return d ? AX_OK : ax_errstatus();
}

static int describe_status(const char *name, const char *options)
{
    return ax_dataset_describe(name, options) ? AX_OK : ax_errstatus();
}

/* One epoch of a part into x (batches * ROWS, PIXELS) and labels; returns the number of batches. */
static int load_epoch(float *x, int32_t *labels, ax_dataset *d, int part, double seed, double epoch)
{
    ax_engine *e = engine_with(1);
    ax_tensor *tx = F32(e, ROWS, 3, 5, 2), *tl = I32(e, ROWS);
    int batches = ((int)ax_dataset_count(d, part) + ROWS - 1) / ROWS;
    for (int b = 0; b < batches; b++) {
        assert_ok(ax_batch_load(tx, tl, d, part, seed, epoch, b));
        memcpy(x + b * ROWS * PIXELS, ax_f32(tx), ROWS * PIXELS * sizeof *x);
        memcpy(labels + b * ROWS, ax_i32(tl), ROWS * sizeof *labels);
    }
    ax_engine_free(e);
    return batches;
}

static void describe__tells_a_set_without_its_files(void **state)
{
    (void)state;
    /* sha256sum of the four registered digests, a line each */
    const char *mnist = ax_dataset_describe("mnist", "{}");
    assert_string_equal(mnist, "{\"name\":\"mnist\",\"shape\":[28,28,1],\"classes\":10,\"train\":60000,\"test\":10000,\"sha256\":\""
                               MNIST_SHA256 "\"}");
    char first[512];
    snprintf(first, sizeof first, "%s", ax_dataset_describe("synthetic", OPTIONS));
    assert_non_null(strstr(first, "\"shape\":[3,5,2],\"classes\":3,\"train\":50,\"test\":17"));
    assert_string_not_equal(first, ax_dataset_describe("synthetic", "{\"shape\":[3,5,2],\"classes\":3,\"train\":50,\"test\":17,\"seed\":5}"));
    assert_string_equal(ax_dataset_describe("synthetic", "{}"), ax_dataset_describe("synthetic", "[]"));
}

static void options__are_strict(void **state)
{
    (void)state;
    assert_fails(describe_status("mnst", "{}"), AX_EARG, "unknown data set 'mnst' (did you mean 'mnist'?)");
    assert_fails(describe_status("mnist", "{\"scale\":1}"), AX_EARG, "mnist: takes no options, found 'scale'");
    assert_fails(describe_status("synthetic", "{\"clases\":3}"), AX_EARG, "unknown option 'clases' (did you mean 'classes'?)");
    assert_fails(describe_status("synthetic", "{\"classes\":1}"), AX_EARG, "classes is 1, wanted a whole number from 2 to 256");
    assert_fails(describe_status("synthetic", "{\"train\":2.5}"), AX_EARG, "train is 2.5");
    assert_fails(describe_status("synthetic", "{\"train\":\"9\"}"), AX_EARG, "train is \"9\"");
    assert_fails(describe_status("synthetic", "{\"shape\":[8,8]}"), AX_EARG, "shape wants {height, width, channels}");
    assert_fails(describe_status("synthetic", "{\"shape\":[8,0,1]}"), AX_EARG, "shape[2] (width) is 0");
    assert_fails(describe_status("synthetic", "{\"shape\":[1024,1024,1024]}"), AX_EARG, "bytes in all");
    assert_fails(describe_status("synthetic", "{\"train\":"), AX_EFORMAT, "not valid JSON");
    assert_fails(open_status("synthetic", OPTIONS, 1, TRAIN), AX_EARG, "valid = 50, wanted a whole number from 0 to 49");
    assert_fails(open_status("synthetic", OPTIONS, 1, -1), AX_EARG, "valid = -1");
    assert_fails(open_status("synthetic", OPTIONS, 1, 0.5), AX_EARG, "valid = 0.5");
    assert_fails(open_status("synthetic", OPTIONS, NAN, 0), AX_EARG, "scale is nan");
}

static void synthetic__depends_on_its_options_alone(void **state)
{
    (void)state;
    ax_dataset *a = open_of(OPTIONS, 1, 0), *b = open_of(OPTIONS, 1, 0);
    ax_dataset *other = open_of("{\"shape\":[3,5,2],\"classes\":3,\"train\":50,\"test\":17,\"seed\":5}", 1, 0);
    assert_memory_equal(a->stored[0].pixels, b->stored[0].pixels, TRAIN * PIXELS);
    assert_memory_equal(a->stored[1].pixels, b->stored[1].pixels, TEST * PIXELS);
    assert_memory_not_equal(a->stored[0].pixels, other->stored[0].pixels, TRAIN * PIXELS);
    assert_memory_not_equal(a->stored[0].pixels, a->stored[1].pixels, TEST * PIXELS);
    ax_dataset_close(a);
    ax_dataset_close(b);
    ax_dataset_close(other);
}

/* Nearest class mean of the training samples: far above chance, yet not perfect. */
static void synthetic__can_be_learnt_but_is_not_trivial(void **state)
{
    (void)state;
    enum { CLASSES = 4, N = 64 };
    double mean[CLASSES][N] = {{0}};
    ax_dataset *d = open_of("{\"train\":2048,\"test\":512}", 1, 0);
    for (int64_t i = 0; i < d->stored[0].n; i++)
        for (int k = 0; k < N; k++) mean[d->stored[0].labels[i]][k] += d->stored[0].pixels[i * N + k] * (CLASSES / 2048.0);
    int correct = 0;
    for (int64_t i = 0; i < d->stored[1].n; i++) {
        int best = 0;
        double nearest = INFINITY;
        for (int c = 0; c < CLASSES; c++) {
            double distance = 0;
            for (int k = 0; k < N; k++) distance += pow(d->stored[1].pixels[i * N + k] - mean[c][k], 2);
            if (distance < nearest) nearest = distance, best = c;
        }
        correct += best == d->stored[1].labels[i];
    }
    assert_in_range(correct, 512 * 70 / 100, 512 * 98 / 100);
    ax_dataset_close(d);
}

static void split__validation_is_the_end_of_the_training_samples(void **state)
{
    (void)state;
    float x[64 * PIXELS];
    int32_t labels[64];
    ax_dataset *d = open_of(OPTIONS, 0.25, VALID);
    assert_int_equal(ax_dataset_count(d, 0), TRAIN - VALID);
    assert_int_equal(ax_dataset_count(d, 1), VALID);
    assert_int_equal(ax_dataset_count(d, 2), TEST);
    load_epoch(x, labels, d, AX_PART_VALID, 1, -1);
    for (int i = 0; i < VALID; i++) {
        assert_int_equal(labels[i], d->stored[0].labels[TRAIN - VALID + i]);
        for (int k = 0; k < PIXELS; k++)
            assert_true(x[i * PIXELS + k] == 0.25f * (float)d->stored[0].pixels[(TRAIN - VALID + i) * PIXELS + k]);
    }
    ax_dataset_close(d);
}

/* The stored sample with these pixels and label, or -1. */
static int find_sample(const ax_dataset *d, const float *x, int32_t label)
{
    for (int i = 0; i < TRAIN; i++) {
        bool same = d->stored[0].labels[i] == label;
        for (int k = 0; k < PIXELS && same; k++) same = x[k] == (float)d->stored[0].pixels[i * PIXELS + k] * d->scale;
        if (same) return i;
    }
    return -1;
}

static void epoch__shows_every_sample_once_and_masks_the_tail(void **state)
{
    (void)state;
    float x[64 * PIXELS];
    int32_t labels[64];
    int seen[TRAIN] = {0}, moved = 0;
    ax_dataset *d = open_of(OPTIONS, 1 / 255., VALID);
    int batches = load_epoch(x, labels, d, AX_PART_TRAIN, 3, 2), n = TRAIN - VALID;
    assert_int_equal(batches, 5);                                     /* 39 samples in rows of 8 */
    for (int i = 0; i < n; i++) {
        int sample = find_sample(d, x + i * PIXELS, labels[i]);
        assert_in_range(sample, 0, n - 1);
        seen[sample]++;
        moved += sample != i;
    }
    for (int i = 0; i < n; i++) assert_int_equal(seen[i], 1);
    assert_true(moved > n / 2);
    for (int i = n; i < batches * ROWS; i++) {
        assert_int_equal(labels[i], -1);
        for (int k = 0; k < PIXELS; k++) assert_true(x[i * PIXELS + k] == 0);
    }
    ax_dataset_close(d);
}

/* Epochs asked for in any order, and batches out of order, give the same rows. */
static void order__depends_on_seed_and_epoch_only(void **state)
{
    (void)state;
    float x[4][64 * PIXELS];
    int32_t labels[4][64];
    size_t bytes = (TRAIN - VALID) * PIXELS * sizeof(float);
    ax_dataset *d = open_of(OPTIONS, 1, VALID), *fresh = open_of(OPTIONS, 1, VALID);
    load_epoch(x[0], labels[0], d, AX_PART_TRAIN, 3, 0);
    load_epoch(x[1], labels[1], d, AX_PART_TRAIN, 3, 1);
    load_epoch(x[2], labels[2], d, AX_PART_TRAIN, 4, 0);
    load_epoch(x[3], labels[3], d, AX_PART_VALID, 3, 0);
    load_epoch(x[3], labels[3], d, AX_PART_TRAIN, 3, 0);
    assert_memory_equal(x[0], x[3], bytes);
    assert_memory_not_equal(x[0], x[1], bytes);
    assert_memory_not_equal(x[0], x[2], bytes);
    load_epoch(x[3], labels[3], fresh, AX_PART_TRAIN, 3, 1);
    assert_memory_equal(x[1], x[3], bytes);

    ax_engine *e = engine_with(2);
    ax_tensor *tx = F32(e, ROWS, PIXELS), *tl = I32(e, ROWS);         /* flat rows are welcome, as are other threads */
    assert_ok(ax_batch_load(tx, tl, d, AX_PART_TRAIN, 3, 0, 2));
    assert_memory_equal(ax_f32(tx), x[0] + 2 * ROWS * PIXELS, ROWS * PIXELS * sizeof(float));
    ax_engine_free(e);
    ax_dataset_close(d);
    ax_dataset_close(fresh);
}

static void batch__refuses_what_does_not_fit(void **state)
{
    (void)state;
    ax_engine *e = engine_with(1);
    ax_dataset *d = open_of(OPTIONS, 1, VALID);
    ax_tensor *x = F32(e, ROWS, 3, 5, 2), *l = I32(e, ROWS);
    assert_fails(ax_batch_load(NULL, l, d, 0, 1, 0, 0), AX_EARG, "nil");
    assert_fails(ax_batch_load(F32(e, ROWS, 3, 5, 1), l, d, 0, 1, 0, 0), AX_ESHAPE, "wanted (rows,3,5,2) and (rows)");
    assert_fails(ax_batch_load(x, I32(e, ROWS + 1), d, 0, 1, 0, 0), AX_ESHAPE, "labels (9)");
    assert_fails(ax_batch_load(x, F32(e, ROWS), d, 0, 1, 0, 0), AX_EARG, "labels");
    assert_fails(ax_batch_load(x, l, d, 3, 1, 0, 0), AX_EARG, "part is 3");
    assert_fails(ax_batch_load(x, l, d, 0, -1, 0, 0), AX_EARG, "seed is -1");
    assert_fails(ax_batch_load(x, l, d, 0, 1, 0.5, 0), AX_EARG, "epoch is 0.5");
    assert_fails(ax_batch_load(x, l, d, 0, 1, 0, 5), AX_EARG, "batch 5 of 8 rows is beyond the 39 samples");
    assert_ok(ax_batch_load(x, l, d, 0, 1, 0, 4));
    ax_dataset_close(d);
    ax_engine_free(e);
}

static void https__speaks_nothing_else(void **state)
{
    (void)state;
    ax_buf out;
    ax_buf_init(&out);
    assert_fails(ax_https_get(&out, "http://127.0.0.1:9/x", 10), AX_ENODATA, "rotocol");
    assert_fails(ax_https_get(&out, "file:///etc/hostname", 1000), AX_ENODATA, "rotocol");
    assert_fails(ax_https_get(&out, "https://127.0.0.1:9/x", 10), AX_ENODATA, "127.0.0.1");
    ax_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describe__tells_a_set_without_its_files),
        cmocka_unit_test(options__are_strict),
        cmocka_unit_test(synthetic__depends_on_its_options_alone),
        cmocka_unit_test(synthetic__can_be_learnt_but_is_not_trivial),
        cmocka_unit_test(split__validation_is_the_end_of_the_training_samples),
        cmocka_unit_test(epoch__shows_every_sample_once_and_masks_the_tail),
        cmocka_unit_test(order__depends_on_seed_and_epoch_only),
        cmocka_unit_test(batch__refuses_what_does_not_fit),
        cmocka_unit_test(https__speaks_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Trial files and checkpoints: what was written comes back, and damage is named. */
#include "store/trialfile.h"

#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "store_same.h"

/* ---- trial files ---- */

static void trial_file__round_trip_keeps_every_bit(void **state)
{
    (void)state;
    ax_record a, b;
    bool existed = true;
    sample_record(&a, 1, "mbm:7", "mbm", 7, UINT64_MAX, 0.97);
    a.state = AX_STATE_diverged;
    assert_int_equal(ax_trialfile_publish(at("one.h5"), &a, NULL, &existed), AX_OK);
    assert_false(existed);
    ax_record_init(&b);
    assert_int_equal(ax_trialfile_read(at("one.h5"), &b), AX_OK);
    same_records(&a, &b);
    assert_string_equal(b.curves[0].name, "train_loss");      /* in the canonical order, whatever they were added in */
    assert_string_equal(b.curves[3].name, "epoch_s");
    ax_record_release(&a);
    ax_record_release(&b);
}

static void trial_file__without_epochs_or_predictions(void **state)
{
    (void)state;
    ax_record a, b;
    bool existed;
    ax_record_init(&a);
    snprintf(a.id, sizeof a.id, "0123456789abcdef");
    ax_record_add_curve(&a, "test_acc", NULL, 0);
    assert_int_equal(ax_trialfile_publish(at("empty.h5"), &a, NULL, &existed), AX_OK);
    ax_record_init(&b);
    assert_int_equal(ax_trialfile_read(at("empty.h5"), &b), AX_OK);
    same_records(&a, &b);
    ax_record_release(&a);
    ax_record_release(&b);
}

static void trial_file__second_publisher_leaves_the_first_result(void **state)
{
    (void)state;
    ax_record a, b, c;
    bool existed;
    sample_record(&a, 1, "mbm:7", "mbm", 7, 1, 0.5);
    sample_record(&b, 1, "mbm:7", "mbm", 7, 1, 0.75);
    assert_int_equal(ax_trialfile_publish(at("twice.h5"), &a, NULL, &existed), AX_OK);
    assert_false(existed);
    assert_int_equal(ax_trialfile_publish(at("twice.h5"), &b, NULL, &existed), AX_OK);
    assert_true(existed);
    ax_record_init(&c);
    assert_int_equal(ax_trialfile_read(at("twice.h5"), &c), AX_OK);
    assert_true(c.test_acc == 0.5);
    ax_record_release(&a);
    ax_record_release(&b);
    ax_record_release(&c);
}

static void trial_file__equal_records_are_equal_bytes(void **state)
{
    (void)state;
    ax_record a;
    bool existed;
    sample_record(&a, 1, "mbm:7", "mbm", 7, 1, 0.5);
    assert_int_equal(ax_trialfile_publish(at("same1.h5"), &a, NULL, &existed), AX_OK);
    sleep(1);      /* an object time in the file would differ */
    assert_int_equal(ax_trialfile_publish(at("same2.h5"), &a, NULL, &existed), AX_OK);
    same_bytes(at("same1.h5"), at("same2.h5"));
    ax_record_release(&a);
}

static void trial_file__of_another_trial_is_refused(void **state)
{
    (void)state;
    ax_record a, b;
    bool existed;
    sample_record(&a, 1, "mbm:7", "mbm", 7, 1, 0.5);
    assert_int_equal(ax_trialfile_publish(at("other.h5"), &a, NULL, &existed), AX_OK);
    ax_record_init(&b);
    snprintf(b.id, sizeof b.id, "ffffffffffffffff");
    assert_int_equal(ax_trialfile_read(at("other.h5"), &b), AX_EFORMAT);
    assert_non_null(strstr(ax_errmsg(), "ffffffffffffffff"));
    assert_int_equal(ax_trialfile_read(at("absent.h5"), &b), AX_ENOENT);
    ax_record_release(&a);
    ax_record_release(&b);
}

/* ---- checkpoints ---- */

static void fill_blocks(ax_block blocks[3])
{
    static uint32_t floats[6] = {0x7fc00001, 0x80000000, 0x00000001, 0x3f800000, 0x7f800000, 0xff800000};
    static double totals[3] = {0.1, -0.0, 5e-324};
    static uint8_t bytes[1] = {255};
    memset(blocks, 0, 3 * sizeof *blocks);
    blocks[0] = (ax_block){.name = "w/z/kernel", .dtype = 0, .rank = 2, .shape = {2, 3}, .data = floats};
    blocks[1] = (ax_block){.name = "totals", .dtype = 3, .rank = 1, .shape = {3}, .data = totals};
    blocks[2] = (ax_block){.name = "w/a", .dtype = 2, .rank = 0, .data = bytes};
}

static void write_checkpoint(const char *path, ax_record *r)
{
    ax_block blocks[3];
    fill_blocks(blocks);
    const ax_blocks state = {blocks, 3};
    const ax_position where = {1, 7, 107, 2.25};
    sample_record(r, 2, "mit:5", "mit", 5, 3, 0.5);
    assert_int_equal(ax_checkpoint_write(path, r, &where, &state, "cpu"), AX_OK);
}

static void checkpoint__round_trip_keeps_every_bit_and_the_order(void **state)
{
    (void)state;
    ax_record a, b;
    ax_position where;
    ax_blocks found;
    ax_block wanted[3];
    fill_blocks(wanted);
    write_checkpoint(at("c.h5"), &a);
    ax_record_init(&b);
    assert_int_equal(ax_checkpoint_read(at("c.h5"), &b, &where, &found, "cpu"), AX_OK);
    same_records(&a, &b);
    assert_true(where.epoch == 1 && where.step == 7 && where.updates == 107 && where.train_s == 2.25);
    assert_int_equal(found.n, 3);
    const size_t bytes[3] = {24, 24, 1};
    for (int i = 0; i < 3; i++) {
        assert_string_equal(found.blocks[i].name, wanted[i].name);
        assert_int_equal(found.blocks[i].dtype, wanted[i].dtype);
        assert_int_equal(found.blocks[i].rank, wanted[i].rank);
        for (int d = 0; d < wanted[i].rank; d++) assert_int_equal(found.blocks[i].shape[d], wanted[i].shape[d]);
        assert_memory_equal(found.blocks[i].data, wanted[i].data, bytes[i]);
    }
    ax_blocks_release(&found);
    ax_record_release(&a);
    ax_record_release(&b);
}

static void checkpoint__of_another_device_class_is_refused(void **state)
{
    (void)state;
    ax_record a, b;
    ax_position where;
    ax_blocks found;
    write_checkpoint(at("d.h5"), &a);
    ax_record_init(&b);
    assert_int_equal(ax_checkpoint_read(at("d.h5"), &b, &where, &found, "sm_90"), AX_EFORMAT);
    assert_non_null(strstr(ax_errmsg(), "cpu"));
    assert_non_null(strstr(ax_errmsg(), "sm_90"));
    ax_record_release(&a);
    ax_record_release(&b);
}

/* Every cut and every flipped bit that is tried gives AX_EFORMAT with the path. */
static void checkpoint__damage_is_named(void **state)
{
    (void)state;
    ax_record a, b;
    ax_position where;
    ax_blocks found;
    char *data;
    size_t len;
    write_checkpoint(at("whole.h5"), &a);
    ax_record_release(&a);
    assert_int_equal(ax_file_read(&data, &len, at("whole.h5"), 1 << 26), AX_OK);
    const char *path = at("hurt.h5");
    for (int i = 0; i < 60; i++) {
        size_t place = len * (size_t)i / 60 + (size_t)i % 7, cut = i % 2 ? len : place;
        if (i % 2) data[place] ^= (char)(1 << i % 8);
        FILE *f = fopen(path, "wb");
        assert_int_equal(fwrite(data, 1, cut, f), cut);
        fclose(f);
        if (i % 2) data[place] ^= (char)(1 << i % 8);
        ax_record_init(&b);
        if (ax_checkpoint_read(path, &b, &where, &found, "cpu") != AX_EFORMAT) fail_msg("case %d: %s", i, ax_errmsg());
        assert_non_null(strstr(ax_errmsg(), path));
        ax_record_release(&b);
    }
    ax_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trial_file__round_trip_keeps_every_bit),
        cmocka_unit_test(trial_file__without_epochs_or_predictions),
        cmocka_unit_test(trial_file__second_publisher_leaves_the_first_result),
        cmocka_unit_test(trial_file__equal_records_are_equal_bytes),
        cmocka_unit_test(trial_file__of_another_trial_is_refused),
        cmocka_unit_test(checkpoint__round_trip_keeps_every_bit_and_the_order),
        cmocka_unit_test(checkpoint__of_another_device_class_is_refused),
        cmocka_unit_test(checkpoint__damage_is_named),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

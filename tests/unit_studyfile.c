/* Study files: what was written comes back, damage is named, and what is forged does no harm. */
#include "store/results.h"

#include "scratch.h"

#include <hdf5.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "store_same.h"

static void study_file__round_trip_and_equal_bytes(void **state)
{
    (void)state;
    ax_results a, b;
    sample_results(&a);
    assert_int_equal(ax_results_write(&a, at("s.h5")), AX_OK);
    assert_int_equal(ax_results_open(&b, at("s.h5")), AX_OK);
    assert_string_equal(b.study, "sample");
    assert_string_equal(b.metric, "test_acc");
    assert_string_equal(b.created, a.created);
    assert_string_equal(b.script, a.script);
    assert_string_equal(b.plan, a.plan);
    assert_int_equal(b.n, a.n);
    for (int i = 0; i < a.n; i++) same_records(&a.trials[i], &b.trials[i]);
    assert_int_equal(b.nmults, 4);
    assert_string_equal(b.mults[1].format, "mbm:7 (1,8,7) 16 bits");
    assert_string_equal(b.mults[1].sha256, "feed");
    assert_string_equal(b.mults[3].spec, "lut:a/b,\"c\".bin");
    sleep(1);
    assert_int_equal(ax_results_write(&b, at("s2.h5")), AX_OK);
    same_bytes(at("s.h5"), at("s2.h5"));
    ax_results_release(&a);
    ax_results_release(&b);
}

static void study_file__without_trials(void **state)
{
    (void)state;
    ax_results a = {.study = "none", .metric = "test_acc"}, b;
    assert_int_equal(ax_results_write(&a, at("none.h5")), AX_OK);
    assert_int_equal(ax_results_open(&b, at("none.h5")), AX_OK);
    assert_int_equal(b.n, 0);
    ax_results_release(&b);
}

/* The sample's fp32 trials with one seed and two rates; the first diverged. A cell is not of a rate here and of another there. */
static void study_file__grid_is_of_the_first_trial_also_if_it_diverged(void **state)
{
    (void)state;
    ax_results a;
    double grid[3][2][2];                /* fp32, mbm, mit; widths 7 and 23; seeds 1 and 2^64 - 1 */
    sample_results(&a);
    a.trials[0].state = AX_STATE_diverged;
    a.trials[0].test_acc = NAN;
    a.trials[1].seed = 1;
    assert_int_equal(ax_results_write(&a, at("grid.h5")), AX_OK);
    hid_t file = H5Fopen(at("grid.h5"), H5F_ACC_RDONLY, H5P_DEFAULT), set = H5Dopen2(file, "/grid/test_acc", H5P_DEFAULT);
    hid_t space = H5Dget_space(set);
    assert_int_equal(H5Sget_simple_extent_npoints(space), 12);
    assert_true(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, grid) >= 0);
    assert_true(isnan(grid[0][1][0]));
    assert_true(grid[1][0][0] == 0.5 && grid[2][0][1] == 0.625);
    H5Sclose(space);
    H5Dclose(set);
    H5Fclose(file);
    ax_results_release(&a);
}

/* Changes an attribute of the root the way any HDF5 program would; that drops the digest line. */
static void set_schema(const char *path, int schema)
{
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT), attr = H5Aopen(file, "approxrun_schema", H5P_DEFAULT);
    assert_true(attr >= 0 && H5Awrite(attr, H5T_NATIVE_INT, &schema) >= 0);
    H5Aclose(attr);
    assert_true(H5Fclose(file) >= 0);
}

static void study_file__newer_schema_is_refused_with_both_versions(void **state)
{
    (void)state;
    ax_results a, b;
    sample_results(&a);
    assert_int_equal(ax_results_write(&a, at("new.h5")), AX_OK);
    set_schema(at("new.h5"), 1);
    assert_int_equal(ax_results_open(&b, at("new.h5")), AX_OK);      /* edited elsewhere, still ours */
    ax_results_release(&b);
    set_schema(at("new.h5"), 2);
    assert_int_equal(ax_results_open(&b, at("new.h5")), AX_ESTORE);
    assert_non_null(strstr(ax_errmsg(), "schema 2, this one knows 1; update approxrun"));
    ax_results_release(&a);
}

static void study_file__with_a_link_out_of_it_is_refused(void **state)
{
    (void)state;
    ax_results a, b;
    sample_results(&a);
    assert_int_equal(ax_results_write(&a, at("link.h5")), AX_OK);
    hid_t file = H5Fopen(at("link.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(H5Lcreate_external("/etc/passwd", "/x", file, "/trials/evil", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    H5Fclose(file);
    assert_int_equal(ax_results_open(&b, at("link.h5")), AX_EFORMAT);
    assert_non_null(strstr(ax_errmsg(), "trials/evil"));
    ax_results_release(&a);
}

static void study_file__claiming_more_than_it_holds_is_refused(void **state)
{
    (void)state;
    ax_results a, b;
    sample_results(&a);
    assert_int_equal(ax_results_write(&a, at("huge.h5")), AX_OK);
    hid_t file = H5Fopen(at("huge.h5"), H5F_ACC_RDWR, H5P_DEFAULT), plist = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t dims[1] = {(hsize_t)1 << 60}, chunk[1] = {1024};
    hid_t space = H5Screate_simple(1, dims, NULL);
    H5Pset_chunk(plist, 1, chunk);
    hid_t set = H5Dcreate2(file, "/huge", H5T_IEEE_F64LE, space, H5P_DEFAULT, plist, H5P_DEFAULT);
    assert_true(set >= 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(plist);
    H5Fclose(file);
    assert_int_equal(ax_results_open(&b, at("huge.h5")), AX_EFORMAT);
    assert_non_null(strstr(ax_errmsg(), "huge: claims"));
    ax_results_release(&a);
}

/* Without its digest line a study file goes to HDF5's parser, in a child: whatever that does, this process lives. */
static void study_file__damage_without_digest_never_kills(void **state)
{
    (void)state;
    ax_results a, b;
    char *data;
    size_t len;
    sample_results(&a);
    assert_int_equal(ax_results_write(&a, at("frail.h5")), AX_OK);
    ax_results_release(&a);
    set_schema(at("frail.h5"), 1);
    assert_int_equal(ax_file_read(&data, &len, at("frail.h5"), 1 << 26), AX_OK);
    int refused = 0;
    for (int i = 0; i < 80; i++) {
        size_t place = i < 40 ? (size_t)i * 61 : len * (size_t)(i - 40) / 40;
        data[place] ^= (char)(1 << i % 8);
        FILE *f = fopen(at("frail2.h5"), "wb");
        assert_int_equal(fwrite(data, 1, len, f), len);
        fclose(f);
        data[place] ^= (char)(1 << i % 8);
        int status = ax_results_open(&b, at("frail2.h5"));
        if (status == AX_OK) ax_results_release(&b);
        else if (status == AX_EFORMAT || status == AX_ESTORE || status == AX_ENOMEM) refused++;
        else fail_msg("status %d: %s", status, ax_errmsg());
    }
    assert_true(refused > 0);
    ax_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(study_file__round_trip_and_equal_bytes),
        cmocka_unit_test(study_file__without_trials),
        cmocka_unit_test(study_file__grid_is_of_the_first_trial_also_if_it_diverged),
        cmocka_unit_test(study_file__newer_schema_is_refused_with_both_versions),
        cmocka_unit_test(study_file__with_a_link_out_of_it_is_refused),
        cmocka_unit_test(study_file__claiming_more_than_it_holds_is_refused),
        cmocka_unit_test(study_file__damage_without_digest_never_kills),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

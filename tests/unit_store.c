/* Trial files, checkpoints, plans and study files: what was written comes back, and damage is named. */
#include "store/trialfile.h"

#include "base/error.h"
#include "base/file.h"
#include "store/h5.h"
#include "store/results.h"
#include "store/study.h"
#include "scratch.h"
#include "store_sample.h"

#include <fcntl.h>
#include <hdf5.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

static void same_records(const ax_record *a, const ax_record *b)
{
    assert_string_equal(a->id, b->id);
    assert_string_equal(a->multiplier, b->multiplier);
    assert_string_equal(a->family, b->family);
    assert_string_equal(a->device, b->device);
    assert_string_equal(a->host, b->host);
    assert_true(a->seed == b->seed);
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->in_plan, b->in_plan);
    assert_int_equal(a->epochs, b->epochs);
    assert_int_equal(a->best_epoch, b->best_epoch);
    assert_int_equal(a->retries, b->retries);
    assert_memory_equal(&a->test_acc, &b->test_acc, sizeof a->test_acc);
    assert_memory_equal(&a->test_loss, &b->test_loss, sizeof a->test_loss);
    assert_memory_equal(&a->train_s, &b->train_s, sizeof a->train_s);
    assert_memory_equal(&a->started, &b->started, sizeof a->started);
    assert_int_equal(a->ncurves, b->ncurves);
    for (int i = 0; i < a->ncurves; i++) {
        assert_string_equal(a->curves[i].name, b->curves[i].name);
        if (a->epochs) assert_memory_equal(a->curves[i].values, b->curves[i].values, (size_t)a->epochs * sizeof(double));
    }
    assert_int_equal(a->ncorrect, b->ncorrect);
    assert_int_equal(!a->correct, !b->correct);
    if (a->correct) assert_memory_equal(a->correct, b->correct, (size_t)(a->ncorrect + 7) / 8);
    assert_int_equal(a->classes, b->classes);
    assert_int_equal(!a->confusion, !b->confusion);
    if (a->confusion) assert_memory_equal(a->confusion, b->confusion, (size_t)a->classes * (size_t)a->classes * sizeof *a->confusion);
    assert_string_equal(a->params, b->params);
    assert_string_equal(a->config, b->config);
    assert_string_equal(a->env, b->env);
    assert_string_equal(a->log_tail, b->log_tail);
    assert_string_equal(a->message, b->message);
}

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

static void read_both(const char *one, const char *two, char **a, char **b, size_t *na, size_t *nb)
{
    assert_int_equal(ax_file_read(a, na, one, 1 << 26), AX_OK);
    assert_int_equal(ax_file_read(b, nb, two, 1 << 26), AX_OK);
}

static void same_bytes(const char *one, const char *two)
{
    char *a, *b;
    size_t na, nb;
    read_both(one, two, &a, &b, &na, &nb);
    assert_int_equal(na, nb);
    assert_memory_equal(a, b, na);
    ax_free(a);
    ax_free(b);
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

/* ---- plans ---- */

static void plan_file__round_trip(void **state)
{
    (void)state;
    ax_spec specs[2] = {{.id = "0123456789abcdef", .multiplier = "mbm:7", .family = "mbm", .width = 7, .seed = UINT64_MAX, .epochs = 3,
                         .multiplies = 1e17 + 16, .config = (char *)"{\"lr\":0.10000000000000001}", .params = (char *)"{\"a\":\"\xc3\xa4\\n\"}"},
                        {.id = "fedcba9876543210", .multiplier = "fp32", .family = "fp32", .width = 23, .seed = (UINT64_C(1) << 53) + 1,
                         .config = (char *)"{}", .params = (char *)"{}"}};
    ax_plan_file p = {.name = "n", .metric = "test_acc", .created = "2026-01-01T00:00:00Z", .strict = true, .script = (char *)"a b.lua",
                      .sources = (char *)"{\"a b.lua\":\"return 1\\n\"}", .specs = specs, .n = 2}, q;
    assert_int_equal(ax_plan_file_write(dir, &p), AX_OK);
    assert_int_equal(ax_plan_file_read(dir, &q), AX_OK);
    assert_string_equal(q.name, "n");
    assert_string_equal(q.sources, p.sources);
    assert_string_equal(q.script, "a b.lua");
    assert_true(q.strict && q.n == 2);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(q.specs[i].id, specs[i].id);
        assert_string_equal(q.specs[i].config, specs[i].config);
        assert_string_equal(q.specs[i].params, specs[i].params);
        assert_true(q.specs[i].seed == specs[i].seed);
        assert_true(q.specs[i].multiplies == specs[i].multiplies);
    }
    ax_plan_file_release(&q);
}

static void write_text(const char *path, const char *text) { assert_int_equal(ax_file_write(path, text, strlen(text)), AX_OK); }

static void plan_file__newer_damaged_or_hostile_is_refused(void **state)
{
    (void)state;
    ax_plan_file p;
    write_text(at("plan.json"), "{\"schema\":2,\"name\":\"x\"}");
    assert_int_equal(ax_plan_file_read(dir, &p), AX_ESTORE);
    assert_non_null(strstr(ax_errmsg(), "schema 2, this one knows 1"));
    static const char *const bad[] = {"", "{", "[]", "{\"schema\":1}", "{\"schema\":1,\"name\":\"n\",\"metric\":\"m\",\"created\":\"c\",\"script\":\"s\","
        "\"sources\":\"{}\",\"trials\":[{\"id\":\"../../etc/passwd\"}]}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_text(at("plan.json"), bad[i]);
        assert_int_equal(ax_plan_file_read(dir, &p), AX_EFORMAT);
        assert_non_null(strstr(ax_errmsg(), "plan.json"));
    }
    unlink(at("plan.json"));
    assert_int_equal(ax_plan_file_read(dir, &p), AX_ENOENT);
}

/* ---- study files ---- */

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

static void results__of_no_such_path_or_a_plain_directory(void **state)
{
    (void)state;
    ax_results r;
    assert_int_equal(ax_results_open(&r, at("nothing")), AX_ENOENT);
    assert_int_equal(ax_file_mkdirs(at("plain")), AX_OK);
    assert_int_equal(ax_results_open(&r, at("plain")), AX_ENOENT);
    assert_non_null(strstr(ax_errmsg(), "plan.json"));
    write_text(at("text.h5"), "this is not HDF5 at all");
    assert_int_equal(ax_results_open(&r, at("text.h5")), AX_EFORMAT);
}

/* ---- directories ---- */

static void make_study(const char *study, const ax_results *r)
{
    ax_plan_file p = {.name = "made", .metric = "test_acc", .created = "2026-01-01T00:00:00Z", .script = (char *)"s.lua",
                      .sources = (char *)"{\"s.lua\":\"return 2\\n\"}", .n = 6};
    p.specs = ax_alloc(6, sizeof *p.specs);
    for (int i = 0; i < 6; i++) {
        const ax_record *t = &r->trials[i];
        ax_spec *s = &p.specs[i];
        memcpy(s->id, t->id, sizeof s->id);
        snprintf(s->multiplier, sizeof s->multiplier, "%s", t->multiplier);
        snprintf(s->family, sizeof s->family, "%s", t->family);
        s->width = t->width;
        s->seed = t->seed;
        s->config = t->config;
        s->params = t->params;
    }
    assert_int_equal(ax_study_mkdirs(study), AX_OK);
    assert_int_equal(ax_plan_file_write(study, &p), AX_OK);
    ax_free(p.specs);
}

static void publish(const char *study, const ax_record *t)
{
    bool existed;
    char *path = ax_study_path(study, AX_FILE_TRIAL, t->id);
    assert_int_equal(ax_trialfile_publish(path, t, NULL, &existed), AX_OK);
    ax_free(path);
}

static void results__of_a_directory_tell_every_state(void **state)
{
    (void)state;
    ax_results a, r;
    char study[256];
    const ax_position where = {1, 0, 10, 1};
    const ax_blocks none = {0};
    snprintf(study, sizeof study, "%s/study", dir);
    sample_results(&a);
    make_study(study, &a);
    a.trials[1].state = AX_STATE_diverged;
    publish(study, &a.trials[0]);
    publish(study, &a.trials[1]);
    publish(study, &a.trials[6]);
    char *ckpt = ax_study_path(study, AX_FILE_CKPT, a.trials[2].id);
    assert_int_equal(ax_checkpoint_write(ckpt, &a.trials[2], &where, &none, "cpu"), AX_OK);
    ax_free(ckpt);
    assert_int_equal(ax_failed_write(study, a.trials[3].id, "it broke", "last words\n", 2), AX_OK);
    assert_int_equal(ax_results_open(&r, study), AX_OK);
    static const enum ax_state wanted[] = {AX_STATE_complete, AX_STATE_diverged, AX_STATE_interrupted, AX_STATE_failed, AX_STATE_planned,
                                           AX_STATE_planned, AX_STATE_complete};
    assert_int_equal(r.n, 7);
    for (int i = 0; i < 7; i++) {
        assert_string_equal(r.trials[i].id, a.trials[i].id);
        assert_int_equal(r.trials[i].state, wanted[i]);
        assert_int_equal(r.trials[i].in_plan, i < 6);
    }
    assert_int_equal(r.trials[2].epochs, 3);      /* the curve so far */
    assert_string_equal(r.trials[3].message, "it broke");
    assert_string_equal(r.script, "return 2\n");
    assert_ptr_equal(ax_results_find(&r, "mbm:7/1"), &r.trials[2]);
    assert_ptr_equal(ax_results_find(&r, r.trials[4].id), &r.trials[4]);
    assert_null(ax_results_find(&r, "000000"));
    assert_non_null(strstr(ax_errmsg(), "more than one"));
    assert_null(ax_results_find(&r, "mbn:7/1"));
    assert_non_null(strstr(ax_errmsg(), "mbm:7/1"));
    ax_results_release(&r);
    ax_results_release(&a);
}

static void results_add__keeps_one_of_each_and_the_finished_one(void **state)
{
    (void)state;
    ax_results a, b;
    sample_results(&a);
    sample_results(&b);
    a.trials[0].state = AX_STATE_interrupted;
    a.trials[1].in_plan = b.trials[1].in_plan = false;
    b.trials[2].test_acc = 0;
    snprintf(b.trials[5].id, sizeof b.trials[5].id, "00000000000000aa");
    assert_int_equal(ax_results_add(&a, &b), AX_OK);
    assert_int_equal(a.n, 8);
    assert_int_equal(a.trials[0].state, AX_STATE_complete);
    assert_true(a.trials[1].test_acc == 0.5);                      /* trial 2 of the first study stands */
    assert_string_equal(a.trials[5].id, "00000000000000aa");
    assert_false(a.trials[6].in_plan || a.trials[7].in_plan);      /* behind */
    ax_results_release(&a);
    ax_results_release(&b);
}

/* ---- what killed writers left ---- */

/* Has a child die in the middle of writing that file, as the disk's quota may have it; the temporary file's name. */
static const char *leave_half(const char *name)
{
    char temporary[128], text[4096] = "";
    pid_t pid = fork();
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){16, 16});
        ax_file_write(at(name), text, sizeof text);
        _exit(0);
    }
    int how;
    assert_true(pid > 0 && waitpid(pid, &how, 0) == pid && WIFSIGNALED(how));
    snprintf(temporary, sizeof temporary, "%s.%ld.tmp", name, (long)pid);
    assert_true(ax_file_exists(at(temporary)));
    return at(temporary);
}

static void age(const char *path, int seconds)
{
    const struct timespec then = {.tv_sec = time(NULL) - seconds};
    assert_int_equal(utimensat(AT_FDCWD, path, (const struct timespec[]){then, then}, 0), 0);
}

static void put_old(const char *path)
{
    assert_int_equal(ax_file_write(path, "x", 1), AX_OK);
    age(path, 86400);
}

/* As HDF5 may: it takes the process with it. */
static int read_two_and_die(const char *study)
{
    ax_record r;
    char path[512];
    (void)study;
    ax_record_init(&r);
    for (int i = 1; i <= 2; i++) {
        snprintf(path, sizeof path, "%s/%d.h5", at("deadly"), i);
        ax_trialfile_read(path, &r);
        ax_record_release(&r);
    }
    raise(SIGKILL);
    return AX_OK;
}

static int read_within(const char *study)
{
    return ax_h5_rehearse(study, read_two_and_die) == AX_OK ? AX_OK : read_two_and_die(study);
}

static void rehearsal__names_the_file_that_ended_it(void **state)
{
    (void)state;
    assert_int_equal(ax_h5_rehearse(at("deadly"), read_two_and_die), AX_EFORMAT);
    assert_non_null(strstr(ax_errmsg(), "deadly/2.h5: damaged: reading it ended a test process (signal 9)"));
    assert_int_equal(ax_h5_rehearse(at("deadly"), read_within), AX_OK);      /* a rehearsal has none of its own */
}

static void study_lock__removes_what_killed_writers_left(void **state)
{
    (void)state;
    static const char *const writes[] = {"left/plan.json", "left/trials/1.h5", "left/ckpt/1.h5", "left/failed/1.json", "left.h5"};
    static const char *const kept[] = {"left/trials/2.h5", "left/ckpt/notes.tmp", "left/ckpt/.7.tmp", "left/logs/1.7.tmp", "other.h5.7.tmp"};
    enum { N = sizeof writes / sizeof *writes };
    char old[N][256], fresh[256];
    int fd;
    assert_int_equal(ax_study_mkdirs(at("left")), AX_OK);
    for (int i = 0; i < N; i++) {
        snprintf(old[i], sizeof old[i], "%s", leave_half(writes[i]));
        age(old[i], 2 * 3600);
    }
    snprintf(fresh, sizeof fresh, "%s", leave_half("left/ckpt/2.h5"));
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) put_old(at(kept[i]));
    assert_int_equal(ax_study_lock(&fd, at("left")), AX_OK);
    close(fd);
    for (int i = 0; i < N; i++) assert_false(ax_file_exists(old[i]));
    assert_true(ax_file_exists(fresh));      /* its writer may live on another host */
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) assert_true(ax_file_exists(at(kept[i])));
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
        cmocka_unit_test(plan_file__round_trip),
        cmocka_unit_test(plan_file__newer_damaged_or_hostile_is_refused),
        cmocka_unit_test(study_file__round_trip_and_equal_bytes),
        cmocka_unit_test(study_file__without_trials),
        cmocka_unit_test(study_file__newer_schema_is_refused_with_both_versions),
        cmocka_unit_test(study_file__with_a_link_out_of_it_is_refused),
        cmocka_unit_test(study_file__claiming_more_than_it_holds_is_refused),
        cmocka_unit_test(study_file__damage_without_digest_never_kills),
        cmocka_unit_test(results__of_no_such_path_or_a_plain_directory),
        cmocka_unit_test(results__of_a_directory_tell_every_state),
        cmocka_unit_test(results_add__keeps_one_of_each_and_the_finished_one),
        cmocka_unit_test(rehearsal__names_the_file_that_ended_it),
        cmocka_unit_test(study_lock__removes_what_killed_writers_left),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

/* Study directories: their plans, the states of their trials, and what killed writers left in them. */
#include "store/study.h"

#include "base/error.h"
#include "base/file.h"
#include "scratch.h"
#include "store/h5.h"
#include "store/results.h"
#include "store/trialfile.h"
#include "store_sample.h"

#include <fcntl.h>
#include <glob.h>
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

/* ---- directories ---- */

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
    char pattern[128], text[4096] = "";
    static char temporary[256];
    glob_t found;
    pid_t pid = fork();
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){16, 16});
        ax_file_write(at(name), text, sizeof text);
        _exit(0);
    }
    int how;
    assert_true(pid > 0 && waitpid(pid, &how, 0) == pid && WIFSIGNALED(how));
    snprintf(pattern, sizeof pattern, "%s.[0-9]*[0-9].tmp", name);
    assert_int_equal(glob(at(pattern), 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 1);
    snprintf(temporary, sizeof temporary, "%s", found.gl_pathv[0]);
    globfree(&found);
    return temporary;
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

static int deadly;      /* a signal */

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
    raise(deadly);
    return AX_OK;
}

static int read_within(const char *study)
{
    return ax_h5_rehearse(study, read_two_and_die) == AX_OK ? AX_OK : read_two_and_die(study);
}

static void rehearsal__names_the_file_that_ended_it(void **state)
{
    (void)state;
    deadly = SIGABRT;
    assert_int_equal(ax_h5_rehearse(at("deadly"), read_two_and_die), AX_EFORMAT);
    assert_non_null(strstr(ax_errmsg(), "deadly/2.h5: damaged: reading it ended a test process (signal 6)"));
    assert_int_equal(ax_h5_rehearse(at("deadly"), read_within), AX_OK);      /* a rehearsal has none of its own */
}

/* Whoever follows "remove it" loses a result. */
static void rehearsal__ended_by_others_says_nothing_of_the_file(void **state)
{
    (void)state;
    static const int others[] = {SIGKILL, SIGXCPU};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        deadly = others[i];
        assert_int_equal(ax_h5_rehearse(at("deadly"), read_two_and_die), AX_ENOMEM);
        assert_non_null(strstr(ax_errmsg(), "deadly/2.h5: could not be tried: "));
        assert_null(strstr(ax_errmsg(), "damaged"));
        assert_null(strstr(ax_errmsg(), "remove"));
    }
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
        cmocka_unit_test(plan_file__round_trip),
        cmocka_unit_test(plan_file__newer_damaged_or_hostile_is_refused),
        cmocka_unit_test(results__of_no_such_path_or_a_plain_directory),
        cmocka_unit_test(results__of_a_directory_tell_every_state),
        cmocka_unit_test(results_add__keeps_one_of_each_and_the_finished_one),
        cmocka_unit_test(rehearsal__names_the_file_that_ended_it),
        cmocka_unit_test(rehearsal__ended_by_others_says_nothing_of_the_file),
        cmocka_unit_test(study_lock__removes_what_killed_writers_left),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

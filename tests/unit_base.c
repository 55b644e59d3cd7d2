/* The base layer against published values and its own contract. */
#include "check.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/names.h"
#include "base/rng.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Known answers of philox4x32-10: Random123 1.14, tests/kat_vectors. */
static void rng__is_philox_4x32_10(void **state)
{
    (void)state;
    ax_rng_block zero = ax_rng(0, 0, 0, 0);
    uint32_t want_zero[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    assert_memory_equal(zero.v, want_zero, sizeof want_zero);
    ax_rng_block pi = ax_rng(UINT64_C(0x299f31d0a4093822), 0x03, UINT64_C(0x13198a2e85a308d3), UINT64_C(0x707344243f6a88));
    uint32_t want_pi[4] = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
    assert_memory_equal(pi.v, want_pi, sizeof want_pi);
}

static void rng__permutes_uniformly(void **state)
{
    (void)state;
    enum { N = 5, ROUNDS = 24000 };
    int at[N][N] = {{0}};
    for (uint64_t epoch = 0; epoch < ROUNDS; epoch++) {
        uint32_t perm[N], seen = 0;
        ax_rng_permute(perm, N, 7, AX_RNG_TEST, epoch);
        for (int i = 0; i < N; i++) seen |= 1u << perm[i], at[i][perm[i]]++;
        assert_int_equal(seen, (1u << N) - 1);
    }
    double chi2 = 0, expected = (double)ROUNDS / N;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) chi2 += (at[i][j] - expected) * (at[i][j] - expected) / expected;
    assert_true(chi2 < 39.25);       /* 16 degrees of freedom, p = 0.001 */
}

static void sha256__of_abc(void **state)
{
    (void)state;
    char hex[AX_SHA256_HEX];
    assert_ok(ax_sha256(hex, "abc", 3));       /* FIPS 180-2, appendix B.1 */
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void crc32__check_value(void **state)
{
    (void)state;
    assert_int_equal(ax_crc32("123456789", 9), 0xcbf43926);
}

static void json__numbers_keep_their_bits(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 20000; i++) {
        ax_rng_block r = ax_rng(1, AX_RNG_TEST, 0, i);
        uint64_t bits = (uint64_t)r.v[0] << 32 | r.v[1];
        double v, back;
        memcpy(&v, &bits, sizeof v);
        if (!isfinite(v)) continue;
        cJSON *o = cJSON_CreateObject();
        ax_json_set_number(o, "v", v);
        char *text = ax_json_text(o, false);
        cJSON *parsed = ax_json_parse(text, strlen(text), "test");
        back = ax_json_get_number(parsed, "v", 0);
        assert_memory_equal(&v, &back, sizeof v);
        cJSON_Delete(parsed);
        ax_free(text);
        cJSON_Delete(o);
    }
}

static void json__keeps_nan_inf_and_large_seeds(void **state)
{
    (void)state;
    cJSON *o = cJSON_CreateObject();
    ax_json_set_number(o, "nan", NAN);
    ax_json_set_number(o, "inf", -INFINITY);
    ax_json_set_u64(o, "small", 42);
    ax_json_set_u64(o, "large", UINT64_MAX);
    char *text = ax_json_text(o, false);
    assert_string_equal(text, "{\"nan\":\"nan\",\"inf\":\"-inf\",\"small\":42,\"large\":\"18446744073709551615\"}");
    cJSON *back = ax_json_parse(text, strlen(text), "test");
    assert_true(isnan(ax_json_get_number(back, "nan", 0)));
    assert_true(ax_json_get_number(back, "inf", 0) == -INFINITY);
    assert_true(ax_json_get_u64(back, "large", 0) == UINT64_MAX);
    cJSON_Delete(back);
    ax_free(text);
    cJSON_Delete(o);
}

static void json__refuses_trailing_text(void **state)
{
    (void)state;
    assert_null(ax_json_parse("{} x", 4, "plan.json"));
    assert_int_equal(ax_errstatus(), AX_EFORMAT);
    assert_non_null(strstr(ax_errmsg(), "plan.json"));
}

static void text__numbers_are_strict(void **state)
{
    (void)state;
    int64_t i;
    double d;
    uint64_t u;
    assert_true(ax_text_int(&i, "-12", -20, 20) && i == -12);
    assert_false(ax_text_int(&i, "12x", 0, 20));
    assert_false(ax_text_int(&i, " 12", 0, 20));
    assert_false(ax_text_int(&i, "21", 0, 20));
    assert_true(ax_text_u64(&u, "18446744073709551615") && u == UINT64_MAX);
    assert_false(ax_text_u64(&u, "18446744073709551616"));
    assert_false(ax_text_u64(&u, "-1"));
    assert_true(ax_text_double(&d, "1e-3") && d == 1e-3);
    assert_false(ax_text_double(&d, "1e999"));
    assert_false(ax_text_double(&d, ""));
}

static void text__suggests_the_nearest_word(void **state)
{
    (void)state;
    const char *words[] = {"sweep", "status", "show", "mbm", "mit"};
    assert_string_equal(ax_text_nearest("sweeep", words, 5), "sweep");
    assert_string_equal(ax_text_nearest("satus", words, 5), "status");
    assert_string_equal(ax_text_nearest("mbn", words, 5), "mbm");
    assert_null(ax_text_nearest("xylophone", words, 5));
}

static void error__context_comes_before(void **state)
{
    (void)state;
    ax_fail(AX_ESHAPE, "A is (2,3)");
    assert_int_equal(ax_fail_in("conv2d"), AX_ESHAPE);
    assert_string_equal(ax_errmsg(), "conv2d: A is (2,3)");
    assert_int_equal(ax_exit_code(AX_EFORMAT), 65);
    assert_int_equal(ax_exit_code(AX_OK), 0);
}

static void alloc__refuses_overflowing_sizes(void **state)
{
    (void)state;
    assert_null(ax_alloc((size_t)-1 / 2, 3));
    assert_int_equal(ax_errstatus(), AX_ENOMEM);
}

static void arena__gives_nothing_once_sealed(void **state)
{
    (void)state;
    ax_arena a;
    ax_arena_init(&a);
    float *x = ax_arena_alloc(&a, 100, sizeof *x);
    assert_non_null(x);
    assert_int_equal((uintptr_t)x % 64, 0);
    assert_int_equal(a.bytes, 400);
    ax_arena_seal(&a);
    assert_null(ax_arena_alloc(&a, 1, 1));
    ax_arena_release(&a);
}

static void file__is_written_whole_and_published_once(void **state)
{
    (void)state;
    char dir[] = "/tmp/ax-base-XXXXXX", *data = NULL;
    size_t len;
    bool existed;
    assert_non_null(mkdtemp(dir));
    char *sub = ax_path_join(dir, "a/b"), *path = ax_path_join(dir, "a/b/x"), *once = ax_path_join(dir, "once");
    assert_ok(ax_file_mkdirs(sub));
    assert_ok(ax_file_write(path, "one", 3));
    assert_ok(ax_file_write(path, "second", 6));
    assert_ok(ax_file_read(&data, &len, path, 100));
    assert_int_equal(len, 6);
    assert_string_equal(data, "second");
    ax_free(data);
    assert_fails(ax_file_read(&data, &len, path, 5), AX_EFORMAT, "6 bytes");
    assert_fails(ax_file_read(&data, &len, dir, 5), AX_EFORMAT, "not a regular file");
    assert_ok(ax_file_publish(once, "first", 5, &existed));
    assert_false(existed);
    assert_ok(ax_file_publish(once, "later", 5, &existed));
    assert_true(existed);
    assert_ok(ax_file_read(&data, &len, once, 100));
    assert_string_equal(data, "first");
    ax_free(data);
    assert_fails(ax_file_write("/proc/none/x", "x", 1), AX_ESTORE, "/proc/none/x");
    assert_fails(ax_file_mkdirs("/dev/null/x"), AX_ESTORE, "/dev/null");
    unlink(path), unlink(once), rmdir(sub);
    ax_free(sub), ax_free(path), ax_free(once);
}

/* A file that cannot be looked at is not one that is missing. */
static void file__is_absent_only_if_the_system_says_so(void **state)
{
    (void)state;
    char dir[] = "/tmp/ax-base-XXXXXX", *data = NULL;
    size_t len;
    struct rlimit before;
    assert_non_null(mkdtemp(dir));
    char *loop = ax_path_join(dir, "loop"), *none = ax_path_join(dir, "none"), *below = ax_path_join(dir, "file/below"),
         *file = ax_path_join(dir, "file");
    assert_ok(ax_file_write(file, "x", 1));
    assert_int_equal(symlink("loop", loop), 0);
    assert_fails(ax_file_read(&data, &len, none, 5), AX_ENOENT, "No such file");
    assert_fails(ax_file_read(&data, &len, below, 5), AX_ENOENT, "Not a directory");
    assert_fails(ax_file_read(&data, &len, loop, 5), AX_EIO, strerror(ELOOP));
    assert_false(ax_file_exists(none));
    assert_false(ax_file_exists(below));
    assert_true(ax_file_exists(loop));
    assert_true(ax_file_exists(file));
    getrlimit(RLIMIT_NOFILE, &before);
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, before.rlim_max});
    int status = ax_file_read(&data, &len, file, 5);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_fails(status, AX_EIO, strerror(EMFILE));
    unlink(loop), unlink(file), rmdir(dir);
    ax_free(loop), ax_free(none), ax_free(below), ax_free(file);
}

/* Two hosts that share a disk have the same process numbers. */
static void file__of_another_writer_of_the_same_number_is_left_alone(void **state)
{
    (void)state;
    char dir[] = "/tmp/ax-base-XXXXXX", name[32], *data = NULL;
    size_t len;
    bool existed;
    assert_non_null(mkdtemp(dir));
    snprintf(name, sizeof name, "x.%ld.tmp", (long)getpid());
    char *path = ax_path_join(dir, "x"), *others = ax_path_join(dir, name);
    FILE *f = fopen(others, "w");
    assert_non_null(f);
    fputs("half", f);
    fclose(f);
    assert_ok(ax_file_publish(path, "one", 3, &existed));
    assert_ok(ax_file_write(path, "two", 3));
    assert_ok(ax_file_read(&data, &len, others, 5));
    assert_string_equal(data, "half");
    ax_free(data);
    unlink(path), unlink(others);
    assert_int_equal(rmdir(dir), 0);      /* and nothing else is left */
    ax_free(path), ax_free(others);
}

static void file__never_replaces_a_device(void **state)
{
    (void)state;
    struct stat st;
    assert_ok(ax_file_write("/dev/null", "x", 1));
    assert_fails(ax_file_write("/dev/full", "x", 1), AX_ESTORE, "No space left");
    assert_true(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode));
    assert_true(stat("/dev/full", &st) == 0 && S_ISCHR(st.st_mode));
}

static void buf__grows(void **state)
{
    (void)state;
    ax_buf b;
    ax_buf_init(&b);
    for (int i = 0; i < 1000; i++) ax_buf_printf(&b, "%d,", i % 10);
    assert_int_equal(b.len, 2000);
    assert_int_equal(strlen(b.data), 2000);
    char *text = ax_buf_steal(&b);
    assert_true(ax_text_starts(text, "0,1,2,") && ax_text_ends(text, "8,9,"));
    ax_free(text);
}

/* The forms of sbatch --time: minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes, days-hours:minutes:seconds; and
 * units as they are spoken. A bare number is of seconds here. */
static void text__reads_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double seconds;
    } good[] = {
        {"90", 90}, {"0.5", 0.5}, {"90s", 90}, {"45m", 2700}, {"3h50m", 13800}, {"2d", 172800}, {"1.5h", 5400}, {"1d2h3m4s", 93784},
        {"1000000000", 1e9},
        {"10:00", 600}, {"1:30:00", 5400}, {"2-12", 216000}, {"1-00:00", 86400}, {"1-00:00:00", 86400}, {"0-1:02:03", 3723},
    };
    static const char *const bad[] = {
        "", "0", "0s", "-1", "x", "5x", "m", "1h2h", "3m4h", "3m4", "1:", ":1", "1:2:3:4", "1-", "-5:00", "1-2-3", "1-2:", "5m:30", "nan", "inf",
        "1e3", " 5", "5 ", "1..5", "1000000001", "99999999999999999999999999999",
    };
    double seconds;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!ax_text_duration(&seconds, good[i].text)) fail_msg("'%s' was refused", good[i].text);
        if (seconds != good[i].seconds) fail_msg("'%s' is %g seconds, wanted %g", good[i].text, seconds, good[i].seconds);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (ax_text_duration(&seconds, bad[i])) fail_msg("'%s' was taken for %g seconds", bad[i], seconds);
}

static void names__are_numbered_in_the_order_they_come(void **state)
{
    (void)state;
    enum { N = 3000 };
    char text[16];
    ax_names names = {0};
    assert_int_equal(ax_names_find(&names, "0"), -1);
    for (int i = 0; i < 2 * N; i++) {
        snprintf(text, sizeof text, "%d", i % N);
        assert_int_equal(ax_names_add(&names, text), i % N);
    }
    assert_int_equal(names.n, N);
    assert_string_equal(names.texts[N - 1], "2999");
    assert_int_equal(ax_names_find(&names, "1234"), 1234);
    assert_int_equal(ax_names_find(&names, "3000"), -1);
    assert_int_equal(ax_names_find(&names, ""), -1);
    ax_names_release(&names);
    assert_int_equal(ax_names_find(&names, "0"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rng__is_philox_4x32_10),
        cmocka_unit_test(rng__permutes_uniformly),
        cmocka_unit_test(sha256__of_abc),
        cmocka_unit_test(crc32__check_value),
        cmocka_unit_test(json__numbers_keep_their_bits),
        cmocka_unit_test(json__keeps_nan_inf_and_large_seeds),
        cmocka_unit_test(json__refuses_trailing_text),
        cmocka_unit_test(text__numbers_are_strict),
        cmocka_unit_test(text__suggests_the_nearest_word),
        cmocka_unit_test(text__reads_durations),
        cmocka_unit_test(names__are_numbered_in_the_order_they_come),
        cmocka_unit_test(error__context_comes_before),
        cmocka_unit_test(alloc__refuses_overflowing_sizes),
        cmocka_unit_test(arena__gives_nothing_once_sealed),
        cmocka_unit_test(file__is_written_whole_and_published_once),
        cmocka_unit_test(file__is_absent_only_if_the_system_says_so),
        cmocka_unit_test(file__of_another_writer_of_the_same_number_is_left_alone),
        cmocka_unit_test(file__never_replaces_a_device),
        cmocka_unit_test(buf__grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

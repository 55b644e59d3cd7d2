/* Multipliers in C (tests/models/) against tables and formulas worked out here, and what becomes of bad ones. */
#include "check.h"
#include "tensors.h"

#include "lut/lut.h"

#include <ftw.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MODEL(name) "c:tests/models/" name

static ax_lut *open_spec(const char *spec)
{
    ax_lut *lut = ax_lut_open(spec);
    if (!lut) fail_msg("%s: %s", spec, ax_errmsg());
    return lut;
}

static int refused(const char *spec)
{
    ax_lut *lut = ax_lut_open(spec);
    ax_lut_close(lut);
    return lut ? AX_OK : ax_errstatus();
}

static double value_of(uint32_t word) { return (double)ax_float(word + 0x3f800000u); }

static void assert_equal_tables(const char *spec, const char *wanted)
{
    ax_lut *found = open_spec(spec), *other = open_spec(wanted);
    assert_int_equal(found->width, other->width);
    assert_memory_equal(found->words, other->words, sizeof *found->words << 2 * found->width);
    assert_string_equal(found->sha256, other->sha256);
    ax_lut_close(found);
    ax_lut_close(other);
}

/* ---- conventions ---- */

static void a_function_of_floats_is_its_table(void **state)
{
    (void)state;
    char spec[96], wanted[16];
    for (int m = 1; m <= AX_TABLE_MAX_WIDTH; m += 2) {
        snprintf(spec, sizeof spec, MODEL("mitchell_7.c,width=%d"), m);
        snprintf(wanted, sizeof wanted, "mit:%d", m);
        assert_equal_tables(spec, wanted);
    }
    assert_equal_tables(MODEL("writes_3.c,width=1"), MODEL("exit_3.c,width=1"));      /* 1.5 is the largest operand: it stays */
    assert_equal_tables(MODEL("mitchell_7.c"), "mit:7");
}

/* Mitchell's sum and 5/64, half of it above a carry, cut to 7 bits and kept below 4. */
static double biased(double x, double y)
{
    double s = x + y, cut = floor((s + (s >= 1 ? 5.0 / 128 : 5.0 / 64)) * 128) / 128;
    if (s >= 1 && cut >= 2) cut = 2 - 0x1p-23;
    return cut < 1 ? 1 + cut : 2 * cut;
}

static void a_file_for_a_gpu_simulator_is_read_as_it_is(void **state)
{
    (void)state;
    ax_lut *lut = open_spec(MODEL("biased.inl,width=7"));
    assert_string_equal(lut->family, "biased");
    for (uint32_t i = 0; i < 128; i++)
        for (uint32_t j = 0; j < 128; j++)
            if (value_of(lut->words[i << 7 | j]) != biased(i / 128.0, j / 128.0)) fail_msg("(%u, %u): %.9g", i, j, value_of(lut->words[i << 7 | j]));
    ax_lut_close(lut);
}

/* The product of two 8-bit numbers without the partial products of the six lowest columns. */
static unsigned truncated(unsigned a, unsigned b)
{
    unsigned p = a * b;
    for (unsigned i = 0; i < 6; i++)
        for (unsigned j = 0; i + j < 6; j++) p -= (a >> i & 1) * (b >> j & 1) << (i + j);
    return p;
}

static void an_8_bit_circuit_is_a_multiplier_of_width_7(void **state)
{
    (void)state;
    ax_lut *lut = open_spec(MODEL("mul8u_TRUNC6.c"));
    assert_int_equal(lut->width, 7);
    for (unsigned i = 0; i < 128; i++)
        for (unsigned j = 0; j < 128; j++) {
            unsigned p = truncated(128 + i, 128 + j), carry = p >= 1u << 15;
            double wanted = (double)(p >> (7 + carry)) / 128 * (carry ? 2 : 1);
            if (value_of(lut->words[i << 7 | j]) != wanted) fail_msg("(%u, %u): %.9g, wanted %.9g", i, j, value_of(lut->words[i << 7 | j]), wanted);
        }
    ax_lut_close(lut);
    assert_equal_tables(MODEL("lone_static.c,width=3"), "exact:3");
}

static void a_circuit_keeps_the_order_of_its_operands(void **state)
{
    (void)state;
    ax_lut *lut = open_spec(MODEL("order.c,width=3"));      /* a * b + (b & 3), which tells a from b */
    for (unsigned i = 0; i < 8; i++)
        for (unsigned j = 0; j < 8; j++) {
            unsigned p = (8 + i) * (8 + j) + (j & 3), carry = p >= 128;
            assert_true(value_of(lut->words[i << 3 | j]) == (double)(p >> (3 + carry)) / 8 * (carry ? 2 : 1));
        }
    ax_lut_close(lut);
}

static void mantissa_functions_give_words(void **state)
{
    (void)state;
    assert_equal_tables(MODEL("words.c,symbol=with_width,width=6"), "mit:6");
    assert_equal_tables(MODEL("words.c,symbol=of_five,width=5"), "mit:5");
    assert_equal_tables(MODEL("pragma_5.c"), "mit:5");
}

/* ---- above width 11 ---- */

static void a_wide_function_is_called_for_each_product(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{MODEL("wide.c"), "exact:15"}, {MODEL("mitchell_7.c,width=23"), "mit:23"},
                                           {MODEL("words.c,symbol=with_width,width=12"), "mit:12"}};
    for (size_t s = 0; s < sizeof pairs / sizeof *pairs; s++) {
        ax_lut *lut = open_spec(pairs[s][0]), *wanted = open_spec(pairs[s][1]);
        assert_null(lut->words);
        assert_non_null(lut->view.custom);
        assert_int_equal(lut->width, wanted->width);
        for (uint64_t k = 0; k < 100000; k++) {
            ax_rng_block b = ax_rng(7, AX_RNG_TEST, s, k);
            if (ax_word(&lut->view, b.v[0], b.v[1]) != ax_word(&wanted->view, b.v[0], b.v[1]))
                fail_msg("%s: %08x x %08x", pairs[s][0], b.v[0], b.v[1]);
        }
        ax_lut_close(lut);
        ax_lut_close(wanted);
    }
}

static void wide_results_out_of_range_count_as_the_nearest_in_range(void **state)
{
    (void)state;
    ax_lut *lut = open_spec(MODEL("rare.c,width=20"));      /* 0 for one pair, 8 for another, which no sample is likely to hold */
    assert_int_equal(lut->view.custom(lut->view.context, 0x12345, 0x54321), 0);
    assert_int_equal(lut->view.custom(lut->view.context, 0x54321, 0x12345), 0xffffff);
    assert_int_equal(lut->view.custom(lut->view.context, 0x80000, 0x80000), ax_bits(2.25f) - 0x3f800000u);
    ax_lut_close(lut);
}

static void *first_product(void *view)
{
    const ax_lut_view *v = view;
    return (void *)(uintptr_t)v->custom(v->context, 1, 1u << 14);
}

static void threads_may_meet_at_the_first_product(void **state)
{
    (void)state;
    ax_lut *lut = open_spec(MODEL("wide.c")), *wanted = open_spec("exact:15");
    pthread_t threads[8];
    for (int t = 0; t < 8; t++) assert_int_equal(pthread_create(&threads[t], NULL, first_product, &lut->view), 0);
    for (int t = 0; t < 8; t++) {
        void *word;
        pthread_join(threads[t], &word);
        assert_int_equal((uintptr_t)word, wanted->view.model(&wanted->view.keys, 1, 1u << 14));
    }
    ax_lut_close(lut);
    ax_lut_close(wanted);
}

static void matrix_products_have_the_bits_of_the_family_it_copies(void **state)
{
    (void)state;
    ax_engine *e = engine_with(2);
    ax_tensor *a = F32(e, 37, 65), *b = F32(e, 65, 41), *found = F32(e, 37, 41), *wanted = F32(e, 37, 41);
    randomise(a, -1, 1, 1);
    randomise(b, -1, 1, 2);
    assert_ok(ax_matmul(found, a, b, NULL, 0, 0, mult_of(MODEL("wide.c"))));
    assert_ok(ax_matmul(wanted, a, b, NULL, 0, 0, mult_of("exact:15")));
    assert_memory_equal(ax_f32(found), ax_f32(wanted), sizeof(float) * 37 * 41);
    ax_engine_free(e);
}

/* ---- specs ---- */

static void assert_canonical(const char *spec, const char *wanted, const char *family)
{
    ax_lut *lut = open_spec(spec);
    assert_string_equal(lut->spec, wanted);
    assert_string_equal(lut->family, family);
    ax_lut_close(lut);
}

static void a_spec_keeps_the_keys_that_the_file_leaves_open(void **state)
{
    (void)state;
    assert_canonical(MODEL("mitchell_7.c,symbol=mitchell,width=7"), MODEL("mitchell_7.c"), "mitchell");
    assert_canonical(MODEL("mitchell_7.c,width=5"), MODEL("mitchell_7.c,width=5"), "mitchell");
    assert_canonical(MODEL("words.c,width=5,symbol=of_five"), MODEL("words.c,symbol=of_five,width=5"), "of_five");
    assert_canonical(MODEL("mul8u_TRUNC6.c,width=7"), MODEL("mul8u_TRUNC6.c"), "mul8u_TRUNC6");
}

static void wide_models_are_told_apart_by_text_symbol_and_width(void **state)
{
    (void)state;
    static const char *const specs[] = {MODEL("wide.c"), MODEL("wide.c,width=14"), MODEL("words.c,symbol=with_width,width=14"),
                                        MODEL("words.c,symbol=with_width,width=15"), MODEL("mitchell_7.c,width=15")};
    char seen[5][65];
    for (int s = 0; s < 5; s++) {
        ax_lut *lut = open_spec(specs[s]);
        snprintf(seen[s], sizeof seen[s], "%s", lut->sha256);
        for (int t = 0; t < s; t++) assert_string_not_equal(seen[s], seen[t]);
        ax_lut_close(lut);
    }
}

static void comments_and_spaces_do_not_tell_models_apart(void **state)
{
    (void)state;
    ax_lut *lut = open_spec(MODEL("wide.c")), *same = open_spec(MODEL("wide_spaced.c"));
    assert_string_equal(lut->sha256, same->sha256);
    ax_lut_close(lut);
    ax_lut_close(same);
    setenv("CC", "cc -DOTHER=and", 1);      /* a macro of a system header, in the file itself */
    lut = open_spec(MODEL("macro.inl,width=14"));
    setenv("CC", "cc -DOTHER=or", 1);
    same = open_spec(MODEL("macro.inl,width=14"));
    unsetenv("CC");
    assert_string_not_equal(lut->sha256, same->sha256);
    ax_lut_close(lut);
    ax_lut_close(same);
}

static void costs_come_from_the_header_comment(void **state)
{
    (void)state;
    ax_lut *lut = open_spec(MODEL("mul8u_TRUNC6.c")), *other = open_spec(MODEL("mitchell_7.c"));
    const ax_cmodel_info *info = ax_cmodel_about(lut->c), *none = ax_cmodel_about(other->c);
    assert_true(info->area_um2 == 512.5 && info->power_mw == 0.301 && info->delay_ns == 1.27);
    assert_string_equal(info->symbol, "mul8u_TRUNC6");
    assert_int_equal(info->kind, AX_CMODEL_INTEGER);
    assert_true(isnan(none->area_um2) && isnan(none->power_mw) && isnan(none->delay_ns));
    assert_int_equal(none->kind, AX_CMODEL_FLOAT);
    ax_lut_close(lut);
    ax_lut_close(other);
}

/* ---- bad ones ---- */

static void a_function_that_misbehaves_ends_its_child_alone(void **state)
{
    (void)state;
    assert_fails(refused(MODEL("crash_3.c")), AX_EFORMAT, "crash_3.c: crash(1.625, 1.375) crashed: signal 11");
    assert_fails(refused(MODEL("exit_3.c")), AX_EFORMAT, "leaves(1.625, 1) ended the process (exit code 0)");
    assert_fails(refused(MODEL("abort_3.c")), AX_EFORMAT, "gives_up(1, 1) crashed: signal 6, Aborted: no product of 1 and 1");
    assert_null(strchr(ax_errmsg(), '\n'));
    assert_fails(refused(MODEL("early_3.c")), AX_EFORMAT, "early, while it was loaded, crashed: signal 6");
    assert_fails(refused(MODEL("forges_3.c")), AX_EFORMAT, "forges(1, 1) ended the process (exit code 0)");
    setenv("APPROXRUN_MODEL_SECONDS", "1", 1);
    assert_fails(refused(MODEL("endless_3.c")), AX_EFORMAT, "endless(1, 1) was not done after 1 seconds");
    setenv("APPROXRUN_MODEL_SECONDS", "soon", 1);
    assert_fails(refused(MODEL("endless_3.c")), AX_EARG, "APPROXRUN_MODEL_SECONDS is 'soon', wanted");
    unsetenv("APPROXRUN_MODEL_SECONDS");
}

static void a_result_out_of_range_names_the_operands(void **state)
{
    (void)state;
    assert_fails(refused(MODEL("range_3.c")), AX_EFORMAT, "twice(1.125, 1.875) is 4.21875, wanted at least 1 and less than 4");
    assert_fails(refused(MODEL("range_3.c,width=16")), AX_EFORMAT, "wanted at least 1 and less than 4");
    assert_fails(refused(MODEL("range8u.c")), AX_EFORMAT, "mul8u_LOST(129, 255) is 127, wanted 16384 to 65535");
    assert_fails(refused(MODEL("words.c,symbol=of_five,width=7")), AX_EFORMAT, "of_five of the fractions 0 and 64 is 0x1000000");
}

static void a_file_that_does_not_compile_shows_what_the_compiler_wrote(void **state)
{
    (void)state;
    assert_fails(refused(MODEL("broken_3.c")), AX_EFORMAT, "tests/models/broken_3.c: cc cannot compile it:\n");
    assert_non_null(strstr(ax_errmsg(), "\ntests/models/broken_3.c:2:45: error: "));
    assert_fails(refused(MODEL("undefined_3.c")), AX_EFORMAT, "elsewhere");
    setenv("CC", "no-such-compiler -v", 1);
    assert_fails(refused(MODEL("mitchell_7.c")), AX_ENOENT, "no-such-compiler: No such file or directory; a multiplier in C needs a C compiler");
    unsetenv("CC");
}

static void a_wrong_spec_says_what_was_wanted(void **state)
{
    (void)state;
    assert_fails(refused("c"), AX_EARG, "the file is missing, wanted c:FILE.c");
    assert_fails(refused("c:,width=7"), AX_EARG, "the file is missing");
    assert_fails(refused("c:/nowhere/x.c"), AX_ENOENT, "/nowhere/x.c: No such file");
    assert_fails(refused(MODEL("mitchell_7.c,wdth=7")), AX_EARG, "unknown key 'wdth' (did you mean 'width'?)");
    assert_fails(refused(MODEL("mitchell_7.c,width=5,width=3")), AX_EARG, "the key width is given twice, wanted once");
    assert_fails(refused(MODEL("words.c,symbol=of_five,width=5,symbol=with_width")), AX_EARG, "the key symbol is given twice");
    assert_fails(refused(MODEL("mitchell_7.c,width=24")), AX_EARG, "width is '24', wanted a whole number from 1 to 23");
    assert_fails(refused(MODEL("mitchell_7.c,symbol=mitchel")), AX_EARG, "no function mitchel (did you mean 'mitchell'?)");
    assert_fails(refused(MODEL("biased.inl")), AX_EARG, "the width is missing, wanted c:tests/models/biased.inl,width=M");
    assert_fails(refused(MODEL("two_3.c")), AX_EARG, "2 functions fit (first, second); say which");
    assert_fails(refused(MODEL("none_3.c")), AX_EFORMAT, "no function fits, wanted float f(float, float)");
    assert_fails(refused(MODEL("none_3.c,symbol=wide")), AX_EFORMAT, "the type of wide does not fit");
    assert_fails(refused(MODEL("mul8u_TRUNC6.c,width=8")), AX_EARG, "multiplies 8 bits, wanted width 7 at most");
    assert_fails(refused(MODEL("lone_static.c,width=4")), AX_EFORMAT, "product takes 8 bits and returns 8, wanted at least 5 and 10");
}

/* ---- a cache of its own ---- */

static char cache[] = "/tmp/unit_cmodel.XXXXXX";

static int make_cache(void **state)
{
    (void)state;
    unsetenv("CC");
    unsetenv("APPROXRUN_MODEL_SECONDS");
    return mkdtemp(cache) ? setenv("XDG_CACHE_HOME", cache, 1) : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static int remove_cache(void **state)
{
    (void)state;
    return nftw(cache, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_function_of_floats_is_its_table),
        cmocka_unit_test(a_file_for_a_gpu_simulator_is_read_as_it_is),
        cmocka_unit_test(an_8_bit_circuit_is_a_multiplier_of_width_7),
        cmocka_unit_test(a_circuit_keeps_the_order_of_its_operands),
        cmocka_unit_test(mantissa_functions_give_words),
        cmocka_unit_test(a_wide_function_is_called_for_each_product),
        cmocka_unit_test(wide_results_out_of_range_count_as_the_nearest_in_range),
        cmocka_unit_test(threads_may_meet_at_the_first_product),
        cmocka_unit_test(matrix_products_have_the_bits_of_the_family_it_copies),
        cmocka_unit_test(a_spec_keeps_the_keys_that_the_file_leaves_open),
        cmocka_unit_test(wide_models_are_told_apart_by_text_symbol_and_width),
        cmocka_unit_test(comments_and_spaces_do_not_tell_models_apart),
        cmocka_unit_test(costs_come_from_the_header_comment),
        cmocka_unit_test(a_function_that_misbehaves_ends_its_child_alone),
        cmocka_unit_test(a_result_out_of_range_names_the_operands),
        cmocka_unit_test(a_file_that_does_not_compile_shows_what_the_compiler_wrote),
        cmocka_unit_test(a_wrong_spec_says_what_was_wanted),
    };
    return cmocka_run_group_tests(tests, make_cache, remove_cache);
}

/* Multipliers that a script defines: the registry, and the engine's cache of what was opened from it. */
#include "lut/defined.h"

#include "base/error.h"
#include "engine/mult.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { M = 3, CELLS = 1 << 2 * M };

/* (i, j) -> fraction (i + j + turn) mod 2^m, no carry: a table of its own for each turn. */
static void fill(uint32_t *words, uint32_t turn)
{
    for (uint32_t e = 0; e < CELLS; e++) words[e] = ((e >> M) + (e & (CELLS / 8 - 1)) + turn) % 8 << (23 - M);
}

static void a_name_is_open_for_its_widths_once_they_are_given(void **state)
{
    (void)state;
    static const int widths[] = {M, 5};
    uint32_t words[CELLS];
    bool changed = true;
    fill(words, 0);
    assert_int_equal(ax_defined_declare("first", widths, 2), AX_OK);
    assert_null(ax_lut_open("first:3"));
    assert_non_null(strstr(ax_errmsg(), "its table is not made yet"));
    assert_int_equal(ax_defined_give("first", M, words, &changed), AX_OK);
    assert_false(changed);
    ax_lut *lut = ax_lut_open("first:3");
    assert_non_null(lut);
    assert_string_equal(lut->spec, "first:3");
    assert_string_equal(lut->family, "first");
    assert_int_equal(lut->width, M);
    assert_memory_equal(lut->words, words, sizeof words);
    words[0] ^= 1u << 22;      /* a copy was kept */
    assert_true(ax_word(&lut->view, 0, 0) == (words[0] ^ 1u << 22));
    ax_lut_close(lut);
}

static void its_table_has_the_hash_of_an_equal_family(void **state)
{
    (void)state;
    static const int widths[] = {M};
    uint32_t words[CELLS];
    bool changed;
    for (uint32_t e = 0; e < CELLS; e++) words[e] = ((e >> M) + (e & 7)) << (23 - M);      /* Mitchell 1962: fractions add */
    assert_int_equal(ax_defined_declare("likemit", widths, 1), AX_OK);
    assert_int_equal(ax_defined_give("likemit", M, words, &changed), AX_OK);
    ax_lut *own = ax_lut_open("likemit:3"), *family = ax_lut_open("mit:3");
    assert_string_equal(own->sha256, family->sha256);
    ax_lut_close(own);
    ax_lut_close(family);
}

static void wrong_specs_say_what_there_is(void **state)
{
    (void)state;
    static const int widths[] = {M, 5};
    static const struct {
        const char *spec, *text;
    } wrong[] = {{"second:4", "defines 'second' for the widths 3, 5"}, {"second", "wanted second:WIDTH"}, {"second:x", "for the widths"},
                 {"secnod:3", "did you mean 'second'?"}};
    assert_int_equal(ax_defined_declare("second", widths, 2), AX_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_null(ax_lut_open(wrong[i].spec));
        assert_int_equal(ax_errstatus(), AX_EARG);
        if (!strstr(ax_errmsg(), wrong[i].text)) fail_msg("%s: %s", wrong[i].spec, ax_errmsg());
    }
}

static void names_of_families_and_no_words_are_refused(void **state)
{
    (void)state;
    static const int good[] = {M}, narrow[] = {0}, wide[] = {12};
    static const char *const names[] = {"mbm", "fp32", "lut", "c", "", "1a", "a b", "a:7", "a,b", "a-b", "_a", "n\xc3\xa4me",
                                        "abcdefghijklmnopqrstuvwxyzabcdef"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(ax_defined_declare(names[i], good, 1), AX_EARG);
        assert_false(ax_defined_known(names[i]));
    }
    assert_int_equal(ax_defined_declare("wide", wide, 1), AX_EARG);
    assert_non_null(strstr(ax_errmsg(), "width 12, wanted 1 to 11"));
    assert_int_equal(ax_defined_declare("wide", narrow, 1), AX_EARG);
    assert_false(ax_defined_known("wide"));
}

static void words_beyond_the_width_are_refused(void **state)
{
    (void)state;
    static const int widths[] = {M};
    static const uint32_t bad[] = {1, 1u << 19, 1u << 24, 0x80000000u};
    uint32_t words[CELLS];
    bool changed;
    assert_int_equal(ax_defined_declare("third", widths, 1), AX_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fill(words, 0);
        words[9] = bad[i];
        assert_int_equal(ax_defined_give("third", M, words, &changed), AX_EARG);
        assert_non_null(strstr(ax_errmsg(), "word 9"));
    }
    assert_int_equal(ax_defined_give("third", 4, words, &changed), AX_EARG);
}

static void names_are_listed_once(void **state)
{
    (void)state;
    static const int widths[] = {1, 2, M};
    const char *names[32];
    int found = 0;
    assert_int_equal(ax_defined_declare("fourth", widths, 3), AX_OK);
    size_t n = ax_defined_names(names, 32);
    for (size_t i = 0; i < n; i++) found += !strcmp(names[i], "fourth");
    assert_int_equal(found, 1);
    assert_int_equal(ax_defined_names(names, 1), 1);
}

static void a_definition_that_is_repeated_stays_and_one_that_differs_replaces(void **state)
{
    (void)state;
    static const int widths[] = {M, 5};
    uint32_t words[CELLS];
    fill(words, 1);
    assert_int_equal(ax_mult_declare("fifth", widths, 2), AX_OK);
    assert_int_equal(ax_mult_define("fifth", M, words), AX_OK);
    const ax_mult *first = ax_mult_get("fifth:3"), *other = ax_mult_get("mit:3");
    assert_non_null(first);
    assert_int_equal(ax_mult_declare("fifth", widths, 2), AX_OK);
    assert_int_equal(ax_mult_define("fifth", M, words), AX_OK);
    assert_ptr_equal(ax_mult_get("fifth:3"), first);
    fill(words, 2);
    assert_int_equal(ax_mult_define("fifth", M, words), AX_OK);
    const ax_mult *second = ax_mult_get("fifth:3");
    assert_ptr_not_equal(second, first);
    assert_string_not_equal(ax_mult_sha256(second), ax_mult_sha256(first));      /* the old one lives until it is trimmed */
    assert_memory_equal(ax_mult_lut(second)->words, words, sizeof words);
    assert_ptr_equal(ax_mult_get("mit:3"), other);
}

static void widths_that_a_name_has_no_more_are_forgotten(void **state)
{
    (void)state;
    static const int before[] = {M, 2}, after[] = {2};
    uint32_t words[CELLS];
    fill(words, 0);
    assert_int_equal(ax_mult_declare("sixth", before, 2), AX_OK);
    assert_int_equal(ax_mult_define("sixth", M, words), AX_OK);
    assert_non_null(ax_mult_get("sixth:3"));
    assert_int_equal(ax_mult_declare("sixth", after, 1), AX_OK);
    assert_null(ax_mult_get("sixth:3"));
    assert_null(ax_defined_find("sixth", M));
    assert_non_null(ax_defined_find("sixth", 2));
}

static void kinds_follow_from_the_spec(void **state)
{
    (void)state;
    assert_string_equal(ax_lut_kind("mbm:7"), "family");
    assert_string_equal(ax_lut_kind("fp32"), "family");
    assert_string_equal(ax_lut_kind("lut:a/MBM_7.bin,width=7"), "table");
    assert_string_equal(ax_lut_kind("c:mbm.c"), "c");
    assert_string_equal(ax_lut_kind("mine:7"), "lua");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_open_for_its_widths_once_they_are_given),
        cmocka_unit_test(its_table_has_the_hash_of_an_equal_family),
        cmocka_unit_test(wrong_specs_say_what_there_is),
        cmocka_unit_test(names_of_families_and_no_words_are_refused),
        cmocka_unit_test(words_beyond_the_width_are_refused),
        cmocka_unit_test(names_are_listed_once),
        cmocka_unit_test(a_definition_that_is_repeated_stays_and_one_that_differs_replaces),
        cmocka_unit_test(widths_that_a_name_has_no_more_are_forgotten),
        cmocka_unit_test(kinds_follow_from_the_spec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

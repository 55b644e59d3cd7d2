/* Columns of text: beside the C library's own widths, and exact where a name is fitted into a table. */
#include "check.h"

#include "base/columns.h"

#include <locale.h>
#include <stdlib.h>
#include <wchar.h>

static const char *const samples[] = {
    "", "mbm:7 seed 1", "lut:café.bin", "лут:таблица.bin", "乘法器.bin", "掛け算ﾃﾞｰﾀ", "곱셈기", "e\xcc\x81 is one", "ﬀ ligature", "😀.bin", "x²·y", "a\xe2\x80\x8b" "b"};
enum { SAMPLES = sizeof samples / sizeof samples[0] };

static int library_width(const char *text)
{
    wchar_t wide[128];
    size_t n = mbstowcs(wide, text, 128);
    assert_true(n < 128);
    return wcswidth(wide, n);
}

static void columns__are_those_of_the_c_library(void **state)
{
    (void)state;
    for (int i = 0; i < SAMPLES; i++) assert_int_equal(ax_columns_of(samples[i], true), library_width(samples[i]));
}

static void columns__fit_exactly_and_in_whole_characters(void **state)
{
    (void)state;
    for (int i = 0; i < SAMPLES; i++)
        for (int width = 1; width < 30; width++) {
            ax_buf out = {0};
            ax_columns_fit(&out, samples[i], width, true);
            assert_int_equal(library_width(ax_buf_str(&out)), width);
            ax_buf_release(&out);
        }
}

static void assert_fit(const char *text, int width, bool utf8, const char *wanted)
{
    ax_buf out = {0};
    ax_columns_fit(&out, text, width, utf8);
    assert_string_equal(ax_buf_str(&out), wanted);
    ax_buf_release(&out);
}

/* Both ends tell names apart: the beginning the kind, the end the seed. */
static void columns__leave_out_the_middle(void **state)
{
    (void)state;
    assert_fit("mbm:7", 8, true, "mbm:7   ");
    assert_fit("mbm:7", 5, true, "mbm:7");
    assert_fit("lut:a/long/path.bin seed 12", 15, true, "lut:a/l…seed 12");
    assert_fit("lut:a/long/path.bin seed 12", 15, false, "lut:a/l~seed 12");
    assert_fit("乘法器", 4, true, "乘… ");
}

static void columns__of_what_is_no_character_are_question_marks(void **state)
{
    (void)state;
    static const char *const bad[] = {"\033[2J", "?[2J", "a\nb", "a?b", "\xff", "?", "\xe4\xb9", "??", "\xc0\xaf", "??", "\xed\xa0\x80", "???", "\x7f", "?", "\xe2\x80\xae", "?"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i += 2) {
        ax_buf out = {0};
        ax_columns_add(&out, bad[i], true);
        assert_string_equal(ax_buf_str(&out), bad[i + 1]);
        assert_int_equal(ax_columns_of(bad[i], true), (int)strlen(bad[i + 1]));
        ax_buf_release(&out);
    }
    assert_int_equal(ax_columns_of("é", false), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns__leave_out_the_middle),
        cmocka_unit_test(columns__of_what_is_no_character_are_question_marks),
        cmocka_unit_test(columns__are_those_of_the_c_library),
        cmocka_unit_test(columns__fit_exactly_and_in_whole_characters),
    };
    if (!setlocale(LC_CTYPE, "C.UTF-8")) return 77;      /* no library to compare with */
    return cmocka_run_group_tests(tests, NULL, NULL);
}

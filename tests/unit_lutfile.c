/* Table files: bytes derived from the definitions, inference by name and size, and refusal of everything else. */
#include "check.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/rng.h"
#include "lut/file.h"
#include "lut/lut.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/approxrun-lut-XXXXXX";

static int enter(void **state)
{
    (void)state;
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static void put(const char *name, const void *data, size_t len) { assert_ok(ax_file_write(name, data, len)); }

/* The bytes of ApproxTrain's MBM_7.bin, from the published definition in integers of 7 bits: 10 is 0x0a0000 at that width. */
static void published_mbm7(unsigned char *bytes)
{
    for (int i = 0; i < 128; i++)
        for (int j = 0; j < 128; j++) {
            int sum = (i | 1) + (j | 1), carry = sum >= 128, fraction = sum % 128 + (carry ? 5 : 10);
            if (fraction >= 128 && carry) fraction -= 5;
            else if (fraction >= 128) fraction = (fraction - 128) / 2, carry = 1;
            bytes[i << 7 | j] = (unsigned char)(carry << 7 | fraction);
        }
}

static void mbm7_has_the_published_bytes_both_ways(void **state)
{
    (void)state;
    unsigned char bytes[1 << 14];
    published_mbm7(bytes);
    put("MBM_7.bin", bytes, sizeof bytes);
    ax_lut *file = ax_lut_open("lut:MBM_7.bin"), *built = ax_lut_open("mbm:7");
    assert_non_null(file);
    assert_memory_equal(file->words, built->words, sizeof(uint32_t) << 14);
    assert_string_equal(file->sha256, built->sha256);
    assert_string_equal(file->family, "MBM");
    assert_string_equal(file->spec, "lut:MBM_7.bin");
    assert_string_equal(file->format, "u8");
    ax_buf out;
    ax_buf_init(&out);
    assert_ok(ax_table_encode(&out, built->words, 7, AX_TABLE_U8, "mbm:7"));
    assert_int_equal(out.len, sizeof bytes);
    assert_memory_equal(out.data, bytes, sizeof bytes);
    ax_buf_release(&out);
    ax_lut_close(file);
    ax_lut_close(built);
}

static void a_u32_file_is_little_endian_with_the_carry_in_bit_31(void **state)
{
    (void)state;
    const unsigned char bytes[16] = {0, 0, 0, 0, 0x00, 0x00, 0x40, 0x00, 0x01, 0x00, 0x40, 0x00, 0x00, 0x00, 0x00, 0x80};
    put("T_1.bin", bytes, sizeof bytes);
    ax_lut *lut = ax_lut_open("lut:T_1.bin");
    assert_non_null(lut);
    assert_int_equal(lut->words[1], 0x400000);
    assert_int_equal(lut->words[2], 0x400001);
    assert_int_equal(lut->words[3], 1u << 23);
    char hash[AX_SHA256_HEX];
    assert_ok(ax_sha256(hash, bytes, sizeof bytes));
    assert_string_equal(lut->sha256, hash);
    assert_string_equal(lut->format, "u32");
    ax_lut_close(lut);
}

static int infer(const char *name, size_t size, int said_width, enum ax_table_format said, int width, enum ax_table_format format)
{
    AX_TRY(ax_table_infer(&said_width, &said, name, size));
    assert_int_equal(said_width, width);
    assert_int_equal(said, format);
    return AX_OK;
}

static void width_and_format_follow_from_name_and_size(void **state)
{
    (void)state;
    assert_ok(infer("MBM_7.bin", 1 << 14, 0, AX_TABLE_ANY, 7, AX_TABLE_U8));
    assert_ok(infer("dir_3/MBM_7", 1 << 16, 0, AX_TABLE_ANY, 7, AX_TABLE_U32));
    assert_ok(infer("t_3.bin", 64, 0, AX_TABLE_ANY, 3, AX_TABLE_U8));
    assert_ok(infer("t_2.bin", 64, 0, AX_TABLE_ANY, 2, AX_TABLE_U32));
    assert_ok(infer("t.bin", 64, 3, AX_TABLE_ANY, 3, AX_TABLE_U8));
    assert_ok(infer("t.bin", 64, 0, AX_TABLE_U32, 2, AX_TABLE_U32));
    assert_ok(infer("t_9.bin", 64, 3, AX_TABLE_ANY, 3, AX_TABLE_U8));        /* a width said overrides the name */
    assert_ok(infer("t.bin", 4, 0, AX_TABLE_ANY, 1, AX_TABLE_U8));
    assert_ok(infer("t.bin", 1 << 24, 0, AX_TABLE_ANY, 11, AX_TABLE_U32));
    assert_ok(infer("t_8.bin", 1 << 18, 0, AX_TABLE_ANY, 8, AX_TABLE_U32));
}

static void what_is_ambiguous_or_contradictory_is_refused(void **state)
{
    (void)state;
    assert_fails(infer("t.bin", 64, 0, AX_TABLE_ANY, 0, AX_TABLE_ANY), AX_EARG, "64 bytes are u8 of width 3 or u32 of width 2; say width=M");
    assert_fails(infer("t_5.bin", 64, 0, AX_TABLE_ANY, 0, AX_TABLE_ANY), AX_EFORMAT, "64 bytes, wanted 1024 (u8) or 4096 (u32) for width 5");
    assert_fails(infer("t_7.bin", 16383, 0, AX_TABLE_ANY, 0, AX_TABLE_ANY), AX_EFORMAT, "16383 bytes, wanted 16384 (u8) or 65536 (u32)");
    assert_fails(infer("t.bin", 100, 0, AX_TABLE_ANY, 0, AX_TABLE_ANY), AX_EFORMAT, "100 bytes, wanted 4^m");
    assert_fails(infer("t.bin", 0, 0, AX_TABLE_ANY, 0, AX_TABLE_ANY), AX_EFORMAT, "0 bytes");
    assert_fails(infer("t.bin", 1 << 16, 8, AX_TABLE_U8, 0, AX_TABLE_ANY), AX_EFORMAT, "width 8, wanted 1 to 7 for u8");
    assert_fails(infer("t_12.bin", 1 << 24, 0, AX_TABLE_ANY, 0, AX_TABLE_ANY), AX_EFORMAT, "width 12 (from its name), wanted 1 to 11");
}

static void the_width_of_a_name_is_the_number_at_its_end(void **state)
{
    (void)state;
    assert_int_equal(ax_table_name_width("lut/MBM_7.bin"), 7);
    assert_int_equal(ax_table_name_width("a_b_11"), 11);
    assert_int_equal(ax_table_name_width("MBM7.bin"), 0);
    assert_int_equal(ax_table_name_width("MBM_7b.bin"), 0);
    assert_int_equal(ax_table_name_width("MBM_.bin"), 0);
    assert_int_equal(ax_table_name_width("MBM_99.bin"), 0);
    assert_int_equal(ax_table_name_width("dir_7/table.bin"), 0);
}

static int opens(const char *spec)
{
    ax_lut *lut = ax_lut_open(spec);
    ax_lut_close(lut);
    return lut ? AX_OK : ax_errstatus();
}

static void entries_with_stray_bits_are_refused_with_their_place(void **state)
{
    (void)state;
    unsigned char u8[16] = {0}, u32[64] = {0};
    u8[6] = 0x04;                                  /* m = 2: bits 6..2 must be zero */
    put("a_2.bin", u8, sizeof u8);
    assert_fails(opens("lut:a_2.bin"), AX_EFORMAT, "entry (1, 2) at byte 6 is 0x04");
    u32[23] = 0x40;                                /* bit 30 */
    put("b_2.bin", u32, sizeof u32);
    assert_fails(opens("lut:b_2.bin"), AX_EFORMAT, "entry (1, 1) at byte 20 is 0x40000000");
    u32[23] = 0x80;
    u32[22] = 0x7f;                                /* any fraction of 23 bits */
    put("b_2.bin", u32, sizeof u32);
    assert_ok(opens("lut:b_2.bin"));
}

static void wrong_files_are_refused(void **state)
{
    (void)state;
    put("short_7.bin", "abc", 3);
    assert_fails(opens("lut:short_7.bin"), AX_EFORMAT, "3 bytes, wanted 16384");
    assert_fails(opens("lut:."), AX_EFORMAT, "not a regular file");
    assert_fails(opens("lut:none_7.bin"), AX_ENOENT, "none_7.bin");
    char *big = ax_alloc(AX_TABLE_MAX_BYTES + 1, 1);
    put("big_11.bin", big, AX_TABLE_MAX_BYTES + 1);
    ax_free(big);
    assert_fails(opens("lut:big_11.bin"), AX_EFORMAT, "more than");
}

static void u8_refuses_what_it_cannot_hold(void **state)
{
    (void)state;
    ax_lut *wide = ax_lut_open("mit:8");
    ax_buf out;
    ax_buf_init(&out);
    assert_fails(ax_table_encode(&out, wide->words, 8, AX_TABLE_U8, "mit:8"), AX_EARG, "at most 7 bits, found width 8; use --format u32");
    const uint32_t fine[4] = {0, 1, 0, 0};
    assert_fails(ax_table_encode(&out, fine, 1, AX_TABLE_U8, "fine"), AX_EARG, "(0, 1) has more than 1 fraction bits");
    ax_buf_release(&out);
    ax_lut_close(wide);
}

static void a_key_stays_in_the_spec_only_where_it_is_needed(void **state)
{
    (void)state;
    unsigned char zeros[64] = {0};
    put("plain, file.bin", zeros, sizeof zeros);
    put("t_3.bin", zeros, sizeof zeros);
    ax_lut *a = ax_lut_open("lut:plain, file.bin,format=u8"), *b = ax_lut_open("lut:t_3.bin,width=3,format=u8");
    assert_string_equal(a->spec, "lut:plain, file.bin,width=3");
    assert_string_equal(b->spec, "lut:t_3.bin");
    ax_lut_close(a);
    ax_lut_close(b);
}

/* Random entries of 2^bits: bytes, or little-endian words. */
static void put_random(const char *name, int bits, int m, int u32)
{
    unsigned char bytes[4 << 12];
    int n = 1 << bits;
    for (int k = 0; k < n; k++) {
        uint32_t r = ax_rng(8, AX_RNG_TEST, (uint64_t)(32 * bits + m), (uint64_t)k).v[0] & (u32 ? 0x807fffffu : 128u | ((1u << m) - 1));
        if (!u32) bytes[k] = (unsigned char)r;
        for (int byte = 0; u32 && byte < 4; byte++) bytes[4 * k + byte] = (unsigned char)(r >> 8 * byte);
    }
    put(name, bytes, (size_t)(u32 ? 4 * n : n));
}

/* What entry number `at` of a file's bytes says of a significand product. */
static double entry_of(const unsigned char *bytes, int at, int m, int u32)
{
    if (!u32) return (1 + bytes[at] % 128 * ldexp(1, -m)) * (bytes[at] >= 128 ? 2 : 1);
    const unsigned char *e = bytes + 4 * at;
    return (1 + (e[0] + 256 * e[1] + 65536 * e[2]) * 0x1p-23) * (e[3] >= 128 ? 2 : 1);
}

/* Products of random significands, each cut to the bits of its operand, against the entries themselves. */
static void check_widths(int a, int b, int u32)
{
    int m = a > b ? a : b;
    char spec[64], want[64], *bytes;
    size_t size;
    put_random("own.bin", a + b, m, u32);
    assert_ok(ax_file_read(&bytes, &size, "own.bin", AX_TABLE_MAX_BYTES));
    snprintf(spec, sizeof spec, "lut:own.bin,width_b=%d,width_a=%d", b, a);
    snprintf(want, sizeof want, "lut:own.bin,width_a=%d,width_b=%d", a, b);
    ax_lut *lut = ax_lut_open(spec);
    if (!lut) fail_msg("%s: %s", spec, ax_errmsg());
    if (a != b) assert_string_equal(lut->spec, want);
    assert_int_equal(lut->width, m);
    assert_int_equal(lut->width_a, a);
    assert_int_equal(lut->width_b, b);
    assert_string_equal(lut->format, u32 ? "u32" : "u8");
    for (uint64_t k = 0; k < 4000; k++) {
        ax_rng_block r = ax_rng(9, AX_RNG_TEST, 0, k);
        float x = 1 + (float)(r.v[0] >> 9) * 0x1p-23f, y = 1 + (float)(r.v[1] >> 9) * 0x1p-23f;
        int i = (int)floorf((x - 1) * (float)(1 << a)), j = (int)floorf((y - 1) * (float)(1 << b));
        double p = entry_of((unsigned char *)bytes, i * (1 << b) + j, m, u32);
        if ((double)ax_product(&lut->view, x, y) != p) fail_msg("%s: %a x %a is not %a", spec, (double)x, (double)y, p);
    }
    ax_lut_close(lut);
    ax_free(bytes);
}

static void operands_may_have_widths_of_their_own(void **state)
{
    (void)state;
    for (int a = 1; a <= 9; a++)
        for (int b = 1; a + b <= 12 && b <= 9; b++)
            for (int u32 = a > 7 || b > 7; u32 < 2; u32++) check_widths(a, b, u32);
}

static void widths_of_their_own_are_written_as_they_are_read(void **state)
{
    (void)state;
    ax_lut *whole = ax_lut_open("mbm:7"), *narrow, *again;
    ax_buf out;
    ax_buf_init(&out);
    assert_ok(ax_table_encode_widths(&out, whole->words, 7, (ax_table_widths){7, 4}, AX_TABLE_U8, "mbm:7"));
    assert_int_equal(out.len, 1 << 11);
    put("cut.bin", out.data, out.len);
    narrow = ax_lut_open("lut:cut.bin,width_a=7,width_b=4");
    for (uint32_t i = 0; i < 128; i++)
        for (uint32_t j = 0; j < 128; j++) assert_int_equal(narrow->words[i << 7 | j], whole->words[i << 7 | (j & ~7u)]);
    ax_buf_clear(&out);
    assert_ok(ax_table_encode_widths(&out, narrow->words, 7, (ax_table_widths){7, 4}, AX_TABLE_U32, "cut"));
    assert_int_equal(out.len, 4 << 11);
    put("cut.bin", out.data, out.len);
    again = ax_lut_open("lut:cut.bin,width_a=7,width_b=4");
    assert_string_equal(again->sha256, narrow->sha256);
    assert_string_equal(again->format, "u32");
    ax_buf_clear(&out);
    assert_fails(ax_table_encode_widths(&out, whole->words, 7, (ax_table_widths){3, 4}, AX_TABLE_U8, "mbm:7"), AX_EARG,
                 "has more than 4 fraction bits");
    ax_buf_release(&out);
    ax_lut_close(whole);
    ax_lut_close(narrow);
    ax_lut_close(again);
}

static void equal_widths_are_one(void **state)
{
    (void)state;
    unsigned char zeros[256] = {0};
    put("four_4.bin", zeros, sizeof zeros);
    ax_lut *lut = ax_lut_open("lut:four_4.bin,width_a=4,width_b=4");
    assert_string_equal(lut->spec, "lut:four_4.bin");
    ax_lut_close(lut);
}

static void wrong_widths_of_operands_are_refused(void **state)
{
    (void)state;
    unsigned char bytes[256] = {0};
    put("own.bin", bytes, sizeof bytes);
    assert_fails(opens("lut:own.bin,width_a=5,width_b=4"), AX_EFORMAT, "own.bin: 256 bytes, wanted 512 (u8) or 2048 (u32) for widths 5 and 4");
    assert_fails(opens("lut:own.bin,width_a=2,width_b=8"), AX_EFORMAT, "256 bytes, wanted 4096 (u32) for widths 2 and 8");
    assert_fails(opens("lut:own.bin,width_a=5,width_b=3,format=u32"), AX_EFORMAT, "256 bytes, wanted 1024 (u32)");
    assert_fails(opens("lut:own.bin,width_a=8,width_b=2,format=u8"), AX_EFORMAT, "widths 8 and 2, wanted 1 to 7 for u8");
    assert_fails(opens("lut:own.bin,width_a=5"), AX_EARG, "width_b is missing, wanted both width_a and width_b");
    assert_fails(opens("lut:own.bin,width_b=5"), AX_EARG, "width_a is missing");
    assert_fails(opens("lut:own.bin,width_a=5,width_b=3,width=5"), AX_EARG, "width stands beside width_a and width_b");
    assert_fails(opens("lut:own.bin,width_a=12,width_b=3"), AX_EARG, "width_a is '12', wanted a whole number from 1 to 11");
    assert_fails(opens("lut:own.bin,width_a=5,width_a=4,width_b=3"), AX_EARG, "the key width_a is given twice, wanted once");
    assert_fails(opens("lut:own.bin,widht_a=5"), AX_EARG, "unknown key 'widht_a' (did you mean 'width_a'?)");
    assert_fails(opens("lut:none.bin,width_a=5,width_b=3"), AX_ENOENT, "none.bin");
    bytes[5 << 3 | 6] = 0x60;                      /* m = 5: bits 6 and 5 must be zero */
    put("own.bin", bytes, sizeof bytes);
    assert_fails(opens("lut:own.bin,width_a=5,width_b=3"), AX_EFORMAT, "entry (5, 6) at byte 46 is 0x60");
}

/* Whatever the bytes, the answer is a table whose words have 24 bits, or a message. */
static void mutated_files_never_crash(void **state)
{
    (void)state;
    unsigned char bytes[300];
    for (uint32_t round = 0; round < 3000; round++) {
        ax_rng_block r = ax_rng(7, AX_RNG_TEST, 1, round);
        size_t len = round % 3 ? (size_t)1 << 2 * (1 + r.v[0] % 4) : r.v[0] % sizeof bytes;
        memset(bytes, (int)(r.v[1] & 3), sizeof bytes);
        for (int k = 0; k < (int)(r.v[2] % 4); k++) bytes[(r.v[3] >> k) % sizeof bytes] ^= (unsigned char)(r.v[1] >> 8 * k);
        int width = (int)(r.v[2] >> 8) % 13;
        enum ax_table_format format = (enum ax_table_format)(r.v[2] >> 16) % 3;
        uint32_t words[256];
        if (ax_table_infer(&width, &format, "t.bin", len) != AX_OK || ax_table_decode(words, bytes, width, format, "t.bin") != AX_OK) {
            assert_true(ax_errmsg()[0] != 0);
            continue;
        }
        assert_true(width >= 1 && width <= 4);
        for (int k = 0; k < 1 << 2 * width; k++) assert_true(words[k] < 1u << 24);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mbm7_has_the_published_bytes_both_ways),
        cmocka_unit_test(a_u32_file_is_little_endian_with_the_carry_in_bit_31),
        cmocka_unit_test(width_and_format_follow_from_name_and_size),
        cmocka_unit_test(what_is_ambiguous_or_contradictory_is_refused),
        cmocka_unit_test(the_width_of_a_name_is_the_number_at_its_end),
        cmocka_unit_test(entries_with_stray_bits_are_refused_with_their_place),
        cmocka_unit_test(wrong_files_are_refused),
        cmocka_unit_test(u8_refuses_what_it_cannot_hold),
        cmocka_unit_test(a_key_stays_in_the_spec_only_where_it_is_needed),
        cmocka_unit_test(operands_may_have_widths_of_their_own),
        cmocka_unit_test(widths_of_their_own_are_written_as_they_are_read),
        cmocka_unit_test(equal_widths_are_one),
        cmocka_unit_test(wrong_widths_of_operands_are_refused),
        cmocka_unit_test(mutated_files_never_crash),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}

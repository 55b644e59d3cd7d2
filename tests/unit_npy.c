/* .npy headers written by hand after NEP 1, and everything that must be refused. */
#include "check.h"

#include "base/rng.h"
#include "data/npy.h"

#include <stdio.h>
#include <stdlib.h>

/* A file of the given version, header text and data. */
static size_t make(unsigned char *out, int version, const char *header, const void *data, size_t len)
{
    size_t n = strlen(header), at = 6;
    memcpy(out, "\x93NUMPY", 6);
    out[at++] = (unsigned char)version;
    out[at++] = 0;
    for (int k = 0; k < (version == 1 ? 2 : 4); k++) out[at++] = (unsigned char)(n >> 8 * k);
    memcpy(out + at, header, n);
    memcpy(out + at + n, data, len);
    return at + n + len;
}

static int parse(ax_npy *a, int version, const char *header, const void *data, size_t len)
{
    unsigned char bytes[1024];
    return ax_npy_parse(a, bytes, make(bytes, version, header, data, len), "a.npy");
}

static void versions_1_to_3_are_read(void **state)
{
    (void)state;
    const float values[6] = {1, 2, 3, 4, 5, 6};
    for (int version = 1; version <= 3; version++) {
        ax_npy a;
        assert_ok(parse(&a, version, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n", values, sizeof values));
        assert_true(a.rank == 2 && a.shape[0] == 2 && a.shape[1] == 3 && a.size == 6);
        assert_memory_equal(a.data, values, sizeof values);
        ax_npy_release(&a);
    }
}

static void doubles_are_rounded_to_nearest(void **state)
{
    (void)state;
    const double values[2] = {1 + 0x1p-24 + 0x1p-40, 0.1};
    ax_npy a;
    assert_ok(parse(&a, 1, "{'shape': (2,), 'descr': \"<f8\", 'fortran_order': False}\n", values, sizeof values));
    assert_true(a.rank == 1 && a.data[0] == 1 + 0x1p-23f && a.data[1] == 0.1f);
    ax_npy_release(&a);
}

static void scalars_and_empty_arrays_are_read(void **state)
{
    (void)state;
    const float one = 1;
    ax_npy a;
    assert_ok(parse(&a, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': ()}", &one, sizeof one));
    assert_true(a.rank == 0 && a.size == 1);
    ax_npy_release(&a);
    assert_ok(parse(&a, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 5)}", "", 0));
    assert_true(a.rank == 2 && a.size == 0);
    ax_npy_release(&a);
}

static void malformed_headers_are_refused_with_an_offset(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", "byte 10: wanted '{'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1)}", "',' or ')'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "a dimension"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", "each once"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", "each once"},
        {"{'descr': '<f4', 'fortran_order': False}", "each once"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", "True or False"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", "the end of the header"},
        {"{'descr': '<f4 , 'fortran_order': False, 'shape': (1,)}", "wanted"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", "at most 8 dimensions"},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", "type '>f4', wanted '<f4' or '<f8'"},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (1,)}", "a.astype('<f4')"},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (1,)}", "numpy.ascontiguousarray"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "below 2^63"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4)}", "more than 2^63"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", "4 bytes of data from byte"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3)}", "wanted 0 for"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}", "wanted 4000000000000"},
    };
    const float one = 1;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        ax_npy a;
        assert_fails(parse(&a, 1, rows[k][0], &one, sizeof one), AX_EFORMAT, rows[k][1]);
        assert_null(a.data);
    }
}

static void wrong_prefixes_are_refused(void **state)
{
    (void)state;
    ax_npy a;
    assert_fails(ax_npy_parse(&a, "PK\3\4aaaaaaaa", 12, "a.npz"), AX_EFORMAT, "not a .npy file");
    assert_fails(ax_npy_parse(&a, "", 0, "a"), AX_EFORMAT, "not a .npy file");
    assert_fails(ax_npy_parse(&a, "\x93NUMPY\4\0\0\0\0\0", 12, "a"), AX_EFORMAT, "version 4.0");
    assert_fails(ax_npy_parse(&a, "\x93NUMPY\1\0\xff\xff", 10, "a"), AX_EFORMAT, "header of 65535 bytes, wanted at most 0");
    assert_fails(ax_npy_parse(&a, "\x93NUMPY\2\0\0\0", 10, "a"), AX_EFORMAT, "ends within its header");
    assert_fails(ax_npy_read(&a, "/nowhere/a.npy"), AX_ENOENT, "/nowhere/a.npy");
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    char name[] = "/tmp/approxrun-npy-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    const float values[6] = {-0.0f, 1e-40f, 3, 4, 5, 6};
    const int64_t shape[3] = {1, 2, 3};
    ax_npy a;
    assert_ok(ax_npy_write(name, values, 3, shape));
    assert_ok(ax_npy_read(&a, name));
    assert_true(a.rank == 3 && a.shape[1] == 2 && a.shape[2] == 3);
    assert_memory_equal(a.data, values, sizeof values);
    ax_npy_release(&a);
    assert_int_equal(remove(name), 0);
}

static void mutated_headers_never_crash(void **state)
{
    (void)state;
    const float values[6] = {1, 2, 3, 4, 5, 6};
    unsigned char good[256], bytes[256];
    size_t len = make(good, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n", values, sizeof values);
    for (uint32_t round = 0; round < 20000; round++) {
        ax_rng_block r = ax_rng(7, AX_RNG_TEST, 2, round);
        memcpy(bytes, good, len);
        for (uint32_t k = 0; k <= r.v[0] % 3; k++) bytes[(r.v[1] >> 7 * k) % len] = (unsigned char)(r.v[2] >> 8 * k);
        ax_npy a;
        if (ax_npy_parse(&a, bytes, r.v[3] % 4 ? len : r.v[3] / 4 % len, "a") == AX_OK) assert_true(a.size <= 6);
        else assert_true(ax_errmsg()[0] != 0);
        ax_npy_release(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_1_to_3_are_read),
        cmocka_unit_test(doubles_are_rounded_to_nearest),
        cmocka_unit_test(scalars_and_empty_arrays_are_read),
        cmocka_unit_test(malformed_headers_are_refused_with_an_offset),
        cmocka_unit_test(wrong_prefixes_are_refused),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(mutated_headers_never_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

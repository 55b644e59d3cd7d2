/* IDX and gzip: what is well formed is read, and whatever is not is refused with the place and the numbers. */
#include "base/alloc.h"
#include "base/rng.h"
#include "check.h"
#include "data/gzip.h"
#include "data/idx.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

/* Two images of 2 x 3 pixels, 0..11. */
static const uint8_t images[28] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
/* Four labels. */
static const uint8_t labels[12] = {0, 0, 8, 1, 0, 0, 0, 4, 3, 1, 4, 1};

/* A heap copy of exactly `len` bytes, so that a sanitizer sees any read past them; the caller frees. */
static uint8_t *copy_of(const void *bytes, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    return copy;
}

/* Gzip by zlib's own deflate; returns the length. */
static size_t pack(uint8_t *out, size_t cap, const void *in, size_t len)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)in, .avail_in = (uInt)len, .next_out = out, .avail_out = (uInt)cap};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

static int parse(ax_idx *idx, const void *bytes, size_t len, int rank)
{
    uint8_t *copy = copy_of(bytes, len);
    int status = ax_idx_parse(idx, copy, len, rank, "some/file");
    free(copy);
    return status;
}

static void idx__reads_dimensions_and_data(void **state)
{
    (void)state;
    ax_idx idx;
    uint8_t bytes[28];
    memcpy(bytes, images, sizeof bytes);
    assert_ok(ax_idx_parse(&idx, bytes, sizeof bytes, 3, "f"));
    assert_int_equal(idx.rank, 3);
    assert_int_equal(idx.dims[0], 2);
    assert_int_equal(idx.dims[1], 2);
    assert_int_equal(idx.dims[2], 3);
    assert_int_equal(idx.size, 12);
    assert_ptr_equal(idx.data, bytes + 16);
    assert_int_equal(idx.data[11], 11);
}

static void idx__refuses_any_other_length(void **state)
{
    (void)state;
    ax_idx idx;
    uint8_t longer[40] = {0};
    memcpy(longer, images, sizeof images);
    for (size_t len = 0; len < 28; len++) assert_fails(parse(&idx, images, len, 3), AX_EFORMAT, "some/file: ");
    for (size_t len = 29; len <= 40; len++) assert_fails(parse(&idx, longer, len, 3), AX_EFORMAT, "wanted by its dimensions");
    assert_fails(parse(&idx, images, 27, 3), AX_EFORMAT, "some/file: 27 bytes found, 16 + 12 wanted by its dimensions (truncated)");
    assert_fails(parse(&idx, images, 3, 3), AX_EFORMAT, "3 bytes, too short for an IDX header of 16");
}

static void idx__names_a_wrong_magic_number(void **state)
{
    (void)state;
    ax_idx idx;
    assert_fails(parse(&idx, labels, sizeof labels, 3), AX_EFORMAT, "too short");
    assert_fails(parse(&idx, images, sizeof images, 1), AX_EFORMAT, "byte 0: magic number 0x00000803, wanted 0x00000801");
}

static void idx__lying_dimensions_never_pass(void **state)
{
    (void)state;
    ax_idx idx;
    uint8_t bytes[28];
    memcpy(bytes, images, sizeof bytes);
    bytes[4] = 0x7f, bytes[5] = bytes[6] = bytes[7] = 0xff;          /* 2^31 - 1 images */
    assert_fails(parse(&idx, bytes, sizeof bytes, 3), AX_EFORMAT, "28 bytes found, 16 + 12884901882 wanted");
    memset(bytes + 4, 0xff, 12);                                     /* (2^32 - 1)^3 overflows 64 bits */
    assert_fails(parse(&idx, bytes, sizeof bytes, 3), AX_EFORMAT, "byte 12: dimension 2 is 4294967295, the product");
    memcpy(bytes, images, sizeof bytes);
    bytes[11] = 0;
    assert_fails(parse(&idx, bytes, sizeof bytes, 3), AX_EFORMAT, "byte 8: dimension 1 is 0");
}

static void idx__names_the_offset_of_a_label_out_of_range(void **state)
{
    (void)state;
    ax_idx idx;
    uint8_t bytes[12];
    memcpy(bytes, labels, sizeof bytes);
    assert_ok(ax_idx_parse(&idx, bytes, sizeof bytes, 1, "f"));
    assert_ok(ax_idx_check_labels(&idx, 5, "f"));
    assert_fails(ax_idx_check_labels(&idx, 4, "some/file"), AX_EFORMAT, "some/file: byte 10: label 4, wanted 0 to 3");
}

static void gzip__unpacks_what_was_packed(void **state)
{
    (void)state;
    uint8_t packed[256];
    char *out = NULL;
    size_t len = 0, n = pack(packed, sizeof packed, images, sizeof images);
    assert_true(ax_gzip_is(packed, n));
    assert_false(ax_gzip_is(images, sizeof images));
    assert_ok(ax_gzip_unpack(&out, &len, packed, n, sizeof images, "f"));     /* a cap of exactly its size */
    assert_int_equal(len, sizeof images);
    assert_memory_equal(out, images, len);
    ax_free(out);
}

static void gzip__a_bomb_stops_at_the_cap(void **state)
{
    (void)state;
    enum { BOMB = 1 << 24 };
    static uint8_t zeros[BOMB], packed[BOMB / 512];
    char *out = NULL;
    size_t len, n = pack(packed, sizeof packed, zeros, BOMB);
    assert_true(n < BOMB / 900);
    assert_fails(ax_gzip_unpack(&out, &len, packed, n, 1000, "some/file.gz"), AX_EFORMAT,
                 "some/file.gz: more than the 1000 bytes wanted once unpacked");
    assert_null(out);
}

static void gzip__refuses_every_truncation_and_trailing_bytes(void **state)
{
    (void)state;
    uint8_t packed[256];
    char *out = NULL;
    size_t len, n = pack(packed, sizeof packed, images, sizeof images);
    for (size_t cut = 0; cut < n; cut++) {
        uint8_t *copy = copy_of(packed, cut);
        assert_fails(ax_gzip_unpack(&out, &len, copy, cut, sizeof images, "f"), AX_EFORMAT, "truncated");
        free(copy);
    }
    packed[n] = 0;
    assert_fails(ax_gzip_unpack(&out, &len, packed, n + 1, sizeof images, "f"), AX_EFORMAT, "other bytes follow");
    packed[n - 5] ^= 1;                                              /* in the CRC */
    assert_fails(ax_gzip_unpack(&out, &len, packed, n, sizeof images, "f"), AX_EFORMAT, "damaged gzip data");
}

/* Every mutation of the header is either refused or describes the same 12 bytes in another shape. */
static void idx__survives_mutations(void **state)
{
    (void)state;
    int refused = 0, read = 0;
    for (uint64_t i = 0; i < 4000; i++) {
        ax_rng_block r = ax_rng(7, AX_RNG_TEST, 1, i);
        uint8_t bytes[28];
        ax_idx idx;
        memcpy(bytes, images, sizeof bytes);
        for (uint32_t k = 0; k <= r.v[0] % 3; k++) bytes[(r.v[1] >> 8 * k) % 28] = (uint8_t)(r.v[2] >> 8 * k);
        size_t len = r.v[3] % 4 ? sizeof bytes : r.v[3] / 4 % 29;
        if (parse(&idx, bytes, len, 3) != AX_OK) {
            assert_int_equal(ax_errstatus(), AX_EFORMAT);
            refused++;
            continue;
        }
        assert_int_equal(idx.dims[0] * idx.dims[1] * idx.dims[2], 12);
        read++;
    }
    assert_true(refused > 1000 && read > 500);
}

/* Every mutation of gzip data is refused, or gives back the bytes it was made from (the name and time fields carry none). */
static void gzip__survives_mutations(void **state)
{
    (void)state;
    uint8_t packed[256];
    size_t n = pack(packed, sizeof packed, images, sizeof images);
    int refused = 0;
    for (uint64_t i = 0; i < 4000; i++) {
        ax_rng_block r = ax_rng(7, AX_RNG_TEST, 2, i);
        uint8_t *copy = copy_of(packed, n);
        char *out = NULL;
        size_t len = 0;
        copy[r.v[0] % n] ^= (uint8_t)(1 + r.v[1] % 255);
        if (ax_gzip_unpack(&out, &len, copy, n, sizeof images, "f") != AX_OK) refused++;
        else assert_true(len == sizeof images && !memcmp(out, images, len));
        ax_free(out);
        free(copy);
    }
    assert_true(refused > 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idx__reads_dimensions_and_data),
        cmocka_unit_test(idx__refuses_any_other_length),
        cmocka_unit_test(idx__names_a_wrong_magic_number),
        cmocka_unit_test(idx__lying_dimensions_never_pass),
        cmocka_unit_test(idx__names_the_offset_of_a_label_out_of_range),
        cmocka_unit_test(gzip__unpacks_what_was_packed),
        cmocka_unit_test(gzip__a_bomb_stops_at_the_cap),
        cmocka_unit_test(gzip__refuses_every_truncation_and_trailing_bytes),
        cmocka_unit_test(idx__survives_mutations),
        cmocka_unit_test(gzip__survives_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

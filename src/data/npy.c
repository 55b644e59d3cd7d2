/* .npy files. Invariant: the size a header claims is compared with the bytes there are before memory is taken. */
#include "data/npy.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
    MAGIC_BYTES = 6, V1_PREFIX = 10, V2_PREFIX = 12,      /* magic, version, header length of 2 or 4 bytes */
    HEADER_MAX = 1 << 16, ALIGN = 64,
};
static const size_t file_max = (size_t)1 << 36;           /* 64 GiB */

/* The header's text, a Python literal, and what it said so far. */
typedef struct {
    const char *text;
    size_t at, end, base;         /* base: offset of the text in the file, for messages */
    const char *name;
    bool has_descr, has_order, has_shape, doubles, fortran;
    ax_npy *array;
} reader;

static int bad(const reader *r, const char *wanted)
{
    return ax_fail(AX_EFORMAT, "%s: header, byte %zu: wanted %s", r->name, r->base + r->at, wanted);
}

static void skip_space(reader *r)
{
    while (r->at < r->end && (r->text[r->at] == ' ' || r->text[r->at] == '\n' || r->text[r->at] == '\t')) r->at++;
}

static bool take(reader *r, const char *token)
{
    size_t n = strlen(token);
    skip_space(r);
    if (r->end - r->at < n || memcmp(r->text + r->at, token, n)) return false;
    r->at += n;
    return true;
}

/* A quoted word without escapes. */
static int take_string(reader *r, char *out, size_t size)
{
    char quote = take(r, "'") ? '\'' : take(r, "\"") ? '"' : 0;
    if (!quote) return bad(r, "a quoted word");
    size_t n = 0;
    while (r->at + n < r->end && r->text[r->at + n] != quote) n++;
    if (r->at + n >= r->end || n >= size || memchr(r->text + r->at, '\\', n)) return bad(r, "a short quoted word");
    memcpy(out, r->text + r->at, n);
    out[n] = 0;
    r->at += n + 1;
    return AX_OK;
}

static int take_dimension(reader *r, int64_t *out)
{
    int64_t v = 0;
    size_t start = r->at;
    for (; r->at < r->end && r->text[r->at] >= '0' && r->text[r->at] <= '9'; r->at++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, r->text[r->at] - '0', &v)) return bad(r, "a dimension below 2^63");
    if (r->at == start) return bad(r, "a dimension, a whole number");
    *out = v;
    return AX_OK;
}

/* "(3, 4)", "(3,)" or "()". */
static int take_shape(reader *r)
{
    ax_npy *a = r->array;
    if (!take(r, "(")) return bad(r, "'(', the shape");
    for (;;) {
        if (take(r, ")")) break;
        if (a->rank == AX_NPY_RANK_MAX) return bad(r, "at most 8 dimensions");
        AX_TRY(take_dimension(r, &a->shape[a->rank++]));
        if (take(r, ",")) continue;
        if (a->rank == 1 || !take(r, ")")) return bad(r, "',' or ')'");
        break;
    }
    r->has_shape = true;
    return AX_OK;
}

static int take_descr(reader *r)
{
    char type[16];
    AX_TRY(take_string(r, type, sizeof type));
    r->has_descr = true;
    r->doubles = !strcmp(type, "<f8");
    if (r->doubles || !strcmp(type, "<f4")) return AX_OK;
    return ax_fail(AX_EFORMAT, "%s: header, byte %zu: type '%s', wanted '<f4' or '<f8'; convert it with numpy: a.astype('<f4')", r->name,
                   r->base + r->at, type);
}

static int take_member(reader *r)
{
    char key[32];
    AX_TRY(take_string(r, key, sizeof key));
    if (!take(r, ":")) return bad(r, "':'");
    if (!strcmp(key, "descr") && !r->has_descr) return take_descr(r);
    if (!strcmp(key, "shape") && !r->has_shape) return take_shape(r);
    if (strcmp(key, "fortran_order") || r->has_order) return bad(r, "the keys descr, fortran_order and shape, each once");
    r->has_order = true;
    r->fortran = take(r, "True");
    return r->fortran || take(r, "False") ? AX_OK : bad(r, "True or False");
}

static int parse_header(reader *r)
{
    if (!take(r, "{")) return bad(r, "'{'");
    while (!take(r, "}")) {
        AX_TRY(take_member(r));
        if (take(r, ",")) continue;
        if (!take(r, "}")) return bad(r, "',' or '}'");
        break;
    }
    skip_space(r);
    if (r->at != r->end) return bad(r, "the end of the header");
    if (!r->has_descr || !r->has_order || !r->has_shape) return bad(r, "the keys descr, fortran_order and shape, each once");
    if (r->fortran)
        return ax_fail(AX_EFORMAT, "%s: Fortran order, wanted C order; convert it with numpy: numpy.ascontiguousarray(a)", r->name);
    return AX_OK;
}

static int check_size(reader *r, size_t data_bytes)
{
    ax_npy *a = r->array;
    a->size = 1;
    int64_t bytes = 0;
    bool overflow = false;
    for (int d = 0; d < a->rank; d++) overflow |= __builtin_mul_overflow(a->size, a->shape[d], &a->size);
    overflow |= __builtin_mul_overflow(a->size, r->doubles ? 8 : 4, &bytes);
    if (overflow) return ax_fail(AX_EFORMAT, "%s: header: the shape has more than 2^63 elements", r->name);
    if ((uint64_t)bytes == data_bytes) return AX_OK;
    return ax_fail(AX_EFORMAT, "%s: %zu bytes of data from byte %zu on, wanted %lld for the header's shape", r->name, data_bytes,
                   r->base + r->end, (long long)bytes);
}

/* Copied, since a header may leave the data unaligned. */
static int load(ax_npy *a, const unsigned char *p, bool doubles)
{
    a->data = ax_alloc(a->size ? (size_t)a->size : 1, sizeof *a->data);
    if (!a->data) return AX_ENOMEM;
    if (!doubles) {
        if (a->size) memcpy(a->data, p, (size_t)a->size * sizeof *a->data);
        return AX_OK;
    }
    for (int64_t i = 0; i < a->size; i++) {
        double v;
        memcpy(&v, p + 8 * i, sizeof v);
        a->data[i] = (float)v;
    }
    return AX_OK;
}

/* Magic, version and the header's length; the reader then stands on the header. */
static int open_header(reader *r, const unsigned char *p, size_t len)
{
    if (len < V1_PREFIX || memcmp(p, "\x93NUMPY", MAGIC_BYTES))
        return ax_fail(AX_EFORMAT, "%s: byte 0: not a .npy file, wanted \\x93NUMPY", r->name);
    int major = p[6];
    if (major < 1 || major > 3 || p[7] != 0)
        return ax_fail(AX_EFORMAT, "%s: byte 6: .npy version %d.%d, wanted 1.0, 2.0 or 3.0", r->name, major, p[7]);
    r->base = major == 1 ? V1_PREFIX : V2_PREFIX;
    if (len < r->base) return ax_fail(AX_EFORMAT, "%s: byte %zu: the file ends within its header", r->name, len);
    size_t header = (size_t)p[8] | (size_t)p[9] << 8;
    if (major > 1) header |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
    if (header > HEADER_MAX || header > len - r->base)
        return ax_fail(AX_EFORMAT, "%s: byte 8: a header of %zu bytes, wanted at most %zu", r->name, header,
                       len - r->base < HEADER_MAX ? len - r->base : (size_t)HEADER_MAX);
    r->text = (const char *)p + r->base;
    r->end = header;
    return AX_OK;
}

int ax_npy_parse(ax_npy *a, const void *bytes, size_t len, const char *name)
{
    *a = (ax_npy){0};
    reader r = {.name = name, .array = a};
    AX_TRY(open_header(&r, bytes, len));
    AX_TRY(parse_header(&r));
    AX_TRY(check_size(&r, len - r.base - r.end));
    return load(a, (const unsigned char *)bytes + r.base + r.end, r.doubles);
}

int ax_npy_read(ax_npy *a, const char *path)
{
    char *bytes = NULL;
    size_t len;
    *a = (ax_npy){0};
    AX_TRY(ax_file_read(&bytes, &len, path, file_max));
    int status = ax_npy_parse(a, bytes, len, path);
    ax_free(bytes);
    return status;
}

void ax_npy_release(ax_npy *a)
{
    ax_free(a->data);
    *a = (ax_npy){0};
}

static void add_header(ax_buf *b, int rank, const int64_t *shape)
{
    ax_buf text;
    ax_buf_init(&text);
    ax_buf_puts(&text, "{'descr': '<f4', 'fortran_order': False, 'shape': (");
    for (int d = 0; d < rank; d++) ax_buf_printf(&text, d + 1 < rank ? "%lld, " : rank == 1 ? "%lld," : "%lld", (long long)shape[d]);
    ax_buf_puts(&text, "), }");
    while ((V1_PREFIX + text.len + 1) % ALIGN && !text.failed) ax_buf_puts(&text, " ");
    ax_buf_puts(&text, "\n");
    const unsigned char prefix[V1_PREFIX] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)text.len, (unsigned char)(text.len >> 8)};
    ax_buf_add(b, prefix, sizeof prefix);
    ax_buf_add(b, ax_buf_str(&text), text.len);
    b->failed |= text.failed;
    ax_buf_release(&text);
}

int ax_npy_write(const char *path, const float *data, int rank, const int64_t *shape)
{
    ax_buf bytes;
    ax_buf_init(&bytes);
    size_t n = 1;
    for (int d = 0; d < rank; d++) n *= (size_t)shape[d];
    add_header(&bytes, rank, shape);
    ax_buf_add(&bytes, data, n * sizeof *data);
    int status = ax_buf_status(&bytes);
    if (status == AX_OK) status = ax_file_write(path, bytes.data, bytes.len);
    ax_buf_release(&bytes);
    return status;
}

/* Making, reading and writing tensors. Numbers cross as doubles, which hold every value of every type here. */
#include "engine/tensor.h"

#include "base/error.h"
#include "engine/backend.h"
#include "engine/check.h"
#include "engine/engine.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct { size_t bytes; const char *name; } dtypes[AX_DTYPES] = {
    [AX_F32] = {4, "F32"}, [AX_I32] = {4, "I32"}, [AX_U8] = {1, "U8"}, [AX_F64] = {8, "F64"},
};

size_t ax_dtype_bytes(enum ax_dtype dtype) { return dtypes[dtype].bytes; }
const char *ax_dtype_name(enum ax_dtype dtype) { return dtypes[dtype].name; }

/* Text of a shape, cut where the buffer ends: dimensions that cannot be held are shown as they came. */
static const char *shape_text(int rank, const int64_t *shape)
{
    enum { BUFFERS = 8, SIZE = 192 };
    static _Thread_local char buffers[BUFFERS][SIZE];
    static _Thread_local unsigned turn;
    char *text = buffers[turn++ % BUFFERS];
    int at = snprintf(text, SIZE, "(");
    for (int i = 0; i < rank && at < SIZE - 32; i++) at += snprintf(text + at, (size_t)(SIZE - at), i ? ",%lld" : "%lld", (long long)shape[i]);
    snprintf(text + at, (size_t)(SIZE - at), ")");
    return text;
}

const char *ax_shape(const ax_tensor *t) { return t ? shape_text(t->rank, t->shape) : "nil"; }

bool ax_same_shape(const ax_tensor *a, const ax_tensor *b)
{
    return a->rank == b->rank && !memcmp(a->shape, b->shape, (size_t)a->rank * sizeof a->shape[0]);
}

bool ax_overlap(const ax_tensor *a, const ax_tensor *b)
{
    const char *pa = a->data, *pb = b->data;
    return pa < pb + b->size * (int64_t)ax_dtype_bytes(b->dtype) && pb < pa + a->size * (int64_t)ax_dtype_bytes(a->dtype);
}

/* The number of elements of a shape, or an error. */
static int count_elements(int64_t *size, const char *what, int rank, const int64_t *shape)
{
    if (rank < 1 || rank > AX_RANK_MAX) return ax_fail(AX_ESHAPE, "%s: %d dimensions; wanted 1 to %d", what, rank, AX_RANK_MAX);
    if (!shape) return ax_fail(AX_EARG, "%s: the shape is nil", what);
    *size = 1;
    for (int i = 0; i < rank; i++)
        if (shape[i] < 1) return ax_fail(AX_ESHAPE, "%s: shape %s; every dimension must be at least 1", what, shape_text(rank, shape));
        else if (__builtin_mul_overflow(*size, shape[i], size) || *size > INT64_MAX / 8)
            return ax_fail(AX_ESHAPE, "%s: shape %s is too large", what, shape_text(rank, shape));
    return AX_OK;
}

static void set_shape(ax_tensor *t, int rank, const int64_t *shape)
{
    t->rank = rank;
    memcpy(t->shape, shape, (size_t)rank * sizeof shape[0]);
}

ax_tensor *ax_tensor_new(ax_engine *e, int dtype, int rank, const int64_t *shape)
{
    int64_t size;
    if (!e) {
        ax_fail(AX_EARG, "tensor_new: the engine is nil");
        return NULL;
    }
    if (dtype < 0 || dtype >= AX_DTYPES) {
        ax_fail(AX_EARG, "tensor_new: type %d; wanted 0 F32, 1 I32, 2 U8 or 3 F64", dtype);
        return NULL;
    }
    if (count_elements(&size, "tensor_new", rank, shape) != AX_OK) return NULL;
    ax_tensor *t = ax_arena_alloc(&e->arena, 1, sizeof *t);
    if (!t) return NULL;
    *t = (ax_tensor){.engine = e, .dtype = dtype, .size = size};
    set_shape(t, rank, shape);
    t->data = ax_engine_memory(e, (size_t)size, ax_dtype_bytes(t->dtype));
    return t->data ? t : NULL;
}

int ax_tensor_rank(const ax_tensor *t) { return t ? t->rank : 0; }
double ax_tensor_dim(const ax_tensor *t, int i) { return t && i >= 0 && i < t->rank ? (double)t->shape[i] : 0.0; }
double ax_tensor_size(const ax_tensor *t) { return t ? (double)t->size : 0.0; }

/* Elements [first, first + count) of t as integers, or an error. */
static int check_range(int64_t *first, int64_t *count, const char *op, const ax_tensor *t, const void *buffer, double offset, double n)
{
    if (!t || !buffer) return ax_fail(AX_EARG, "%s: the %s is nil", op, t ? "buffer" : "tensor");
    AX_TRY(ax_check_integer(first, op, "offset", offset, 0, t->size));
    AX_TRY(ax_check_integer(count, op, "n", n, 0, t->size));
    if (*first + *count > t->size)
        return ax_fail(AX_EARG, "%s: elements %lld to %lld of a tensor %s of %lld", op, (long long)*first,
                       (long long)(*first + *count - 1), ax_shape(t), (long long)t->size);
    return AX_OK;
}

/* ---- values cross in parts, as the tensor's type, then as doubles ---- */

enum { PART = 2048 };

typedef union {
    float f32[PART];
    int32_t i32[PART];
    uint8_t u8[PART];
    double f64[PART];
} part;

static char *address(const ax_tensor *t, int64_t element) { return (char *)t->data + (size_t)element * ax_dtype_bytes(t->dtype); }

static void to_doubles(double *out, const part *p, int64_t n, enum ax_dtype dtype)
{
    for (int64_t i = 0; i < n; i++) switch (dtype) {
        case AX_F32: out[i] = (double)p->f32[i]; break;
        case AX_I32: out[i] = p->i32[i]; break;
        case AX_U8: out[i] = p->u8[i]; break;
        default: out[i] = p->f64[i]; break;
        }
}

static void from_doubles(part *p, const double *in, int64_t n, enum ax_dtype dtype)
{
    for (int64_t i = 0; i < n; i++) switch (dtype) {
        case AX_F32: p->f32[i] = (float)in[i]; break;
        case AX_I32: p->i32[i] = (int32_t)in[i]; break;
        case AX_U8: p->u8[i] = (uint8_t)in[i]; break;
        default: p->f64[i] = in[i]; break;
        }
}

static int get(void *host, const ax_tensor *t, int64_t first, int64_t n)
{
    const ax_backend *b = t->engine->backend;
    return b->get(host, address(t, first), (size_t)n * ax_dtype_bytes(t->dtype)) ? ax_backend_status(b) : AX_OK;
}

static int put(ax_tensor *t, const void *host, int64_t first, int64_t n)
{
    const ax_backend *b = t->engine->backend;
    return b->put(address(t, first), host, (size_t)n * ax_dtype_bytes(t->dtype)) ? ax_backend_status(b) : AX_OK;
}

int ax_tensor_get(const ax_tensor *t, void *host) { return get(host, t, 0, t->size); }
int ax_tensor_put(ax_tensor *t, const void *host) { return put(t, host, 0, t->size); }

int ax_tensor_read(const ax_tensor *t, double *out, double offset, double n)
{
    int64_t first, count;
    part p;
    AX_TRY(check_range(&first, &count, "tensor_read", t, out, offset, n));
    for (int64_t at = 0; at < count; at += PART) {
        int64_t some = count - at < PART ? count - at : PART;
        AX_TRY(get(&p, t, first + at, some));
        to_doubles(out + at, &p, some, t->dtype);
    }
    return AX_OK;
}

int ax_tensor_write(ax_tensor *t, const double *in, double offset, double n)
{
    int64_t first, count;
    part p;
    AX_TRY(check_range(&first, &count, "tensor_write", t, in, offset, n));
    const double lo = t->dtype == AX_U8 ? 0 : INT32_MIN, hi = t->dtype == AX_U8 ? UINT8_MAX : INT32_MAX;
    bool integers = t->dtype == AX_I32 || t->dtype == AX_U8;
    for (int64_t i = 0; integers && i < count; i++)
        if (!(in[i] >= lo && in[i] <= hi && in[i] == floor(in[i])))
            return ax_fail(AX_EARG, "tensor_write: element %lld is %.17g; a tensor of type %s holds integers from %.0f to %.0f",
                           (long long)(first + i), in[i], ax_dtype_name(t->dtype), lo, hi);
    for (int64_t at = 0; at < count; at += PART) {
        int64_t some = count - at < PART ? count - at : PART;
        from_doubles(&p, in + at, some, t->dtype);
        AX_TRY(put(t, &p, first + at, some));
    }
    return AX_OK;
}

static int check_refit(const char *op, const ax_tensor *t, int rank, const int64_t *shape)
{
    int64_t size;
    if (!t) return ax_fail(AX_EARG, "%s: the tensor is nil", op);
    AX_TRY(count_elements(&size, op, rank, shape));
    if (size != t->size)
        return ax_fail(AX_ESHAPE, "%s: %s holds %lld elements but %s holds %lld", op, ax_shape(t), (long long)t->size,
                       shape_text(rank, shape), (long long)size);
    return AX_OK;
}

int ax_tensor_reshape(ax_tensor *t, int rank, const int64_t *shape)
{
    AX_TRY(check_refit("tensor_reshape", t, rank, shape));
    set_shape(t, rank, shape);
    return AX_OK;
}

ax_tensor *ax_tensor_alias(ax_engine *e, ax_tensor *t, int rank, const int64_t *shape)
{
    if (check_refit("tensor_alias", t, rank, shape) != AX_OK) return NULL;
    if (t->engine != e) {
        ax_fail(AX_EARG, "tensor_alias: the tensor belongs to another engine");
        return NULL;
    }
    ax_tensor *alias = ax_arena_alloc(&e->arena, 1, sizeof *alias);
    if (!alias) return NULL;
    *alias = *t;
    set_shape(alias, rank, shape);
    return alias;
}

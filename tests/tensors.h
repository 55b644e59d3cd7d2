/* Tensors for tests: an engine of its own for each case, random fillings, and cases written out for other programs to check. */
#ifndef AX_TESTS_TENSORS_H
#define AX_TESTS_TENSORS_H

#include "base/file.h"
#include "base/rng.h"
#include "check.h"
#include "engine/api.h"
#include "engine/tensor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static inline ax_engine *engine_with(int threads)
{
    ax_engine *e = ax_engine_new("cpu", threads, 1);
    if (!e) fail_msg("engine: %s", ax_errmsg());
    return e;
}

static inline const ax_mult *mult_of(const char *spec)
{
    const ax_mult *m = ax_mult_get(spec);
    if (!m) fail_msg("multiplier %s: %s", spec, ax_errmsg());
    return m;
}

static inline ax_tensor *tensor_of(ax_engine *e, int dtype, int rank, const int64_t *shape)
{
    ax_tensor *t = ax_tensor_new(e, dtype, rank, shape);
    if (!t) fail_msg("tensor: %s", ax_errmsg());
    return t;
}

#define SHAPE(...) (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]){__VA_ARGS__}
#define F32(e, ...) tensor_of(e, AX_F32, SHAPE(__VA_ARGS__))
#define I32(e, ...) tensor_of(e, AX_I32, SHAPE(__VA_ARGS__))
#define F64(e, ...) tensor_of(e, AX_F64, SHAPE(__VA_ARGS__))

/* Uniform in [lo, hi), the same numbers for the same `stream` on every run. */
static inline void randomise(ax_tensor *t, float lo, float hi, uint64_t stream)
{
    for (int64_t i = 0; i < t->size; i++)
        ax_f32(t)[i] = lo + (hi - lo) * ax_rng_float(ax_rng(1, AX_RNG_TEST, stream, (uint64_t)i / 4).v[i % 4]);
}

/* |a - b| <= bound * max(1, |b|) for every element; a NaN fails. */
static inline void assert_near(const float *a, const double *b, int64_t n, double bound, const char *what)
{
    for (int64_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - b[i]) <= bound * fmax(1, fabs(b[i]))))
            fail_msg("%s: element %lld of %lld is %.9g; wanted %.9g", what, (long long)i, (long long)n, (double)a[i], b[i]);
}

/* Writes a tensor of a case to $AX_DUMP/CASE/NAME,2x3x4.f32 (.i32, .f64), raw; nothing if AX_DUMP is unset.
 * tests/interop/ops_torch.sh compares what lies there with PyTorch. */
static inline void dump(const char *test_case, const char *name, const ax_tensor *t)
{
    static const char *const endings[] = {[AX_F32] = "f32", [AX_I32] = "i32", [AX_U8] = "u8", [AX_F64] = "f64"};
    const char *folder = getenv("AX_DUMP");
    if (!folder) return;
    char path[1024], *at = path + snprintf(path, sizeof path, "%s/%s", folder, test_case);
    assert_ok(ax_file_mkdirs(path));
    at += snprintf(at, (size_t)(path + sizeof path - at), "/%s,", name);
    for (int i = 0; i < t->rank; i++)
        at += snprintf(at, (size_t)(path + sizeof path - at), i ? "x%lld" : "%lld", (long long)t->shape[i]);
    snprintf(at, (size_t)(path + sizeof path - at), ".%s", endings[t->dtype]);
    assert_ok(ax_file_write(path, t->data, (size_t)t->size * ax_dtype_bytes(t->dtype)));
}

#endif

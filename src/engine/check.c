/* Argument checks shared by all ops. A message names the op, the argument, what was found and what was wanted. */
#include "engine/check.h"

#include "base/error.h"

#include <math.h>

int ax_check_tensor(const char *op, const char *name, const ax_tensor *t, enum ax_dtype dtype, const ax_tensor *with)
{
    if (!t) return ax_fail(AX_EARG, "%s: %s is nil", op, name);
    if (t->dtype != dtype)
        return ax_fail(AX_EARG, "%s: %s is of type %s; wanted %s", op, name, ax_dtype_name(t->dtype), ax_dtype_name(dtype));
    if (with && t->engine != with->engine) return ax_fail(AX_EARG, "%s: %s belongs to another engine", op, name);
    return AX_OK;
}

int ax_check_rank(const char *op, const char *name, const ax_tensor *t, int rank)
{
    if (t->rank == rank) return AX_OK;
    return ax_fail(AX_ESHAPE, "%s: %s is %s; wanted %d dimensions", op, name, ax_shape(t), rank);
}

int ax_check_same(const char *op, const char *a_name, const ax_tensor *a, const char *b_name, const ax_tensor *b)
{
    if (ax_same_shape(a, b)) return AX_OK;
    return ax_fail(AX_ESHAPE, "%s: %s is %s but %s is %s: shapes differ", op, a_name, ax_shape(a), b_name, ax_shape(b));
}

int ax_check_apart(const char *op, const char *out_name, const ax_tensor *out, const char *in_name, const ax_tensor *in)
{
    if (!in || !ax_overlap(out, in)) return AX_OK;
    return ax_fail(AX_EARG, "%s: %s shares memory with %s, which is still read", op, out_name, in_name);
}

int ax_check_integer(int64_t *out, const char *op, const char *name, double v, int64_t lo, int64_t hi)
{
    if (!(v >= (double)lo && v <= (double)hi && v == floor(v)))
        return ax_fail(AX_EARG, "%s: %s is %.17g; wanted a whole number from %lld to %lld", op, name, v, (long long)lo, (long long)hi);
    *out = (int64_t)v;
    return AX_OK;
}

int ax_check_number(const char *op, const char *name, double v, double lo, double hi)
{
    if (v >= lo && v <= hi) return AX_OK;
    return ax_fail(AX_EARG, "%s: %s is %.17g; wanted a number from %.17g to %.17g", op, name, v, lo, hi);
}

int ax_check_windows(const char *op, const char *axis, int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t pad)
{
    if (stride < 1) return ax_fail(AX_EARG, "%s: the stride is %lld along the %s; wanted at least 1", op, (long long)stride, axis);
    if (kernel < 1) return ax_fail(AX_EARG, "%s: the kernel is %lld along the %s; wanted at least 1", op, (long long)kernel, axis);
    if (pad < 0 || pad >= kernel)
        return ax_fail(AX_EARG, "%s: the padding is %lld along the %s; wanted 0 to %lld, so that every window touches the input",
                       op, (long long)pad, axis, (long long)kernel - 1);
    int64_t end = (out - 1) * stride + kernel - pad - in;      /* padding after the input; negative: cells left over */
    if (end >= kernel || end <= -stride)
        return ax_fail(AX_ESHAPE, "%s: %lld outputs do not fit %lld inputs along the %s with kernel %lld, stride %lld, padding %lld",
                       op, (long long)out, (long long)in, axis, (long long)kernel, (long long)stride, (long long)pad);
    return AX_OK;
}

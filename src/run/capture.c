/* Weights of a trial file into a net, and operands out of it. */
#include "run/capture.h"

#include "base/alloc.h"
#include "base/error.h"
#include "engine/tensor.h"

#include <string.h>

ax_engine *ax_capture_engine(ax_capture *c) { return c->engine; }

static bool same_form(const ax_block *b, const ax_tensor *t)
{
    return b->dtype == (int)t->dtype && b->rank == t->rank && !memcmp(b->shape, t->shape, (size_t)t->rank * sizeof t->shape[0]);
}

int ax_capture_weights(ax_capture *c, const char *name, ax_tensor *t)
{
    for (int i = 0; i < c->weights.n; i++) {
        const ax_block *b = &c->weights.blocks[i];
        if (strcmp(b->name, name) != 0) continue;
        if (!same_form(b, t)) return ax_fail(AX_EFORMAT, "trial weights: '%s' has another shape than the model's %s", name, ax_shape(t));
        return ax_tensor_put(t, b->data);
    }
    return ax_fail(AX_EFORMAT, "trial weights: no '%s' among them, wanted all of the model's", name);
}

/* The values of t in host memory; the caller frees. */
static int download(float **values, const ax_tensor *t)
{
    *values = ax_alloc((size_t)t->size, sizeof **values);
    return *values ? ax_tensor_get(t, *values) : AX_ENOMEM;
}

int ax_capture_operands(ax_capture *c, int side, const ax_tensor *values, const ax_tensor *times, double n)
{
    float *numbers = NULL, *counts = NULL;
    if (side < 0 || side > 1 || !values || values->dtype != AX_F32 || (times && !ax_same_shape(times, values)) ||
        !(n >= 1 && n <= (double)values->size))
        return ax_fail(AX_EARG, "operands: side %d, %g values of %s, times of %s", side, n, ax_shape(values), ax_shape(times));
    int status = download(&numbers, values);
    if (status == AX_OK && times) status = download(&counts, times);
    if (status == AX_OK) status = ax_operands_init(&c->operands[side], numbers, counts, (int64_t)n);
    ax_free(numbers);
    ax_free(counts);
    return status;
}

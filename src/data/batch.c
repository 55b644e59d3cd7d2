/* Batches of an open data set. Invariant: a batch depends on (data set, part, seed, epoch, batch) alone, and filling one
 * allocates nothing. */
#include "data/dataset.h"

#include "base/error.h"
#include "base/rng.h"
#include "engine/backend.h"
#include "engine/engine.h"
#include "engine/tensor.h"

#include <math.h>
#include <string.h>

/* A whole number 0..2^53 from a double; Lua has no other numbers. */
static int whole(uint64_t *out, double v, const char *what)
{
    if (!(v >= 0 && v <= 0x1p53) || v != floor(v))
        return ax_fail(AX_EARG, "batch_load: %s is %g, wanted a whole number from 0 to 2^53", what, v);
    *out = (uint64_t)v;
    return AX_OK;
}

static int check(const ax_tensor *x, const ax_tensor *labels, const ax_dataset *d, int part)
{
    if (!x || !labels || !d) return ax_fail(AX_EARG, "batch_load: nil tensor or data set");
    if (part < 0 || part >= AX_PARTS)
        return ax_fail(AX_EARG, "batch_load: part is %d, wanted 0 (train), 1 (valid) or 2 (test)", part);
    if (x->dtype != AX_F32 || labels->dtype != AX_I32)
        return ax_fail(AX_EARG, "batch_load: x is %s and labels %s, wanted %s and %s", ax_dtype_name(x->dtype),
                       ax_dtype_name(labels->dtype), ax_dtype_name(AX_F32), ax_dtype_name(AX_I32));
    if (labels->rank != 1 || x->shape[0] != labels->shape[0] || x->size / x->shape[0] != d->pixels)
        return ax_fail(AX_ESHAPE, "batch_load: x is %s and labels %s, wanted (rows,%lld,%lld,%lld) and (rows) for %s",
                       ax_shape(x), ax_shape(labels), (long long)d->info.shape[0], (long long)d->info.shape[1],
                       (long long)d->info.shape[2], d->info.set->name);
    return AX_OK;
}

/* A device's copies live until the set is closed or another device asks; the host's memory needs none. */
static int put_samples(ax_samples *to, const ax_samples *from, const ax_backend *b, int64_t pixels)
{
    *to = (ax_samples){.n = from->n, .pixels = b->memory_new((size_t)(from->n * pixels)), .labels = b->memory_new((size_t)from->n)};
    if (!to->pixels || !to->labels) return ax_fail(AX_ENOMEM, "the %s device has no memory left for the data set", b->name);
    if (b->put(to->pixels, from->pixels, (size_t)(from->n * pixels)) || b->put(to->labels, from->labels, (size_t)from->n))
        return ax_backend_status(b);
    return AX_OK;
}

static int put_all(ax_dataset *d, const ax_backend *b)
{
    size_t bytes = (size_t)(d->info.train > d->info.test ? d->info.train : d->info.test) * sizeof *d->order;
    if (!(d->resident_order = b->memory_new(bytes))) return ax_fail(AX_ENOMEM, "the %s device has no memory left for the data set", b->name);
    AX_TRY(put_samples(&d->resident[0], &d->stored[0], b, d->pixels));
    return put_samples(&d->resident[1], &d->stored[1], b, d->pixels);
}

/* A set is on a device whole, or not at all. */
static int settle(ax_dataset *d, const ax_backend *b)
{
    if (d->device == b) return AX_OK;
    ax_dataset_leave(d);
    d->device = b;
    d->order_part = -1;
    if (b->host_memory) {
        memcpy(d->resident, d->stored, sizeof d->stored);
        d->resident_order = d->order;
        return AX_OK;
    }
    int status = put_all(d, b);
    if (status != AX_OK) ax_dataset_leave(d);
    return status;
}

void ax_dataset_leave(ax_dataset *d)
{
    const ax_backend *b = d->device;
    void *const copies[] = {d->resident[0].pixels, d->resident[0].labels, d->resident[1].pixels, d->resident[1].labels, d->resident_order};
    for (size_t i = 0; b && !b->host_memory && i < sizeof copies / sizeof *copies; i++)
        if (copies[i]) b->memory_free(copies[i]);
    memset(d->resident, 0, sizeof d->resident);
    d->resident_order = NULL;
    d->device = NULL;
}

/* The permutation of a part in an epoch, made when the epoch is first asked for. */
static int order_of(const uint32_t **order, ax_dataset *d, int part, uint64_t seed, uint64_t epoch)
{
    *order = d->resident_order;
    if (d->order_part == part && d->order_seed == seed && d->order_epoch == epoch) return AX_OK;
    ax_rng_permute(d->order, (uint32_t)d->count[part], seed, AX_RNG_SHUFFLE, epoch);
    d->order_part = part;
    d->order_seed = seed;
    d->order_epoch = epoch;
    if (d->device->host_memory) return AX_OK;
    return d->device->put(d->resident_order, d->order, (size_t)d->count[part] * sizeof *d->order) ? ax_backend_status(d->device) : AX_OK;
}

int ax_batch_load(ax_tensor *x, ax_tensor *labels, ax_dataset *d, int part, double seed, double epoch, double batch)
{
    uint64_t seed_bits = 0, epoch_number = 0, batch_number = 0;
    AX_TRY(check(x, labels, d, part));
    AX_TRY(whole(&seed_bits, seed, "seed"));
    AX_TRY(whole(&batch_number, batch, "batch"));
    if (epoch != -1) AX_TRY(whole(&epoch_number, epoch, "epoch"));
    int64_t rows = x->shape[0];
    if (batch_number >= (uint64_t)(d->count[part] + rows - 1) / (uint64_t)rows)
        return ax_fail(AX_EARG, "batch_load: batch %g of %g rows is beyond the %lld samples of the part", batch, (double)rows,
                       (long long)d->count[part]);
    const uint32_t *order = NULL;
    AX_TRY(settle(d, x->engine->backend));
    if (epoch != -1) AX_TRY(order_of(&order, d, part, seed_bits, epoch_number));
    const ax_samples *from = &d->resident[part == AX_PART_TEST];
    ax_gather g = {.images = from->pixels, .classes = from->labels, .order = order, .first = d->first[part], .count = d->count[part],
                   .pixels = d->pixels, .batch = (int64_t)batch_number, .scale = d->scale};
    x->engine->kernels->gather_batch(x->data, labels->data, &g, rows);
    return AX_OK;
}

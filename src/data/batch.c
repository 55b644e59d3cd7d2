/* Batches of an open data set. Invariant: a batch depends on (data set, part, seed, epoch, batch) alone, and filling one
 * allocates nothing. */
#include "data/dataset.h"

#include "base/error.h"
#include "base/rng.h"
#include "engine/tensor.h"

#include <math.h>
#include <string.h>

enum { SERIAL = 65536 };             /* below this many values a thread team costs more than it gives */

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

/* The permutation of a part in an epoch, made when the epoch is first asked for. */
static const uint32_t *order_of(ax_dataset *d, int part, uint64_t seed, uint64_t epoch)
{
    if (d->order_part != part || d->order_seed != seed || d->order_epoch != epoch) {
        ax_rng_permute(d->order, (uint32_t)d->count[part], seed, AX_RNG_SHUFFLE, epoch);
        d->order_part = part;
        d->order_seed = seed;
        d->order_epoch = epoch;
    }
    return d->order;
}

static void scale_pixels(float *restrict out, const uint8_t *restrict in, int64_t n, float scale)
{
    for (int64_t i = 0; i < n; i++) out[i] = (float)in[i] * scale;
}

/* Row `row` of a part in the order of an epoch (NULL: in the set's own), as an index into the stored samples. */
static int64_t sample_at(const ax_dataset *d, int part, const uint32_t *order, int64_t row)
{
    return d->first[part] + (order ? order[row] : row);
}

/* Shuffled samples lie apart, where no hardware expects the next one: asking for it while this one is scaled halves the time. */
static void prefetch(const uint8_t *pixels, int64_t n)
{
    enum { LINE = 64 };
    for (int64_t i = 0; i < n; i += LINE) __builtin_prefetch(pixels + i);
}

/* Rows `from`.. of a part, through `order` if there is one; the rows beyond the part are zero and labelled -1. */
static void fill(float *x, int32_t *labels, const ax_dataset *d, int part, const uint32_t *order, int64_t from, int64_t rows)
{
    const ax_samples *s = &d->stored[part == AX_PART_TEST];
    int64_t left = d->count[part] > from ? d->count[part] - from : 0, filled = left < rows ? left : rows;
#ifdef _OPENMP
#pragma omp parallel for if (filled * d->pixels > SERIAL)
#endif
    for (int64_t i = 0; i < filled; i++) {
        int64_t sample = sample_at(d, part, order, from + i);
        if (i + 1 < filled) prefetch(s->pixels + sample_at(d, part, order, from + i + 1) * d->pixels, d->pixels);
        scale_pixels(x + i * d->pixels, s->pixels + sample * d->pixels, d->pixels, d->scale);
        labels[i] = s->labels[sample];
    }
    memset(x + filled * d->pixels, 0, (size_t)((rows - filled) * d->pixels) * sizeof *x);
    for (int64_t i = filled; i < rows; i++) labels[i] = -1;
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
    const uint32_t *order = epoch == -1 ? NULL : order_of(d, part, seed_bits, epoch_number);
    fill(ax_f32(x), ax_i32(labels), d, part, order, (int64_t)batch_number * rows, rows);
    return AX_OK;
}

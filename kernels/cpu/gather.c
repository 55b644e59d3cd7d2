/* Batches from stored samples. Rows are independent; a batch of small images is not worth waking a team of threads. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/split.h"

#include <string.h>

enum { PIXELS_AN_ELEMENT = 8 };       /* what one element costs elsewhere pays for so many pixels here */

AX_CLONES static void scale_pixels(float *restrict x, const uint8_t *restrict pixels, int64_t n, float scale)
{
    for (int64_t i = 0; i < n; i++) x[i] = (float)pixels[i] * scale;
}

static int64_t sample_at(const ax_gather *g, int64_t r) { return g->first + (g->order ? g->order[r] : r); }

/* Shuffled samples lie apart, where no hardware expects the next one: asking for it while this one is scaled halves the time. */
static void prefetch(const uint8_t *pixels, int64_t n)
{
    enum { LINE = 64 };
    for (int64_t i = 0; i < n; i += LINE) __builtin_prefetch(pixels + i);
}

/* Row r of a batch: x (pixels). */
static void gather_row(float *x, int32_t *label, const ax_gather *g, int64_t r)
{
    if (r >= g->count) {
        memset(x, 0, (size_t)g->pixels * sizeof *x);
        *label = -1;
        return;
    }
    int64_t sample = sample_at(g, r);
    if (r + 1 < g->count) prefetch(g->images + sample_at(g, r + 1) * g->pixels, g->pixels);
    scale_pixels(x, g->images + sample * g->pixels, g->pixels, g->scale);
    *label = g->classes[sample];
}

void ax_cpu_gather_batch(float *x, int32_t *labels, const ax_gather *g, int64_t rows)
{
    AX_CPU_SPLIT(rows, g->pixels / PIXELS_AN_ELEMENT, 1, for (int64_t i = lo; i < hi; i++)
        gather_row(x + i * g->pixels, labels + i, g, g->batch * rows + i));
}

/* Batches from samples that lie on the device: the twin of kernels/cpu/gather.c. */
#include "kernels/cuda/rows.h"

struct batch_values { int64_t batch; float scale; int unused; };      /* all of it is copied */

void ax_cuda_gather_batch(float *x, int32_t *labels, const ax_gather *gather, int64_t rows)
{
    ax_gather g = *gather;
    batch_values v = {g.batch, g.scale, 0};
    const batch_values *now = (const batch_values *)ax_cuda_vary(&v, sizeof v);
    AX_CUDA_OP("gather_batch", x, labels, g.images, g.classes, g.order, g.first, g.count, g.pixels, rows);
    ax_cuda_each_in_rows("gather_batch", rows, g.pixels, [=] __device__(unsigned row, unsigned i) {
        int64_t r = now->batch * rows + row, sample = 0;
        bool inside = r < g.count;
        if (inside) sample = g.first + (g.order ? g.order[r] : r);
        x[row * g.pixels + i] = inside ? (float)g.images[sample * g.pixels + i] * now->scale : 0.0f;
        if (i == 0) labels[row] = inside ? g.classes[sample] : -1;
    });
}

/* Softmax with cross entropy, and the arg max. Rows are independent; sums run in order of their index, that of the losses in
 * double. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/split.h"
#include "kernels/math.h"

enum { BLOCK = 256 };                 /* rows whose losses wait for the sum in row order */
enum { PIECE = 256 };                 /* classes whose powers are made at once */

static int32_t row_argmax(const float *x, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    return (int32_t)best;
}

AX_CLONES static void powers(float *restrict e, const float *restrict x, float top, int64_t n)
{
    for (int64_t i = 0; i < n; i++) e[i] = ax_expf(x[i] - top);
}

/* The loss of one labelled row whose maximum is x[best]; gradient (softmax - onehot) * scale into g (classes), if wanted. The
 * maximum is subtracted first, so that no power overflows. */
static float row_loss(float *g, const float *x, int32_t label, int32_t best, float scale, int64_t classes)
{
    float e[PIECE], top = x[best], sum = 0.0f;
    for (int64_t i = 0; i < classes; i += PIECE) {
        int64_t n = classes - i < PIECE ? classes - i : PIECE;
        powers(e, x + i, top, n);
        for (int64_t j = 0; j < n; j++) sum += e[j];
        for (int64_t j = 0; g && j < n; j++) g[i + j] = e[j];
    }
    if (g) {
        float own = g[label];
        for (int64_t i = 0; i < classes; i++) g[i] = g[i] / sum * scale;
        g[label] = (own / sum - 1.0f) * scale;
    }
    return ax_logf(sum) - (x[label] - top);
}

/* Rows [lo, hi) of logits (rows, classes): losses (rows) and hits (rows), -1 for a row without a label. */
static void rows_loss(float *dlogits, float *loss, int8_t *hit, const float *logits, const int32_t *labels, float scale,
                      int64_t classes, int64_t lo, int64_t hi)
{
    for (int64_t r = lo; r < hi; r++) {
        const float *x = logits + r * classes;
        float *g = dlogits ? dlogits + r * classes : 0;
        hit[r] = -1;
        if (labels[r] < 0) {
            for (int64_t i = 0; g && i < classes; i++) g[i] = 0.0f;
            continue;
        }
        int32_t best = row_argmax(x, classes);
        loss[r] = row_loss(g, x, labels[r], best, scale, classes);
        hit[r] = best == labels[r];
    }
}

void ax_cpu_softmax_xent(float *dlogits, double *totals, const float *logits, const int32_t *labels, int64_t rows, int64_t classes)
{
    float loss[BLOCK];
    int8_t hit[BLOCK];
    int64_t labelled = 0;
    for (int64_t r = 0; r < rows; r++) labelled += labels[r] >= 0;
    float scale = labelled ? 1.0f / (float)labelled : 0.0f;
    for (int64_t r0 = 0; r0 < rows; r0 += BLOCK) {
        int64_t n = rows - r0 < BLOCK ? rows - r0 : BLOCK;
        float *g = dlogits ? dlogits + r0 * classes : 0;
        AX_CPU_SPLIT(n, classes * 64, 1, rows_loss(g, loss, hit, logits + r0 * classes, labels + r0, scale, classes, lo, hi));
        for (int64_t r = 0; r < n; r++)
            if (hit[r] >= 0) {
                totals[0] += (double)loss[r];
                totals[1] += hit[r];
                totals[2] += 1;
            }
    }
}

void ax_cpu_argmax(int32_t *index, const float *x, int64_t rows, int64_t n)
{
    AX_CPU_SPLIT(rows, n, 1, for (int64_t r = lo; r < hi; r++) index[r] = row_argmax(x + r * n, n));
}

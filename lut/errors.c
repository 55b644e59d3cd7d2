/* Error metrics. Invariant: sums run row by row in a fixed order, so the same build prints the same digits. */
#include "lut/errors.h"

#include "base/error.h"

#include <math.h>

typedef struct {
    double n, distance, relative, squares, magnitude, wrong;      /* weighted sums: 1, |d|, d / r, (d / r)^2, |d / r|, d != 0 */
    double worst, lowest, highest, largest;                       /* max |d|, min and max d / r, max r */
} tally;

static const tally nothing = {.lowest = INFINITY, .highest = -INFINITY};

double ax_significand_product(const ax_lut *lut, float a, float b)
{
    if (lut->view.native) return (double)(a * b);
    if (lut->view.round[0]) return (double)ax_product(&lut->view, a, b);      /* 1.99 may become 2 */
    uint32_t word = ax_word(&lut->view, ax_bits(a), ax_bits(b));
    return (double)ax_float(word + ax_bits(1.0f));
}

static void count(tally *t, double weight, double p, double r)
{
    double d = p - r, q = d / r;                     /* d is exact: both have at most 46 fraction bits and are below 4 */
    t->n += weight;
    t->distance += weight * fabs(d);
    t->relative += weight * q;
    t->squares += weight * (q * q);
    t->magnitude += weight * fabs(q);
    t->wrong += d != 0 ? weight : 0;
    if (fabs(d) > t->worst) t->worst = fabs(d);
    if (q < t->lowest) t->lowest = q;
    if (q > t->highest) t->highest = q;
    if (r > t->largest) t->largest = r;
}

static void add(tally *sum, const tally *row)
{
    sum->n += row->n;
    sum->distance += row->distance;
    sum->relative += row->relative;
    sum->squares += row->squares;
    sum->magnitude += row->magnitude;
    sum->wrong += row->wrong;
    sum->worst = fmax(sum->worst, row->worst);
    sum->lowest = fmin(sum->lowest, row->lowest);
    sum->highest = fmax(sum->highest, row->highest);
    sum->largest = fmax(sum->largest, row->largest);
}

/* The metrics of a tally; `top` is the largest reference there can be, or 0: the largest of the tally. */
static ax_errors metrics(const tally *t, const ax_pairs *pairs, double top)
{
    double bias = t->relative / t->n, variance = fmax(t->squares / t->n - bias * bias, 0);
    return (ax_errors){
        .width = pairs->width, .sampled = pairs->sampled, .pairs = pairs->count,
        .med = t->distance / t->n, .nmed = t->distance / t->n / (top > 0 ? top : t->largest), .mred = t->magnitude / t->n,
        .wce = t->worst, .wcre = fmax(-t->lowest, t->highest), .bias = bias, .variance = variance, .sd = sqrt(variance),
        .min = t->lowest, .max = t->highest, .error_rate = t->wrong / t->n,
    };
}

/* The exact square of the largest significand. */
static double largest_product(int width)
{
    double top = 2 - ldexp(1, -width);
    return top * top;
}

static int wider(const ax_lut *a, const ax_lut *b)
{
    return b && b->width > a->width ? b->width : a->width;
}

/* The reference for operands a and b: exact in double, as 48 bits fit. */
static double reference(const ax_lut *against, float a, float b)
{
    return against ? ax_significand_product(against, a, b) : (double)a * (double)b;
}

int ax_errors_measure_over(ax_errors *e, const ax_lut *lut, const ax_lut *against, const ax_operands *a, const ax_operands *b)
{
    ax_pairs pairs;
    ax_pair_row row;
    tally sum = nothing;
    AX_TRY(ax_pairs_init(&pairs, wider(lut, against), a, b));
    while (ax_pairs_next(&row, &pairs)) {
        tally t = nothing;
        for (int k = 0; k < row.n; k++)
            count(&t, row.weight[k], ax_significand_product(lut, row.a[k], row.b[k]), reference(against, row.a[k], row.b[k]));
        add(&sum, &t);
    }
    *e = metrics(&sum, &pairs, against ? 0 : largest_product(pairs.width));
    ax_pairs_release(&pairs);
    return AX_OK;
}

void ax_errors_measure(ax_errors *e, const ax_lut *lut, const ax_lut *against)
{
    ax_errors_measure_over(e, lut, against, NULL, NULL);
}

/* Sums of a comparison over a row, or over all of them. */
typedef struct {
    tally first, second, between;
    double smaller, equal, larger;
} contrast;

static void compare_row(contrast *sum, ax_errors_pair *c, const ax_lut *first, const ax_lut *second, const ax_pair_row *row)
{
    contrast t = {nothing, nothing, nothing, 0, 0, 0};
    for (int k = 0; k < row->n; k++) {
        float a = row->a[k], b = row->b[k];
        double exact = reference(NULL, a, b), p = ax_significand_product(first, a, b), q = ax_significand_product(second, a, b);
        double apart = fabs(p - exact) - fabs(q - exact), weight = row->weight[k];
        count(&t.first, weight, p, exact);
        count(&t.second, weight, q, exact);
        count(&t.between, weight, p, q);
        *(apart < 0 ? &t.smaller : apart > 0 ? &t.larger : &t.equal) += weight;
        if (p == q || c->differences == AX_DIFFERENCES_SHOWN) continue;
        c->difference[c->differences].a = a;
        c->difference[c->differences].b = b;
        c->difference[c->differences].first = p;
        c->difference[c->differences++].second = q;
    }
    add(&sum->first, &t.first);
    add(&sum->second, &t.second);
    add(&sum->between, &t.between);
    sum->smaller += t.smaller;
    sum->equal += t.equal;
    sum->larger += t.larger;
}

int ax_errors_compare(ax_errors_pair *c, const ax_lut *first, const ax_lut *second, const ax_operands *a, const ax_operands *b)
{
    ax_pairs pairs;
    ax_pair_row row;
    contrast sum = {nothing, nothing, nothing, 0, 0, 0};
    *c = (ax_errors_pair){0};
    AX_TRY(ax_pairs_init(&pairs, wider(first, second), a, b));
    while (ax_pairs_next(&row, &pairs)) compare_row(&sum, c, first, second, &row);
    double n = sum.first.n, top = largest_product(pairs.width);
    c->first = metrics(&sum.first, &pairs, top);
    c->second = metrics(&sum.second, &pairs, top);
    c->between = metrics(&sum.between, &pairs, 0);
    c->smaller = sum.smaller / n;
    c->equal = sum.equal / n;
    c->larger = sum.larger / n;
    ax_pairs_release(&pairs);
    return AX_OK;
}

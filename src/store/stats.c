/* Student's t by the incomplete beta function, and exact binomial sums. Invariant: plain doubles, no state, no tables. */
#include "store/stats.h"

#include "base/alloc.h"
#include "base/error.h"

#include <float.h>
#include <math.h>

double ax_mean(const double *v, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += v[i];
    return n > 0 ? sum / n : NAN;
}

double ax_sd(const double *v, int n)
{
    double mean = ax_mean(v, n), sum = 0;
    for (int i = 0; i < n; i++) sum += (v[i] - mean) * (v[i] - mean);
    return n > 1 ? sqrt(sum / (n - 1)) : NAN;
}

/* Continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8), evaluated by Lentz's method as modified by
 * Thompson and Barnett (J. Comput. Phys. 64, 1986). Converges fast for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double f = d;
    for (int m = 1; m <= 10000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        double step = 1;
        for (int half = 0; half < 2; half++) {
            double t = half ? odd : even;
            d = 1 + t * d;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = 1 + t / c;
            c = fabs(c) < tiny ? tiny : c;
            step = c * d;
            f *= step;
        }
        if (fabs(step - 1) < DBL_EPSILON) break;
    }
    return f;
}

/* I_x(a, b), with y = 1 - x given apart, so that neither tail loses digits. */
static double beta_incomplete(double a, double b, double x, double y)
{
    if (x <= 0) return 0;
    if (y <= 0) return 1;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(y));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, y) / b;
}

/* P(T > t) for t >= 0 (Abramowitz and Stegun 26.7.1). */
static double upper_tail(double t, double dof)
{
    double square = t * t, sum = dof + square;
    return 0.5 * beta_incomplete(dof / 2, 0.5, dof / sum, square / sum);
}

double ax_t_cdf(double t, double dof)
{
    if (isnan(t) || !(dof > 0)) return NAN;
    if (isinf(t)) return t > 0;
    return t >= 0 ? 1 - upper_tail(t, dof) : upper_tail(-t, dof);
}

double ax_t_quantile(double p, double dof)
{
    if (!(p > 0 && p < 1) || !(dof > 0)) return NAN;
    if (p == 0.5) return 0;
    double tail = p < 0.5 ? p : 1 - p, lo = 0, hi = 1;
    while (upper_tail(hi, dof) > tail && hi < 1e300) hi *= 2;
    for (int i = 0; i < 2000; i++) {      /* bisection: the tail is monotone, and 1100 halvings exhaust a double */
        double mid = lo + (hi - lo) / 2;
        if (mid <= lo || mid >= hi) break;
        if (upper_tail(mid, dof) > tail) lo = mid;
        else hi = mid;
    }
    return p < 0.5 ? -hi : hi;
}

int ax_interval(const double *v, int n, double level, double *mean, double *half)
{
    if (n < 1) return ax_fail(AX_EARG, "interval: no values");
    if (!(level > 0 && level < 1)) return ax_fail(AX_EARG, "interval: level %g, wanted between 0 and 1", level);
    *mean = ax_mean(v, n);
    *half = n < 2 ? NAN : ax_t_quantile(0.5 + level / 2, n - 1) * ax_sd(v, n) / sqrt(n);
    return AX_OK;
}

int ax_paired_interval(const double *a, const double *b, int n, double level, double *mean, double *half)
{
    double *d = ax_alloc(n > 0 ? (size_t)n : 1, sizeof *d);
    if (!d) return AX_ENOMEM;
    for (int i = 0; i < n; i++) d[i] = a[i] - b[i];
    int status = ax_interval(d, n, level, mean, half);
    ax_free(d);
    return status;
}

double ax_mcnemar(int64_t b, int64_t c)
{
    int64_t n = b + c, k = b < c ? b : c;
    if (2 * k == n) return 1;
    double sum = 0, base = lgamma((double)n + 1) - (double)n * M_LN2;
    for (int64_t i = 0; i <= k; i++) sum += exp(base - lgamma((double)i + 1) - lgamma((double)(n - i) + 1));
    return 2 * sum < 1 ? 2 * sum : 1;
}

void ax_discordant(const uint8_t *a, const uint8_t *b, int64_t n, int64_t *only_a, int64_t *only_b)
{
    for (int64_t i = 0; i < n; i++) {
        int in_a = a[i / 8] >> (i % 8) & 1, in_b = b[i / 8] >> (i % 8) & 1;
        *only_a += in_a && !in_b;
        *only_b += in_b && !in_a;
    }
}

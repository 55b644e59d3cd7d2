/* The statistics of small samples: Student's intervals over seeds, paired differences, McNemar's exact test. */
#ifndef AX_STORE_STATS_H
#define AX_STORE_STATS_H

#include <stdint.h>

/* Arithmetic mean; NAN for n = 0. Standard deviation with n - 1; NAN for n < 2. */
double ax_mean(const double *v, int n);
double ax_sd(const double *v, int n);

/* Student's distribution with dof > 0 degrees of freedom: P(T <= t), and the t with P(T <= t) = p, 0 < p < 1. */
double ax_t_cdf(double t, double dof);
double ax_t_quantile(double p, double dof);

/* The mean and the half-width of its two-sided t-interval at `level` (0.95). half: NAN for n < 2. AX_EARG: n < 1 or a level
 * outside (0, 1). */
int ax_interval(const double *v, int n, double level, double *mean, double *half);

/* The same for the differences a[i] - b[i]. */
int ax_paired_interval(const double *a, const double *b, int n, double level, double *mean, double *half);

/* McNemar's exact test: p of the two-sided binomial test of b against c, the discordant pairs. 1 for b + c = 0. */
double ax_mcnemar(int64_t b, int64_t c);

/* Adds the discordant pairs of two bit vectors of n bits (bit i % 8 of byte i / 8): right in a and wrong in b to *only_a, and
 * the reverse to *only_b. */
void ax_discordant(const uint8_t *a, const uint8_t *b, int64_t n, int64_t *only_a, int64_t *only_b);

#endif

/* store/stats against published tables and exact combinatorics. */
#include "store/stats.h"

#include "base/error.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void near(double found, double wanted, double tolerance)
{
    if (!(fabs(found - wanted) <= tolerance * fmax(1, fabs(wanted)))) fail_msg("found %.17g, wanted %.17g", found, wanted);
}

static void t_quantile__equals_published_tables(void **state)
{
    (void)state;
    near(ax_t_quantile(0.975, 1), 12.706204736432095, 1e-9);
    near(ax_t_quantile(0.975, 2), 4.302652729696142, 1e-9);
    near(ax_t_quantile(0.975, 9), 2.2621571627409915, 1e-9);
    near(ax_t_quantile(0.95, 5), 2.015048372669157, 1e-9);
    near(ax_t_quantile(0.995, 30), 2.7499956535670309, 1e-9);
    const double z = 1.959963984540054;      /* of the normal distribution; the expansion in 1 / dof is A&S 26.7.5 */
    near(ax_t_quantile(0.975, 1e6), z + (z * z * z + z) / 4e6, 1e-8);
}

/* One and two degrees of freedom have closed forms: tan(pi (p - 1/2)), and (2p - 1) / sqrt(2 p (1 - p)). */
static void t_quantile__equals_closed_forms(void **state)
{
    (void)state;
    for (double p = 0.001; p < 1; p += 0.0137) {
        near(ax_t_quantile(p, 1), tan(M_PI * (p - 0.5)), 1e-9);
        near(ax_t_quantile(p, 2), (2 * p - 1) / sqrt(2 * p * (1 - p)), 1e-9);
    }
}

static void t_cdf__inverts_the_quantile_and_is_symmetric(void **state)
{
    (void)state;
    for (double dof = 1; dof < 60; dof += 3.5)
        for (double p = 0.01; p < 1; p += 0.07) {
            near(ax_t_cdf(ax_t_quantile(p, dof), dof), p, 1e-12);
            near(ax_t_quantile(p, dof), -ax_t_quantile(1 - p, dof), 1e-9);
        }
    assert_true(isnan(ax_t_quantile(0, 3)) && isnan(ax_t_quantile(1, 3)) && isnan(ax_t_quantile(0.5, 0)) && isnan(ax_t_quantile(NAN, 3)));
}

static void interval__of_three_values(void **state)
{
    (void)state;
    double v[3] = {1, 2, 4}, mean, half;      /* sd = sqrt(7/3) */
    assert_int_equal(ax_interval(v, 3, 0.95, &mean, &half), AX_OK);
    near(mean, 7.0 / 3, 1e-15);
    near(half, 4.302652729696142 * sqrt(7.0 / 3) / sqrt(3), 1e-9);
    near(ax_sd(v, 3), sqrt(7.0 / 3), 1e-15);
}

static void interval__of_one_value_has_no_width_and_of_none_fails(void **state)
{
    (void)state;
    double v[1] = {0.5}, mean, half;
    assert_int_equal(ax_interval(v, 1, 0.95, &mean, &half), AX_OK);
    assert_true(mean == 0.5 && isnan(half));
    assert_int_equal(ax_interval(v, 0, 0.95, &mean, &half), AX_EARG);
    assert_int_equal(ax_interval(v, 1, 1.5, &mean, &half), AX_EARG);
}

/* Student's own sleep data (Biometrika 6, 1908): differences 1.2 2.4 1.3 1.3 0 1.0 1.8 0.8 4.6 1.4, mean 1.58, sd 1.2299955,
 * 95 % interval 0.7001142 to 2.4598858. */
static void paired_interval__of_students_sleep_data(void **state)
{
    (void)state;
    double a[10] = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4}, b[10] = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2}, mean, half;
    assert_int_equal(ax_paired_interval(a, b, 10, 0.95, &mean, &half), AX_OK);
    near(mean, 1.58, 1e-12);
    near(mean - half, 0.7001142, 1e-7);
    near(mean + half, 2.4598858, 1e-7);
}

static void mcnemar__equals_binomial_sums(void **state)
{
    (void)state;
    near(ax_mcnemar(0, 0), 1, 0);
    near(ax_mcnemar(7, 7), 1, 0);
    near(ax_mcnemar(0, 1), 1, 1e-12);
    near(ax_mcnemar(0, 5), 2.0 / 32, 1e-12);
    near(ax_mcnemar(1, 5), 2 * 7.0 / 64, 1e-12);                       /* 2 (1 + 6) / 2^6 */
    near(ax_mcnemar(5, 1), ax_mcnemar(1, 5), 0);
    near(ax_mcnemar(2, 10), 2 * (1 + 12 + 66.0) / 4096, 1e-12);
    assert_true(ax_mcnemar(4000, 6000) < 1e-80 && ax_mcnemar(4000, 6000) > 0);      /* 20 standard deviations off */
}

static void discordant__counts_bits_and_ignores_the_rest(void **state)
{
    (void)state;
    const uint8_t a[2] = {0x0f, 0xff}, b[2] = {0x3c, 0x00};
    int64_t only_a = 0, only_b = 0;
    ax_discordant(a, b, 10, &only_a, &only_b);
    assert_int_equal(only_a, 2 + 2);
    assert_int_equal(only_b, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_quantile__equals_published_tables),
        cmocka_unit_test(t_quantile__equals_closed_forms),
        cmocka_unit_test(t_cdf__inverts_the_quantile_and_is_symmetric),
        cmocka_unit_test(interval__of_three_values),
        cmocka_unit_test(interval__of_one_value_has_no_width_and_of_none_fails),
        cmocka_unit_test(paired_interval__of_students_sleep_data),
        cmocka_unit_test(mcnemar__equals_binomial_sums),
        cmocka_unit_test(discordant__counts_bits_and_ignores_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

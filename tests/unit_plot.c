/* The pictures of a study, element by element: what is drawn, how often, and where. */
#include "check.h"

#include "base/alloc.h"
#include "base/file.h"
#include "cmd/plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 3, EPOCHS = 2, TRIALS = 5 * SEEDS };

static ax_results results;
static int series_of[TRIALS];
static ax_plot plot;
static ax_buf svg;

/* fp32, mbm:7, mbm:1, mit:7, mit:1, three seeds each; the seeds of a multiplier differ by 0.001. */
static int fill(void **state)
{
    (void)state;
    static const struct { const char *spec, *family; int width, series; double acc; } rows[] = {
        {"fp32", "fp32", 23, 0, 0.98}, {"mbm:7", "mbm", 7, 1, 0.97}, {"mbm:1", "mbm", 1, 1, 0.90}, {"mit:7", "mit", 7, 2, 0.97}, {"mit:1", "mit", 1, 2, 0.91}};
    results = (ax_results){.trials = ax_alloc(TRIALS, sizeof(ax_record)), .n = TRIALS};
    snprintf(results.study, sizeof results.study, "a < b & c");
    for (int t = 0; t < TRIALS; t++) {
        ax_record *x = &results.trials[t];
        ax_record_init(x);
        snprintf(x->multiplier, sizeof x->multiplier, "%s", rows[t / SEEDS].spec);
        snprintf(x->family, sizeof x->family, "%s", rows[t / SEEDS].family);
        x->width = rows[t / SEEDS].width;
        x->epochs = EPOCHS;
        x->test_acc = rows[t / SEEDS].acc + 0.001 * (t % SEEDS);
        const double curve[EPOCHS] = {x->test_acc - 0.05, x->test_acc};
        assert_ok(ax_record_add_curve(x, "test_acc", curve, EPOCHS));
        series_of[t] = rows[t / SEEDS].series;
    }
    plot = (ax_plot){.results = &results, .metric = "test_acc", .scale = 100, .nseries = 3, .series_of = series_of};
    snprintf(plot.series[0].name, AX_LABEL_MAX, "fp32");
    plot.series[0].native = true;
    snprintf(plot.series[1].name, AX_LABEL_MAX, "mbm");
    snprintf(plot.series[2].name, AX_LABEL_MAX, "mit");
    for (int s = 0; s < plot.nseries; s++) plot.series[s].variant = "";
    ax_buf_init(&svg);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    for (int t = 0; t < results.n; t++) ax_record_release(&results.trials[t]);
    ax_free(results.trials);
    ax_buf_release(&svg);
    return 0;
}

static int count(const char *text)
{
    int n = 0;
    for (const char *at = strstr(ax_buf_str(&svg), text); at; at = strstr(at + 1, text)) n++;
    return n;
}

static void assert_well_formed(void)
{
    char name[] = "/tmp/approxrun-plot-XXXXXX", command[64];
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_ok(ax_file_write(name, svg.data, svg.len));
    snprintf(command, sizeof command, "xmllint --noout %s", name);
    if (system("command -v xmllint >/dev/null") == 0) assert_int_equal(system(command), 0);
    assert_int_equal(remove(name), 0);
    assert_int_equal(count("nan"), 0);
    assert_int_equal(count("inf"), 0);
    assert_int_equal(count("role=\"img\""), 1);
    assert_int_equal(count("<title>a &lt; b &amp; c: test accuracy by "), 1);
}

static void by_width_draws_every_mean_seed_and_interval(void **state)
{
    (void)state;
    assert_ok(ax_plot_by_width(&svg, &plot));
    assert_well_formed();
    assert_int_equal(count("<circle"), 4 * SEEDS);                      /* single seeds, but for fp32 */
    assert_int_equal(count("<path"), 4 + 2);                            /* means, and their markers in the legend */
    assert_int_equal(count("fill-opacity=\"0.16\""), 2);                /* fp32's band and its sample */
    assert_int_equal(count(">(1,8,1)<") + count(">(1,8,7)<"), 2);
    assert_int_equal(count(">fp32 (1,8,23)<"), 1);
}

static void an_interval_is_students(void **state)
{
    (void)state;
    assert_ok(ax_plot_by_width(&svg, &plot));
    /* Three seeds 0.1 % apart: half = 4.302653 * 0.1 / sqrt(3) = 0.248414; the band is as high as two halves on a scale whose
     * ends, 88 and 100, are 300 pixels apart. */
    char band[64];
    snprintf(band, sizeof band, "height=\"%.1f\" fill=\"#555555\"", 2 * 0.248414 / 12 * 300);
    assert_int_equal(count(">88<") + count(">100<"), 2);
    assert_int_equal(count(band), 1);
}

static void one_seed_has_no_interval_and_no_dots(void **state)
{
    (void)state;
    for (int t = 0; t < TRIALS; t++)
        if (t % SEEDS) series_of[t] = -1;
    assert_ok(ax_plot_by_width(&svg, &plot));
    assert_well_formed();
    assert_int_equal(count("<circle"), 0);
    assert_int_equal(count("fill-opacity=\"0.16\""), 0);
    assert_int_equal(count(">one seed<"), 1);
}

/* As compare has it: what it reported in the epochs before is not what it ended with. */
static void what_diverged_has_no_value(void **state)
{
    (void)state;
    const double fine[EPOCHS] = {0.2, 0.5}, cut[EPOCHS] = {0.2, NAN};
    assert_ok(ax_record_add_curve(&results.trials[4], "valid_acc", fine, EPOCHS));
    assert_ok(ax_record_add_curve(&results.trials[5], "valid_acc", cut, EPOCHS));
    results.trials[4].state = AX_STATE_complete;
    results.trials[5].state = AX_STATE_diverged;
    plot.metric = "valid_acc";
    assert_true(ax_plot_value(&plot, 4) == 50);
    assert_true(isnan(ax_plot_value(&plot, 5)));
}

static void by_epoch_draws_a_curve_and_a_range_for_each_multiplier(void **state)
{
    (void)state;
    results.trials[4].curves[0].values[1] = NAN;               /* one seed of mbm:7 ended early */
    assert_ok(ax_plot_by_epoch(&svg, &plot));
    assert_well_formed();
    assert_int_equal(count("<polyline"), 5);
    assert_int_equal(count("<polygon"), 5);
    assert_int_equal(count("<path"), 5 * (EPOCHS + 1));
    assert_int_equal(count(">mbm:7 (1,8,7)<"), 1);
}

static void a_metric_nobody_has_is_refused(void **state)
{
    (void)state;
    plot.metric = "test_loss";
    assert_fails(ax_plot_by_width(&svg, &plot), AX_EARG, "the metric test_loss");
    assert_fails(ax_plot_by_epoch(&svg, &plot), AX_EARG, "has a curve test_loss");
}

/* ---- many series, long names ---- */

enum { MANY = 20 };

/* Every trial its own series of one point, `name` in front of each number. */
static void name_series(const char *name)
{
    static int each[MANY];
    for (int t = 0; t < results.n; t++) ax_record_release(&results.trials[t]);
    ax_free(results.trials);
    results.trials = ax_alloc(MANY, sizeof(ax_record));
    results.n = plot.nseries = MANY;
    plot.series_of = each;
    for (int t = 0; t < MANY; t++) {
        ax_record *x = &results.trials[t];
        const double curve[EPOCHS] = {0.5, 0.5 + 0.01 * t};
        ax_record_init(x);
        snprintf(x->multiplier, sizeof x->multiplier, "%s%d:7", name, t);
        x->width = 7;
        x->epochs = EPOCHS;
        x->test_acc = curve[1];
        assert_ok(ax_record_add_curve(x, "test_acc", curve, EPOCHS));
        each[t] = t;
        plot.series[t] = (ax_series){.variant = ""};
        snprintf(plot.series[t].name, AX_LABEL_MAX, "%s%d", name, t);
    }
}

/* The legend's samples, lines of 28 pixels, by colour and dashes, and with them the marker that follows. */
static int samples(char out[MANY][400])
{
    int n = 0;
    for (const char *at = ax_buf_str(&svg); (at = strstr(at, "<line x1=\"600")) && n < MANY; at++) {
        const char *stroke = strstr(at, "stroke="), *shape = strstr(at, " d=\"");
        snprintf(out[n++], 400, "%.*s%.*s", (int)strcspn(stroke, "/"), stroke, (int)strcspn(shape, "/"), shape);
    }
    return n;
}

static void assert_all_differ(bool markers)
{
    char seen[MANY][400];
    assert_int_equal(samples(seen), MANY);
    for (int i = 0; i < MANY; i++)
        for (int k = 0; k < i; k++) {
            if (!markers) seen[i][strcspn(seen[i], "M")] = seen[k][strcspn(seen[k], "M")] = 0;
            if (!strcmp(seen[i], seen[k])) fail_msg("series %d and %d look alike: %s", k, i, seen[i]);
        }
}

static void by_width_tells_more_series_apart_than_there_are_colours(void **state)
{
    (void)state;
    name_series("s");
    assert_ok(ax_plot_by_width(&svg, &plot));
    assert_well_formed();
    assert_all_differ(false);
}

static void by_epoch_tells_more_series_apart_than_there_are_colours(void **state)
{
    (void)state;
    name_series("s");
    assert_ok(ax_plot_by_epoch(&svg, &plot));
    assert_well_formed();
    assert_all_differ(true);
}

static int picture_width(void)
{
    return atoi(strstr(ax_buf_str(&svg), "viewBox=\"0 0 ") + strlen("viewBox=\"0 0 "));
}

/* 12 pixels high, a character of Helvetica or Liberation Sans takes 0.56 of that in the mean. */
static void a_legend_is_as_wide_as_its_longest_name(void **state)
{
    (void)state;
    name_series("s");
    assert_ok(ax_plot_by_width(&svg, &plot));
    int narrow = picture_width();
    ax_buf_clear(&svg);
    name_series("drum,operands=round lr=0.001 n=");
    assert_ok(ax_plot_by_width(&svg, &plot));
    assert_well_formed();
    assert_int_equal(count(">drum,operands=round lr=0.001 n=19<"), 1);
    assert_true(picture_width() > narrow && picture_width() >= 636 + (int)(34 * 12 * 0.56));
}

static void a_name_too_long_for_a_legend_loses_its_middle(void **state)
{
    (void)state;
    name_series("a-name-that-begins-in-one-way-and-goes-on-for-very-much-longer-than-any-picture-has-room-for-it-to-end-in-");
    assert_ok(ax_plot_by_width(&svg, &plot));
    assert_well_formed();
    assert_int_equal(count(">a-name-that-begins"), MANY);
    assert_int_equal(count("…"), MANY);
    assert_int_equal(count("end-in-19<"), 1);
    assert_true(picture_width() <= 1000);
}

static void ticks_are_round_and_cover_the_range(void **state)
{
    (void)state;
    static const struct { double lo, hi; int wanted; ax_ticks t; } rows[] = {
        {91.5, 98.3, 6, {90, 100, 2, 0}}, {0, 1, 5, {0, 1, 0.2, 1}}, {0.031, 0.079, 5, {0.03, 0.08, 0.01, 2}}, {-9.4, 9.4, 8, {-10, 10, 5, 0}}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        ax_ticks t = ax_ticks_over(rows[k].lo, rows[k].hi, rows[k].wanted), w = rows[k].t;
        if (fabs(t.lo - w.lo) > 1e-9 || fabs(t.hi - w.hi) > 1e-9 || fabs(t.step - w.step) > 1e-9 || t.decimals != w.decimals)
            fail_msg("row %zu: %g to %g by %g, %d decimals", k, t.lo, t.hi, t.step, t.decimals);
    }
    ax_ticks point = ax_ticks_over(3, 3, 5);
    assert_true(point.lo < 3 && point.hi > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(by_width_draws_every_mean_seed_and_interval, fill, drop),
        cmocka_unit_test_setup_teardown(an_interval_is_students, fill, drop),
        cmocka_unit_test_setup_teardown(one_seed_has_no_interval_and_no_dots, fill, drop),
        cmocka_unit_test_setup_teardown(what_diverged_has_no_value, fill, drop),
        cmocka_unit_test_setup_teardown(by_epoch_draws_a_curve_and_a_range_for_each_multiplier, fill, drop),
        cmocka_unit_test_setup_teardown(a_metric_nobody_has_is_refused, fill, drop),
        cmocka_unit_test_setup_teardown(by_width_tells_more_series_apart_than_there_are_colours, fill, drop),
        cmocka_unit_test_setup_teardown(by_epoch_tells_more_series_apart_than_there_are_colours, fill, drop),
        cmocka_unit_test_setup_teardown(a_legend_is_as_wide_as_its_longest_name, fill, drop),
        cmocka_unit_test_setup_teardown(a_name_too_long_for_a_legend_loses_its_middle, fill, drop),
        cmocka_unit_test(ticks_are_round_and_cover_the_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

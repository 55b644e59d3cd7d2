/* store/export and store/groups on a small study whose numbers are known. */
#include "store/export.h"

#include "base/error.h"
#include "base/json.h"
#include "store/groups.h"
#include "store_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static cJSON *exported(const ax_results *r, bool curves, bool stable, ax_buf *text)
{
    const ax_export_options o = {curves, stable};
    ax_buf_init(text);
    assert_int_equal(ax_export_json(text, r, &o), AX_OK);
    cJSON *tree = ax_json_parse(ax_buf_str(text), text->len, "export");
    assert_non_null(tree);
    return tree;
}

static const cJSON *member(const cJSON *o, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, key);
    if (!item) fail_msg("no member %s", key);
    return item;
}

static void json__keys_stand_in_their_order(void **state)
{
    (void)state;
    static const char *const top[] = {"schema", "study", "metric", "created", "environment", "multipliers", "trials", "results"};
    static const char *const trial[] = {"id", "multiplier", "family", "width", "seed", "state", "in_plan", "epochs", "best_epoch", "params",
                                        "metrics", "device", "host", "started", "retries", "tags", "curves"};
    ax_results r;
    ax_buf text;
    sample_results(&r);
    cJSON *tree = exported(&r, true, false, &text);
    int i = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, tree) assert_string_equal(item->string, top[i++]);
    assert_int_equal(i, 8);
    i = 0;
    cJSON_ArrayForEach(item, cJSON_GetArrayItem(member(tree, "trials"), 0)) assert_string_equal(item->string, trial[i++]);
    assert_int_equal(i, 17);
    cJSON_Delete(tree);
    ax_buf_release(&text);
    ax_results_release(&r);
}

static void json__numbers_keep_their_bits_and_seeds_are_strings_above_2_53(void **state)
{
    (void)state;
    ax_results r;
    ax_buf text;
    sample_results(&r);
    cJSON *tree = exported(&r, true, false, &text);
    const cJSON *second = cJSON_GetArrayItem(member(tree, "trials"), 1);
    assert_string_equal(member(second, "seed")->valuestring, "18446744073709551615");
    const cJSON *loss = member(member(second, "curves"), "train_loss");
    assert_true(cJSON_GetArrayItem(loss, 1)->valuedouble == 0.1 + 0.2);
    assert_string_equal(cJSON_GetArrayItem(loss, 2)->valuestring, "nan");
    assert_non_null(strstr(ax_buf_str(&text), "0.10000000000000001"));      /* params as they were planned */
    cJSON_Delete(tree);
    ax_buf_release(&text);
    ax_results_release(&r);
}

/* fp32 has 0.75 and 0.875: mean 0.8125, sd 0.125 / sqrt 2, half-width t(0.975, 1) sd / sqrt 2 = 12.7062047 / 16. */
static void json__results_are_means_over_seeds_of_the_plan(void **state)
{
    (void)state;
    ax_results r;
    ax_buf text;
    sample_results(&r);
    cJSON *tree = exported(&r, false, false, &text);
    const cJSON *results = member(tree, "results"), *acc = member(member(results, "fp32"), "test_acc");
    assert_int_equal(cJSON_GetArraySize(results), 3);      /* the trial that is not in the plan has no part */
    assert_true(member(acc, "n")->valuedouble == 2 && member(acc, "mean")->valuedouble == 0.8125);
    assert_true(fabs(member(acc, "sd")->valuedouble - 0.125 / sqrt(2)) < 1e-15);
    assert_true(fabs(member(acc, "ci95")->valuedouble - 12.706204736432095 / 16) < 1e-9);
    assert_true(cJSON_GetArrayItem(member(acc, "values"), 1)->valuedouble == 0.875);
    cJSON_Delete(tree);
    ax_buf_release(&text);
    ax_results_release(&r);
}

static void json__stable_is_equal_for_equal_results_of_another_time_and_host(void **state)
{
    (void)state;
    ax_results a, b;
    ax_buf ta, tb;
    sample_results(&a);
    sample_results(&b);
    for (int i = 0; i < b.n; i++) {
        b.trials[i].started += 1;
        b.trials[i].train_s *= 2;
        b.trials[i].retries++;
        snprintf(b.trials[i].host, sizeof b.trials[i].host, "elsewhere");
        snprintf(b.trials[i].device, sizeof b.trials[i].device, "other");
        sample_text(&b.trials[i].env, "{\"cores\":64}");
        ax_record_curve(&b.trials[i], "epoch_s")[0] = 99;
    }
    snprintf(b.created, sizeof b.created, "1999-01-01T00:00:00Z");
    cJSON_Delete(exported(&a, true, true, &ta));
    cJSON_Delete(exported(&b, true, true, &tb));
    assert_string_equal(ax_buf_str(&ta), ax_buf_str(&tb));
    ax_buf_release(&ta);
    b.trials[0].test_acc += 1e-16;      /* and the numbers do count */
    b.trials[0].test_acc = nextafter(b.trials[0].test_acc, 1);
    ax_buf_release(&tb);
    cJSON_Delete(exported(&a, true, true, &ta));
    cJSON_Delete(exported(&b, true, true, &tb));
    assert_string_not_equal(ax_buf_str(&ta), ax_buf_str(&tb));
    ax_buf_release(&ta);
    ax_buf_release(&tb);
    ax_results_release(&a);
    ax_results_release(&b);
}

static void csv__quotes_as_rfc_4180_says(void **state)
{
    (void)state;
    ax_results r;
    ax_buf text;
    const ax_export_options o = {.stable = true};
    ax_buf_init(&text);
    sample_results(&r);
    assert_int_equal(ax_export_csv(&text, &r, &o), AX_OK);
    const char *csv = ax_buf_str(&text);
    assert_int_equal(strncmp(csv, "id,multiplier,family,width,seed,state,in_plan,epochs,best_epoch,test_acc,test_loss,train_loss,train_acc,"
                                  "valid_loss,valid_acc,energy_uj,train_energy_j,params\r\n", 144), 0);
    assert_non_null(strstr(csv, "\n000000000000abc1,fp32,fp32,23,18446744073709551615,complete,1,3,2,0.875,0.125,,,,,,,\"{\"\"epochs\"\":3,"));
    assert_non_null(strstr(csv, "\n000000000000abc6,\"lut:a/b,\"\"c\"\".bin\",b,3,1,complete,0,"));
    ax_buf_release(&text);
    ax_results_release(&r);
}

static void jsonl__is_one_object_a_line(void **state)
{
    (void)state;
    ax_results r;
    ax_buf text;
    const ax_export_options o = {0};
    int lines = 0;
    ax_buf_init(&text);
    sample_results(&r);
    assert_int_equal(ax_export_jsonl(&text, &r, &o), AX_OK);
    for (const char *line = ax_buf_str(&text); *line; lines++) {
        const char *end = strchr(line, '\n');
        cJSON *tree = ax_json_parse(line, (size_t)(end - line), "line");
        assert_non_null(tree);
        assert_string_equal(member(tree, "id")->valuestring, r.trials[lines].id);
        cJSON_Delete(tree);
        line = end + 1;
    }
    assert_int_equal(lines, r.n);
    ax_buf_release(&text);
    ax_results_release(&r);
}

static void assert_md_has(const ax_results *r, const char *part)
{
    ax_buf text = {0};
    assert_int_equal(ax_export_md(&text, r, &(ax_export_options){.stable = true}), AX_OK);
    assert_non_null(strstr(ax_buf_str(&text), part));
    ax_buf_release(&text);
}

static void md__has_a_row_a_multiplier_with_its_format(void **state)
{
    (void)state;
    ax_results r;
    sample_results(&r);
    r.trials[3].state = AX_STATE_interrupted;      /* mbm:7 has one seed left: no interval */
    assert_md_has(&r, "| fp32 | (1,8,23) 32 bits | 2 | 81.25 ± 79.41 | 0.1875 ± 0.7941 |\n");
    assert_md_has(&r, "| mbm:7 | (1,8,7) 16 bits | 1 | 50.00 | 0.5000 |\n");
    ax_results_release(&r);
}

/* What diverged has no part in the mean. */
static void md__says_of_how_many_seeds_a_mean_is(void **state)
{
    (void)state;
    ax_results r;
    sample_results(&r);
    r.trials[3].state = AX_STATE_diverged;
    r.trials[3].test_acc = r.trials[3].test_loss = NAN;
    assert_md_has(&r, "| mbm:7 | (1,8,7) 16 bits | 1 of 2 | 50.00 | 0.5000 |\n");
    ax_results_release(&r);
}

static void md__keeps_a_name_with_bars_in_its_cell(void **state)
{
    (void)state;
    ax_results r;
    sample_results(&r);
    for (int i = 0; i < 2; i++) snprintf(r.trials[i].multiplier, sizeof r.trials[i].multiplier, "lut:a|b");
    assert_md_has(&r, "| lut:a\\|b | (1,8,23)");
    ax_results_release(&r);
}

static void md__keeps_a_name_with_line_ends_in_its_row(void **state)
{
    (void)state;
    ax_results r;
    sample_results(&r);
    snprintf(r.study, sizeof r.study, "two\nlines");
    for (int i = 0; i < r.n; i++)
        if (!strcmp(r.trials[i].multiplier, "fp32")) snprintf(r.trials[i].multiplier, sizeof r.trials[i].multiplier, "a\r\nb\rc\n");
    assert_md_has(&r, "Study two lines: ");
    assert_md_has(&r, "\n| a  b c  | (1,8,23) 32 bits | 2 |");
    ax_results_release(&r);
}

static void groups__keep_other_parameters_apart(void **state)
{
    (void)state;
    ax_results r;
    ax_groups g;
    sample_results(&r);
    sample_text(&r.trials[1].params, "{\"epochs\":3,\"lr\":0.01,\"multiplier\":\"fp32\",\"seed\":2}");
    assert_int_equal(ax_groups_make(&g, &r), AX_OK);
    assert_int_equal(g.n, 4);
    assert_string_equal(g.groups[0].label, "fp32 lr=0.1");
    assert_string_equal(g.groups[1].label, "fp32 lr=0.01");
    assert_string_equal(g.groups[2].variant, " lr=0.1");
    assert_int_equal(g.groups[2].ndone, 2);
    ax_groups_release(&g);
    ax_results_release(&r);
}

static void groups__keep_numbers_apart_that_look_alike(void **state)
{
    (void)state;
    static const char *const rates[] = {"0.01", "0.01000000000001"};
    ax_results r;
    ax_groups g;
    char params[128];
    sample_results(&r);
    for (int i = 0; i < 2; i++) {
        snprintf(params, sizeof params, "{\"lr\":%s,\"multiplier\":\"fp32\",\"seed\":1}", rates[i]);
        sample_text(&r.trials[i].params, params);
    }
    assert_int_equal(ax_groups_make(&g, &r), AX_OK);
    assert_int_equal(g.n, 4);
    assert_string_equal(g.groups[0].variant, " lr=0.01");
    assert_string_equal(g.groups[1].variant, " lr=0.01000000000001");
    ax_groups_release(&g);
    ax_results_release(&r);
}

/* An assignment of a search names every layer. */
static void groups__keep_long_parameters_apart(void **state)
{
    (void)state;
    ax_results r;
    ax_groups g;
    char params[4096];
    sample_results(&r);
    for (int i = 0; i < 2; i++) {
        snprintf(params, sizeof params, "{\"assignment\":\"%03000d last=mbm:%d\",\"multiplier\":\"fp32\",\"seed\":1}", 0, i);
        sample_text(&r.trials[i].params, params);
    }
    assert_int_equal(ax_groups_make(&g, &r), AX_OK);
    assert_int_equal(g.n, 4);
    assert_true(strlen(g.groups[0].variant) < AX_VARIANT_MAX && strlen(g.groups[1].variant) < AX_VARIANT_MAX);
    assert_string_not_equal(g.groups[0].label, g.groups[1].label);
    ax_groups_release(&g);
    ax_results_release(&r);
}

/* The sample and a study of the same parameters and seeds that was merged with it, of another model. */
static void groups__keep_merged_studies_apart(void **state)
{
    (void)state;
    ax_results r, other;
    ax_groups g;
    sample_results(&r);
    sample_results(&other);
    for (int i = 0; i < other.n; i++) {
        char config[128];
        other.trials[i].id[0] = 'f';
        snprintf(config, sizeof config, "{\"graph\":[{\"units\":2,\"multiplier\":\"%s\"}],\"multipliers\":{}}", i < 2 ? "fp32" : "mbm:7");
        sample_text(&other.trials[i].config, config);
        other.trials[i].test_acc = 0;
    }
    assert_int_equal(ax_results_add(&r, &other), AX_OK);
    ax_results_release(&other);
    assert_int_equal(ax_groups_make(&g, &r), AX_OK);
    assert_int_equal(g.n, 6);
    for (int i = 0; i < g.n; i++) {
        assert_int_equal(g.groups[i].ndone, 2);
        assert_true((g.groups[i].done[0]->test_acc == 0) == (g.groups[i].done[1]->test_acc == 0));
        assert_string_equal(g.groups[i].variant, i < 3 ? " config=1" : " config=2");      /* so that they pair */
    }
    ax_groups_release(&g);
    ax_results_release(&r);
}

/* Tables of one name are of one multiplier only if they are equal. */
static void groups__keep_tables_of_one_name_apart(void **state)
{
    (void)state;
    ax_results r, other;
    ax_groups g;
    sample_results(&r);
    sample_results(&other);
    for (int i = 0; i < other.n; i++) {
        other.trials[i].id[0] = 'f';
        sample_text(&other.trials[i].config, "{\"multipliers\":{\"mbm:7\":\"beef\"}}");
    }
    assert_int_equal(ax_results_add(&r, &other), AX_OK);
    ax_results_release(&other);
    assert_int_equal(ax_groups_make(&g, &r), AX_OK);
    assert_int_equal(g.n, 6);
    ax_groups_release(&g);
    ax_results_release(&r);
}

/* What it reported in the epochs before is not what it ended with. */
static void metrics__of_a_diverged_trial_are_absent(void **state)
{
    (void)state;
    static const char *const curves[] = {"test_acc", "train_loss", "valid_acc"};
    ax_results r;
    sample_results(&r);
    ax_record *t = &r.trials[0];
    t->test_acc = NAN;
    for (int i = 0; i < 3; i++) {
        double values[8] = {0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5};
        assert_in_range(t->epochs, 1, 8);
        assert_int_equal(ax_record_add_curve(t, curves[i], values, t->epochs), AX_OK);
        t->state = AX_STATE_complete;
        assert_true(ax_record_metric(t, curves[i]) == 0.5);
        t->state = AX_STATE_diverged;
        assert_true(isnan(ax_record_metric(t, curves[i])));
    }
    assert_false(isnan(ax_record_metric(t, "train_s")));
    ax_results_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json__keys_stand_in_their_order),
        cmocka_unit_test(json__numbers_keep_their_bits_and_seeds_are_strings_above_2_53),
        cmocka_unit_test(json__results_are_means_over_seeds_of_the_plan),
        cmocka_unit_test(json__stable_is_equal_for_equal_results_of_another_time_and_host),
        cmocka_unit_test(csv__quotes_as_rfc_4180_says),
        cmocka_unit_test(jsonl__is_one_object_a_line),
        cmocka_unit_test(md__has_a_row_a_multiplier_with_its_format),
        cmocka_unit_test(md__says_of_how_many_seeds_a_mean_is),
        cmocka_unit_test(md__keeps_a_name_with_bars_in_its_cell),
        cmocka_unit_test(md__keeps_a_name_with_line_ends_in_its_row),
        cmocka_unit_test(metrics__of_a_diverged_trial_are_absent),
        cmocka_unit_test(groups__keep_other_parameters_apart),
        cmocka_unit_test(groups__keep_numbers_apart_that_look_alike),
        cmocka_unit_test(groups__keep_long_parameters_apart),
        cmocka_unit_test(groups__keep_merged_studies_apart),
        cmocka_unit_test(groups__keep_tables_of_one_name_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

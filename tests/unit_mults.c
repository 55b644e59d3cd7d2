/* What a study keeps of its multipliers: costs and tables in the plan, in the directory and in the study file. */
#include "store/mults.h"

#include "base/error.h"
#include "base/file.h"
#include "lut/defined.h"
#include "store/study.h"
#include "store/studyfile.h"
#include "scratch.h"
#include "store_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { M = 2, CELLS = 1 << 2 * M };

static char sha256[65];
static uint32_t words[CELLS];

/* A script's multiplier "kept:2": fraction max(i, j), no carry. */
static int make(void **state)
{
    static const int widths[] = {M};
    bool changed;
    for (uint32_t e = 0; e < CELLS; e++) words[e] = (e >> M > (e & 3) ? e >> M : e & 3) << (23 - M);
    if (ax_defined_declare("kept", widths, 1) != AX_OK || ax_defined_give("kept", M, words, &changed) != AX_OK) return -1;
    ax_lut *lut = ax_lut_open("kept:2");
    if (!lut) return -1;
    memcpy(sha256, lut->sha256, sizeof sha256);
    ax_lut_close(lut);
    return make_dir(state);
}

/* The plan's multipliers: kept:2 with costs, mbm:3 without. */
static char *plan_text(void)
{
    static char text[512];
    snprintf(text, sizeof text,
             "{\"kept:2\":{\"family\":\"kept\",\"width\":2,\"sha256\":\"%s\",\"costs\":{\"area_um2\":0.10000000000000001,\"source\":\"s\xc3\xa4\"}},"
             "\"mbm:3\":{\"family\":\"mbm\",\"width\":3,\"sha256\":\"\",\"costs\":{}}}", sha256);
    return text;
}

/* One trial under kept:2, a layer of which has mbm:3. */
static void one_trial(ax_results *r)
{
    char config[256];
    memset(r, 0, sizeof *r);
    r->script = ax_strdup("");
    r->plan = ax_strdup("{}");
    r->trials = ax_alloc(1, sizeof *r->trials);
    sample_record(&r->trials[r->n++], 1, "kept:2", "kept", M, 1, 0.5);
    snprintf(config, sizeof config, "{\"multipliers\":{\"kept:2\":\"%s\",\"mbm:3\":\"\"}}", sha256);
    sample_text(&r->trials[0].config, config);
    assert_int_equal(ax_results_collect(r), AX_OK);
}

static void same_card(const ax_results *r)
{
    const ax_results_mult *m = ax_results_mult_of(r, "kept:2");
    assert_int_equal(r->nmults, 2);
    assert_non_null(m);
    assert_string_equal(m->kind, "lua");
    assert_string_equal(m->format, "kept:2 (1,8,2) 11 bits");
    assert_true(m->costs.area_um2 == 0.1 && isnan(m->costs.power_mw) && isnan(m->costs.delay_ns) && isnan(m->costs.energy_pj));
    assert_string_equal(m->costs.source, "s\xc3\xa4");
    assert_non_null(m->words);
    assert_memory_equal(m->words, words, sizeof words);
}

static void multipliers_of_layers_are_listed_too(void **state)
{
    (void)state;
    ax_results r;
    one_trial(&r);
    assert_int_equal(r.nmults, 2);
    assert_string_equal(r.mults[0].spec, "kept:2");
    assert_string_equal(r.mults[1].spec, "mbm:3");
    assert_string_equal(r.mults[1].format, "mbm:3 (1,8,3) 12 bits");
    assert_string_equal(r.mults[1].kind, "family");
    assert_false(ax_costs_known(&r.mults[0].costs));
    ax_results_release(&r);
}

static void a_plan_keeps_costs_and_the_tables_of_what_is_no_family(void **state)
{
    (void)state;
    char command[256];
    ax_spec spec = {.id = "0123456789abcdef", .multiplier = "kept:2", .family = "kept", .width = M, .config = (char *)"{}", .params = (char *)"{}"};
    ax_plan_file p = {.name = "n", .metric = "test_acc", .created = "c", .script = (char *)"s.lua", .sources = (char *)"{}",
                      .multipliers = plan_text(), .specs = &spec, .n = 1}, q;
    ax_results r;
    assert_int_equal(ax_plan_file_write(dir, &p), AX_OK);
    assert_int_equal(ax_plan_file_read(dir, &q), AX_OK);
    assert_string_equal(q.multipliers, p.multipliers);
    snprintf(command, sizeof command, "test \"$(ls %s/tables)\" = %s.bin", dir, sha256);
    assert_int_equal(system(command), 0);
    one_trial(&r);
    assert_int_equal(ax_mults_plan(&r, dir, q.multipliers), AX_OK);
    same_card(&r);
    assert_null(ax_results_mult_of(&r, "mbm:3")->words);
    ax_plan_file_release(&q);
    ax_results_release(&r);
}

static void a_study_file_gives_back_costs_and_tables(void **state)
{
    (void)state;
    ax_results r, back = {0};
    one_trial(&r);
    assert_int_equal(ax_mults_plan(&r, dir, plan_text()), AX_OK);
    assert_int_equal(ax_results_write(&r, at("a.h5")), AX_OK);
    assert_int_equal(ax_studyfile_read(&back, at("a.h5")), AX_OK);
    same_card(&back);
    ax_results_release(&r);
    ax_results_release(&back);
}

/* A study that does not know the costs learns them from one that does, and keeps its own where it does. */
static void adding_a_study_takes_what_is_not_known(void **state)
{
    (void)state;
    ax_results a, b;
    one_trial(&a);
    one_trial(&b);
    assert_int_equal(ax_mults_plan(&b, dir, plan_text()), AX_OK);
    a.mults[1].costs.power_mw = 3;
    b.mults[1].costs.power_mw = 4;
    assert_int_equal(ax_results_add(&a, &b), AX_OK);
    same_card(&a);
    assert_true(a.mults[1].costs.power_mw == 3);
    ax_results_release(&a);
    ax_results_release(&b);
}

static void a_table_that_has_another_hash_is_none(void **state)
{
    (void)state;
    char name[128];
    uint32_t other[CELLS] = {1u << 31};
    ax_results r;
    snprintf(name, sizeof name, "tables/%s.bin", sha256);
    assert_int_equal(ax_file_write(at(name), other, sizeof other), AX_OK);
    one_trial(&r);
    assert_int_equal(ax_mults_plan(&r, dir, plan_text()), AX_OK);
    assert_null(r.mults[0].words);
    assert_int_equal(ax_file_write(at(name), other, 7), AX_OK);
    assert_int_equal(ax_mults_plan(&r, dir, plan_text()), AX_OK);
    assert_null(r.mults[0].words);
    ax_results_release(&r);
}

static void odd_plans_do_no_harm(void **state)
{
    (void)state;
    static const char *const plans[] = {"{}", "[1]", "{\"kept:2\":7}", "{\"kept:2\":{\"width\":1e300,\"costs\":[],\"sha256\":\"../../x\"}}", "[{}]"};
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
        ax_results r;
        one_trial(&r);
        assert_int_equal(ax_mults_plan(&r, dir, plans[i]), AX_OK);
        assert_int_equal(ax_mults_keep(dir, plans[i]), AX_OK);
        assert_int_equal(r.mults[0].width, M);
        assert_false(ax_costs_known(&r.mults[0].costs));
        ax_results_release(&r);
    }
    assert_int_equal(ax_mults_keep(dir, "{"), AX_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multipliers_of_layers_are_listed_too),
        cmocka_unit_test(a_plan_keeps_costs_and_the_tables_of_what_is_no_family),
        cmocka_unit_test(a_study_file_gives_back_costs_and_tables),
        cmocka_unit_test(adding_a_study_takes_what_is_not_known),
        cmocka_unit_test(a_table_that_has_another_hash_is_none),
        cmocka_unit_test(odd_plans_do_no_harm),
    };
    return cmocka_run_group_tests(tests, make, remove_dir);
}

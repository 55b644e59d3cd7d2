/* The door to Lua: text in, text out, statuses and messages of what goes wrong. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "script/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char study[] =
    "local ax = require 'approxrun'\n"
    "local nn = ax.nn\n"
    "return ax.study {\n"
    "  name = 'u', params = { epochs = 2, batch = 8, lr = 0.1, unused = 'caf\xC3\xA9 \"quoted\"\\n' },\n"
    "  grid = { seed = { 3, 1 } },\n"
    "  data = function(p) return ax.data.synthetic { train = 40, test = 16 }:split { valid = 8 } end,\n"
    "  model = function(p) return nn.sequential { nn.flatten(), nn.dense { 5, activation = 'relu' }, nn.dense { 4 } } end,\n"
    "  train = function(p) return { optimizer = ax.optim.sgd { lr = p.lr }, epochs = p.epochs, batch = p.batch } end,\n"
    "}\n";

/* The sources of a worker: {"u.lua": text}. */
static char *sources_of(const char *text)
{
    cJSON *tree = cJSON_CreateObject();
    ax_json_set_string(tree, "u.lua", text);
    char *json = ax_json_text(tree, false);
    cJSON_Delete(tree);
    assert_non_null(json);
    return json;
}

static ax_script *open_text(const char *text)
{
    char *sources = sources_of(text);
    ax_script *s = ax_script_open("no-such-directory/u.lua", sources, false);
    ax_free(sources);
    return s;
}

static cJSON *plan_of(ax_script *s, const char *const *overrides, int n, bool strict)
{
    char *text = NULL;
    assert_int_equal(ax_script_plan(s, overrides, n, strict, &text), AX_OK);
    cJSON *tree = ax_json_parse(text, strlen(text), "plan");
    assert_non_null(tree);
    ax_free(text);
    return tree;
}

static cJSON *trial_at(const cJSON *plan, int i) { return cJSON_GetArrayItem(cJSON_GetObjectItem(plan, "trials"), i); }

static void recorded_sources_need_no_file(void **state)
{
    (void)state;
    ax_script *s = open_text(study);
    assert_non_null(s);
    cJSON *plan = plan_of(s, NULL, 0, false);
    assert_string_equal(ax_json_get_string(plan, "name", ""), "u");
    assert_string_equal(ax_json_get_string(cJSON_GetObjectItem(plan, "sources"), "u.lua", ""), study);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(plan, "trials")), 2);
    assert_int_equal((int)ax_json_get_number(trial_at(plan, 0), "seed", 0), 3);
    assert_int_equal((int)ax_json_get_number(trial_at(plan, 1), "seed", 0), 1);
    cJSON_Delete(plan);
    ax_script_close(s);
}

/* A 64-5-4 net: forward 340, by the weights 340, by the input of the second layer 20; 32 training samples, 8 + 16 measured,
 * 2 epochs. */
static void multiplies_count_every_pass(void **state)
{
    (void)state;
    ax_script *s = open_text(study);
    cJSON *plan = plan_of(s, NULL, 0, false);
    double wanted = 2.0 * ((340 + 340 + 20) * 32 + 340 * (8 + 16));
    assert_true(ax_json_get_number(trial_at(plan, 0), "multiplies", 0) == wanted);
    cJSON_Delete(plan);
    ax_script_close(s);
}

static void assert_sorted_keys(const cJSON *item)
{
    for (const cJSON *c = item->child; c; c = c->next) {
        if (cJSON_IsObject(item) && c->next) assert_true(strcmp(c->string, c->next->string) < 0);
        assert_sorted_keys(c);
    }
}

static void config_is_canonical_json(void **state)
{
    (void)state;
    ax_script *s = open_text(study);
    cJSON *plan = plan_of(s, (const char *const[]){"lr=0.3"}, 1, true);
    const char *config = ax_json_get_string(trial_at(plan, 0), "config", "");
    assert_null(strchr(config, '\n'));
    assert_non_null(strstr(config, "\"lr\":0.29999999999999999"));
    cJSON *tree = ax_json_parse(config, strlen(config), "config");
    assert_non_null(tree);
    assert_sorted_keys(tree);
    assert_true(ax_json_get_bool(tree, "strict", false));
    assert_string_equal(ax_json_get_string(cJSON_GetObjectItem(tree, "params"), "unused", ""), "caf\xC3\xA9 \"quoted\"\n");
    cJSON_Delete(tree);
    cJSON_Delete(plan);
    ax_script_close(s);
}

static void overrides_fail_as_usage(void **state)
{
    (void)state;
    char *text = NULL;
    ax_script *s = open_text(study);
    assert_int_equal(ax_script_plan(s, (const char *const[]){"sed=1"}, 1, false, &text), AX_EARG);
    assert_non_null(strstr(ax_errmsg(), "did you mean 'seed'?"));
    assert_int_equal(ax_script_plan(s, (const char *const[]){"multiplier=mbm:24"}, 1, false, &text), AX_EARG);
    assert_int_equal(ax_script_plan(s, (const char *const[]){"multiplier=lut:none_7.bin"}, 1, false, &text), AX_ENOENT);
    assert_null(text);
    ax_script_close(s);
}

static void a_file_that_does_not_exist_is_enoent(void **state)
{
    (void)state;
    assert_null(ax_script_open("no-such-file.lua", NULL, false));
    assert_int_equal(ax_errstatus(), AX_ENOENT);
}

static void script_errors_name_file_and_line(void **state)
{
    (void)state;
    assert_null(open_text("\n\nlocal x = 1 + nil\n"));
    assert_int_equal(ax_errstatus(), AX_ESCRIPT);
    assert_memory_equal(ax_errmsg(), "no-such-directory/u.lua:3: ", 27);
    assert_non_null(strstr(ax_errmsg(), "\n    local x = 1 + nil"));
}

static void long_paths_are_not_cut_in_messages(void **state)
{
    (void)state;
    static const char path[] = "a-directory-with-a-long-name/another-directory-with-a-long-name/and-a-third-one/u.lua";
    char *sources = sources_of("error('here')\n");
    assert_null(ax_script_open(path, sources, false));
    assert_memory_equal(ax_errmsg(), path, sizeof path - 1);
    assert_non_null(strstr(ax_errmsg(), "u.lua:1: here"));
    ax_free(sources);
}

static void damaged_sources_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "{", "[1,", "nul", "{}", "{1:2}", "\"\\u12\"", "{\"u.lua\"", "{\"u.lua\":",
                                        "{\"u.lua\":\"x", "{\"u.lua\":\"x\"", "{\"u.lua\":\"x\"} y"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_null(ax_script_open("u.lua", texts[i], false));
        assert_int_equal(ax_errstatus(), AX_ESCRIPT);
    }
}

static void another_configuration_than_planned_is_refused(void **state)
{
    (void)state;
    ax_script *s = open_text(study);
    cJSON *plan = plan_of(s, NULL, 0, false), *trial = trial_at(plan, 0);
    char *params = ax_json_text(cJSON_GetObjectItem(trial, "params"), false);
    char *config = ax_strdup(ax_json_get_string(trial, "config", ""));
    char *at = strstr(config, "\"batch\":8");
    assert_non_null(at);
    at[8] = '9';
    assert_int_equal(ax_script_run(s, params, config, NULL), AX_ESCRIPT);
    assert_non_null(strstr(ax_errmsg(), "params"));
    assert_non_null(strstr(ax_errmsg(), "another configuration"));
    ax_free(params);
    ax_free(config);
    cJSON_Delete(plan);
    ax_script_close(s);
}

static void states_do_not_share_anything(void **state)
{
    (void)state;
    ax_script *a = open_text(study), *b = open_text(study);
    assert_non_null(a);
    assert_non_null(b);
    ax_script_close(a);
    cJSON_Delete(plan_of(b, NULL, 0, false));
    ax_script_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_sources_need_no_file),
        cmocka_unit_test(multiplies_count_every_pass),
        cmocka_unit_test(config_is_canonical_json),
        cmocka_unit_test(overrides_fail_as_usage),
        cmocka_unit_test(a_file_that_does_not_exist_is_enoent),
        cmocka_unit_test(script_errors_name_file_and_line),
        cmocka_unit_test(long_paths_are_not_cut_in_messages),
        cmocka_unit_test(damaged_sources_are_refused),
        cmocka_unit_test(another_configuration_than_planned_is_refused),
        cmocka_unit_test(states_do_not_share_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

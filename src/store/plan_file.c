/* plan.json: what a sweep set out to do. Written whole or not at all; seeds keep all 64 bits, numbers all 53. */
#include "store/study.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "store/mults.h"

#include <math.h>
#include <string.h>

enum { SCHEMA = 1, PLAN_CAP = 1 << 30 };

void ax_plan_file_release(ax_plan_file *p)
{
    for (int i = 0; i < p->n; i++) {
        ax_free(p->specs[i].config);
        ax_free(p->specs[i].params);
    }
    ax_free(p->specs);
    ax_free(p->script);
    ax_free(p->sources);
    ax_free(p->multipliers);
    memset(p, 0, sizeof *p);
}

/* JSON texts travel as strings: their bytes are part of what a trial's id is computed from. */
static void add_spec(cJSON *array, const ax_spec *s)
{
    cJSON *o = cJSON_CreateObject();
    ax_json_set_string(o, "id", s->id);
    ax_json_set_string(o, "multiplier", s->multiplier);
    ax_json_set_string(o, "family", s->family);
    ax_json_set_number(o, "width", s->width);
    ax_json_set_u64(o, "seed", s->seed);
    ax_json_set_number(o, "epochs", s->epochs);
    ax_json_set_number(o, "multiplies", s->multiplies);
    if (!isnan(s->energy_uj)) ax_json_set_number(o, "energy_uj", s->energy_uj);
    if (!isnan(s->train_energy_j)) ax_json_set_number(o, "train_energy_j", s->train_energy_j);
    if (s->skip) ax_json_set_bool(o, "skip", true);
    ax_json_set_string(o, "config", s->config ? s->config : "{}");
    ax_json_set_string(o, "params", s->params ? s->params : "{}");
    cJSON_AddItemToArray(array, o);
}

int ax_plan_file_write(const char *dir, const ax_plan_file *p)
{
    char *path = ax_path_join(dir, "plan.json"), *text = NULL;
    cJSON *tree = cJSON_CreateObject();
    int status = AX_ENOMEM;
    if (!path || !tree) goto out;
    status = ax_mults_keep(dir, p->multipliers ? p->multipliers : "{}");
    if (status != AX_OK) goto out;
    status = AX_ENOMEM;
    ax_json_set_number(tree, "schema", SCHEMA);
    ax_json_set_string(tree, "name", p->name);
    ax_json_set_string(tree, "metric", p->metric);
    ax_json_set_string(tree, "created", p->created);
    ax_json_set_bool(tree, "strict", p->strict);
    ax_json_set_string(tree, "script", p->script ? p->script : "");
    ax_json_set_string(tree, "sources", p->sources ? p->sources : "{}");
    ax_json_set_string(tree, "multipliers", p->multipliers ? p->multipliers : "{}");
    cJSON *trials = ax_json_set_array(tree, "trials");
    for (int i = 0; i < p->n; i++) add_spec(trials, &p->specs[i]);
    text = ax_json_text(tree, true);
    if (text) status = ax_file_write(path, text, strlen(text));
out:
    ax_free(text);
    cJSON_Delete(tree);
    ax_free(path);
    return status;
}

/* Copies a string member into a fixed field; missing or too long is an error. */
static int take_text(char *out, size_t size, const cJSON *o, const char *key, const char *path)
{
    const char *text = ax_json_get_string(o, key, NULL);
    if (!text) return ax_fail(AX_EFORMAT, "%s: '%s' is missing or not a string", path, key);
    if (strlen(text) >= size) return ax_fail(AX_EFORMAT, "%s: '%s' has %zu bytes, at most %zu wanted", path, key, strlen(text), size - 1);
    memcpy(out, text, strlen(text) + 1);
    return AX_OK;
}

static int take_owned(char **out, const cJSON *o, const char *key, const char *path)
{
    const char *text = ax_json_get_string(o, key, NULL);
    if (!text) return ax_fail(AX_EFORMAT, "%s: '%s' is missing or not a string", path, key);
    *out = ax_strdup(text);
    return *out ? AX_OK : AX_ENOMEM;
}

static int take_int(int *out, const cJSON *o, const char *key, const char *path)
{
    double v = ax_json_get_number(o, key, -1);
    if (!(v >= 0 && v <= 1e9) || v != (double)(int)v) return ax_fail(AX_EFORMAT, "%s: '%s' is not a whole number from 0 on", path, key);
    *out = (int)v;
    return AX_OK;
}

/* Ids become file names, so only hexadecimal digits pass. */
static int check_id(const char *id, const char *path)
{
    if (strlen(id) == AX_ID_MAX - 1 && strspn(id, "0123456789abcdef") == AX_ID_MAX - 1) return AX_OK;
    return ax_fail(AX_EFORMAT, "%s: trial id '%s', wanted %d hexadecimal digits", path, id, AX_ID_MAX - 1);
}

static int read_spec(ax_spec *s, const cJSON *o, const char *path)
{
    AX_TRY(take_text(s->id, sizeof s->id, o, "id", path));
    AX_TRY(check_id(s->id, path));
    AX_TRY(take_text(s->multiplier, sizeof s->multiplier, o, "multiplier", path));
    AX_TRY(take_text(s->family, sizeof s->family, o, "family", path));
    AX_TRY(take_int(&s->width, o, "width", path));
    AX_TRY(take_int(&s->epochs, o, "epochs", path));
    const cJSON *seed = cJSON_GetObjectItemCaseSensitive(o, "seed");
    s->seed = ax_json_get_u64(o, "seed", UINT64_MAX);
    if (s->seed == UINT64_MAX && !(cJSON_IsString(seed) && !strcmp(seed->valuestring, "18446744073709551615")))
        return ax_fail(AX_EFORMAT, "%s: trial %s: 'seed' is missing or not a whole number", path, s->id);
    s->multiplies = ax_json_get_number(o, "multiplies", 0);
    s->energy_uj = ax_json_get_number(o, "energy_uj", NAN);
    s->train_energy_j = ax_json_get_number(o, "train_energy_j", NAN);
    s->skip = ax_json_get_bool(o, "skip", false);
    AX_TRY(take_owned(&s->config, o, "config", path));
    return take_owned(&s->params, o, "params", path);
}

static int read_plan(ax_plan_file *p, const cJSON *tree, const char *path)
{
    double schema = ax_json_get_number(tree, "schema", 0);
    if (schema > SCHEMA)
        return ax_fail(AX_ESTORE, "%s: written by a newer approxrun: schema %g, this one knows %d; update approxrun", path, schema, SCHEMA);
    if (schema != SCHEMA) return ax_fail(AX_EFORMAT, "%s: no \"schema\": %d in it: not the plan of a study", path, SCHEMA);
    AX_TRY(take_text(p->name, sizeof p->name, tree, "name", path));
    AX_TRY(take_text(p->metric, sizeof p->metric, tree, "metric", path));
    AX_TRY(take_text(p->created, sizeof p->created, tree, "created", path));
    p->strict = ax_json_get_bool(tree, "strict", false);
    AX_TRY(take_owned(&p->script, tree, "script", path));
    AX_TRY(take_owned(&p->sources, tree, "sources", path));
    p->multipliers = ax_strdup(ax_json_get_string(tree, "multipliers", "{}"));      /* plans before it had none */
    if (!p->multipliers) return AX_ENOMEM;
    const cJSON *trials = cJSON_GetObjectItemCaseSensitive(tree, "trials"), *item;
    if (!cJSON_IsArray(trials)) return ax_fail(AX_EFORMAT, "%s: 'trials' is missing or not an array", path);
    int n = cJSON_GetArraySize(trials);
    p->specs = ax_alloc(n > 0 ? (size_t)n : 1, sizeof *p->specs);
    if (!p->specs) return AX_ENOMEM;
    cJSON_ArrayForEach(item, trials) AX_TRY(read_spec(&p->specs[p->n++], item, path));
    return AX_OK;
}

int ax_plan_file_read(const char *dir, ax_plan_file *p)
{
    memset(p, 0, sizeof *p);
    char *path = ax_path_join(dir, "plan.json"), *text = NULL;
    size_t len = 0;
    cJSON *tree = NULL;
    if (!path) return AX_ENOMEM;
    int status = ax_file_read(&text, &len, path, PLAN_CAP);
    if (status == AX_ENOENT)
        status = ax_fail(AX_ENOENT, ax_file_is_dir(dir) ? "%s: not a study directory: there is no plan.json in it"
                                                        : "%s: no such study directory; a sweep makes it", dir);
    if (status != AX_OK) goto out;
    tree = ax_json_parse(text, len, path);
    status = tree ? read_plan(p, tree, path) : ax_errstatus();
    if (status != AX_OK) ax_plan_file_release(p);
out:
    cJSON_Delete(tree);
    ax_free(text);
    ax_free(path);
    return status;
}

/* An experiment file becomes a list of trials. Invariant: a trial's id is the hash of its configuration alone, so that the
 * same configuration is the same trial in every plan. */
#include "run/plan.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/names.h"
#include "script/script.h"
#include "store/groups.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* cJSON would print a parsed number with 15 digits; here each keeps its bits. */
static void print_exactly(cJSON *item)
{
    for (; item; item = item->next) {
        print_exactly(item->child);
        if (!cJSON_IsNumber(item)) continue;
        char *raw = cJSON_malloc(32);
        if (!raw) continue;
        snprintf(raw, 32, "%.17g", item->valuedouble);
        item->valuestring = raw;
        item->type = cJSON_Raw;
    }
}

static char *copy_member(cJSON *object, const char *key)
{
    cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (cJSON_IsString(item)) return ax_strdup(item->valuestring);
    print_exactly(item ? item->child : NULL);
    return ax_json_text(item, false);
}

static int take_trial(ax_spec *s, cJSON *trial)
{
    char hex[AX_SHA256_HEX];
    s->config = copy_member(trial, "config");
    s->params = copy_member(trial, "params");
    if (!s->config || !s->params) return AX_ENOMEM;
    AX_TRY(ax_sha256(hex, s->config, strlen(s->config)));
    snprintf(s->id, sizeof s->id, "%.16s", hex);
    snprintf(s->multiplier, sizeof s->multiplier, "%s", ax_json_get_string(trial, "multiplier", ""));
    snprintf(s->family, sizeof s->family, "%s", ax_json_get_string(trial, "family", ""));
    s->width = ax_json_get_int(trial, "width", 0);
    s->seed = ax_json_get_u64(trial, "seed", 0);
    s->epochs = ax_json_get_int(trial, "epochs", 0);
    s->multiplies = ax_json_get_number(trial, "multiplies", 0);
    s->energy_uj = ax_json_get_number(trial, "energy_uj", NAN);
    s->train_energy_j = ax_json_get_number(trial, "train_energy_j", NAN);
    return AX_OK;
}

/* Two trials of one id are one. */
static int add_trial(ax_plan_file *p, ax_names *ids, cJSON *trial)
{
    ax_spec *s = &p->specs[p->n];
    int status = take_trial(s, trial), number = status == AX_OK ? ax_names_add(ids, s->id) : status;
    if (number == p->n) {
        p->n++;
        return AX_OK;
    }
    ax_free(s->config);
    ax_free(s->params);
    memset(s, 0, sizeof *s);
    return number < 0 ? number : AX_OK;
}

static int take_trials(ax_plan_file *p, const cJSON *trials)
{
    cJSON *trial;
    ax_names ids = {0};
    int status = AX_OK;
    p->specs = ax_alloc((size_t)cJSON_GetArraySize(trials) + 1, sizeof *p->specs);
    if (!p->specs) return AX_ENOMEM;
    cJSON_ArrayForEach(trial, trials)
        if (status == AX_OK) status = add_trial(p, &ids, trial);
    ax_names_release(&ids);
    AX_TRY(status);
    return p->n ? AX_OK : ax_fail(AX_EARG, "%s: the grid is empty, so there is nothing to run", p->script);
}

static int take(ax_plan_file *p, cJSON *tree, const char *script, bool strict)
{
    time_t now = time(NULL);
    struct tm utc;
    const cJSON *search = cJSON_GetObjectItemCaseSensitive(tree, "search");
    p->round = ax_json_get_int(search, "round", 0);
    p->more = ax_json_get_bool(search, "more", false);
    snprintf(p->name, sizeof p->name, "%s", ax_json_get_string(tree, "name", ""));
    snprintf(p->metric, sizeof p->metric, "%s", ax_json_get_string(tree, "metric", "test_acc"));
    strftime(p->created, sizeof p->created, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    p->strict = strict;
    p->script = ax_strdup(script);
    p->sources = copy_member(tree, "sources");
    p->multipliers = copy_member(tree, "multipliers");
    if (!p->script || !p->sources || !p->multipliers) return AX_ENOMEM;
    return take_trials(p, cJSON_GetObjectItemCaseSensitive(tree, "trials"));
}

/* {"id": metric} of the finished trials in dir. */
static int known_results(char **json, const char *dir, const char *metric)
{
    ax_results r;
    cJSON *tree = cJSON_CreateObject();
    int status = ax_results_open(&r, dir);
    for (int i = 0; status == AX_OK && i < r.n; i++) {
        const ax_record *t = &r.trials[i];
        if (t->state != AX_STATE_complete && t->state != AX_STATE_diverged) continue;
        ax_json_set_number(tree, t->id, ax_record_metric(t, metric));
    }
    if (status == AX_OK) ax_results_release(&r);
    if (status == AX_ENOENT) status = AX_OK;      /* a study that is still to be */
    *json = status == AX_OK ? ax_json_text(tree, false) : NULL;
    cJSON_Delete(tree);
    return status == AX_OK && !*json ? AX_ENOMEM : status;
}

/* `known`: NULL, or what is known of finished trials. */
static int make(ax_plan_file *p, const char *script, const ax_plan_options *o, const char *known)
{
    memset(p, 0, sizeof *p);
    char *text = NULL;
    cJSON *tree = NULL;
    ax_script *s = ax_script_open(script, NULL, o->verbose);
    if (!s) return ax_errstatus();
    int status = known ? ax_script_know(s, known) : AX_OK;
    if (status == AX_OK) status = ax_script_plan(s, o->overrides, o->n, o->strict, &text);
    if (status != AX_OK) goto out;
    tree = ax_json_parse(text, strlen(text), script);
    status = tree ? take(p, tree, script, o->strict) : ax_errstatus();
    if (status != AX_OK) ax_plan_file_release(p);
out:
    cJSON_Delete(tree);
    ax_free(text);
    ax_script_close(s);
    return status;
}

int ax_plan_make(ax_plan_file *p, const char *script, const ax_plan_options *o) { return make(p, script, o, NULL); }

int ax_plan_next(ax_plan_file *p, const char *dir, const ax_plan_options *o)
{
    char *known = NULL;
    ax_plan_file next;
    AX_TRY(known_results(&known, dir, p->metric));
    int status = make(&next, p->script, o, known);
    ax_free(known);
    AX_TRY(status);
    ax_plan_file_release(p);
    *p = next;
    return AX_OK;
}

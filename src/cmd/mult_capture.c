/* Operands from a layer of a trained trial: its script, configuration and final weights are those that its study directory keeps. */
#include "cmd/mult.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "cmd/options.h"
#include "cmd/threads.h"
#include "run/capture.h"
#include "script/script.h"
#include "store/results.h"
#include "store/study.h"

#include <stdio.h>
#include <string.h>

static bool is_strict(const ax_record *t)
{
    cJSON *config = ax_json_parse(t->config, strlen(t->config), "configuration");
    bool strict = ax_json_get_bool(config, "strict", false);
    cJSON_Delete(config);
    return strict;
}

static int read_weights(ax_blocks *weights, const char *dir, const ax_record *t)
{
    if (t->state != AX_STATE_complete)
        return ax_fail(AX_EARG, "%s: trial %s (%s/%llu) is %s, wanted a complete one", dir, t->id, t->multiplier, (unsigned long long)t->seed,
                       ax_state_name(t->state));
    char *path = ax_study_path(dir, AX_FILE_TRIAL, t->id);
    int status = path ? ax_trialfile_weights(path, weights) : AX_ENOMEM;
    ax_free(path);
    return status;
}

/* Runs the batch in an engine and a Lua state of their own, as a worker would. */
static int run(ax_operand_source *s, const ax_plan_file *plan, const ax_record *t, const char *pass)
{
    ax_capture c = {.operands = s->numbers};
    AX_TRY(read_weights(&c.weights, s->study, t));
    c.engine = ax_engine_new("cpu", ax_threads_each(1), is_strict(t));
    ax_script *script = c.engine ? ax_script_open(plan->script, plan->sources, ax_common_options.verbose) : NULL;
    int status = script ? ax_script_capture(script, t->params, t->config, s->layer, pass, &c) : ax_errstatus();
    ax_script_close(script);
    ax_engine_free(c.engine);
    ax_blocks_release(&c.weights);
    return status;
}

static void name_sides(ax_operand_source *s, const ax_record *t, const char *pass)
{
    const char *const what[] = {strcmp(pass, "grad_input") ? "input" : "output gradient",
                                strcmp(pass, "grad_weight") ? "weights" : "output gradient"};
    for (int side = 0; side < 2; side++) {
        snprintf(s->captured[side], sizeof s->captured[side], "%s of %s, trial %s", what[side], s->layer, t->id);
        s->source[side] = s->captured[side];
    }
}

static int capture(ax_operand_source *s, const ax_results *r)
{
    ax_plan_file plan;
    const char *pass = s->pass ? s->pass : "forward";
    const ax_record *t = ax_results_find(r, s->trial);
    if (!t) return ax_errstatus();
    AX_TRY(ax_plan_file_read(s->study, &plan));
    int status = run(s, &plan, t, pass);
    if (status == AX_OK) name_sides(s, t, pass);
    ax_plan_file_release(&plan);
    return status;
}

int ax_operand_source_capture(ax_operand_source *s)
{
    ax_results r;
    if (ax_file_exists(s->study) && !ax_file_is_dir(s->study))
        return ax_fail(AX_EARG, "--study: %s is a file, and a study file keeps no weights; wanted the study directory", s->study);
    AX_TRY(ax_results_open(&r, s->study));
    int status = capture(s, &r);
    ax_results_release(&r);
    return status;
}

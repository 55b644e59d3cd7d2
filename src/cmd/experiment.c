/* From the words after `sweep` or `plan` to a plan and its directory. */
#include "cmd/experiment.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "run/plan.h"

#include <stdio.h>
#include <string.h>

static ax_plan_options options_of(const ax_texts *args, bool strict)
{
    return (ax_plan_options){.overrides = args->items + 1, .n = args->n - 1, .strict = strict, .verbose = ax_common_options.verbose};
}

int ax_experiment_plan(ax_plan_file *p, const ax_usage *usage, const ax_texts *args, bool strict)
{
    memset(p, 0, sizeof *p);
    for (int i = 1; i < args->n; i++)
        if (!strchr(args->items[i], '='))
            return ax_fail(AX_EARG, "%s: '%s' is not an override; wanted key=value, as in seed=1..3", usage->name, args->items[i]);
    ax_plan_options o = options_of(args, strict);
    return ax_plan_make(p, args->items[0], &o);
}

int ax_experiment_next(ax_plan_file *p, const char *dir, const ax_texts *args)
{
    ax_plan_options o = options_of(args, p->strict);
    return p->round ? ax_plan_next(p, dir, &o) : AX_OK;
}

char *ax_experiment_dir(const char *given, const ax_plan_file *p)
{
    return given ? ax_strdup(given) : ax_path_join("results", p->name);
}

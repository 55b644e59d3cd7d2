/* --launcher: from options to Slurm's terms. */
#include "cmd/launcher.h"

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "cmd/output.h"
#include "run/slurm.h"

#include <stdio.h>
#include <string.h>

static bool is(const ax_launcher *l, const char *name) { return !strcmp(l->name, name); }

bool ax_launcher_submits(const ax_launcher *l) { return is(l, "slurm"); }

int ax_launcher_check(ax_launcher *l, ax_device_list *devices, const char *text)
{
    static const char *const names[] = {"local", "slurm", "srun"};
    enum { NAMES = sizeof names / sizeof names[0] };
    int i = 0;
    while (i < NAMES && !is(l, names[i])) i++;
    if (i == NAMES) return ax_fail(AX_EARG, "sweep: --launcher is '%s', wanted local, slurm or srun%s", l->name, ax_text_hint(l->name, names, NAMES));
    if (is(l, "local") && l->args.n) return ax_fail(AX_EARG, "sweep: --slurm-arg is for --launcher slurm or srun");
    if (!is(l, "slurm") && l->trials_per_task) return ax_fail(AX_EARG, "sweep: --trials-per-task is for --launcher slurm");
    if (is(l, "local")) return ax_device_list_parse(devices, text);
    l->gpus = !strcmp(text, "all");
    if (!l->gpus && strcmp(text, "cpu") != 0)
        return ax_fail(AX_EARG, "--devices: '%s', but Slurm numbers the devices: wanted cpu, or all for one GPU a worker", text);
    *devices = (ax_device_list){.names = {l->gpus ? "0" : "cpu"}, .n = 1, .cuda = l->gpus};
    return AX_OK;
}

static ax_slurm_options slurm_options(const ax_launcher *l, int tasks)
{
    int threads = ax_common_options.threads > 0 ? (int)ax_common_options.threads : ax_slurm_threads();
    return (ax_slurm_options){.tasks = tasks, .threads = threads, .gpus = l->gpus, .more = l->args.items, .nmore = l->args.n,
                              .trial_time = l->trial_time};
}

static int smaller(int64_t a, int64_t b) { return (int)(a < b ? a : b); }

int ax_launcher_apply(const char ***words, const ax_launcher *l, ax_sched_options *s, int left)
{
    *words = NULL;
    if (!is(l, "srun")) return AX_OK;
    s->jobs = smaller(l->jobs ? l->jobs : ax_slurm_room(), left > 0 ? left : 1);
    ax_slurm_options o = slurm_options(l, s->jobs);
    s->threads = o.threads;
    s->trial_time = 0;                                         /* each worker's own affair: we see no process of its */
    s->launcher = *words = ax_slurm_step(&o);
    return *words ? AX_OK : ax_errstatus();
}

/* So many shards: enough for --trials-per-task, else -j, else a number that no cluster minds. */
static int count_tasks(const ax_launcher *l, int left)
{
    enum { TASKS = 16 };
    if (l->trials_per_task) return (int)((left + l->trials_per_task - 1) / l->trials_per_task);
    return smaller(l->jobs ? l->jobs : TASKS, left);
}

static int print_json(const char *job, const ax_slurm_options *o, int round)
{
    cJSON *tree = cJSON_CreateObject();
    ax_json_set_number(tree, "schema", 1);
    ax_json_set_string(tree, "study", o->name);
    ax_json_set_string(tree, "directory", o->dir);
    ax_json_set_string(tree, "job", job);
    ax_json_set_number(tree, "tasks", o->tasks);
    if (round) ax_json_set_number(tree, "round", round);
    return ax_output_json(tree);
}

/* A search is planned where the sweep runs, and this one ends before its job has begun. */
static void say_next(const ax_plan_file *plan, const ax_slurm_options *o)
{
    if (!plan->more)
        fprintf(stderr, "next: approxrun status %s; the last worker writes the study file, and the same command goes on with what is left\n", o->dir);
    else
        fprintf(stderr, "next: approxrun status %s -f; the job runs round %d alone, and the same command, when it has ended, submits the round after "
                "it. For all rounds in one job: sbatch -n %d --cpus-per-task=%d --wrap='exec approxrun sweep ... --launcher srun'\n",
                o->dir, plan->round, o->tasks, o->threads);
}

int ax_launcher_submit(const ax_launcher *l, const ax_plan_file *plan, const char *dir, int left)
{
    char job[32], round[32] = "";
    ax_slurm_options o = slurm_options(l, count_tasks(l, left));
    o.dir = dir;
    o.name = plan->name;
    o.at_once = l->trials_per_task ? (int)l->jobs : 0;
    o.max_time = l->max_time;
    o.retries = l->retries;
    o.restart_failed = l->restart_failed;
    AX_TRY(ax_slurm_submit(job, &o));
    if (l->json) AX_TRY(print_json(job, &o, plan->round));
    if (ax_common_options.quiet) return AX_OK;
    if (plan->round) snprintf(round, sizeof round, "round %d: ", plan->round);
    fprintf(stderr, "%s: %s%d trial%s, %d to run, job %s of %d worker%s: %s/slurm.sh\n", plan->name, round, plan->n, plan->n == 1 ? "" : "s", left,
            job, o.tasks, o.tasks == 1 ? "" : "s", dir);
    say_next(plan, &o);
    return AX_OK;
}

/* approxrun sweep: plan, fetch what is missing, run what is not complete, rebuild the study file. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/experiment.h"
#include "cmd/front.h"
#include "cmd/only.h"
#include "cmd/output.h"
#include "cmd/terminal.h"
#include "cmd/device_list.h"
#include "cmd/launcher.h"
#include "cmd/threads.h"
#include "data/fetch.h"
#include "run/meter.h"
#include "run/progress.h"
#include "run/signals.h"
#include "run/slurm.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    int64_t jobs;                /* 0: as many as there are cores or trials */
    const char *dir, *devices;
    ax_device_list device_list;
    ax_launcher launcher;
    const char *only;            /* an expression that selects trials; NULL: all */
    double stop_at, trial_time;  /* as in ax_sched_options */
    int64_t retries;
    bool dry, strict, restart_failed, json;
} sweep_options;

/* A sweep under way: one round, or the rounds of a search. */
typedef struct {
    const sweep_options *o;
    const ax_texts *args;        /* the script and its overrides */
    ax_plan_file *plan;
    const char *dir;
    int trials;                  /* of the plan, that this sweep is about */
    int left;                    /* trials that were not complete when their round began, of all rounds so far */
    ax_sched_summary summary;    /* its seconds: of all rounds */
} sweep;

static void say(const char *text)
{
    if (!ax_common_options.quiet) fprintf(stderr, "%s\n", text);
}

/* ---- before the workers ---- */

static double numerics_of(const ax_plan_file *p)
{
    cJSON *config = p->n ? cJSON_Parse(p->specs[0].config) : NULL;
    double version = ax_json_get_number(config, "numerics", 0);
    cJSON_Delete(config);
    return version;
}

/* Other parameters make new trials of the same study; other arithmetic would mix what cannot be compared. */
static int check_numerics(const char *dir, const ax_plan_file *old, const ax_plan_file *plan)
{
    double was = numerics_of(old), is = numerics_of(plan);
    if (!was || !is || was == is) return AX_OK;
    return ax_fail(AX_ESTORE, "%s: its trials were planned with numerics version %g, but this program computes with version %g; begin "
                   "another study with -o, or go on with the program that began it", dir, was, is);
}

static bool same_trials(const ax_plan_file *a, const ax_plan_file *b)
{
    bool same = a->n == b->n;
    for (int i = 0; same && i < a->n; i++) same = !strcmp(a->specs[i].id, b->specs[i].id) && a->specs[i].skip == b->specs[i].skip;
    return same;
}

/* The plan replaces that of an earlier sweep, but not under a job that is to run that; the study keeps the date of its first. */
static int write_plan(const char *dir, ax_plan_file *plan)
{
    ax_plan_file old;
    int status = ax_plan_file_read(dir, &old);
    if (status == AX_OK) {
        memcpy(plan->created, old.created, sizeof plan->created);
        status = check_numerics(dir, &old, plan);
        if (status == AX_OK && !same_trials(&old, plan)) status = ax_slurm_check_queue(dir);
        ax_plan_file_release(&old);
        AX_TRY(status);
    } else if (status != AX_ENOENT) {
        return status;
    }
    return ax_plan_file_write(dir, plan);
}

/* Every data set of the plan, once, before several workers want it at the same time. */
static int fetch_data(const ax_plan_file *plan)
{
    const ax_fetch_manner manner = {.say = say, .install = true};
    char last[128] = "";
    for (int i = 0; i < plan->n; i++) {
        const char *text = plan->specs[i].config;
        cJSON *config = ax_json_parse(text, strlen(text), "config");
        const char *name = ax_json_get_string(cJSON_GetObjectItemCaseSensitive(config, "data"), "name", "");
        const ax_data_set *set = strcmp(name, last) ? ax_data_set_find(name) : NULL;
        int status = !strcmp(name, last) ? AX_OK : set ? ax_data_get(set, &manner) : ax_errstatus();
        snprintf(last, sizeof last, "%s", name);
        cJSON_Delete(config);
        AX_TRY(status);
    }
    return AX_OK;
}

static int count_left(const ax_plan_file *plan, const char *dir)
{
    int n = 0;
    for (int i = 0; i < plan->n; i++) n += !plan->specs[i].skip && !ax_study_has(dir, AX_FILE_TRIAL, plan->specs[i].id);
    return n;
}

static ax_sched_options sched_options(const sweep_options *o, const char *dir, int left)
{
    int wanted = o->jobs ? (int)o->jobs : o->device_list.cuda ? o->device_list.n : ax_cores();
    int jobs = wanted < left ? wanted : left > 0 ? left : 1;
    return (ax_sched_options){
        .dir = dir, .jobs = jobs, .devices = o->device_list.names, .ndevices = o->device_list.n, .threads = ax_threads_each(jobs), .quiet = ax_common_options.quiet,
        .stop_at = o->stop_at, .trial_time = o->trial_time, .retries = (int)o->retries,
        .restart_failed = o->restart_failed, .columns = ax_terminal_columns(STDERR_FILENO), .color = ax_terminal_color(STDERR_FILENO),
    };
}

/* ---- after them ---- */

/* The comparison a user would ask for: the first two families beside fp32, or the only one against it. */
static void suggest(const ax_plan_file *plan, const char *file)
{
    const char *found[2] = {NULL, NULL}, *baseline = NULL;
    for (int i = 0; i < plan->n && !found[1]; i++) {
        const char *family = plan->specs[i].family;
        if (!strcmp(family, "fp32")) baseline = family;
        else if (!found[0]) found[0] = family;
        else if (strcmp(found[0], family) != 0) found[1] = family;
    }
    const char *other = found[1] ? found[1] : baseline;
    if (plan->round) fprintf(stderr, "next: approxrun plot %s --kind pareto -o front.svg\n", file);
    else if (found[0] && other) fprintf(stderr, "next: approxrun compare %s %s %s\n", file, found[0], other);
    else fprintf(stderr, "next: approxrun ls %s\n", file);
}

/* Calls `each` with the points of a search's front, the cheapest first. */
static int with_front(const sweep *s, void (*each)(void *arg, const ax_plan_file *plan, const ax_front_point *p), void *arg)
{
    ax_results r;
    ax_front front;
    AX_TRY(ax_results_open(&r, s->dir));
    int status = ax_front_make(&front, &r, s->plan->metric);
    for (int i = 0; status == AX_OK && i < front.n; i++)
        if (front.points[i].best) each(arg, s->plan, &front.points[i]);
    if (status == AX_OK) ax_front_release(&front);
    ax_results_release(&r);
    return status;
}

static void print_point(void *arg, const ax_plan_file *plan, const ax_front_point *p)
{
    bool share = ax_text_ends(plan->metric, "_acc");
    (void)arg;
    fprintf(stderr, share ? "  %9.4g uJ  %6.2f %%" : "  %9.4g uJ  %8.4g", p->energy_uj, p->sample.mean * (share ? 100 : 1));
    fprintf(stderr, "  %s\n", p->name);
}

static int print_front(const sweep *s)
{
    fprintf(stderr, "front: energy of the products of one inference, %s, multipliers\n", s->plan->metric);
    return with_front(s, print_point, NULL);
}

static void add_point(void *array, const ax_plan_file *plan, const ax_front_point *p)
{
    cJSON *o = cJSON_CreateObject();
    ax_json_set_string(o, "assignment", p->name);
    ax_json_set_number(o, "energy_uj", p->energy_uj);
    ax_json_set_number(o, plan->metric, p->sample.mean);
    cJSON_AddItemToArray(array, o);
}

static int print_json(const sweep *w, int status)
{
    const ax_sched_summary *s = &w->summary;
    cJSON *tree = cJSON_CreateObject();
    ax_json_set_number(tree, "schema", 1);
    ax_json_set_string(tree, "study", w->plan->name);
    ax_json_set_string(tree, "directory", w->dir);
    ax_json_set_string(tree, "file", s->file);
    ax_json_set_number(tree, "trials", w->trials);
    ax_json_set_number(tree, "complete", s->complete);
    ax_json_set_number(tree, "diverged", s->diverged);
    ax_json_set_number(tree, "failed", s->failed);
    ax_json_set_number(tree, "interrupted", s->interrupted);
    ax_json_set_number(tree, "planned", s->planned);
    ax_json_set_number(tree, "seconds", s->seconds);
    if (w->plan->round) {
        ax_json_set_number(tree, "rounds", w->plan->round);
        int made = with_front(w, add_point, ax_json_set_array(tree, "front"));
        if (status == AX_OK) status = made;
    }
    ax_json_set_number(tree, "exit", ax_exit_code(status));
    return ax_output_json(tree);
}

static int report(const sweep *w, int status)
{
    const ax_sched_summary *s = &w->summary;
    char why[2048], seconds[32];
    snprintf(why, sizeof why, "%s", status == AX_OK ? "" : ax_errmsg());
    if (w->o->json) AX_TRY(print_json(w, status));
    if (status == AX_OK && !ax_common_options.quiet) {
        if (w->left)
            fprintf(stderr, "%d trial%s run in %s, all %d complete", w->left, w->left == 1 ? "" : "s", ax_time_text(seconds, s->seconds),
                    w->trials);
        else fprintf(stderr, "all %d trials are complete already, nothing to run", w->trials);
        if (s->diverged) fprintf(stderr, " (%d diverged)", s->diverged);
        fprintf(stderr, ": %s\n", s->file);
        if (w->plan->round) AX_TRY(print_front(w));
        suggest(w->plan, s->file);
    }
    return status == AX_OK ? AX_OK : ax_fail(status, "%s", why);
}

/* A study directory is new, empty, or a study already: nobody's other files get mixed with ours. */
static int check_dir(const char *dir)
{
    if (ax_text_ends(dir, ".h5"))
        return ax_fail(AX_EARG, "sweep: -o is '%s', wanted a directory; the study file gets its name and .h5", dir);
    char *plan = ax_path_join(dir, "plan.json");
    if (!plan) return AX_ENOMEM;
    bool known = ax_file_exists(plan);
    ax_free(plan);
    DIR *listing = known ? NULL : opendir(dir);
    if (!listing) return AX_OK;
    int others = 0;
    for (const struct dirent *e; (e = readdir(listing));) others += e->d_name[0] != '.';
    closedir(listing);
    char *trials = ax_path_join(dir, "trials");
    bool begun = trials && ax_file_is_dir(trials);      /* a first sweep that was stopped before its plan was written */
    ax_free(trials);
    if (!others || begun) return AX_OK;
    return ax_fail(AX_ESTORE, "%s: a directory with other files in it and no study; name another with -o", dir);
}

static void announce(const sweep *s, const ax_sched_options *o, int left)
{
    const ax_plan_file *plan = s->plan;
    char round[32] = "";
    if (plan->round) snprintf(round, sizeof round, "round %d: ", plan->round);
    fprintf(stderr, "%s: %s%d trial%s, %s%d to run, %d worker%s of %d thread%s, store %s\n", plan->name, round, plan->n, plan->n == 1 ? "" : "s",
            s->trials < plan->n ? "some left out, " : "", left, o->jobs, o->jobs == 1 ? "" : "s", o->threads, o->threads == 1 ? "" : "s", s->dir);
}

/* The trials of `chosen` that are not complete. */
static int run_chosen(sweep *s, const ax_plan_file *chosen, int left)
{
    double seconds = s->summary.seconds;
    ax_sched_options options = sched_options(s->o, s->dir, left);
    const char **words;
    AX_TRY(ax_launcher_apply(&words, &s->o->launcher, &options, left));
    if (left && !options.quiet) announce(s, &options, left);
    s->left += left;
    int status = ax_sched_run(&s->summary, chosen, &options);
    ax_free(words);
    s->summary.seconds += seconds;
    return status;
}

/* They become a job; the workers of that do the rest. */
static int submit(const sweep *s, const ax_plan_file *chosen, int left)
{
    ax_sched_options options = sched_options(s->o, s->dir, left);
    AX_TRY(ax_sched_prepare(chosen, &options));
    return ax_launcher_submit(&s->o->launcher, s->plan, s->dir, left);
}

/* One plan, as far as it is chosen. */
static int run_round(sweep *s)
{
    ax_plan_file chosen;
    if (s->o->only) AX_TRY(ax_only_mark(s->plan, s->dir, s->o->only));
    int left = count_left(s->plan, s->dir);
    AX_TRY(write_plan(s->dir, s->plan));
    if (left) AX_TRY(fetch_data(s->plan));
    AX_TRY(ax_only_pick(&chosen, s->plan));
    s->trials = chosen.n;
    int status = left && ax_launcher_submits(&s->o->launcher) ? submit(s, &chosen, left) : run_chosen(s, &chosen, left);
    ax_free(chosen.specs);
    return status;
}

/* Round after round, each planned from the results of those before, until there are none to come. */
static int run_rounds(sweep *s)
{
    AX_TRY(run_round(s));
    while (s->plan->more && !ax_launcher_submits(&s->o->launcher)) {
        int before = s->plan->n;
        AX_TRY(ax_experiment_next(s->plan, s->dir, s->args));
        if (s->plan->n > before) AX_TRY(run_round(s));
        else if (s->plan->more)
            return ax_fail(AX_EFAILED, "%s: round %d of the search waits for results and asks for no new trial; 'approxrun ls %s' shows "
                           "those it has", s->plan->name, s->plan->round, s->dir);
    }
    return AX_OK;
}

static int run(const sweep_options *o, ax_plan_file *plan, const char *dir, const ax_texts *args)
{
    int lock = -1;
    sweep s = {.o = o, .args = args, .plan = plan, .dir = dir};
    ax_signals_outlive_reader();
    AX_TRY(check_dir(dir));
    AX_TRY(ax_study_mkdirs(dir));
    AX_TRY(ax_study_lock(&lock, dir));
    int status = run_rounds(&s);
    if (s.summary.file[0]) status = report(&s, status);
    close(lock);
    return status;
}

/* What the workers of a job array, or job steps, are to keep themselves: their supervisor is elsewhere, or none. */
static int take_times(sweep_options *o, double began, const char *max_time, const char *trial_time)
{
    double max = 0;
    AX_TRY(ax_option_duration(&max, "sweep", "max-time", max_time));
    AX_TRY(ax_option_duration(&o->trial_time, "sweep", "trial-time", trial_time));
    o->stop_at = ax_option_stop_at(began, max);
    o->launcher.max_time = max;
    o->launcher.trial_time = o->trial_time;
    o->launcher.retries = (int)o->retries;
    o->launcher.restart_failed = o->restart_failed;
    return AX_OK;
}

static int show_plan(const sweep_options *o, ax_plan_file *plan, const char *dir)
{
    ax_plan_file chosen;
    if (o->only) AX_TRY(ax_only_mark(plan, dir, o->only));
    AX_TRY(ax_only_pick(&chosen, plan));
    int status = ax_experiment_show(&chosen, dir, o->json ? AX_PLAN_JSON : AX_PLAN_TABLE);
    ax_free(chosen.specs);
    return status;
}

int cmd_sweep(int argc, char **argv)
{
    double began = ax_now();
    const char *max_time = NULL, *trial_time = NULL;
    sweep_options o = {.devices = "cpu", .launcher.name = "local"};
    const ax_option options[] = {
        {"jobs", 'j', AX_OPT_INT, &o.jobs, "N", "worker processes (default: the cores, at most the trials)", 1, 4096},
        {"devices", 0, AX_OPT_TEXT, &o.devices, "LIST", "cpu (default), CUDA devices such as 0,1, all of them, or auto", 0, 0},
        {"output", 'o', AX_OPT_TEXT, &o.dir, "DIR", "study directory; the study file is DIR.h5 (default results/NAME)", 0, 0},
        {"dry-run", 'n', AX_OPT_FLAG, &o.dry, NULL, "show the plan, run nothing", 0, 0},
        {"strict", 0, AX_OPT_FLAG, &o.strict, NULL, "fp32 products in the one fixed order too: equal bits on every machine", 0, 0},
        {"only", 0, AX_OPT_TEXT, &o.only, "EXPR", "run only the trials of the plan for which EXPR (as of 'ls -w') is true", 0, 0},
        {"max-time", 0, AX_OPT_TEXT, &max_time, "TIME", "stop with checkpoints before TIME is over: 90 (seconds), 45m, 3h50m, 1-00:00:00", 0, 0},
        {"trial-time", 0, AX_OPT_TEXT, &trial_time, "TIME", "end and fail a trial that takes longer (default: no limit)", 0, 0},
        {"retries", 0, AX_OPT_INT, &o.retries, "N", "begin a failed trial again up to N times (default 0)", 0, 1000},
        {"restart-failed", 0, AX_OPT_FLAG, &o.restart_failed, NULL, "run failed trials from the start, not from their checkpoint", 0, 0},
        {"launcher", 0, AX_OPT_TEXT, &o.launcher.name, "NAME", "who starts workers: local (default), slurm: a job array, srun: job steps", 0, 0},
        {"trials-per-task", 0, AX_OPT_INT, &o.launcher.trials_per_task, "K", "slurm: an array of a worker for each K trials (default: -j or 16)", 1, 1 << 20},
        {"slurm-arg", 0, AX_OPT_LIST, &o.launcher.args, "ARG", "an option for sbatch or srun, such as --time=4:00:00; may repeat", 0, 0},
        {"json", 0, AX_OPT_FLAG, &o.json, NULL, "the final counts as JSON on stdout", 0, 0},
        {0},
    };
    const ax_usage usage = {
        "sweep", "FILE.lua [key=value...] [-j N] [-o DIR]", "train every multiplier, width and seed of an experiment; rerun to resume",
        "key=value overrides a parameter; a list (seed=1..5, multiplier=mbm:7,mit:7) makes an axis. What is complete is\n"
        "skipped, the rest goes on from its checkpoint. First Ctrl-C: stop at the next batch; second: kill the workers.\n"
        "Exit codes: 0 all complete, 1 a trial failed, 2 usage, 3 an error in the script, 4 the store cannot be used, 65 a malformed file,\n"
        "75 stopped by a signal or --max-time, 130 by Ctrl-C.", 1, -1};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (!args.n) return AX_OK;
    o.launcher.jobs = o.jobs;
    o.launcher.json = o.json;
    AX_TRY(ax_launcher_check(&o.launcher, &o.device_list, o.devices));
    AX_TRY(take_times(&o, began, max_time, trial_time));
    ax_signals_end_process();
    ax_plan_file plan;
    AX_TRY(ax_experiment_plan(&plan, &usage, &args, o.strict));
    char *dir = ax_experiment_dir(o.dir, &plan);
    int status = dir ? ax_experiment_next(&plan, dir, &args) : AX_ENOMEM;
    if (status == AX_OK) status = o.dry ? show_plan(&o, &plan, dir) : run(&o, &plan, dir, &args);
    ax_free(dir);
    ax_plan_file_release(&plan);
    return status;
}

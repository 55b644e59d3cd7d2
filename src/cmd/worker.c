/* approxrun worker: one claim loop over a study directory. Sweeps start it; a human can run it under a debugger. Where no supervisor
 * watches it (in a batch job, as a job step, by ssh), it keeps the limits of the sweep itself. */
#include "base/error.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/threads.h"
#include "engine/api.h"
#include "run/forks.h"
#include "run/limits.h"

int cmd_worker(int argc, char **argv)
{
    double began = ax_now(), max = 0;
    int64_t supervisor = 0, retries = 0;
    const char *device = "cpu", *max_time = NULL, *trial_time = NULL;
    ax_limits l = {0};
    const ax_option options[] = {
        {"device", 0, AX_OPT_TEXT, &device, "NAME", "cpu, or the number of a CUDA device (default: cpu)", 0, 0},
        {"max-time", 0, AX_OPT_TEXT, &max_time, "TIME", "stop with a checkpoint before TIME is over: 90 (seconds), 45m, 3h50m, 1-00:00:00", 0, 0},
        {"trial-time", 0, AX_OPT_TEXT, &trial_time, "TIME", "end and fail a trial that takes longer (default: no limit)", 0, 0},
        {"retries", 0, AX_OPT_INT, &retries, "N", "begin a failed trial again until it has been N times (default 0)", 0, 1000},
        {"restart-failed", 0, AX_OPT_FLAG, &l.restart_failed, NULL, "with --retries: from the start, not from its checkpoint", 0, 0},
        {"supervisor", 0, AX_OPT_INT, &supervisor, "PID", "end when this parent process ends (default: none)", 1, INT32_MAX},
        {0},
    };
    const ax_usage usage = {"worker", "DIR [--device NAME] [--threads N]", "plumbing: one claim loop over a study directory",
                            "Runs trials of DIR/plan.json that nobody else runs until none is left. Exit codes: 0 nothing left,\n"
                            "75 stopped by a signal or --max-time with a checkpoint, 4 the directory cannot be written. A trial that does not\n"
                            "stop within 4 s of its --trial-time, or before --max-time is over, takes the worker with it (SIGKILL).", 1, 1};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (!args.n) return AX_OK;
    l.retries = (int)retries;
    AX_TRY(ax_option_duration(&max, "worker", "max-time", max_time));
    AX_TRY(ax_option_duration(&l.trial_time, "worker", "trial-time", trial_time));
    l.stop_at = ax_option_stop_at(began, max);
    l.end_at = began + max;
    AX_TRY(ax_forks_die_with_us());
    return ax_limits_run(&l, args.items[0], device, ax_threads_each(1), (int)supervisor);
}

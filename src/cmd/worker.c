/* approxrun worker: one claim loop over a study directory. Sweeps start it; a human can run it under a debugger. */
#include "base/error.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/threads.h"
#include "run/sched.h"

int cmd_worker(int argc, char **argv)
{
    int64_t supervisor = 0;
    const char *device = "cpu";
    const ax_option options[] = {
        {"device", 0, AX_OPT_TEXT, &device, "NAME", "cpu, or the number of a CUDA device (default: cpu)", 0, 0},
        {"supervisor", 0, AX_OPT_INT, &supervisor, "PID", "end when this parent process ends (default: none)", 1, INT32_MAX},
        {0},
    };
    const ax_usage usage = {"worker", "DIR [--device NAME] [--threads N]", "plumbing: one claim loop over a study directory",
                            "Runs trials of DIR/plan.json that nobody else runs until none is left. Exit codes: 0 nothing left,\n"
                            "75 stopped by a signal with a checkpoint, 4 the directory cannot be written.", 1, 1};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (!args.n) return AX_OK;
    return ax_worker_run(args.items[0], device, ax_threads_each(1), (int)supervisor);
}

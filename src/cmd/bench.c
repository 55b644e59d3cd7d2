/* approxrun bench: gemm, train. */
#include "cmd/bench.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/verbs.h"
#include "kernels/kernels.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const char core_variable[] = "OPENBLAS_CORETYPE", blocking_variable[] = "OPENBLAS_L2_SIZE";

static int start_anew(int argc, char **argv)
{
    char **words = ax_alloc((size_t)argc + 3, sizeof *words);
    if (!words) return AX_ENOMEM;
    words[0] = (char *)"approxrun";
    words[1] = (char *)"bench";
    memcpy(words + 2, argv, (size_t)argc * sizeof *words);
    execv("/proc/self/exe", words);
    int status = ax_fail(AX_EIO, "bench: cannot start anew (%s); unset %s and %s", strerror(errno), core_variable, blocking_variable);
    ax_free(words);
    return status;
}

int ax_bench_blas(const char *core, int argc, char **argv)
{
    const char *forced = getenv(core_variable);
    bool as_wanted = core ? forced && !strcmp(core, forced) : !forced;
    if (as_wanted && !getenv(blocking_variable)) {
        if (!core || !strcasecmp(core, ax_cpu_blas())) return AX_OK;
        return ax_fail(AX_EARG, "bench: OpenBLAS has no kernel '%s' for this machine and uses %s, wanted one such as Haswell", core, ax_cpu_blas());
    }
    if (!ax_common_options.quiet && !core)
        fprintf(stderr, "bench: %s is set, but OpenBLAS shall choose by itself: left out\n", forced ? core_variable : blocking_variable);
    unsetenv(blocking_variable);
    if (core) setenv(core_variable, core, 1);
    else unsetenv(core_variable);
    return start_anew(argc, argv);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, int n, double p)
{
    double at = p * (n - 1), below = floor(at);
    int i = (int)below;
    return i + 1 < n ? sorted[i] + (at - below) * (sorted[i + 1] - sorted[i]) : sorted[i];
}

ax_spread ax_spread_of(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, compare);
    return (ax_spread){quantile(v, n, 0.25), quantile(v, n, 0.5), quantile(v, n, 0.75)};
}

void ax_spread_json(cJSON *object, const char *key, const ax_spread *s)
{
    cJSON *pair = ax_json_set_array(object, key);
    cJSON_AddItemToArray(pair, ax_json_number(s->q1));
    cJSON_AddItemToArray(pair, ax_json_number(s->q3));
}

static const ax_verb words[] = {
    {"gemm", ax_bench_gemm, "", "matrix products beside the machine's BLAS"},
    {"train", ax_bench_train, "FILE.lua [key=value]", "training steps, and the share of each kind of work"},
    {NULL, NULL, NULL, NULL},
};

int cmd_bench(int argc, char **argv) { return ax_verbs_run(words, argc, argv); }

/* approxrun status: what runs now, and how many trials stand where. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "run/progress.h"
#include "store/claim.h"
#include "store/results.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void count(int counts[AX_STATE_COUNT], const ax_results *r)
{
    for (int i = 0; i < r->n; i++) counts[r->trials[i].state]++;
}

/* The live claim of a trial; false: nobody runs it. */
static bool running(ax_progress *p, const ax_results *r, int i, const char *dir)
{
    bool alive = false;
    return dir && r->trials[i].state == AX_STATE_running && ax_claim_read(p, &alive, dir, r->trials[i].id) == AX_OK && alive;
}

static int print_json(const ax_results *r, const int counts[AX_STATE_COUNT], const char *dir)
{
    ax_progress p;
    cJSON *tree = cJSON_CreateObject();
    ax_json_set_number(tree, "schema", 1);
    ax_json_set_string(tree, "study", r->study);
    ax_json_set_number(tree, "trials", r->n);
    cJSON *states = ax_json_set_object(tree, "states");
    for (int s = 0; s < AX_STATE_COUNT; s++)
        if (counts[s]) ax_json_set_number(states, ax_state_name((enum ax_state)s), counts[s]);
    cJSON *now = ax_json_set_array(tree, "running");
    for (int i = 0; i < r->n; i++) {
        if (!running(&p, r, i, dir)) continue;
        cJSON *t = cJSON_CreateObject();
        ax_json_set_string(t, "id", r->trials[i].id);
        ax_json_set_string(t, "multiplier", r->trials[i].multiplier);
        ax_json_set_u64(t, "seed", r->trials[i].seed);
        ax_json_set_string(t, "host", p.host);
        ax_json_set_number(t, "pid", (double)p.pid);
        ax_json_set_number(t, "epoch", p.epoch);
        ax_json_set_number(t, "epochs", p.epochs);
        ax_json_set_number(t, "fraction", ax_progress_fraction(&p));
        ax_json_set_number(t, "images_per_s", p.rate);
        ax_json_set_number(t, "loss", p.loss);
        ax_json_set_number(t, "eta_s", p.eta);
        cJSON_AddItemToArray(now, t);
    }
    return ax_output_json(tree);
}

static void print_text(const ax_results *r, const int counts[AX_STATE_COUNT], const char *dir)
{
    ax_progress p;
    char eta[32];
    printf("%s  %d trials:", r->study, r->n);
    for (int s = 0; s < AX_STATE_COUNT; s++)
        if (counts[s]) printf("  %d %s", counts[s], ax_state_name((enum ax_state)s));
    printf("\n");
    for (int i = 0; i < r->n; i++) {
        if (!running(&p, r, i, dir)) continue;
        printf("  %s  %s seed %llu  ", r->trials[i].id, r->trials[i].multiplier, (unsigned long long)r->trials[i].seed);
        if (p.epoch) printf("epoch %d/%d  %3.0f %%  %.0f images/s  ETA %s", p.epoch, p.epochs, 100 * ax_progress_fraction(&p), p.rate,
                            ax_time_text(eta, p.eta));
        else printf("starting");
        printf("  pid %lld on %s\n", (long long)p.pid, p.host);
    }
}

int cmd_status(int argc, char **argv)
{
    bool json = false;
    const ax_option options[] = {{"json", 0, AX_OPT_FLAG, &json, NULL, "JSON instead of text", 0, 0}, {0}};
    const ax_usage usage = {"status", "STUDY", "what runs now, with its rate and ETA",
                            "STUDY is a study directory; of a study file (.h5) only the counts are shown.", 1, 1};
    ax_texts args;
    ax_results r;
    int counts[AX_STATE_COUNT] = {0};
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (!args.n) return AX_OK;
    AX_TRY(ax_results_open(&r, args.items[0]));
    const char *dir = ax_file_is_dir(args.items[0]) ? args.items[0] : NULL;
    int status = AX_OK;
    count(counts, &r);
    if (json) status = print_json(&r, counts, dir);
    else print_text(&r, counts, dir);
    ax_results_release(&r);
    return status;
}

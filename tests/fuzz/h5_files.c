/* Valid files of each kind, with every awkward value in them. */
#include "h5_files.h"

#include "store/trialfile.h"
#include "store_sample.h"

static float kernel[6] = {0.5f};
static double moment[2] = {1};
static ax_block blocks[] = {{.name = "w/dense/kernel", .dtype = 0, .rank = 2, .shape = {2, 3}, .data = kernel},
                            {.name = "m/dense", .dtype = 3, .rank = 1, .shape = {2}, .data = moment}};
static const ax_blocks state = {blocks, 2};

void fuzz_write_checkpoint(const char *path)
{
    ax_results r;
    sample_results(&r);
    promise(ax_checkpoint_write(path, &r.trials[0], &(ax_position){1, 2, 3, 4}, &state, "cpu") == AX_OK);
    ax_results_release(&r);
}

void fuzz_write_trial(const char *path)
{
    ax_results r;
    bool existed;
    sample_results(&r);
    promise(ax_trialfile_publish(path, &r.trials[0], &state, &existed) == AX_OK);
    ax_results_release(&r);
}

void fuzz_write_study(const char *path)
{
    ax_results r;
    sample_results(&r);
    promise(ax_results_write(&r, path) == AX_OK);
    ax_results_release(&r);
}

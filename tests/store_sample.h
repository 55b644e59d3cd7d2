/* Records for the tests of store/ and of export: small, with every awkward value in them. */
#ifndef STORE_SAMPLE_H
#define STORE_SAMPLE_H

#include "base/alloc.h"
#include "store/record.h"
#include "store/results.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static inline void sample_text(char **field, const char *text)
{
    ax_free(*field);
    *field = ax_strdup(text);
}

/* Trial number i: 3 epochs, 10 test images, 2 classes. */
static inline void sample_record(ax_record *r, int i, const char *multiplier, const char *family, int width, uint64_t seed, double acc)
{
    double loss[3] = {2.5, 0.1 + 0.2, NAN}, accs[3] = {0.5, acc, acc}, lr[3] = {1e-3, 1e-3, 1e-3}, secs[3] = {1.5, 1.25, 1};
    char params[256];
    ax_record_init(r);
    snprintf(r->id, sizeof r->id, "%016x", 0xabc0 + i);
    snprintf(r->multiplier, sizeof r->multiplier, "%s", multiplier);
    snprintf(r->family, sizeof r->family, "%s", family);
    r->width = width;
    r->seed = seed;
    r->state = AX_STATE_complete;
    r->best_epoch = 2;
    r->test_acc = acc;
    r->test_loss = 1 - acc;
    r->train_s = 3.75;
    r->started = 1700000000.5;
    snprintf(r->device, sizeof r->device, "cpu");
    snprintf(r->host, sizeof r->host, "h\xc3\xb6st");
    ax_record_add_curve(r, "lr", lr, 3);      /* added out of order on purpose */
    ax_record_add_curve(r, "test_acc", accs, 3);
    ax_record_add_curve(r, "train_loss", loss, 3);
    ax_record_add_curve(r, "epoch_s", secs, 3);
    r->ncorrect = 10;
    r->correct = ax_alloc(2, 1);
    r->correct[0] = (uint8_t)(0x5a ^ i);
    r->correct[1] = 0x02;
    r->classes = 2;
    r->confusion = ax_alloc(4, sizeof *r->confusion);
    for (int k = 0; k < 4; k++) r->confusion[k] = 3 * k - i + 1;
    snprintf(params, sizeof params, "{\"epochs\":3,\"lr\":0.10000000000000001,\"multiplier\":\"%s\",\"seed\":%llu}", strchr(multiplier, '"') ? family : multiplier,
             (unsigned long long)seed);
    sample_text(&r->params, params);
    sample_text(&r->config, "{\"multipliers\":{\"mbm:7\":\"feed\"}}");
    sample_text(&r->env, "{\"host\":\"h\\u00f6st\",\"cores\":2}");
    sample_text(&r->log_tail, "epoch 1\nepoch 2\n");
}

/* fp32, mbm:7 and mit:7 with seeds 1 and 2^64 - 1; one trial more that no plan has. */
static inline void sample_results(ax_results *r)
{
    static const struct {
        const char *multiplier, *family;
        int width;
        double acc[2];
    } rows[] = {{"fp32", "fp32", 23, {0.75, 0.875}}, {"mbm:7", "mbm", 7, {0.5, 0.75}}, {"mit:7", "mit", 7, {0.25, 0.625}}};
    memset(r, 0, sizeof *r);
    snprintf(r->study, sizeof r->study, "sample");
    snprintf(r->metric, sizeof r->metric, "test_acc");
    snprintf(r->created, sizeof r->created, "2026-01-02T03:04:05Z");
    r->script = ax_strdup("return 1\n");
    r->plan = ax_strdup("{\"schema\":1}\n");
    r->trials = ax_alloc(7, sizeof *r->trials);
    for (int i = 0; i < 6; i++)
        sample_record(&r->trials[r->n++], i, rows[i / 2].multiplier, rows[i / 2].family, rows[i / 2].width, i % 2 ? UINT64_MAX : 1,
                      rows[i / 2].acc[i % 2]);
    sample_record(&r->trials[r->n++], 6, "lut:a/b,\"c\".bin", "b", 3, 1, 0.125);
    r->trials[6].in_plan = false;
    ax_results_collect(r);
}

#endif

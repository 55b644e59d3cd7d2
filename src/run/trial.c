/* One trial in this process. Invariant: an epoch is acknowledged in the journal only after a checkpoint holds it, and a trial
 * is done only when its file is published; so whatever ends this process, nothing acknowledged is lost. */
#include "run/trial.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "engine/mult.h"
#include "engine/tensor.h"
#include "run/meter.h"
#include "script/script.h"
#include "store/claim.h"
#include "store/trialfile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

volatile sig_atomic_t ax_trial_stop_requested;

static const double show_every_s = 0.3;

struct ax_trial {
    const ax_trial_host *host;
    const ax_spec *spec;
    int claim;
    ax_engine *engine;
    ax_record record;            /* its curves have spec->epochs values each; record.epochs of them are known */
    ax_blocks state;             /* tensors of the engine: themselves in host memory, or copies of a device's */
    ax_tensor **tensors;         /* these */
    int state_cap;
    ax_position at;              /* of the last checkpoint */
    double clock;                /* ax_now() when this run's training began */
    double clock_s;              /* seconds of training before that */
    double batch;                /* images a step; 1: unknown */
    double shown;                /* ax_now() of the last progress */
    ax_meter meter;
    bool stopped, finished;
    int broken;                  /* status of the failure that ended the trial, whatever the script made of it */
    char why[1024];
};

/* ---- small helpers ---- */

/* Remembers a failure of the store, so that a script cannot swallow it. */
static int breaks(ax_trial *t, int status)
{
    if (status == AX_OK || t->broken) return status;
    t->broken = status;
    snprintf(t->why, sizeof t->why, "%s", ax_errmsg());
    return status;
}

static int still_broken(const ax_trial *t) { return ax_fail(t->broken, "%s", t->why); }

static double train_s(const ax_trial *t) { return t->clock_s + ax_now() - t->clock; }

static cJSON *event(const ax_trial *t, const char *name)
{
    cJSON *e = cJSON_CreateObject();
    ax_json_set_number(e, "t", (double)time(NULL));
    ax_json_set_string(e, "trial", t->spec->id);
    ax_json_set_string(e, "event", name);
    return e;
}

static void log_line(const char *text)
{
    char when[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    printf("%s %s\n", when, text);
    fflush(stdout);
}

/* ---- state and checkpoints ---- */

ax_engine *ax_trial_engine(ax_trial *t) { return t ? t->engine : NULL; }

int ax_trial_add_state(ax_trial *t, const char *name, ax_tensor *tensor)
{
    if (!t || !name || !tensor) return ax_fail(AX_EARG, "trial state: nil tensor");
    if (strlen(name) >= sizeof t->state.blocks->name) return ax_fail(AX_EARG, "trial state '%s': the name is too long", name);
    for (int i = 0; i < t->state.n; i++)
        if (!strcmp(t->state.blocks[i].name, name)) return ax_fail(AX_EARG, "trial state '%s' was added twice", name);
    if (t->state.n == t->state_cap) {
        int cap = t->state_cap ? 2 * t->state_cap : 32;
        ax_block *more = ax_realloc(t->state.blocks, (size_t)cap, sizeof *more);
        if (!more) return AX_ENOMEM;
        t->state.blocks = more;
        ax_tensor **more_tensors = ax_realloc(t->tensors, (size_t)cap, sizeof *more_tensors);
        if (!more_tensors) return AX_ENOMEM;
        t->tensors = more_tensors;
        t->state_cap = cap;
    }
    void *data = t->host->backend->host_memory ? tensor->data : ax_alloc((size_t)tensor->size, ax_dtype_bytes(tensor->dtype));
    if (!data) return AX_ENOMEM;
    t->tensors[t->state.n] = tensor;
    ax_block *b = &t->state.blocks[t->state.n++];
    *b = (ax_block){.dtype = (int)tensor->dtype, .rank = tensor->rank, .data = data};
    snprintf(b->name, sizeof b->name, "%s", name);
    memcpy(b->shape, tensor->shape, sizeof b->shape);
    return AX_OK;
}

/* Brings the copies up to date with the engine. */
static int copy_state(ax_trial *t)
{
    if (t->host->backend->host_memory) return AX_OK;
    for (int i = 0; i < t->state.n; i++) AX_TRY(ax_tensor_get(t->tensors[i], t->state.blocks[i].data));
    return AX_OK;
}

static bool same_form(const ax_block *a, const ax_block *b)
{
    return a->dtype == b->dtype && a->rank == b->rank && !memcmp(a->shape, b->shape, (size_t)a->rank * sizeof a->shape[0]);
}

/* Copies what a checkpoint holds into the tensors. */
static int load_state(ax_trial *t, const ax_blocks *saved, const char *path)
{
    if (saved->n != t->state.n)
        return ax_fail(AX_EFORMAT, "%s: it holds %d tensors, the model has %d", path, saved->n, t->state.n);
    for (int i = 0; i < saved->n; i++) {
        const ax_block *from = &saved->blocks[i];
        int k = 0;
        while (k < t->state.n && strcmp(t->state.blocks[k].name, from->name) != 0) k++;
        if (k == t->state.n) return ax_fail(AX_EFORMAT, "%s: its tensor '%s' is not one of the model", path, from->name);
        if (!same_form(from, &t->state.blocks[k]))
            return ax_fail(AX_EFORMAT, "%s: its tensor '%s' has another shape than the model's", path, from->name);
        AX_TRY(ax_tensor_put(t->tensors[k], from->data));
    }
    return AX_OK;
}

/* The curve of that name with room for every epoch of the trial. */
static double *curve(ax_trial *t, const char *name)
{
    double *values = ax_record_curve(&t->record, name);
    if (values) return values;
    values = ax_alloc((size_t)t->spec->epochs + 1, sizeof *values);
    if (!values) return NULL;
    for (int i = 0; i < t->spec->epochs; i++) values[i] = NAN;
    int known = t->record.epochs;
    t->record.epochs = t->spec->epochs;      /* so long its curves are: what they have of the epoch that ends stays */
    int status = ax_record_add_curve(&t->record, name, values, t->spec->epochs);
    t->record.epochs = known;
    ax_free(values);
    return status == AX_OK ? ax_record_curve(&t->record, name) : NULL;
}

static int load_history(ax_trial *t, const ax_record *saved)
{
    if (saved->epochs > t->spec->epochs) return ax_fail(AX_EFORMAT, "the checkpoint of trial %s has more epochs than the trial", t->spec->id);
    for (int i = 0; i < saved->ncurves; i++) {
        double *values = curve(t, saved->curves[i].name);
        if (!values) return ax_errstatus();
        memcpy(values, saved->curves[i].values, (size_t)saved->epochs * sizeof *values);
    }
    t->record.epochs = saved->epochs;
    t->record.started = saved->started;
    return AX_OK;
}

static void add_metrics(const ax_trial *t, cJSON *e)
{
    int k = t->record.epochs;
    ax_json_set_number(e, "epoch", k);
    ax_json_set_number(e, "epochs", t->spec->epochs);
    for (int i = 0; i < t->record.ncurves && k > 0; i++)
        ax_json_set_number(e, t->record.curves[i].name, t->record.curves[i].values[k - 1]);
}

static int resume(ax_trial *t, const char *path)
{
    ax_record saved;
    ax_blocks blocks = {0};
    ax_record_init(&saved);
    snprintf(saved.id, sizeof saved.id, "%s", t->spec->id);
    int status = ax_checkpoint_read(path, &saved, &t->at, &blocks, t->host->plan->strict ? NULL : ax_engine_device(t->engine));
    if (status == AX_OK) status = load_state(t, &blocks, path);
    if (status == AX_OK) status = load_history(t, &saved);
    ax_blocks_release(&blocks);
    ax_record_release(&saved);
    if (status == AX_ENOMEM || status == AX_EIO) return status;      /* the checkpoint may be good */
    if (status != AX_OK) return ax_fail(status, "%s; 'sweep --restart-failed' starts this trial anew", ax_errmsg());
    cJSON *again = event(t, "epoch");
    add_metrics(t, again);
    ax_json_set_bool(again, "again", true);
    return ax_journal_add(t->host->journal, again);
}

int ax_trial_restore(ax_trial *t)
{
    char *path = ax_study_path(t->host->dir, AX_FILE_CKPT, t->spec->id);
    if (!path) return AX_ENOMEM;
    bool there = ax_file_exists(path);
    int status = there ? breaks(t, resume(t, path)) : AX_OK;
    ax_free(path);
    t->clock = ax_now();
    t->clock_s = t->at.train_s;
    if (status != AX_OK) return status;
    if (there) {
        char line[128];
        snprintf(line, sizeof line, "resumed after epoch %.0f, batch %.0f", t->at.epoch, t->at.step);
        log_line(line);
    }
    return there;
}

double ax_trial_position(const ax_trial *t, int what)
{
    return what == 0 ? t->at.epoch : what == 1 ? t->at.step : t->at.updates;
}

static int checkpoint(ax_trial *t, double epoch, double step, double updates)
{
    char *path = ax_study_path(t->host->dir, AX_FILE_CKPT, t->spec->id);
    if (!path) return AX_ENOMEM;
    t->at = (ax_position){.epoch = epoch, .step = step, .updates = updates, .train_s = train_s(t)};
    t->record.train_s = t->at.train_s;
    int status = copy_state(t);
    if (status == AX_OK) status = breaks(t, ax_checkpoint_write(path, &t->record, &t->at, &t->state, ax_engine_device(t->engine)));
    ax_free(path);
    return status;
}

/* ---- progress ---- */

static int show(ax_trial *t, const ax_progress *p)
{
    ax_progress out = *p;
    double images = ((p->epoch - 1) * p->steps + p->step) * t->batch;
    ax_meter_mark(&t->meter, images);
    out.started = t->record.started;
    snprintf(out.device, sizeof out.device, "%s", t->host->device);
    out.rate = t->batch > 1 ? ax_meter_rate(&t->meter) : 0;
    out.eta = ax_meter_eta(&t->meter, p->epochs * p->steps * t->batch);
    t->shown = ax_now();
    int status = ax_claim_update(t->claim, &out);
    if (status != AX_OK) ax_fail_in("%s/claims: trial %s", t->host->dir, t->spec->id);
    return breaks(t, status);
}

int ax_trial_step(ax_trial *t, double epoch, double epochs, double step, double steps, double updates, double loss, double acc)
{
    if (t->broken) return still_broken(t);
    if (ax_now() - t->shown >= show_every_s) {
        ax_progress p = {.epoch = (int)epoch, .epochs = (int)epochs, .step = step, .steps = steps, .loss = loss, .acc = acc};
        AX_TRY(show(t, &p));
    }
    if (!ax_trial_stop_requested) return 1;
    t->stopped = true;
    AX_TRY(checkpoint(t, epoch - 1, step, updates));
    cJSON *e = event(t, "interrupted");
    ax_json_set_number(e, "epoch", epoch);
    ax_json_set_number(e, "step", step);
    AX_TRY(breaks(t, ax_journal_add(t->host->journal, e)));
    log_line("stopped with a checkpoint");
    return 0;
}

/* ---- epochs ---- */

static int take_metrics(ax_trial *t, int epoch, const char *json)
{
    cJSON *tree = ax_json_parse(json, strlen(json), "metrics"), *item;
    int status = tree ? AX_OK : ax_errstatus();
    cJSON_ArrayForEach(item, tree)
    {
        double *values = curve(t, item->string);
        if (!values) {
            status = ax_errstatus();
            break;
        }
        values[epoch - 1] = ax_json_value(item);
    }
    cJSON_Delete(tree);
    return status;
}

/* The seconds of this epoch: what was trained in all, less the epochs before. */
static int take_seconds(ax_trial *t, int epoch)
{
    double *values = curve(t, "epoch_s"), before = 0;
    if (!values) return ax_errstatus();
    for (int i = 0; i < epoch - 1; i++) before += values[i];
    values[epoch - 1] = train_s(t) - before;
    return AX_OK;
}

static void log_epoch(const ax_trial *t)
{
    char line[512];
    int k = t->record.epochs, n = snprintf(line, sizeof line, "epoch %d/%d", k, t->spec->epochs);
    for (int i = 0; i < t->record.ncurves && n < (int)sizeof line; i++)
        n += snprintf(line + n, sizeof line - (size_t)n, "  %s %.6g", t->record.curves[i].name, t->record.curves[i].values[k - 1]);
    log_line(line);
}

int ax_trial_epoch(ax_trial *t, double epoch, double updates, const char *metrics_json)
{
    if (t->broken) return still_broken(t);
    if (!metrics_json || epoch != t->record.epochs + 1 || epoch > t->spec->epochs)
        return ax_fail(AX_EARG, "trial: epoch %g was reported, but the next of %d is %d", epoch, t->spec->epochs, t->record.epochs + 1);
    AX_TRY(take_metrics(t, (int)epoch, metrics_json));
    AX_TRY(take_seconds(t, (int)epoch));
    t->record.epochs = (int)epoch;
    AX_TRY(checkpoint(t, epoch, 0, updates));
    cJSON *e = event(t, "epoch");
    add_metrics(t, e);
    log_epoch(t);
    return breaks(t, ax_journal_add(t->host->journal, e));
}

/* ---- the end ---- */

int ax_trial_predictions(ax_trial *t, const int32_t *predicted, const int32_t *labels, double n, double classes)
{
    ax_record *r = &t->record;
    if (!predicted || !labels || !(n >= 1 && n < 0x1p40) || !(classes >= 1 && classes <= 65536))
        return ax_fail(AX_EARG, "trial predictions: %g images of %g classes", n, classes);
    ax_free(r->correct);
    ax_free(r->confusion);
    r->ncorrect = (int64_t)n;
    r->classes = (int)classes;
    r->correct = ax_alloc((size_t)(r->ncorrect + 7) / 8, 1);
    r->confusion = ax_alloc((size_t)r->classes * (size_t)r->classes, sizeof *r->confusion);
    if (!r->correct || !r->confusion) return AX_ENOMEM;
    for (int64_t i = 0; i < r->ncorrect; i++) {
        if (labels[i] < 0 || labels[i] >= r->classes || predicted[i] < 0 || predicted[i] >= r->classes)
            return ax_fail(AX_EARG, "trial predictions: image %lld: class %d predicted for %d, %d classes", (long long)i, predicted[i],
                           labels[i], r->classes);
        if (predicted[i] == labels[i]) r->correct[i / 8] |= (uint8_t)(1u << (i % 8));
        r->confusion[(int64_t)labels[i] * r->classes + predicted[i]]++;
    }
    return AX_OK;
}

static int best_epoch(ax_record *r)
{
    const double *acc = ax_record_curve(r, "valid_acc");
    int best = 0;
    for (int i = 0; acc && i < r->epochs; i++)
        if (!isnan(acc[i]) && (!best || acc[i] > acc[best - 1])) best = i + 1;
    return best;
}

static int set_text(char **field, char *owned)
{
    if (!owned) return AX_ENOMEM;
    ax_free(*field);
    *field = owned;
    return AX_OK;
}

static int complete_record(ax_trial *t, const char *summary_json, bool diverged)
{
    ax_record *r = &t->record;
    cJSON *summary = ax_json_parse(summary_json, strlen(summary_json), "summary");
    if (!summary) return ax_errstatus();
    r->state = diverged ? AX_STATE_diverged : AX_STATE_complete;
    r->test_acc = ax_json_get_number(summary, "test_acc", NAN);
    r->test_loss = ax_json_get_number(summary, "test_loss", NAN);
    cJSON_Delete(summary);
    r->best_epoch = best_epoch(r);
    r->train_s = t->at.train_s;
    return set_text(&r->log_tail, ax_log_tail(t->host->dir, t->spec->id));
}

/* Weights are the state blocks named "w/...". */
static int publish(ax_trial *t)
{
    ax_blocks weights = {.blocks = ax_alloc((size_t)t->state.n + 1, sizeof *weights.blocks)};
    char *path = ax_study_path(t->host->dir, AX_FILE_TRIAL, t->spec->id);
    bool existed = false;
    int status = weights.blocks && path ? copy_state(t) : AX_ENOMEM;
    for (int i = 0; status == AX_OK && i < t->state.n; i++)
        if (!strncmp(t->state.blocks[i].name, "w/", 2)) weights.blocks[weights.n++] = t->state.blocks[i];
    if (status == AX_OK) status = ax_trialfile_publish(path, &t->record, &weights, &existed);
    ax_free(weights.blocks);
    ax_free(path);
    return status;
}

static int journal_done(ax_trial *t)
{
    cJSON *e = event(t, "done");
    ax_json_set_string(e, "state", ax_state_name(t->record.state));
    ax_json_set_number(e, "test_acc", t->record.test_acc);
    ax_json_set_number(e, "test_loss", t->record.test_loss);
    ax_json_set_number(e, "train_s", t->record.train_s);
    return ax_journal_add(t->host->journal, e);
}

int ax_trial_finish(ax_trial *t, const char *summary_json, int diverged)
{
    if (t->broken) return still_broken(t);
    if (t->finished || !summary_json) return ax_fail(AX_EARG, "trial: finished twice, or without a summary");
    char line[128];
    snprintf(line, sizeof line, "%s after %d epochs", diverged ? "diverged" : "complete", t->record.epochs);
    log_line(line);
    AX_TRY(complete_record(t, summary_json, diverged != 0));
    AX_TRY(breaks(t, publish(t)));
    t->finished = true;
    AX_TRY(breaks(t, journal_done(t)));
    AX_TRY(breaks(t, ax_study_remove(t->host->dir, AX_FILE_CKPT, t->spec->id)));
    return breaks(t, ax_study_remove(t->host->dir, AX_FILE_RETRY, t->spec->id));
}

/* ---- one run ---- */

static int start_record(ax_trial *t)
{
    ax_record *r = &t->record;
    const ax_spec *s = t->spec;
    snprintf(r->id, sizeof r->id, "%s", s->id);
    snprintf(r->multiplier, sizeof r->multiplier, "%s", s->multiplier);
    snprintf(r->family, sizeof r->family, "%s", s->family);
    snprintf(r->device, sizeof r->device, "%s", strcmp(t->host->device, "cpu") ? "cuda" : "cpu");
    gethostname(r->host, sizeof r->host - 1);
    r->width = s->width;
    r->seed = s->seed;
    r->state = AX_STATE_running;
    r->in_plan = true;
    r->started = (double)time(NULL);
    r->retries = ax_failed_count(t->host->dir, s->id);
    AX_TRY(set_text(&r->params, ax_strdup(s->params)));
    AX_TRY(set_text(&r->config, ax_strdup(s->config)));
    return set_text(&r->env, ax_strdup(t->host->env));
}

/* Images a step: the configuration's {"train":{"batch":n}}, or the parameter of that name if the script has its own loop. */
static double batch_of(const ax_spec *s)
{
    cJSON *config = ax_json_parse(s->config, strlen(s->config), "config");
    double batch = ax_json_get_number(cJSON_GetObjectItemCaseSensitive(config, "params"), "batch", 1);
    batch = ax_json_get_number(cJSON_GetObjectItemCaseSensitive(config, "train"), "batch", batch);
    cJSON_Delete(config);
    return batch >= 1 ? batch : 1;
}

static int run_script(ax_trial *t)
{
    const ax_plan_file *plan = t->host->plan;
    ax_script *s = ax_script_open(plan->script, plan->sources, false);
    if (!s) return ax_errstatus();
    int status = ax_script_run(s, t->spec->params, t->spec->config, t);
    char why[2048];
    snprintf(why, sizeof why, "%s", ax_errmsg());
    ax_script_close(s);                                  /* frees data sets; may change the message */
    if (t->broken) return still_broken(t);
    if (status != AX_OK) return ax_fail(status, "%s", why);
    if (t->stopped) return ax_fail(AX_ESTOP, "stopped with a checkpoint");
    if (!t->finished) return ax_fail(AX_ESCRIPT, "%s: the script returned without finishing the trial", plan->script);
    return AX_OK;
}

int ax_trial_run(const ax_trial_host *h, const ax_spec *spec, int claim)
{
    ax_trial t = {.host = h, .spec = spec, .claim = claim, .batch = batch_of(spec), .clock = ax_now()};
    ax_record_init(&t.record);
    char line[AX_LABEL_MAX + 160];
    snprintf(line, sizeof line, "start %s seed %llu, trial %s, %d thread%s", spec->multiplier, (unsigned long long)spec->seed, spec->id,
             h->threads, h->threads == 1 ? "" : "s");
    log_line(line);
    int status = start_record(&t);
    if (status != AX_OK) goto out;
    status = ax_journal_add(h->journal, event(&t, "start"));
    if (status != AX_OK) goto out;
    t.engine = ax_engine_new(h->device, h->threads, h->plan->strict);
    status = t.engine ? run_script(&t) : ax_errstatus();
out:
    for (int i = 0; h->backend->host_memory && i < t.state.n; i++) t.state.blocks[i].data = NULL;      /* they are the engine's */
    ax_engine_free(t.engine);
    ax_mult_trim();
    ax_blocks_release(&t.state);
    ax_free(t.tensors);
    ax_record_release(&t.record);
    return status;
}

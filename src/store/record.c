/* One trial's result in memory. Invariant: every curve has exactly r->epochs values, and curves stand in the order of curve_order
 * (others behind, by name), so that equal results are written as equal bytes whatever the order they were added in. */
#include "store/record.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

static const char *const state_names[] = {
#define AX_STATE(name, letter) #name,
#include "store/states.def"
#undef AX_STATE
};

static const char *const curve_order[] = {"train_loss", "train_acc", "valid_loss", "valid_acc", "test_acc", "lr", "epoch_s"};
enum { KNOWN_CURVES = sizeof curve_order / sizeof *curve_order };

const char *ax_state_name(enum ax_state s) { return s < AX_STATE_COUNT ? state_names[s] : "unknown"; }

int ax_state_parse(enum ax_state *s, const char *name)
{
    for (int i = 0; i < AX_STATE_COUNT; i++)
        if (!strcmp(name, state_names[i])) {
            *s = (enum ax_state)i;
            return AX_OK;
        }
    return ax_fail(AX_EFORMAT, "unknown state '%s'%s", name, ax_text_hint(name, state_names, AX_STATE_COUNT));
}

void ax_record_init(ax_record *r)
{
    memset(r, 0, sizeof *r);
    r->in_plan = true;
    r->test_acc = r->test_loss = r->train_s = r->started = r->energy_uj = r->train_energy_j = NAN;
    r->params = ax_strdup("{}");
    r->config = ax_strdup("{}");
    r->env = ax_strdup("{}");
    r->log_tail = ax_strdup("");
    r->message = ax_strdup("");
}

void ax_record_release(ax_record *r)
{
    for (int i = 0; i < r->ncurves; i++) ax_free(r->curves[i].values);
    ax_free(r->correct);
    ax_free(r->confusion);
    ax_free(r->params);
    ax_free(r->config);
    ax_free(r->env);
    ax_free(r->log_tail);
    ax_free(r->message);
    memset(r, 0, sizeof *r);
}

double *ax_record_curve(const ax_record *r, const char *name)
{
    for (int i = 0; i < r->ncurves; i++)
        if (!strcmp(r->curves[i].name, name)) return r->curves[i].values;
    return NULL;
}

static int rank_of(const char *name)
{
    for (int i = 0; i < KNOWN_CURVES; i++)
        if (!strcmp(name, curve_order[i])) return i;
    return KNOWN_CURVES;
}

static bool stands_before(const char *a, const char *b)
{
    int i = rank_of(a), j = rank_of(b);
    return i != j ? i < j : strcmp(a, b) < 0;
}

/* Names end up as HDF5 links, JSON keys and columns. */
static int check_name(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    if (n == 0 || name[n] || n >= sizeof((ax_curve *)0)->name)
        return ax_fail(AX_EARG, "curve name '%s': wanted 1 to %zu letters, digits and underscores", name,
                       sizeof((ax_curve *)0)->name - 1);
    return AX_OK;
}

/* Lengthens every curve to `epochs` values; NAN where there is none. */
static int lengthen(ax_record *r, int epochs)
{
    for (int i = 0; i < r->ncurves; i++) {
        double *values = ax_realloc(r->curves[i].values, (size_t)epochs, sizeof *values);
        if (!values) return AX_ENOMEM;
        r->curves[i].values = values;
        for (int e = r->epochs; e < epochs; e++) values[e] = NAN;
    }
    r->epochs = epochs;
    return AX_OK;
}

/* A new, empty slot for `name` at its place in the order. */
static ax_curve *insert(ax_record *r, const char *name)
{
    int at = r->ncurves++;
    for (; at > 0 && stands_before(name, r->curves[at - 1].name); at--) r->curves[at] = r->curves[at - 1];
    memset(&r->curves[at], 0, sizeof r->curves[at]);
    memcpy(r->curves[at].name, name, strlen(name) + 1);
    return &r->curves[at];
}

int ax_record_add_curve(ax_record *r, const char *name, const double *values, int epochs)
{
    AX_TRY(check_name(name));
    if (epochs > r->epochs) AX_TRY(lengthen(r, epochs));
    double *mine = ax_record_curve(r, name);
    if (!mine) {
        if (r->ncurves == AX_CURVES_MAX) return ax_fail(AX_EARG, "curve '%s': a trial has at most %d curves", name, AX_CURVES_MAX);
        mine = ax_alloc(r->epochs > 0 ? (size_t)r->epochs : 1, sizeof *mine);
        if (!mine) return AX_ENOMEM;
        insert(r, name)->values = mine;
    }
    for (int e = 0; e < r->epochs; e++) mine[e] = e < epochs ? values[e] : NAN;
    return AX_OK;
}

/* plot --kind epochs: for each multiplier, under equal parameters, the mean curve over seeds, with the range of the seeds behind it. */
#include "cmd/plot.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MARKED = 12, LABEL = AX_LABEL_MAX + AX_VARIANT_MAX + 16 };

/* The seeds of one curve at one epoch, scaled. */
typedef struct {
    double mean, lo, hi;
    int n;
} spread;

/* Whether two trials are drawn as one curve. */
static bool together(const ax_plot *p, int t, int u)
{
    return p->series_of[t] >= 0 && p->series_of[t] == p->series_of[u] && !strcmp(p->results->trials[t].multiplier, p->results->trials[u].multiplier);
}

static spread spread_of(const ax_plot *p, int trial, int epoch)
{
    spread s = {0, INFINITY, -INFINITY, 0};
    for (int t = 0; t < p->results->n; t++) {
        const ax_record *r = &p->results->trials[t];
        const double *curve = ax_plot_curve(p, t);
        if (!together(p, t, trial) || !curve || epoch >= r->epochs || !isfinite(curve[epoch])) continue;
        double v = curve[epoch] * p->scale;
        s.mean += v;
        s.lo = fmin(s.lo, v);
        s.hi = fmax(s.hi, v);
        s.n++;
    }
    if (s.n) s.mean /= s.n;
    return s;
}

static int epochs_of(const ax_plot *p)
{
    int epochs = 0;
    for (int t = 0; t < p->results->n; t++)
        if (p->series_of[t] >= 0 && p->results->trials[t].epochs > epochs) epochs = p->results->trials[t].epochs;
    return epochs;
}

/* The trial that stands for its curve: the first. */
static bool is_first(const ax_plot *p, int trial)
{
    if (p->series_of[trial] < 0) return false;
    for (int t = 0; t < trial; t++)
        if (together(p, t, trial)) return false;
    return true;
}

/* How many wider multipliers the series has. */
static int rank_of(const ax_plot *p, int trial)
{
    int rank = 0;
    for (int t = 0; t < p->results->n; t++)
        rank += is_first(p, t) && p->series_of[t] == p->series_of[trial] && p->results->trials[t].width > p->results->trials[trial].width;
    return rank;
}

/* Its place among the curves of its colour: by rank of width in its series, the widest first, behind those of earlier series. */
static int place_of(const ax_plot *p, int trial)
{
    const char *colour = ax_plot_colour(p, p->series_of[trial]);
    int place = rank_of(p, trial);
    for (int t = 0; t < p->results->n; t++)
        place += is_first(p, t) && p->series_of[t] < p->series_of[trial] && !strcmp(ax_plot_colour(p, p->series_of[t]), colour);
    return place;
}

/* What tells curves of one colour apart: 16 differ. */
static int marker_of(int place) { return (place + place / 4) % 4; }

static void label_of(char label[LABEL], const ax_plot *p, int trial)
{
    const ax_record *r = &p->results->trials[trial];
    snprintf(label, LABEL, "%s (1,8,%d)%s", r->multiplier, r->width, p->series[p->series_of[trial]].variant);
}

static double x_of(const ax_frame *f, int epoch, int epochs)
{
    return epochs < 2 ? (f->left + f->right) / 2 : f->left + 16 + (f->right - f->left - 32) * epoch / (epochs - 1);
}

/* At each epoch, or at some of many, where a marker is needed to tell curves apart. */
static void draw_markers(ax_buf *b, const ax_frame *f, const ax_plot *p, int trial, int epochs, int marker)
{
    int step = (epochs + MARKED - 1) / MARKED;
    for (int k = 0; k < epochs; k += step) {
        spread s = spread_of(p, trial, k);
        if (s.n) ax_plot_marker(b, x_of(f, k, epochs), ax_frame_y(f, s.mean), marker, ax_plot_colour(p, p->series_of[trial]));
    }
}

static void draw_range(ax_buf *b, const ax_frame *f, const ax_plot *p, int trial, int epochs, const char *colour)
{
    bool open = false;
    for (int k = 0; k < 2 * epochs; k++) {           /* along the upper edge, and back along the lower one */
        int epoch = k < epochs ? k : 2 * epochs - 1 - k;
        spread s = spread_of(p, trial, epoch);
        if (s.n < 2) continue;
        ax_buf_printf(b, open ? " %.1f,%.1f" : "<polygon points=\"%.1f,%.1f", x_of(f, epoch, epochs), ax_frame_y(f, k < epochs ? s.hi : s.lo));
        open = true;
    }
    if (open) ax_buf_printf(b, "\" fill=\"%s\" fill-opacity=\"0.12\"/>\n", colour);
}

static void draw_curve(ax_buf *b, ax_frame *f, const ax_plot *p, int trial, int epochs)
{
    const char *colour = ax_plot_colour(p, p->series_of[trial]);
    int place = place_of(p, trial), marker = epochs <= MARKED || place >= 4 ? marker_of(place) : -1;
    char label[LABEL];
    draw_range(b, f, p, trial, epochs, colour);
    bool open = false;
    for (int k = 0; k < epochs; k++) {
        spread s = spread_of(p, trial, k);
        if (!s.n) continue;
        ax_buf_printf(b, open ? " %.1f,%.1f" : "<polyline points=\"%.1f,%.1f", x_of(f, k, epochs), ax_frame_y(f, s.mean));
        open = true;
    }
    if (open) ax_buf_printf(b, "\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\"/>\n", colour, ax_plot_dash(place));
    if (marker >= 0) draw_markers(b, f, p, trial, epochs, marker);
    label_of(label, p, trial);
    ax_frame_legend(b, f, colour, ax_plot_dash(place), marker, false, label);
}

static void draw_epoch_ticks(ax_buf *b, const ax_frame *f, int epochs)
{
    ax_ticks t = ax_ticks_over(1, epochs > 1 ? epochs : 2, 8);
    int step = t.step < 1 ? 1 : (int)t.step;
    for (int epoch = 1; epoch <= epochs; epoch++) {
        char label[16];
        if (epoch % step && (epoch != 1 || step > 2)) continue;
        snprintf(label, sizeof label, "%d", epoch);
        ax_frame_tick(b, f, x_of(f, epoch - 1, epochs), label, NULL);
    }
}

int ax_plot_by_epoch(ax_buf *b, const ax_plot *p)
{
    int epochs = epochs_of(p), most = 0;
    double lo = INFINITY, hi = -INFINITY;
    for (int t = 0; t < p->results->n; t++)
        for (int k = 0; k < epochs && is_first(p, t); k++) {
            spread s = spread_of(p, t, k);
            lo = fmin(lo, s.lo);
            hi = fmax(hi, s.hi);
            if (s.n > most) most = s.n;
        }
    if (!most)
        return ax_fail(AX_EARG, "plot: no trial of '%s' has a curve %s; wanted one of test_acc, valid_acc, train_acc, valid_loss, train_loss, lr, epoch_s",
                       p->results->study, p->metric);
    ax_legend legend = {0};
    char subtitle[96], label[LABEL];
    for (int t = 0; t < p->results->n; t++) {
        if (!is_first(p, t)) continue;
        label_of(label, p, t);
        ax_legend_count(&legend, label);
    }
    snprintf(subtitle, sizeof subtitle, most > 1 ? "mean over up to %d seeds; shaded from the lowest to the highest" : "one seed", most);
    ax_frame f = ax_frame_draw(b, p, lo, hi, &legend, "epoch", subtitle);
    draw_epoch_ticks(b, &f, epochs);
    ax_frame_x_label(b, &f, 44, "epoch");
    for (int t = 0; t < p->results->n; t++)
        if (is_first(p, t)) draw_curve(b, &f, p, t, epochs);
    ax_svg_close(b);
    return AX_OK;
}

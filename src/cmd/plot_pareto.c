/* plot --kind pareto: each setting by the energy of an inference's products and its mean metric; the front is joined by steps, and its
 * points are numbered and named below the picture. */
#include "cmd/plot.h"

#include "base/error.h"
#include "cmd/front.h"
#include "cmd/options.h"
#include "cmd/output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAMES_MAX = 40, LEFT_OUT_MAX = 6, NAME_COLUMNS = 100, NAME_ROW = 17, ROW = 21, BELOW = 74, FRAME_BOTTOM = 370, FRAME_TOP = 70 };

#define ALL "#8f8f8f"
#define FRONT "#0072b2"

/* Energies that span a decade or more get a logarithmic axis, as most settings would crowd at its left. */
typedef struct {
    ax_frame frame;
    bool logarithmic;
    ax_ticks x;                  /* linear */
    double lo, hi;               /* of the axis */
} canvas;

static double x_of(const canvas *c, double energy)
{
    const ax_frame *f = &c->frame;
    double at = c->logarithmic ? log(energy / c->lo) / log(c->hi / c->lo) : (energy - c->lo) / (c->hi - c->lo);
    return f->left + (f->right - f->left) * at;
}

/* The nearest of 1, 2, 5, 10, 20, ... at or below a value, or at or above it. */
static double round_step(double value, bool up)
{
    static const double steps[] = {1, 2, 5, 10};
    double decade = pow(10, floor(log10(value)));
    int k = up ? 0 : 3;
    while (up ? k < 3 && steps[k] * decade < value * (1 - 1e-9) : k > 0 && steps[k] * decade > value * (1 + 1e-9)) k += up ? 1 : -1;
    return steps[k] * decade;
}

static void set_axis(canvas *c, double lo, double hi)
{
    c->logarithmic = lo > 0 && hi >= 10 * lo;
    c->x = ax_ticks_over(lo, hi, 6);
    c->lo = c->logarithmic ? round_step(lo, false) : c->x.lo;
    c->hi = c->logarithmic ? round_step(hi, true) : c->x.hi;
}

static double y_of(const canvas *c, const ax_plot *p, const ax_front_point *pt) { return ax_frame_y(&c->frame, pt->sample.mean * p->scale); }

static void draw_log_ticks(ax_buf *b, const canvas *c)
{
    bool every_step = c->hi <= 101 * c->lo;      /* else decades alone */
    for (double value = c->lo; value <= c->hi * (1 + 1e-9); value = round_step(value * 1.5, true)) {
        char label[40];
        double exponent = log10(value);
        if (!every_step && fabs(exponent - round(exponent)) > 1e-9) continue;
        snprintf(label, sizeof label, "%g", value);
        ax_frame_tick(b, &c->frame, x_of(c, value), label, NULL);
    }
}

static void draw_ticks(ax_buf *b, const canvas *c)
{
    if (c->logarithmic) {
        draw_log_ticks(b, c);
        return;
    }
    int steps = (int)lround((c->x.hi - c->x.lo) / c->x.step);
    for (int k = 0; k <= steps; k++) {
        char label[40];
        double value = c->x.lo + k * c->x.step;
        snprintf(label, sizeof label, "%.*f", c->x.decimals, fabs(value) < c->x.step / 2 ? 0.0 : value);
        ax_frame_tick(b, &c->frame, x_of(c, value), label, NULL);
    }
}

/* Down to the right of each point lies what it beats: the front is its steps. */
static void draw_front(ax_buf *b, const canvas *c, const ax_plot *p, const ax_front *f)
{
    const ax_front_point *last = NULL;
    for (int i = 0; i < f->n; i++) {
        const ax_front_point *pt = &f->points[i];
        if (!pt->best) continue;
        double x = x_of(c, pt->energy_uj), y = y_of(c, p, pt);
        if (last) ax_svg_line(b, x_of(c, last->energy_uj), y_of(c, p, last), x, y_of(c, p, last), FRONT, 1.5);
        if (last) ax_svg_line(b, x, y_of(c, p, last), x, y, FRONT, 1.5);
        last = pt;
    }
}

static void draw_interval(ax_buf *b, const canvas *c, const ax_plot *p, const ax_front_point *pt)
{
    double x = x_of(c, pt->energy_uj), mean = pt->sample.mean * p->scale, half = pt->sample.half * p->scale;
    if (!isnan(half)) ax_svg_line(b, x, ax_frame_y(&c->frame, mean + half), x, ax_frame_y(&c->frame, mean - half), pt->best ? FRONT : ALL, 1);
}

static void draw_points(ax_buf *b, const canvas *c, const ax_plot *p, const ax_front *f)
{
    int number = 0;
    for (int i = 0; i < f->n; i++) {
        if (f->points[i].best) continue;
        draw_interval(b, c, p, &f->points[i]);
        ax_plot_marker(b, x_of(c, f->points[i].energy_uj), y_of(c, p, &f->points[i]), 0, ALL);
    }
    for (int i = 0; i < f->n; i++) {
        const ax_front_point *pt = &f->points[i];
        char text[16];
        if (!pt->best) continue;
        draw_interval(b, c, p, pt);
        ax_plot_marker(b, x_of(c, pt->energy_uj), y_of(c, p, pt), 3, FRONT);
        snprintf(text, sizeof text, "%d", ++number);
        if (number <= NAMES_MAX) ax_svg_text(b, x_of(c, pt->energy_uj) - 7, y_of(c, p, pt) - 7, AX_END, 11, FRONT, text);
    }
}

/* "1   98.61 %   0.0412 uJ   conv2d1=mbm:3 ..." a line. */
static void draw_names(ax_buf *b, const canvas *c, const ax_plot *p, const ax_front *f)
{
    int number = 0;
    double y = c->frame.bottom + BELOW;
    for (int i = 0; i < f->n && number < NAMES_MAX; i++) {
        const ax_front_point *pt = &f->points[i];
        char value[48], text[NAME_COLUMNS + 8];
        if (!pt->best) continue;
        snprintf(text, sizeof text, "%d", ++number);
        ax_svg_text(b, c->frame.left - 30, y, AX_END, 11, FRONT, text);
        snprintf(value, sizeof value, p->scale == 100 ? "%.2f %%" : "%.4g", pt->sample.mean * p->scale);
        ax_svg_text(b, c->frame.left + 22, y, AX_END, 11, AX_INK, value);
        snprintf(value, sizeof value, "%.4g µJ", pt->energy_uj);
        ax_svg_text(b, c->frame.left + 100, y, AX_END, 11, AX_INK, value);
        bool whole = strlen(pt->name) <= NAME_COLUMNS;
        snprintf(text, sizeof text, "%.*s%s", whole ? NAME_COLUMNS : NAME_COLUMNS - 3, pt->name, whole ? "" : "...");
        ax_svg_text(b, c->frame.left + 114, y, AX_START, 11, AX_INK, text);
        y += NAME_ROW;
    }
}

/* Rows of a legend that make the picture as high as the names need. */
static int rows_for(const ax_front *f)
{
    int names = f->best < NAMES_MAX ? f->best : NAMES_MAX, height = FRAME_BOTTOM + BELOW + NAME_ROW * names;
    return (height - FRAME_TOP - 10 + ROW - 1) / ROW;
}

static void draw(ax_buf *b, const ax_plot *p, const ax_front *f)
{
    double lo = INFINITY, hi = -INFINITY;
    int most = 0;
    for (int i = 0; i < f->n; i++) {
        const ax_sample *s = &f->points[i].sample;
        lo = fmin(lo, s->mean * p->scale);
        hi = fmax(hi, s->mean * p->scale);
        most = s->used > most ? s->used : most;
    }
    char subtitle[160];
    snprintf(subtitle, sizeof subtitle, "%d setting%s, %s; none beats a numbered one in both", f->n, f->n == 1 ? "" : "s",
             most > 1 ? "mean and 95 % t-interval over the seeds" : "one seed each");
    const ax_legend legend = {.rows = rows_for(f)};      /* its names are short */
    canvas c = {.frame = ax_frame_draw(b, p, lo, hi, &legend, "energy", subtitle)};
    set_axis(&c, f->points[0].energy_uj, f->points[f->n - 1].energy_uj);
    draw_ticks(b, &c);
    ax_frame_x_label(b, &c.frame, 44, "energy of the products of one inference, µJ");
    draw_front(b, &c, p, f);
    draw_points(b, &c, p, f);
    ax_frame_legend(b, &c.frame, FRONT, "none", 3, false, "Pareto front");
    if (f->best < f->n) ax_frame_legend(b, &c.frame, ALL, "none", 0, false, "other settings");
    draw_names(b, &c, p, f);
    ax_svg_close(b);
}

/* A picture without them looks whole. */
static void tell_left_out(const ax_front *f)
{
    int named = 0;
    ax_buf line = {0};
    ax_buf_printf(&line, "plot: %d finished trial%s of %d setting%s left out, for the energy of an inference is not known:", f->unknown_trials,
                  f->unknown_trials == 1 ? "" : "s", f->unknown, f->unknown == 1 ? "" : "s");
    for (int i = 0; i < f->groups.n && named < LEFT_OUT_MAX; i++) {
        const ax_group *g = &f->groups.groups[i];
        if (!g->ndone || !isnan(g->first->energy_uj)) continue;
        ax_buf_puts(&line, named++ ? ", " : " ");
        ax_output_cell(&line, g->label, 0);
    }
    if (named < f->unknown) ax_buf_printf(&line, " and %d more", f->unknown - named);
    fprintf(stderr, "%s; give energy_pj of all their multipliers with ax.mul.costs and sweep again\n", ax_buf_str(&line));
    ax_buf_release(&line);
}

int ax_plot_pareto(ax_buf *b, const ax_plot *p)
{
    ax_front f;
    AX_TRY(ax_front_make(&f, p->results, p->metric));
    int status = AX_OK;
    if (f.n && f.unknown && !ax_common_options.quiet) tell_left_out(&f);
    if (f.n) draw(b, p, &f);
    else
        status = ax_fail(AX_EARG, "plot: no finished trial of '%s' has the metric %s and a known energy; give energy_pj of its multipliers with "
                         "ax.mul.costs and sweep again", p->results->study, p->metric);
    ax_front_release(&f);
    return status;
}

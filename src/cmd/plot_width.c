/* plot --kind width: for each family the mean over seeds with its t-interval, by mantissa width; fp32 as a band. */
#include "cmd/plot.h"

#include "base/alloc.h"
#include "base/error.h"
#include "store/stats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDTHS = 24, LABEL = AX_LABEL_MAX + AX_VARIANT_MAX + 16 };          /* widths are 0..23 */

static const double level = 0.95;

/* The seeds of one series at one width. */
typedef struct {
    double *values;
    int n;
    double mean, half;         /* half: NAN for one seed */
} point;

static void point_of(point *pt, const ax_plot *p, int series, int width, double *space)
{
    *pt = (point){space, 0, NAN, NAN};
    for (int t = 0; t < p->results->n; t++)
        if (p->series_of[t] == series && p->results->trials[t].width == width && !isnan(ax_plot_value(p, t)))
            space[pt->n++] = ax_plot_value(p, t);
    if (pt->n) ax_interval(pt->values, pt->n, level, &pt->mean, &pt->half);
}

typedef struct {
    double lo, hi;             /* of all values and intervals */
    int fewest, most;          /* seeds a point */
    int widths[WIDTHS], n;     /* that occur beside fp32, ascending */
} extent;

static void extend(extent *e, const ax_plot *p, const point *pt)
{
    double half = isnan(pt->half) ? 0 : pt->half;
    double hi = pt->mean + half;
    if (p->scale == 100 && hi > 100) hi = 100;
    e->lo = fmin(e->lo, pt->mean - half);
    e->hi = fmax(e->hi, hi);
    for (int i = 0; i < pt->n; i++) {
        e->lo = fmin(e->lo, pt->values[i]);
        e->hi = fmax(e->hi, pt->values[i]);
    }
    if (pt->n < e->fewest) e->fewest = pt->n;
    if (pt->n > e->most) e->most = pt->n;
}

static extent extent_of(const ax_plot *p, double *space)
{
    extent e = {INFINITY, -INFINITY, INT32_MAX, 0, {0}, 0};
    for (int width = 0; width < WIDTHS; width++) {
        bool used = false;
        for (int s = 0; s < p->nseries; s++) {
            point pt;
            point_of(&pt, p, s, width, space);
            if (!pt.n) continue;
            extend(&e, p, &pt);
            used |= !p->series[s].native;
        }
        if (used) e.widths[e.n++] = width;
    }
    if (p->scale == 100 && e.lo < 0) e.lo = 0;
    return e;
}

/* Widths stand at equal distances. */
static double x_of(const ax_frame *f, const extent *e, int index)
{
    return f->left + (f->right - f->left) * (index + 0.5) / e->n;
}

/* How many series before it have its colour. */
static int before(const ax_plot *p, int series)
{
    int n = 0;
    for (int s = 0; s < series; s++) n += !strcmp(ax_plot_colour(p, s), ax_plot_colour(p, series));
    return n;
}

/* fp32 has one width alone. */
static void label_of(char label[LABEL], const ax_plot *p, int series)
{
    const ax_series *s = &p->series[series];
    if (s->native) snprintf(label, LABEL, "fp32 (1,8,23)%s", s->variant);
    else snprintf(label, LABEL, "%s", s->name);
}

static void draw_band(ax_buf *b, ax_frame *f, const ax_plot *p, int series, double *space)
{
    point pt;
    char label[LABEL];
    const char *colour = ax_plot_colour(p, series), *dash = ax_plot_dash(before(p, series));
    label_of(label, p, series);
    point_of(&pt, p, series, 23, space);
    if (!pt.n) return;
    double y = ax_frame_y(f, pt.mean);
    if (!isnan(pt.half)) {
        double top = ax_frame_y(f, pt.mean + pt.half), bottom = ax_frame_y(f, pt.mean - pt.half);
        ax_svg_rect(b, f->left, top, f->right - f->left, bottom - top, colour, 0.16);
    }
    ax_svg_dashes(b, f->left, y, f->right, y, colour, 1.5, dash);
    ax_frame_legend(b, f, colour, dash, -1, !isnan(pt.half), label);
}

static void draw_point(ax_buf *b, const ax_frame *f, const point *pt, double x, const char *colour)
{
    for (int i = 0; i < pt->n && pt->n > 1; i++)
        ax_buf_printf(b, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2\" fill=\"%s\" fill-opacity=\"0.55\"/>\n", x + 8, ax_frame_y(f, pt->values[i]), colour);
    if (isnan(pt->half)) return;
    double top = ax_frame_y(f, pt->mean + pt->half), bottom = ax_frame_y(f, pt->mean - pt->half);
    ax_svg_line(b, x, top, x, bottom, colour, 1.5);
    if (pt->mean + pt->half <= f->y.hi) ax_svg_line(b, x - 4, top, x + 4, top, colour, 1.5);          /* no cap where it goes on */
    if (pt->mean - pt->half >= f->y.lo) ax_svg_line(b, x - 4, bottom, x + 4, bottom, colour, 1.5);
}

/* One series, moved by `shift` so that the intervals of the families stay apart. First its lines, then, above those of all
 * series, its markers. */
typedef struct {
    int number, marker;
    double shift;
    const char *colour, *dash;
} style;

static void draw_lines(ax_buf *b, const ax_frame *f, const ax_plot *p, const extent *e, const style *s, double *space)
{
    double last_x = NAN, last_y = NAN;
    for (int k = 0; k < e->n; k++) {
        point pt;
        point_of(&pt, p, s->number, e->widths[k], space);
        if (!pt.n) continue;
        double x = x_of(f, e, k) + s->shift, y = ax_frame_y(f, pt.mean);
        if (!isnan(last_x)) ax_svg_dashes(b, last_x, last_y, x, y, s->colour, 2, s->dash);
        draw_point(b, f, &pt, x, s->colour);
        last_x = x, last_y = y;
    }
}

static void draw_markers(ax_buf *b, const ax_frame *f, const ax_plot *p, const extent *e, const style *s, double *space)
{
    for (int k = 0; k < e->n; k++) {
        point pt;
        point_of(&pt, p, s->number, e->widths[k], space);
        if (pt.n) ax_plot_marker(b, x_of(f, e, k) + s->shift, ax_frame_y(f, pt.mean), s->marker, s->colour);
    }
}

static void draw_families(ax_buf *b, ax_frame *f, const ax_plot *p, const extent *e, double *space)
{
    style styles[AX_SERIES_MAX];
    int n = 0;
    for (int s = 0; s < p->nseries; s++)
        if (!p->series[s].native) styles[n] = (style){s, n, 0, ax_plot_colour(p, s), ax_plot_dash(before(p, s))}, n++;
    double apart = fmin(26, (f->right - f->left) / e->n / (n + 1));
    for (int k = 0; k < n; k++) {
        styles[k].shift = apart * (k - (n - 1) / 2.0);
        draw_lines(b, f, p, e, &styles[k], space);
    }
    for (int k = 0; k < n; k++) {
        draw_markers(b, f, p, e, &styles[k], space);
        ax_frame_legend(b, f, styles[k].colour, styles[k].dash, styles[k].marker, false, p->series[styles[k].number].name);
    }
}

static void draw(ax_buf *b, const ax_plot *p, const extent *e, double *space)
{
    char subtitle[160], seeds[32];
    snprintf(seeds, sizeof seeds, e->fewest == e->most ? "%d" : "%d to %d", e->fewest, e->most);
    if (e->most > 1) snprintf(subtitle, sizeof subtitle, "mean and 95 %% t-interval over %s seeds; dots are single seeds", seeds);
    else snprintf(subtitle, sizeof subtitle, "one seed");
    ax_legend legend = {0};
    for (int s = 0; s < p->nseries; s++) {
        char label[LABEL];
        label_of(label, p, s);
        ax_legend_count(&legend, label);
    }
    ax_frame f = ax_frame_draw(b, p, e->lo, e->hi, &legend, "mantissa width", subtitle);
    for (int k = 0; k < e->n; k++) {
        char label[16], format[24];
        snprintf(label, sizeof label, "%d", e->widths[k]);
        snprintf(format, sizeof format, "(1,8,%d)", e->widths[k]);
        ax_frame_tick(b, &f, x_of(&f, e, k), label, e->n <= 9 ? format : NULL);
    }
    ax_frame_x_label(b, &f, 57, "mantissa width m of the multiplier (1,8,m)");
    for (int s = 0; s < p->nseries; s++)
        if (p->series[s].native) draw_band(b, &f, p, s, space);
    draw_families(b, &f, p, e, space);
    ax_svg_close(b);
}

int ax_plot_by_width(ax_buf *b, const ax_plot *p)
{
    double *space = ax_alloc((size_t)p->results->n + 1, sizeof *space);
    if (!space) return AX_ENOMEM;
    extent e = extent_of(p, space);
    int status = e.n ? AX_OK
                     : ax_fail(AX_EARG, "plot: no finished trial of '%s' has a width and the metric %s; see 'approxrun ls'", p->results->study, p->metric);
    if (status == AX_OK) draw(b, p, &e, space);
    ax_free(space);
    return status;
}

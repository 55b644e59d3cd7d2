/* What both kinds of plot share: colours, markers, axes and the legend, which stands beside the data and never over it. */
#include "cmd/plot.h"

#include "base/columns.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 760, HEIGHT = 440, LEFT = 70, RIGHT = 575, TOP = 70, BOTTOM = 370, LEGEND_X = 600, LEGEND_ROW = 21, SAMPLE = 28,
       LABEL_X = LEGEND_X + 36, LABEL_SIZE = 12, LABEL_COLUMNS = 48, MARGIN = 10 };

/* Okabe and Ito's colours, told apart by all common colour vision deficiencies; yellow left out, as it fades on white. */
const char *ax_plot_colour(const ax_plot *p, int series)
{
    static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"};
    int row = 0;
    if (p->series[series].native) return "#555555";
    for (int s = 0; s < series; s++) row += !p->series[s].native;
    return colours[row % (int)(sizeof colours / sizeof *colours)];
}

const char *ax_plot_dash(int k)
{
    static const char *const dashes[] = {"none", "7 3", "2.5 2.5", "9 3 2.5 3"};
    return dashes[k % (int)(sizeof dashes / sizeof *dashes)];
}

/* ---- the legend ---- */

/* A text that would take too much of the picture loses its middle: names differ at both ends. */
static void fit_label(ax_buf *out, const char *text)
{
    if (ax_columns_of(text, true) > LABEL_COLUMNS) ax_columns_fit(out, text, LABEL_COLUMNS, true);
    else ax_buf_puts(out, text);
}

void ax_legend_count(ax_legend *l, const char *text)
{
    ax_buf label = {0};
    fit_label(&label, text);
    l->rows++;
    l->width = fmax(l->width, ax_svg_width(ax_buf_str(&label), LABEL_SIZE));
    ax_buf_release(&label);
}

void ax_frame_legend(ax_buf *b, ax_frame *f, const char *colour, const char *dash, int marker, bool band, const char *text)
{
    ax_buf label = {0};
    fit_label(&label, text);
    if (band) ax_svg_rect(b, LEGEND_X, f->legend_y - 5, SAMPLE, 10, colour, 0.16);
    ax_svg_dashes(b, LEGEND_X, f->legend_y, LEGEND_X + SAMPLE, f->legend_y, colour, 2, dash);
    ax_plot_marker(b, LEGEND_X + SAMPLE / 2, f->legend_y, marker, colour);
    ax_svg_text(b, LABEL_X, f->legend_y + 4, AX_START, LABEL_SIZE, AX_INK, ax_buf_str(&label));
    f->legend_y += LEGEND_ROW;
    ax_buf_release(&label);
}

/* ---- the frame ---- */

static const char *name_of(const char *metric)
{
    static const char *const names[][2] = {
        {"test_acc", "test accuracy"}, {"valid_acc", "validation accuracy"}, {"train_acc", "training accuracy"},
        {"test_loss", "test loss"}, {"valid_loss", "validation loss"}, {"train_loss", "training loss"},
        {"train_s", "seconds of training"}, {"epoch_s", "seconds an epoch"}, {"lr", "learning rate"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(metric, names[i][0])) return names[i][1];
    return metric;
}

static void draw_grid(ax_buf *b, const ax_frame *f)
{
    int steps = (int)lround((f->y.hi - f->y.lo) / f->y.step);
    for (int k = 0; k <= steps; k++) {
        char text[40];
        double value = f->y.lo + k * f->y.step, y = ax_frame_y(f, value);
        snprintf(text, sizeof text, "%.*f", f->y.decimals, fabs(value) < f->y.step / 2 ? 0.0 : value);
        ax_svg_line(b, f->left, y, f->right, y, k ? AX_GRID : AX_INK, 1);
        ax_svg_text(b, f->left - 9, y + 4, AX_END, 12, AX_INK, text);
    }
}

ax_frame ax_frame_draw(ax_buf *b, const ax_plot *p, double lo, double hi, const ax_legend *legend, const char *by, const char *subtitle)
{
    ax_frame f = {LEFT, RIGHT, TOP, BOTTOM, ax_ticks_over(lo, hi, 6), TOP + 8};
    char title[512], label[128];
    if (p->scale == 100 && f.y.hi > 100 && hi <= 100) f.y.hi = 100;
    snprintf(title, sizeof title, "%s: %s by %s", p->results->study, name_of(p->metric), by);
    snprintf(label, sizeof label, "%s%s", name_of(p->metric), p->scale == 100 ? ", %" : "");
    int height = TOP + LEGEND_ROW * legend->rows + MARGIN, width = LABEL_X + (int)ceil(legend->width) + MARGIN;
    if (width < WIDTH) width = WIDTH;
    ax_svg_open(b, width, height > HEIGHT ? height : HEIGHT, title);
    ax_svg_heading(b, LEFT, 30, width - LEFT - MARGIN, title);
    ax_svg_text(b, LEFT, 51, AX_START, 12, AX_FAINT, subtitle);
    draw_grid(b, &f);
    ax_svg_text_up(b, 20, (TOP + BOTTOM) / 2.0, 13, AX_INK, label);
    return f;
}

double ax_frame_y(const ax_frame *f, double value)
{
    double at = (value - f->y.lo) / (f->y.hi - f->y.lo);
    return f->bottom - fmin(fmax(at, 0), 1) * (f->bottom - f->top);
}

void ax_frame_tick(ax_buf *b, const ax_frame *f, double x, const char *label, const char *below)
{
    ax_svg_line(b, x, f->bottom, x, f->bottom + 5, AX_INK, 1);
    ax_svg_text(b, x, f->bottom + 20, AX_MIDDLE, 12, AX_INK, label);
    if (below) ax_svg_text(b, x, f->bottom + 35, AX_MIDDLE, 11, AX_FAINT, below);
}

void ax_frame_x_label(ax_buf *b, const ax_frame *f, double below, const char *label)
{
    ax_svg_text(b, (f->left + f->right) / 2, f->bottom + below, AX_MIDDLE, 13, AX_INK, label);
}

void ax_plot_marker(ax_buf *b, double x, double y, int marker, const char *colour)
{
    static const char *const shapes[] = {
        "M-4.2 0a4.2 4.2 0 1 0 8.4 0a4.2 4.2 0 1 0 -8.4 0z", "M-3.8 -3.8h7.6v7.6h-7.6z", "M0 -5l4.8 8.4h-9.6z", "M0 -5.4l5.4 5.4l-5.4 5.4l-5.4 -5.4z"};
    if (marker < 0) return;
    ax_buf_printf(b, "<path transform=\"translate(%.1f %.1f)\" d=\"%s\" fill=\"%s\" stroke=\"#ffffff\" stroke-width=\"1\"/>\n", x, y,
                  shapes[marker % 4], colour);
}

/* The parts of the verb `plot`: trials grouped for drawing, the frame, and one file for each kind. */
#ifndef AX_CMD_PLOT_H
#define AX_CMD_PLOT_H

#include "base/buf.h"
#include "cmd/svg.h"
#include "store/groups.h"

enum { AX_SERIES_MAX = 24 };

/* What is drawn in one colour: the multipliers of a family that differ in width alone, under equal parameters. fp32 has its own. */
typedef struct {
    char name[AX_LABEL_MAX + AX_VARIANT_MAX]; /* "mbm", or "drum,k=4", or "mbm lr=0.01" where a sweep varies more than multiplier and seed */
    const char *variant;           /* the part behind the family: "" or " lr=0.01" */
    bool native;                   /* fp32 */
} ax_series;

typedef struct {
    const ax_results *results;
    const char *metric;
    double scale;                  /* 100 for accuracies, which are shown in percent */
    ax_series series[AX_SERIES_MAX];
    int nseries;
    int *series_of;                /* (trials) number of the series, or -1: not drawn */
} ax_plot;

double ax_plot_value(const ax_plot *p, int trial);                    /* the metric at the trial's end, scaled; NAN if none is finite */
const double *ax_plot_curve(const ax_plot *p, int trial);             /* (epochs), not scaled; NULL if none */
const char *ax_plot_colour(const ax_plot *p, int series);             /* those behind the last colour begin again with the first */
const char *ax_plot_dash(int k);                                      /* the k-th pattern of dashes, of four; 0: none */

/* The axes: y from the ticks, x from the caller. */
typedef struct {
    double left, right, top, bottom;
    ax_ticks y;
    double legend_y;               /* of the next row */
} ax_frame;

/* The legend's rows, counted before anything is drawn: the picture grows in both directions for them. */
typedef struct {
    int rows;
    double width;                  /* of the longest text; pixels */
} ax_legend;
void ax_legend_count(ax_legend *l, const char *text);

/* Title, subtitle, horizontal grid with its numbers, and the axis' name. lo and hi: the scaled values to show. */
ax_frame ax_frame_draw(ax_buf *b, const ax_plot *p, double lo, double hi, const ax_legend *legend, const char *by, const char *subtitle);
double ax_frame_y(const ax_frame *f, double value);                   /* kept inside the frame */
void ax_frame_tick(ax_buf *b, const ax_frame *f, double x, const char *label, const char *below);
void ax_frame_x_label(ax_buf *b, const ax_frame *f, double below, const char *label);     /* below: pixels from the axis */
void ax_frame_legend(ax_buf *b, ax_frame *f, const char *colour, const char *dash, int marker, bool band, const char *text);

/* Marker 0..3: circle, square, triangle, diamond, and again; -1: none. */
void ax_plot_marker(ax_buf *b, double x, double y, int marker, const char *colour);

int ax_plot_by_width(ax_buf *b, const ax_plot *p);
int ax_plot_by_epoch(ax_buf *b, const ax_plot *p);
int ax_plot_pareto(ax_buf *b, const ax_plot *p);

#endif

/* The picture `mult plot --kind operand`: the relative error of a product against its first operand, as the mean and the range
 * over the second. Drawn in steps, since an operand stands for all the numbers that are truncated to it. */
#include "cmd/mult.h"

#include "cmd/svg.h"

#include <math.h>
#include <stdio.h>

enum {
    WIDTH = 720, HEIGHT = 500, LEFT = 86, RIGHT = 694, TOP = 96, BOTTOM = 416,
    STEPS_MAX = 512,                     /* more operands share a step */
};
#define COLOUR "#0072b2"

/* Errors in percent. */
typedef struct {
    int n;                               /* steps */
    int shared;                          /* operands a step */
    int seconds;                         /* second operands tried for each */
    double mean[STEPS_MAX], least[STEPS_MAX], largest[STEPS_MAX];
    ax_ticks y;
} curve;

static double error_of(const ax_lut *lut, float a, float b)
{
    double exact = (double)a * (double)b;
    return 100 * (ax_significand_product(lut, a, b) - exact) / exact;
}

static void measure(curve *c, const ax_lut *lut)
{
    float a[AX_AXIS_MAX], b[AX_AXIS_MAX];
    int firsts = ax_mult_axis(a, lut, 0);
    c->seconds = ax_mult_axis(b, lut, 1);
    c->n = firsts < STEPS_MAX ? firsts : STEPS_MAX;
    c->shared = firsts / c->n;
    double lo = 0, hi = 0;
    for (int k = 0; k < c->n; k++) {
        double sum = 0, least = INFINITY, largest = -INFINITY;
        for (int i = k * c->shared; i < (k + 1) * c->shared; i++)
            for (int j = 0; j < c->seconds; j++) {
                double e = error_of(lut, a[i], b[j]);
                sum += e;
                least = fmin(least, e);
                largest = fmax(largest, e);
            }
        c->mean[k] = sum / c->shared / c->seconds;
        c->least[k] = least;
        c->largest[k] = largest;
        lo = fmin(lo, least);
        hi = fmax(hi, largest);
    }
    c->y = ax_ticks_over(lo, hi, 7);
}

static double x_of(const curve *c, int step)
{
    return LEFT + (double)(RIGHT - LEFT) * step / c->n;
}

static double y_of(const curve *c, double error)
{
    return BOTTOM - (error - c->y.lo) / (c->y.hi - c->y.lo) * (BOTTOM - TOP);
}

static void draw_y_axis(ax_buf *b, const curve *c)
{
    int ticks = (int)lround((c->y.hi - c->y.lo) / c->y.step);
    for (int k = 0; k <= ticks; k++) {
        char text[32];
        double value = c->y.lo + k * c->y.step, y = y_of(c, value);
        bool zero = fabs(value) < c->y.step / 2;
        if (zero) snprintf(text, sizeof text, "0");
        else if (c->y.decimals > 4) snprintf(text, sizeof text, "%+.0e", value);
        else snprintf(text, sizeof text, "%+.*f", c->y.decimals, value);
        ax_svg_line(b, LEFT, y, RIGHT, y, zero ? AX_FAINT : AX_GRID, 1);
        ax_svg_line(b, LEFT - 5, y, LEFT, y, AX_INK, 1);
        ax_svg_text(b, LEFT - 9, y + 4, AX_END, 12, AX_INK, text);
    }
    ax_svg_line(b, LEFT, TOP, LEFT, BOTTOM, AX_INK, 1);
    ax_svg_text_up(b, 22, (TOP + BOTTOM) / 2.0, 13, AX_INK, "relative error of the product, %");
}

static void draw_x_axis(ax_buf *b)
{
    for (int k = 0; k <= 4; k++) {
        char text[16];
        double x = LEFT + (RIGHT - LEFT) * k / 4.0;
        snprintf(text, sizeof text, "%g", 1 + k / 4.0);
        ax_svg_line(b, x, BOTTOM, x, BOTTOM + 5, AX_INK, 1);
        ax_svg_text(b, x, BOTTOM + 20, AX_MIDDLE, 12, AX_INK, text);
    }
    ax_svg_line(b, LEFT, BOTTOM, RIGHT, BOTTOM, AX_INK, 1);
    ax_svg_text(b, (LEFT + RIGHT) / 2.0, BOTTOM + 42, AX_MIDDLE, 13, AX_INK, "significand of the first operand");
}

/* A level part for every step: forward from the left, or back from the right. */
static void add_steps(ax_buf *b, const curve *c, const double *values, bool forward)
{
    for (int k = 0; k < c->n; k++) {
        int step = forward ? k : c->n - 1 - k;
        ax_buf_printf(b, "V%.2fH%.2f", y_of(c, values[step]), x_of(c, forward ? step + 1 : step));
    }
}

static void draw_data(ax_buf *b, const curve *c)
{
    ax_buf_printf(b, "<path fill=\"%s\" fill-opacity=\"0.18\" stroke=\"%s\" stroke-opacity=\"0.5\" d=\"M%.2f %.2f", COLOUR, COLOUR, x_of(c, 0),
                  y_of(c, c->largest[0]));
    add_steps(b, c, c->largest, true);
    add_steps(b, c, c->least, false);
    ax_buf_puts(b, "z\"/>\n");
    ax_buf_printf(b, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" d=\"M%.2f %.2f", COLOUR, x_of(c, 0), y_of(c, c->mean[0]));
    add_steps(b, c, c->mean, true);
    ax_buf_puts(b, "\"/>\n");
}

static void draw_legend(ax_buf *b)
{
    const double y = TOP - 20, second = LEFT + 120;
    ax_svg_line(b, LEFT, y, LEFT + 28, y, COLOUR, 2);
    ax_svg_text(b, LEFT + 36, y + 4, AX_START, 12, AX_INK, "mean");
    ax_svg_rect(b, second, y - 6, 28, 12, COLOUR, 0.18);
    ax_svg_line(b, second, y - 6, second + 28, y - 6, COLOUR, 0.5);
    ax_svg_line(b, second, y + 6, second + 28, y + 6, COLOUR, 0.5);
    ax_svg_text(b, second + 36, y + 4, AX_START, 12, AX_INK, "least to largest, over the second operands");
}

static void draw_note(ax_buf *b, const curve *c, const ax_lut *lut)
{
    char text[128], firsts[40] = "one operand";
    bool drawn = lut->width > AX_TABLE_MAX_WIDTH;
    if (c->shared > 1) snprintf(firsts, sizeof firsts, "%d operands%s", c->shared, drawn ? " drawn from it" : "");
    snprintf(text, sizeof text, "a step is %s, against %s %d second operands%s", firsts, drawn ? "the same" : "all", c->seconds,
             drawn ? ", drawn too" : "");
    ax_svg_text(b, (LEFT + RIGHT) / 2.0, BOTTOM + 64, AX_MIDDLE, 11, AX_FAINT, text);
}

int ax_mult_curve(ax_buf *svg, const ax_lut *lut)
{
    curve c;
    char name[AX_SPEC_MAX + 32], title[AX_SPEC_MAX + 96];
    measure(&c, lut);
    ax_lut_format(name, sizeof name, lut);
    snprintf(title, sizeof title, "%s: relative error by the first operand", name);
    ax_svg_open(svg, WIDTH, HEIGHT, title);
    ax_svg_heading(svg, LEFT, 30, WIDTH - LEFT - 10, title);
    ax_mult_summary(svg, LEFT, 52, lut);
    draw_legend(svg);
    draw_y_axis(svg, &c);
    draw_x_axis(svg);
    draw_data(svg, &c);
    draw_note(svg, &c, lut);
    ax_svg_close(svg);
    return ax_buf_status(svg);
}

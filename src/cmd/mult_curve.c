/* The picture `mult plot --kind operand`: the relative error of a product against its first operand, as the mean and the range
 * over the second, and how often the first occurs where numbers are given. Drawn in steps, since an operand stands for all the numbers
 * that are truncated to it. */
#include "cmd/mult.h"

#include "base/error.h"
#include "cmd/svg.h"

#include <math.h>
#include <stdio.h>

enum {
    WIDTH = 720, HEIGHT = 500, LEFT = 86, RIGHT = 694, TOP = 96, BOTTOM = 416,
    STEPS_MAX = 512,                     /* more operands share a step */
    SHARES_HEIGHT = 80,                  /* of the largest share */
    SOURCES_HEIGHT = 36,                 /* of two lines more, where numbers are given */
};
#define COLOUR "#0072b2"

/* Errors in percent. */
typedef struct {
    int n;                               /* steps */
    int shared;                          /* operands a step */
    int seconds;                         /* second operands tried for each */
    double mean[STEPS_MAX], least[STEPS_MAX], largest[STEPS_MAX];
    double share[STEPS_MAX];             /* of all first operands, where numbers are given */
    ax_ticks y;
} curve;

typedef struct {
    int n;
    float operand[AX_AXIS_MAX];          /* ascending */
    double times[AX_AXIS_MAX];           /* how often it occurs, or what is cut to it; 1 where no numbers are given */
} axis;

static double error_of(const ax_lut *lut, float a, float b)
{
    double exact = (double)a * (double)b;
    return 100 * (ax_significand_product(lut, a, b) - exact) / exact;
}

static void take_axis(axis *x, const ax_lut *lut, int side, const ax_operands *numbers)
{
    uint64_t count[AX_AXIS_MAX] = {0};
    int bits = 0;
    x->n = ax_mult_axis(x->operand, lut, side);
    while (1 << bits < x->n) bits++;
    if (numbers) ax_operands_count(count, numbers, bits);
    for (int k = 0; k < x->n; k++) x->times[k] = numbers ? (double)count[k] : 1;
}

static void measure_step(curve *c, int step, const ax_lut *lut, const axis *first, const axis *second)
{
    double sum = 0, times = 0, least = INFINITY, largest = -INFINITY;
    for (int i = step * c->shared; i < (step + 1) * c->shared; i++) {
        c->share[step] += first->times[i];
        for (int j = 0; j < second->n; j++) {
            if (second->times[j] == 0) continue;
            double e = error_of(lut, first->operand[i], second->operand[j]);
            sum += second->times[j] * e;
            times += second->times[j];
            least = fmin(least, e);
            largest = fmax(largest, e);
        }
    }
    c->mean[step] = sum / times;
    c->least[step] = least;
    c->largest[step] = largest;
}

static void measure(curve *c, const ax_lut *lut, const ax_operand_source *s)
{
    axis first, second;
    double lo = 0, hi = 0, all = 0;
    take_axis(&first, lut, 0, s->side[0]);
    take_axis(&second, lut, 1, s->side[1]);
    *c = (curve){.n = first.n < STEPS_MAX ? first.n : STEPS_MAX, .seconds = second.n};
    c->shared = first.n / c->n;
    for (int k = 0; k < c->n; k++) {
        measure_step(c, k, lut, &first, &second);
        lo = fmin(lo, c->least[k]);
        hi = fmax(hi, c->largest[k]);
        all += c->share[k];
    }
    for (int k = 0; k < c->n; k++) c->share[k] /= all;
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

/* The area below the shares of the first operands, the largest SHARES_HEIGHT high. */
static void draw_shares(ax_buf *b, const curve *c)
{
    double most = 0;
    for (int k = 0; k < c->n; k++) most = fmax(most, c->share[k]);
    ax_buf_printf(b, "<path fill=\"%s\" fill-opacity=\"0.25\" d=\"M%d %d", AX_INK, LEFT, BOTTOM);
    for (int k = 0; k < c->n; k++) ax_buf_printf(b, "V%.2fH%.2f", BOTTOM - SHARES_HEIGHT * c->share[k] / most, x_of(c, k + 1));
    ax_buf_printf(b, "V%dz\"/>\n", BOTTOM);
}

static void draw_legend(ax_buf *b, bool shares)
{
    const double y = TOP - 20, second = LEFT + 120, third = LEFT + 424;
    ax_svg_line(b, LEFT, y, LEFT + 28, y, COLOUR, 2);
    ax_svg_text(b, LEFT + 36, y + 4, AX_START, 12, AX_INK, "mean");
    ax_svg_rect(b, second, y - 6, 28, 12, COLOUR, 0.18);
    ax_svg_line(b, second, y - 6, second + 28, y - 6, COLOUR, 0.5);
    ax_svg_line(b, second, y + 6, second + 28, y + 6, COLOUR, 0.5);
    ax_svg_text(b, second + 36, y + 4, AX_START, 12, AX_INK, "least to largest, over the second operands");
    if (!shares) return;
    ax_svg_rect(b, third, y - 6, 28, 12, AX_INK, 0.25);
    ax_svg_text(b, third + 36, y + 4, AX_START, 12, AX_INK, "share of first operands");
}

static void draw_note(ax_buf *b, const curve *c, const ax_lut *lut, bool shares)
{
    char text[160], firsts[40] = "one operand";
    bool drawn = lut->width > AX_TABLE_MAX_WIDTH;
    if (c->shared > 1) snprintf(firsts, sizeof firsts, "%d operands%s", c->shared, drawn ? " drawn from it" : "");
    snprintf(text, sizeof text, "a step is %s, against %s %d second operands%s%s", firsts, drawn ? "the same" : "all", c->seconds,
             drawn ? ", drawn too" : "", shares ? ", as often as they occur" : "");
    ax_svg_text(b, (LEFT + RIGHT) / 2.0, BOTTOM + 64, AX_MIDDLE, 11, AX_FAINT, text);
}

static void draw_sources(ax_buf *b, const ax_operand_source *s)
{
    static const char *const sides[] = {"first", "second"};
    for (int side = 0; side < 2; side++) {
        char text[512];
        snprintf(text, sizeof text, "%s operands: %s", sides[side], s->source[side]);
        ax_svg_text(b, LEFT, BOTTOM + 84 + 16 * side, AX_START, 11, AX_FAINT, text);
    }
}

int ax_mult_curve(ax_buf *svg, const ax_lut *lut, const ax_operand_source *s)
{
    curve c;
    char name[AX_SPEC_MAX + 32], title[AX_SPEC_MAX + 96];
    const bool shares = s->side[0] != NULL;
    measure(&c, lut, s);
    ax_lut_format(name, sizeof name, lut);
    snprintf(title, sizeof title, "%s: relative error by the first operand", name);
    ax_svg_open(svg, WIDTH, HEIGHT + (shares ? SOURCES_HEIGHT : 0), title);
    ax_svg_heading(svg, LEFT, 30, WIDTH - LEFT - 10, title);
    AX_TRY(ax_mult_summary(svg, LEFT, 52, lut, s));
    draw_legend(svg, shares);
    draw_y_axis(svg, &c);
    draw_x_axis(svg);
    if (shares) draw_shares(svg, &c);
    draw_data(svg, &c);
    draw_note(svg, &c, lut, shares);
    if (shares) draw_sources(svg, s);
    ax_svg_close(svg);
    return ax_buf_status(svg);
}

/* approxrun mult plot: the kinds of pictures of a multiplier; the heat map of its relative error over both operands. */
#include "cmd/mult.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/text.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/svg.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    WIDTH = 640, HEIGHT = 590, LEFT = 76, TOP = 72, SIDE = 440,      /* the map is SIDE x SIDE */
    BAR_X = 540, BAR_WIDTH = 18,
    CELL_BITS = 7,                                                   /* at most 128 x 128 cells */
    LEVELS = 64,                                                     /* colours on each side of zero */
};

typedef struct {
    int bits;                  /* 2^bits cells a side */
    double *error;             /* (2^bits, 2^bits) mean relative error of a cell's pairs, first operand in rows */
    double limit;              /* the largest magnitude in it */
} heat_map;

/* ColorBrewer's RdBu (Harrower and Brewer, The Cartographic Journal 40(1), 2003), safe for all common colour vision
 * deficiencies; too small a product is blue, too large red. */
static void colour_of(char text[8], double at)           /* at in [-1, 1] */
{
    static const unsigned char anchors[11][3] = {
        {5, 48, 97}, {33, 102, 172}, {67, 147, 195}, {146, 197, 222}, {209, 229, 240}, {247, 247, 247},
        {253, 219, 199}, {244, 165, 130}, {214, 96, 77}, {178, 24, 43}, {103, 0, 31}};
    double x = 5 * (at + 1);
    int k = x >= 10 ? 9 : x <= 0 ? 0 : (int)x;
    int rgb[3];
    for (int c = 0; c < 3; c++) rgb[c] = (int)lround(anchors[k][c] + (x - k) * (anchors[k + 1][c] - anchors[k][c]));
    snprintf(text, 8, "#%02x%02x%02x", rgb[0] & 255, rgb[1] & 255, rgb[2] & 255);
}

int ax_mult_axis(float operands[AX_AXIS_MAX], const ax_lut *lut, int axis)
{
    int bits = lut->width <= AX_TABLE_MAX_WIDTH ? lut->width : AX_TABLE_MAX_WIDTH;
    for (uint32_t k = 0; k < 1u << bits; k++) {
        uint32_t below = ax_rng(AX_ERRORS_SEED, AX_RNG_TEST, (uint64_t)axis, k).v[0] >> (9 + bits);
        uint32_t fraction = k << (23 - bits) | (lut->width > bits ? below : 0);
        operands[k] = ax_float(ax_bits(1.0f) | (fraction & ~0u << (23 - lut->width)));
    }
    return 1 << bits;
}

static double cell_error(const ax_lut *lut, const float *a, const float *b, int count)
{
    double sum = 0;
    for (int s = 0; s < count; s++)
        for (int t = 0; t < count; t++) {
            double exact = (double)a[s] * (double)b[t];
            sum += (ax_significand_product(lut, a[s], b[t]) - exact) / exact;
        }
    return sum / count / count;
}

static int measure(heat_map *map, const ax_lut *lut)
{
    map->bits = lut->width < CELL_BITS ? lut->width : CELL_BITS;
    float a[AX_AXIS_MAX], b[AX_AXIS_MAX];
    int n = 1 << map->bits, count = ax_mult_axis(a, lut, 0) / n;
    ax_mult_axis(b, lut, 1);
    map->error = ax_alloc((size_t)n * (size_t)n, sizeof *map->error);
    if (!map->error) return AX_ENOMEM;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            double e = cell_error(lut, a + i * count, b + j * count, count);
            map->error[i * n + j] = e;
            map->limit = fmax(map->limit, fabs(e));
        }
    return AX_OK;
}

/* The colour number of an error, -LEVELS..LEVELS. */
static int level_of(const heat_map *map, double error)
{
    return map->limit > 0 ? (int)lround(error / map->limit * LEVELS) : 0;
}

/* One path a colour, one rectangle a run of equal cells: about 14 bytes a run. */
static void draw_level(ax_buf *b, const heat_map *map, int level)
{
    char colour[8];
    int n = 1 << map->bits;
    bool open = false;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n;) {
            int end = j;
            while (end < n && level_of(map, map->error[i * n + end]) == level) end++;
            if (end == j) {
                j++;
                continue;
            }
            colour_of(colour, (double)level / LEVELS);
            if (!open) ax_buf_printf(b, "<path fill=\"%s\" d=\"", colour);
            open = true;
            ax_buf_printf(b, "M%d %dh%dv1h-%dz", j, n - 1 - i, end - j, end - j);
            j = end;
        }
    if (open) ax_buf_puts(b, "\"/>\n");
}

static void draw_cells(ax_buf *b, const heat_map *map)
{
    ax_buf_printf(b, "<g shape-rendering=\"crispEdges\" transform=\"translate(%d %d) scale(%.6f)\">\n", LEFT, TOP, SIDE / ldexp(1, map->bits));
    for (int level = -LEVELS; level <= LEVELS; level++) draw_level(b, map, level);
    ax_buf_puts(b, "</g>\n");
}

static void draw_axes(ax_buf *b)
{
    for (int k = 0; k <= 4; k++) {
        char text[16];
        double at = SIDE * k / 4.0;
        snprintf(text, sizeof text, "%g", 1 + k / 4.0);
        ax_svg_line(b, LEFT + at, TOP + SIDE, LEFT + at, TOP + SIDE + 5, AX_INK, 1);
        ax_svg_text(b, LEFT + at, TOP + SIDE + 20, AX_MIDDLE, 12, AX_INK, text);
        ax_svg_line(b, LEFT - 5, TOP + SIDE - at, LEFT, TOP + SIDE - at, AX_INK, 1);
        ax_svg_text(b, LEFT - 9, TOP + SIDE - at + 4, AX_END, 12, AX_INK, text);
    }
    ax_buf_printf(b, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"%s\"/>\n", LEFT, TOP, SIDE, SIDE, AX_INK);
    ax_svg_text(b, LEFT + SIDE / 2.0, TOP + SIDE + 44, AX_MIDDLE, 13, AX_INK, "significand of the second operand");
    ax_svg_text_up(b, 24, TOP + SIDE / 2.0, 13, AX_INK, "significand of the first operand");
}

static void draw_bar(ax_buf *b, const heat_map *map)
{
    double height = (double)SIDE / (2 * LEVELS + 1);
    for (int level = -LEVELS; level <= LEVELS; level++) {      /* each reaches to the bottom: no seams */
        char colour[8];
        colour_of(colour, (double)-level / LEVELS);
        ax_svg_rect(b, BAR_X, TOP + height * (level + LEVELS), BAR_WIDTH, SIDE - height * (level + LEVELS), colour, 1);
    }
    ax_buf_printf(b, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"%s\"/>\n", BAR_X, TOP, BAR_WIDTH, SIDE, AX_INK);
    double limit = 100 * (map->limit > 0 ? map->limit : 1);
    ax_ticks t = ax_ticks_over(-limit, limit, 12);
    for (double v = ceil(-limit / t.step) * t.step; v <= limit * (1 + 1e-9); v += t.step) {
        char text[32];
        double y = TOP + SIDE * (0.5 - v / limit / 2);
        if (fabs(v) < t.step / 2) snprintf(text, sizeof text, "0");
        else if (t.decimals > 4) snprintf(text, sizeof text, "%+.0e", v);
        else snprintf(text, sizeof text, "%+.*f", t.decimals, v);
        ax_svg_line(b, BAR_X + BAR_WIDTH, y, BAR_X + BAR_WIDTH + 4, y, AX_INK, 1);
        ax_svg_text(b, BAR_X + BAR_WIDTH + 7, y + 4, AX_START, 12, AX_INK, text);
    }
    ax_svg_text(b, BAR_X + BAR_WIDTH / 2.0, TOP - 10, AX_MIDDLE, 12, AX_INK, "error, %");
}

int ax_mult_summary(ax_buf *svg, double x, double y, const ax_lut *lut, const ax_operand_source *s)
{
    char summary[256], t[4][24];
    ax_errors e;
    AX_TRY(ax_errors_measure_over(&e, lut, NULL, s->side[0], s->side[1]));
    snprintf(summary, sizeof summary, "MRED %s %%, bias %s %%, from %s to %s %%", ax_percent(t[0], e.mred, 0), ax_percent(t[1], e.bias, 1),
             ax_percent(t[2], e.min, 1), ax_percent(t[3], e.max, 1));
    ax_svg_text(svg, x, y, AX_START, 12, AX_FAINT, summary);
    return AX_OK;
}

static int draw(ax_buf *b, const heat_map *map, const ax_lut *lut, const ax_operand_source *s)
{
    char name[AX_SPEC_MAX + 32], title[AX_SPEC_MAX + 96];
    ax_lut_format(name, sizeof name, lut);
    snprintf(title, sizeof title, "%s: relative error of a product", name);
    ax_svg_open(b, WIDTH, HEIGHT, title);
    ax_svg_heading(b, LEFT, 30, WIDTH - LEFT - 10, title);
    AX_TRY(ax_mult_summary(b, LEFT, 52, lut, s));
    draw_cells(b, map);
    draw_axes(b);
    draw_bar(b, map);
    if (lut->width > CELL_BITS)
        ax_svg_text(b, LEFT + SIDE / 2.0, TOP + SIDE + 64, AX_MIDDLE, 11, AX_FAINT,
                    lut->width > AX_TABLE_MAX_WIDTH ? "a cell is the mean of 16 x 16 pairs drawn from it" : "a cell is the mean of its pairs");
    ax_svg_close(b);
    return AX_OK;
}

static int heat(ax_buf *svg, const ax_lut *lut, const ax_operand_source *s)
{
    heat_map map = {0};
    int status = measure(&map, lut);
    if (status == AX_OK) status = draw(svg, &map, lut, s);
    ax_free(map.error);
    return status;
}

static const struct {
    const char *name;
    bool weighs;               /* takes operands as often as they occur */
    int (*draw)(ax_buf *svg, const ax_lut *lut, const ax_operand_source *s);
} kinds[] = {{"heat", false, heat}, {"operand", true, ax_mult_curve}};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static int find_kind(int *kind, const char *name)
{
    const char *names[KINDS];
    for (int k = 0; k < KINDS; k++) names[k] = kinds[k].name;
    for (*kind = 0; *kind < KINDS; ++*kind)
        if (!strcmp(name, names[*kind])) return AX_OK;
    return ax_fail(AX_EARG, "mult plot: --kind is '%s'%s, wanted heat or operand", name, ax_text_hint(name, names, KINDS));
}

static int plot(const char *spec, int kind, const ax_operand_source *s, const char *out)
{
    ax_buf svg;
    ax_buf_init(&svg);
    ax_lut *lut = ax_lut_open(spec);
    int status = lut ? kinds[kind].draw(&svg, lut, s) : ax_errstatus();
    if (status == AX_OK) status = ax_output_text(&svg, out);
    ax_buf_release(&svg);
    ax_lut_close(lut);
    return status;
}

int ax_mult_plot(int argc, char **argv)
{
    const char *out = NULL, *name = "heat";
    int kind;
    ax_operand_source operands = {0};
    const ax_option options[] = {
        {"kind", 'k', AX_OPT_TEXT, &name, "KIND", "heat (default): both operands; operand: the first one", 0, 0},
        {"output", 'o', AX_OPT_TEXT, &out, "FILE.svg", "the picture (-: stdout)", 0, 0},
        AX_OPERAND_OPTIONS(operands),
        {0},
    };
    const ax_usage usage = {
        "mult plot", "SPEC -o FILE.svg [--kind heat|operand]", "The relative error over the significands of the operands, as an SVG picture.",
        "heat: both operands; blue: the product is too small, red: too large; at most 128 x 128 cells, above 7 bits a cell is a\n"
        "mean. operand: the mean, the least and the largest error over all second operands, for each first one; with --operands\n"
        "or --study, over the second operands as often as they occur, and how often the first ones do.", 1, 1};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (ax_common_options.help) return AX_OK;
    AX_TRY(find_kind(&kind, name));
    if (!out) return ax_fail(AX_EARG, "mult plot: -o FILE.svg is missing");
    if (strcmp(out, "-") && !ax_text_ends(out, ".svg")) return ax_fail(AX_EARG, "mult plot: -o is '%s', wanted a name ending in .svg", out);
    if (!kinds[kind].weighs && (operands.source[0] || operands.study))
        return ax_fail(AX_EARG, "mult plot: --kind %s has all operands alike; --%s goes with --kind operand", name,
                       operands.study ? "study" : "operands");
    int status = ax_operand_source_open(&operands, "mult plot");
    if (status == AX_OK) status = plot(args.items[0], kind, &operands, out);
    ax_operand_source_release(&operands);
    return status;
}

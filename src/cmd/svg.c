/* SVG elements. Invariant: every text is escaped, every number printed is finite. */
#include "cmd/svg.h"

#include "base/columns.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void add_escaped(ax_buf *b, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '&') ax_buf_puts(b, "&amp;");
        else if (c == '<') ax_buf_puts(b, "&lt;");
        else if (c == '>') ax_buf_puts(b, "&gt;");
        else if (c < ' ' || c == 0x7f) ax_buf_puts(b, " ");
        else if (c == 0xc2 && (unsigned char)text[1] >= 0x80 && (unsigned char)text[1] < 0xa0) ax_buf_puts(b, " "), text++;
        else ax_buf_add(b, text, 1);
    }
}

void ax_svg_open(ax_buf *b, int width, int height, const char *title)
{
    ax_buf_printf(b, "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
                     "font-family=\"Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif\">\n<title>", width, height, width, height);
    add_escaped(b, title);
    ax_buf_printf(b, "</title>\n<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n", width, height);
}

void ax_svg_close(ax_buf *b)
{
    ax_buf_puts(b, "</svg>\n");
}

void ax_svg_line(ax_buf *b, double x1, double y1, double x2, double y2, const char *colour, double width)
{
    ax_buf_printf(b, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"%g\"/>\n", x1, y1, x2, y2,
                  colour, width);
}

void ax_svg_dashes(ax_buf *b, double x1, double y1, double x2, double y2, const char *colour, double width, const char *dash)
{
    ax_buf_printf(b, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"%g\" stroke-dasharray=\"%s\"/>\n", x1, y1,
                  x2, y2, colour, width, dash);
}

void ax_svg_rect(ax_buf *b, double x, double y, double width, double height, const char *colour, double opacity)
{
    ax_buf_printf(b, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\" fill-opacity=\"%g\"/>\n", x, y, width,
                  height, colour, opacity);
}

void ax_svg_text(ax_buf *b, double x, double y, enum ax_anchor anchor, double size, const char *colour, const char *text)
{
    static const char *const anchors[] = {"start", "middle", "end"};
    ax_buf_printf(b, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" font-size=\"%g\" fill=\"%s\">", x, y, anchors[anchor], size, colour);
    add_escaped(b, text);
    ax_buf_puts(b, "</text>\n");
}

void ax_svg_text_up(ax_buf *b, double x, double y, double size, const char *colour, const char *text)
{
    ax_buf_printf(b, "<text transform=\"translate(%.1f %.1f) rotate(-90)\" text-anchor=\"middle\" font-size=\"%g\" fill=\"%s\">", x, y,
                  size, colour);
    add_escaped(b, text);
    ax_buf_puts(b, "</text>\n");
}

double ax_svg_width(const char *text, double size)
{
    const double advance = 0.58;      /* ems */
    return advance * size * ax_columns_of(text, true);
}

void ax_svg_heading(ax_buf *b, double x, double y, double room, const char *text)
{
    const double size = 17;
    double width = ax_svg_width(text, size);
    ax_svg_text(b, x, y, AX_START, width > room ? size * room / width : size, AX_INK, text);
}

ax_ticks ax_ticks_over(double lo, double hi, int wanted)
{
    if (!(hi > lo)) {
        double pad = lo != 0 ? fabs(lo) * 0.05 : 1;
        lo -= pad;
        hi += pad;
    }
    double raw = (hi - lo) / wanted, power = pow(10, floor(log10(raw))), digit = raw / power;
    double step = (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10) * power;
    int decimals = (int)fmax(0, -floor(log10(step) + 1e-9));
    return (ax_ticks){floor(lo / step + 1e-9) * step, ceil(hi / step - 1e-9) * step, step, decimals};
}

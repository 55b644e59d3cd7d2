/* The few SVG elements that plots need, and axes with round numbers. Coordinates are pixels of the view box. */
#ifndef AX_CMD_SVG_H
#define AX_CMD_SVG_H

#include "base/buf.h"

enum ax_anchor { AX_START, AX_MIDDLE, AX_END };

#define AX_INK "#222222"       /* text and axes */
#define AX_FAINT "#6b6b6b"     /* secondary text */
#define AX_GRID "#e4e4e4"

/* `title` names the picture for readers and screen readers; it is not drawn. */
void ax_svg_open(ax_buf *b, int width, int height, const char *title);
void ax_svg_close(ax_buf *b);

void ax_svg_line(ax_buf *b, double x1, double y1, double x2, double y2, const char *colour, double width);
void ax_svg_dashes(ax_buf *b, double x1, double y1, double x2, double y2, const char *colour, double width, const char *dash);
void ax_svg_rect(ax_buf *b, double x, double y, double width, double height, const char *colour, double opacity);
void ax_svg_text(ax_buf *b, double x, double y, enum ax_anchor anchor, double size, const char *colour, const char *text);
void ax_svg_text_up(ax_buf *b, double x, double y, double size, const char *colour, const char *text);   /* centred, turned left */

/* Pixels that a text of this size takes at most, by the mean advance of a character in the usual fonts. */
double ax_svg_width(const char *text, double size);

/* The drawn title: smaller where its text would be wider than `room`. */
void ax_svg_heading(ax_buf *b, double x, double y, double room, const char *text);

/* Round numbers that cover [lo, hi] at about `wanted` steps of 1, 2 or 5 times a power of ten. */
typedef struct {
    double lo, hi, step;
    int decimals;         /* that print a tick */
} ax_ticks;
ax_ticks ax_ticks_over(double lo, double hi, int wanted);

#endif

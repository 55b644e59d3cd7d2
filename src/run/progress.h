/* What a sweep shows on stderr: live bars on a terminal, otherwise one line a finished epoch and a finished trial. */
#ifndef AX_RUN_PROGRESS_H
#define AX_RUN_PROGRESS_H

#include "base/buf.h"
#include "run/sched.h"
#include "run/watch.h"

typedef struct {
    const ax_sched_options *o;
    const ax_watch *watch;
    double started;          /* ax_now() */
    int lines;               /* drawn on the terminal, to be drawn over */
    int columns;             /* 0: not a terminal */
    bool utf8;
} ax_board;

void ax_board_init(ax_board *b, const ax_watch *w, const ax_sched_options *o);
void ax_board_event(ax_board *b, int trial, const cJSON *event);      /* an event of a journal */
void ax_board_say(ax_board *b, const char *text);                     /* a line that stays */
void ax_board_draw(ax_board *b);                                      /* the live part; nothing without a terminal */
void ax_board_resized(ax_board *b);                                   /* after SIGWINCH */
void ax_board_close(ax_board *b);                                     /* removes the live part */

/* "0.25 s", "1.3 s", "12 s", "1:40", "1:08:00", "3 d 04:00"; "?" for NAN. */
const char *ax_time_text(char out[32], double seconds);

/* One trial's line of at most `columns` columns; `width` columns hold its name. For tests too. */
void ax_board_trial_line(const ax_board *b, ax_buf *out, int trial, int width);

#endif

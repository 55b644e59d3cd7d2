/* What a sweep shows on stderr and `status --follow` on stdout: live bars on a terminal, otherwise one line a finished epoch and a
 * finished trial. */
#ifndef AX_RUN_PROGRESS_H
#define AX_RUN_PROGRESS_H

#include "base/buf.h"
#include "run/watch.h"

typedef struct {
    int fd;                  /* where to */
    int columns;             /* of the terminal there; 0: none, so no bars */
    int jobs;                /* workers: the time left depends on them */
    bool color, quiet;
} ax_board_options;

typedef struct {
    ax_board_options o;
    const ax_watch *watch;
    double started;          /* ax_now(); NAN: unknown */
    int rows;                /* of the terminal */
    bool utf8, drawn;
} ax_board;

void ax_board_init(ax_board *b, const ax_watch *w, const ax_board_options *o);
void ax_board_event(ax_board *b, int trial, const cJSON *event);      /* an event of a journal */
void ax_board_say(ax_board *b, const char *text);                     /* a line that stays */
void ax_board_draw(ax_board *b);                                      /* the live part; nothing without a terminal */
void ax_board_close(ax_board *b);                                     /* removes the live part */

/* "0.25 s", "1.3 s", "12 s", "1:40", "1:08:00", "3 d 04:00"; "?" for NAN. */
const char *ax_time_text(char out[32], double seconds);

/* What a trial is called: "mbm:5 seed 1", with the parameter or assignment of a search that distinguishes it. */
void ax_board_trial_name(ax_buf *out, const ax_spec *s);

/* Whether the environment says that text is UTF-8. */
bool ax_locale_is_utf8(void);

#endif

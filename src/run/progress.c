/* The live part is composed whole and written by one call, each line erased only to its right: so it does not flicker. Between two
 * drawings the cursor waits on its first character: wherever a resize moves that line to, the next drawing begins there.
 * Invariant: no line is wider than the terminal and there are no more lines than rows, so the way back up is known. */
#include "run/progress.h"

#include "base/columns.h"
#include "base/json.h"
#include "run/meter.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BAR_MAX = 24, BAR_MIN = 6, NAME_MAX_COLUMNS = 32 };

const char *ax_time_text(char out[32], double seconds)
{
    long s = isnan(seconds) || seconds < 0 || seconds > 1e9 ? -1 : lround(seconds);
    if (s < 0) snprintf(out, 32, "?");
    else if (seconds < 9.95) snprintf(out, 32, seconds < 0.995 ? "%.2f s" : "%.1f s", seconds);
    else if (s < 60) snprintf(out, 32, "%ld s", s);
    else if (s < 3600) snprintf(out, 32, "%ld:%02ld", s / 60, s % 60);
    else if (s < 86400) snprintf(out, 32, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else snprintf(out, 32, "%ld d %02ld:%02ld", s / 86400, s / 3600 % 24, s / 60 % 60);
    return out;
}

bool ax_locale_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (int i = 0; i < 3; i++) {
        const char *v = getenv(names[i]);
        if (v && *v) return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
    }
    return false;
}

void ax_board_init(ax_board *b, const ax_watch *w, const ax_board_options *o)
{
    *b = (ax_board){.o = *o, .watch = w, .started = ax_now(), .rows = 24, .utf8 = ax_locale_is_utf8()};
    if (o->quiet) b->o.columns = 0;
}

static void measure(ax_board *b)
{
    struct winsize size;
    if (ioctl(b->o.fd, TIOCGWINSZ, &size) != 0) return;
    if (size.ws_col) b->o.columns = size.ws_col;
    if (size.ws_row) b->rows = size.ws_row;
}

/* ---- pieces ---- */

void ax_board_trial_name(ax_buf *out, const ax_spec *s)
{
    cJSON *params = s->params ? cJSON_Parse(s->params) : NULL;
    const char *where = ax_json_get_string(params, "where", NULL), *assignment = ax_json_get_string(params, "assignment", NULL);
    ax_buf_puts(out, assignment ? assignment : s->multiplier);
    if (where && !assignment) ax_buf_printf(out, " where=%s", where);
    ax_buf_printf(out, " seed %llu", (unsigned long long)s->seed);
    cJSON_Delete(params);
}

/* "[ 7/27] mbm:5 seed 1", numbered as in the plan. */
static void name(const ax_board *b, ax_buf *out, int trial)
{
    char all[16];
    int digits = snprintf(all, sizeof all, "%d", b->watch->plan->n);
    ax_buf_printf(out, "[%*d/%s] ", digits, trial + 1, all);
    ax_board_trial_name(out, &b->watch->plan->specs[trial]);
}

static void bar(const ax_board *b, ax_buf *out, double fraction, int width)
{
    int full = (int)(fraction * width + 0.5);
    if (b->o.color) ax_buf_puts(out, "\033[32m");
    for (int i = 0; i < width; i++) {
        if (b->o.color && i == full) ax_buf_puts(out, "\033[0;2m");
        ax_buf_puts(out, i < full ? (b->utf8 ? "━" : "#") : (b->utf8 ? "─" : "-"));
    }
    if (b->o.color) ax_buf_puts(out, "\033[0m");
}

/* What stands on the left in `width` columns, a bar as wide as there is room for, and as many of the parts (most important first, in
 * the order of `rank`) as fit. parts[] are shown in their own order. */
static void compose(const ax_board *b, ax_buf *out, const char *left, int width, double fraction, char parts[][48], const int *rank, int n)
{
    int room = b->o.columns - 1 - width, keep = n;
    for (; keep > 0; keep--) {
        int sum = 0;
        for (int i = 0; i < n; i++) sum += rank[i] < keep && parts[i][0] ? (int)strlen(parts[i]) + 2 : 0;
        if (sum + BAR_MIN + 2 > room && (keep > 1 || sum > room)) continue;
        room -= sum;
        break;
    }
    ax_columns_fit(out, left, width, b->utf8);
    int cells = room - 2 < BAR_MAX ? room - 2 : BAR_MAX;
    if (cells >= BAR_MIN) {
        ax_buf_puts(out, "  ");
        bar(b, out, fraction, cells);
    }
    for (int i = 0; i < n; i++)
        if (rank[i] < keep && parts[i][0]) ax_buf_printf(out, "  %s", parts[i]);
}

static void trial_line(const ax_board *b, ax_buf *out, int trial, int width)
{
    static const int rank[] = {0, 3, 2, 4, 1};
    const ax_watched *t = &b->watch->trials[trial];
    const ax_progress *p = &t->now;
    char parts[5][48] = {""}, eta[32];
    ax_buf left;
    ax_buf_init(&left);
    name(b, &left, trial);
    if (p->epoch) snprintf(parts[0], sizeof parts[0], "epoch %d/%d", p->epoch, p->epochs);
    else snprintf(parts[0], sizeof parts[0], "starting");
    if (p->epoch && !isnan(p->loss)) snprintf(parts[1], sizeof parts[1], p->loss < 1e4 ? "loss %.4f" : "loss %.3g", p->loss);
    if (!isnan(t->acc)) snprintf(parts[2], sizeof parts[2], "valid %.2f %%", 100 * t->acc);
    if (p->rate > 0) snprintf(parts[3], sizeof parts[3], "%.0f images/s", p->rate);
    if (p->epoch) snprintf(parts[4], sizeof parts[4], "ETA %s", ax_time_text(eta, p->eta));
    compose(b, out, ax_buf_str(&left), width, ax_progress_fraction(p), parts, rank, 5);
    ax_buf_release(&left);
}

static void total_line(const ax_board *b, ax_buf *out, int width)
{
    static const int rank[] = {1, 2, 4, 3, 0};
    const ax_watch *w = b->watch;
    char parts[5][48] = {""}, text[32];
    int n = w->plan->n, diverged = ax_watch_count(w, AX_STATE_diverged), done = ax_watch_count(w, AX_STATE_complete) + diverged;
    double fraction = done;
    for (int i = 0; i < n; i++)
        if (w->trials[i].state == AX_STATE_running) fraction += ax_progress_fraction(&w->trials[i].now);
    int failed = ax_watch_count(w, AX_STATE_failed);
    snprintf(parts[0], sizeof parts[0], "%d/%d done", done, n);
    if (failed) snprintf(parts[1], sizeof parts[1], "%d failed", failed);
    if (diverged) snprintf(parts[2], sizeof parts[2], "%d diverged", diverged);
    if (!isnan(b->started)) snprintf(parts[3], sizeof parts[3], "elapsed %s", ax_time_text(text, ax_now() - b->started));
    snprintf(parts[4], sizeof parts[4], "ETA %s", ax_time_text(text, ax_watch_eta(w, b->o.jobs)));
    compose(b, out, "total", width, n ? fraction / n : 0, parts, rank, 5);
}

/* ---- drawing ---- */

static void write_out(const ax_board *b, const ax_buf *text)
{
    if (text->failed || !text->len) return;
    fflush(b->o.fd == STDOUT_FILENO ? stdout : stderr);
    for (size_t done = 0; done < text->len;) {
        ssize_t n = write(b->o.fd, text->data + done, text->len - done);
        if (n <= 0 && errno != EINTR) return;
        done += n > 0 ? (size_t)n : 0;
    }
}

/* Columns for the names of the trials that run. */
static int name_width(const ax_board *b)
{
    int width = 5, third = b->o.columns / 3, cap = third > NAME_MAX_COLUMNS ? third : NAME_MAX_COLUMNS;
    ax_buf text;
    ax_buf_init(&text);
    for (int i = 0; i < b->watch->plan->n && width < cap; i++) {
        if (b->watch->trials[i].state != AX_STATE_running) continue;
        ax_buf_clear(&text);
        name(b, &text, i);
        int n = ax_columns_of(ax_buf_str(&text), b->utf8);
        width = n > width ? n : width;
    }
    ax_buf_release(&text);
    if (cap > b->o.columns - 1) cap = b->o.columns - 1;
    return width < cap ? width : cap;
}

/* As many trials as there are rows for, and how many more run; the lines written. */
static int trial_lines(const ax_board *b, ax_buf *out, int width)
{
    int running = ax_watch_count(b->watch, AX_STATE_running), shown = 0;
    int room = running < b->rows ? running : b->rows > 2 ? b->rows - 2 : 0;
    for (int i = 0; i < b->watch->plan->n && shown < room; i++) {
        if (b->watch->trials[i].state != AX_STATE_running) continue;
        trial_line(b, out, i, width);
        ax_buf_puts(out, "\033[K\n");
        shown++;
    }
    if (shown == running || b->rows < 2) return shown;
    char more[48];
    snprintf(more, sizeof more, "and %d more", running - shown);
    ax_columns_fit(out, more, width, b->utf8);
    ax_buf_puts(out, "\033[K\n");
    return shown + 1;
}

static void redraw(ax_board *b, const char *lasting)
{
    ax_buf out;
    ax_buf_init(&out);
    measure(b);
    int width = name_width(b);
    ax_buf_puts(&out, "\r");
    if (lasting) ax_buf_printf(&out, "%s\033[K\n", lasting);
    ax_buf_puts(&out, "\033[?7l");      /* what meets a terminal that has just become narrower is cut there and not wrapped */
    int above = trial_lines(b, &out, width);
    total_line(b, &out, width);
    ax_buf_puts(&out, "\033[?7h\033[J\r");
    if (above) ax_buf_printf(&out, "\033[%dA", above);
    b->drawn = true;
    write_out(b, &out);
    ax_buf_release(&out);
}

void ax_board_draw(ax_board *b)
{
    if (b->o.columns) redraw(b, NULL);
}

void ax_board_say(ax_board *b, const char *text)
{
    if (b->o.quiet) return;
    if (b->o.columns) {
        redraw(b, text);
        return;
    }
    ax_buf line;
    ax_buf_init(&line);
    ax_buf_printf(&line, "%s\n", text);
    write_out(b, &line);
    ax_buf_release(&line);
}

void ax_board_close(ax_board *b)
{
    ax_buf out;
    ax_buf_init(&out);
    if (b->drawn) ax_buf_puts(&out, "\r\033[J");
    write_out(b, &out);
    ax_buf_release(&out);
    b->drawn = false;
}

/* ---- events as lines ---- */

static void add_share(ax_buf *out, const char *label, double fraction)
{
    if (!isnan(fraction)) ax_buf_printf(out, "  %s %.2f %%", label, 100 * fraction);
}

static void epoch_line(ax_buf *out, const cJSON *e)
{
    char text[32];
    double loss = ax_json_get_number(e, "train_loss", NAN);
    ax_buf_printf(out, "  epoch %g/%g", ax_json_get_number(e, "epoch", 0), ax_json_get_number(e, "epochs", 0));
    if (!isnan(loss)) ax_buf_printf(out, loss < 1e4 ? "  loss %.4f" : "  loss %.3g", loss);
    add_share(out, "train", ax_json_get_number(e, "train_acc", NAN));
    add_share(out, "valid", ax_json_get_number(e, "valid_acc", NAN));
    ax_buf_printf(out, "  %s", ax_time_text(text, ax_json_get_number(e, "epoch_s", NAN)));
}

static void failed_line(ax_buf *out, const cJSON *e)
{
    const char *message = ax_json_get_string(e, "message", "");
    ax_buf_printf(out, "  failed: %.*s", (int)strcspn(message, "\n"), message);
}

/* What there is to say about it, if anything. */
static void event_text(const ax_board *b, ax_buf *out, const cJSON *e)
{
    const char *kind = ax_json_get_string(e, "event", "");
    char seconds[32];
    if (!strcmp(kind, "epoch") && !b->o.columns && !ax_json_get_bool(e, "again", false)) {
        epoch_line(out, e);
    } else if (!strcmp(kind, "done")) {
        ax_buf_printf(out, "  %s", ax_json_get_string(e, "state", "complete"));
        add_share(out, "test", ax_json_get_number(e, "test_acc", NAN));
        ax_buf_printf(out, "  %s", ax_time_text(seconds, ax_json_get_number(e, "train_s", NAN)));
    } else if (!strcmp(kind, "failed")) {
        failed_line(out, e);
    }
}

void ax_board_event(ax_board *b, int trial, const cJSON *event)
{
    ax_buf text, line;
    ax_buf_init(&text);
    ax_buf_init(&line);
    event_text(b, &text, event);
    if (text.len && !b->o.quiet) {
        name(b, &line, trial);
        ax_buf_puts(&line, ax_buf_str(&text));
        ax_buf_clear(&text);
        ax_columns_add(&text, ax_buf_str(&line), b->utf8 || !b->o.columns);      /* a file gets it as it is */
        ax_board_say(b, ax_buf_str(&text));
    }
    ax_buf_release(&line);
    ax_buf_release(&text);
}

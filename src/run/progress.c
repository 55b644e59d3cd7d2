/* The live part is composed whole and written by one call, each line erased only to its right: so it does not flicker.
 * Invariant: no line is wider than the terminal, so that going up by the count of lines finds their beginning. */
#include "run/progress.h"

#include "base/json.h"
#include "run/meter.h"

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

static bool locale_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (int i = 0; i < 3; i++) {
        const char *v = getenv(names[i]);
        if (v && *v) return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
    }
    return false;
}

void ax_board_init(ax_board *b, const ax_watch *w, const ax_sched_options *o)
{
    *b = (ax_board){.o = o, .watch = w, .started = ax_now(), .columns = o->quiet ? 0 : o->columns, .utf8 = locale_is_utf8()};
}

void ax_board_resized(ax_board *b)
{
    struct winsize size;
    if (b->columns && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col) b->columns = size.ws_col;
}

/* ---- pieces ---- */

/* What a trial's multipliers are called: "mbm:5", or "mbm:5 where=only conv2d1", or the assignment of a search. */
static void multipliers(char *out, size_t size, const ax_spec *s)
{
    cJSON *params = s->params ? cJSON_Parse(s->params) : NULL;
    const char *where = ax_json_get_string(params, "where", NULL), *assignment = ax_json_get_string(params, "assignment", NULL);
    if (assignment) snprintf(out, size, "%s", assignment);
    else if (where) snprintf(out, size, "%s where=%s", s->multiplier, where);
    else snprintf(out, size, "%s", s->multiplier);
    cJSON_Delete(params);
}

/* "[ 7/27] mbm:5 seed 1", numbered as in the plan. */
static void name(const ax_board *b, char *out, size_t size, int trial)
{
    const ax_spec *s = &b->watch->plan->specs[trial];
    char all[16], what[AX_LABEL_MAX + 24];
    multipliers(what, sizeof what, s);
    int digits = snprintf(all, sizeof all, "%d", b->watch->plan->n);
    snprintf(out, size, "[%*d/%s] %s seed %llu", digits, trial + 1, all, what, (unsigned long long)s->seed);
}

static void bar(const ax_board *b, ax_buf *out, double fraction, int width)
{
    int full = (int)(fraction * width + 0.5);
    if (b->o->color) ax_buf_puts(out, "\033[32m");
    for (int i = 0; i < width; i++) {
        if (b->o->color && i == full) ax_buf_puts(out, "\033[0;2m");
        ax_buf_puts(out, i < full ? (b->utf8 ? "━" : "#") : (b->utf8 ? "─" : "-"));
    }
    if (b->o->color) ax_buf_puts(out, "\033[0m");
}

/* `left`, a bar as wide as there is room for, and as many of the parts (most important first, in the order of `shown`) as
 * fit. parts[] are shown in their own order. */
static void compose(const ax_board *b, ax_buf *out, const char *left, double fraction, char parts[][48], const int *rank, int n)
{
    int room = b->columns - 1 - (int)strlen(left), keep = n;
    int used[8];
    for (; keep > 0; keep--) {
        int sum = 0;
        for (int i = 0; i < n; i++) sum += used[i] = rank[i] < keep && parts[i][0] ? (int)strlen(parts[i]) + 2 : 0;
        if (sum + BAR_MIN + 2 <= room || keep == 1) {
            room -= sum;
            break;
        }
    }
    ax_buf_puts(out, left);
    int width = room - 2 < BAR_MAX ? room - 2 : BAR_MAX;
    if (width >= BAR_MIN) {
        ax_buf_puts(out, "  ");
        bar(b, out, fraction, width);
    }
    for (int i = 0; i < n && room >= 0; i++)
        if (rank[i] < keep && parts[i][0]) ax_buf_printf(out, "  %s", parts[i]);
}

void ax_board_trial_line(const ax_board *b, ax_buf *out, int trial, int width)
{
    static const int rank[] = {0, 3, 2, 4, 1};
    const ax_watched *t = &b->watch->trials[trial];
    const ax_progress *p = &t->now;
    char left[AX_LABEL_MAX + 64], clipped[AX_LABEL_MAX + 64], parts[5][48] = {""}, eta[32];
    name(b, left, sizeof left, trial);
    snprintf(clipped, sizeof clipped, "%-*.*s", width, width, left);
    if (p->epoch) snprintf(parts[0], sizeof parts[0], "epoch %d/%d", p->epoch, p->epochs);
    else snprintf(parts[0], sizeof parts[0], "starting");
    if (p->epoch && !isnan(p->loss)) snprintf(parts[1], sizeof parts[1], p->loss < 1e4 ? "loss %.4f" : "loss %.3g", p->loss);
    if (!isnan(t->acc)) snprintf(parts[2], sizeof parts[2], "valid %.2f %%", 100 * t->acc);
    if (p->rate > 0) snprintf(parts[3], sizeof parts[3], "%.0f images/s", p->rate);
    if (p->epoch) snprintf(parts[4], sizeof parts[4], "ETA %s", ax_time_text(eta, p->eta));
    compose(b, out, clipped, ax_progress_fraction(p), parts, rank, 5);
}

static void total_line(const ax_board *b, ax_buf *out, int width)
{
    static const int rank[] = {1, 2, 4, 3, 0};
    const ax_watch *w = b->watch;
    char left[64], parts[5][48] = {""}, text[32];
    int n = w->plan->n, diverged = ax_watch_count(w, AX_STATE_diverged), done = ax_watch_count(w, AX_STATE_complete) + diverged;
    double fraction = done;
    for (int i = 0; i < n; i++)
        if (w->trials[i].state == AX_STATE_running) fraction += ax_progress_fraction(&w->trials[i].now);
    int failed = ax_watch_count(w, AX_STATE_failed);
    snprintf(left, sizeof left, "%-*.*s", width, width, "total");
    snprintf(parts[0], sizeof parts[0], "%d/%d done", done, n);
    if (failed) snprintf(parts[1], sizeof parts[1], "%d failed", failed);
    if (diverged) snprintf(parts[2], sizeof parts[2], "%d diverged", diverged);
    snprintf(parts[3], sizeof parts[3], "elapsed %s", ax_time_text(text, ax_now() - b->started));
    snprintf(parts[4], sizeof parts[4], "ETA %s", ax_time_text(text, ax_watch_eta(w, b->o->jobs)));
    compose(b, out, left, n ? fraction / n : 0, parts, rank, 5);
}

/* ---- drawing ---- */

static void write_out(const ax_buf *text)
{
    if (text->failed || !text->len) return;
    fflush(stderr);
    for (size_t done = 0; done < text->len;) {
        ssize_t n = write(STDERR_FILENO, text->data + done, text->len - done);
        if (n <= 0) return;
        done += (size_t)n;
    }
}

static void go_up(ax_board *b, ax_buf *out)
{
    if (b->lines) ax_buf_printf(out, "\033[%dA\r", b->lines);
}

static int name_width(const ax_board *b)
{
    int width = 5;
    for (int i = 0; i < b->watch->plan->n; i++) {
        char text[AX_LABEL_MAX + 64];
        if (b->watch->trials[i].state != AX_STATE_running) continue;
        name(b, text, sizeof text, i);
        int n = (int)strlen(text);
        width = n > width ? n : width;
    }
    int cap = b->columns / 3 > NAME_MAX_COLUMNS ? b->columns / 3 : NAME_MAX_COLUMNS;
    return width < cap ? width : cap;
}

static void redraw(ax_board *b, const char *lasting)
{
    ax_buf out;
    ax_buf_init(&out);
    int lines = 0, width = name_width(b);
    go_up(b, &out);
    if (lasting) ax_buf_printf(&out, "%s\033[K\n", lasting);
    for (int i = 0; i < b->watch->plan->n; i++) {
        if (b->watch->trials[i].state != AX_STATE_running) continue;
        ax_board_trial_line(b, &out, i, width);
        ax_buf_puts(&out, "\033[K\n");
        lines++;
    }
    total_line(b, &out, width);
    ax_buf_puts(&out, "\033[K\n\033[J");
    b->lines = lines + 1;
    write_out(&out);
    ax_buf_release(&out);
}

void ax_board_draw(ax_board *b)
{
    if (b->columns) redraw(b, NULL);
}

void ax_board_say(ax_board *b, const char *text)
{
    if (b->o->quiet) return;
    if (b->columns) redraw(b, text);
    else fprintf(stderr, "%s\n", text);
}

void ax_board_close(ax_board *b)
{
    ax_buf out;
    ax_buf_init(&out);
    go_up(b, &out);
    if (b->lines) ax_buf_puts(&out, "\033[J");
    write_out(&out);
    ax_buf_release(&out);
    b->lines = 0;
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

void ax_board_event(ax_board *b, int trial, const cJSON *event)
{
    const char *kind = ax_json_get_string(event, "event", "");
    char text[AX_LABEL_MAX + 64], seconds[32];
    bool epoch = !strcmp(kind, "epoch") && !b->columns && !ax_json_get_bool(event, "again", false);
    ax_buf out;
    if (b->o->quiet) return;
    ax_buf_init(&out);
    name(b, text, sizeof text, trial);
    ax_buf_puts(&out, text);
    if (epoch) {
        epoch_line(&out, event);
    } else if (!strcmp(kind, "done")) {
        ax_buf_printf(&out, "  %s", ax_json_get_string(event, "state", "complete"));
        add_share(&out, "test", ax_json_get_number(event, "test_acc", NAN));
        ax_buf_printf(&out, "  %s", ax_time_text(seconds, ax_json_get_number(event, "train_s", NAN)));
    } else if (!strcmp(kind, "failed")) {
        failed_line(&out, event);
    }
    if (out.len > strlen(text)) ax_board_say(b, ax_buf_str(&out));
    ax_buf_release(&out);
}

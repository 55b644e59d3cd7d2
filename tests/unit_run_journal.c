/* The journal: what was acknowledged is read back, what is torn or damaged is passed over and never glued to. */
#include "check.h"
#include "scratch.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "store/journal.h"
#include "store/study.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[256];

static int make(void **state)
{
    char host[64] = "";
    gethostname(host, sizeof host - 1);
    if (make_dir(state) || ax_study_mkdirs(dir) != AX_OK) return -1;
    snprintf(path, sizeof path, "%s/events/%s-0.jsonl", dir, host);
    return 0;
}

static void add(ax_journal *j, int number)
{
    cJSON *e = cJSON_CreateObject();
    ax_json_set_string(e, "event", "epoch");
    ax_json_set_number(e, "number", number);
    ax_json_set_string(e, "text", "a \"quoted\"\nline");
    assert_ok(ax_journal_add(j, e));
}

/* Writes `n` lines numbered from `from`. */
static void write_lines(int from, int n)
{
    ax_journal *j = ax_journal_open(dir);
    assert_non_null(j);
    for (int i = 0; i < n; i++) add(j, from + i);
    ax_journal_close(j);
}

/* Lines seen, and the number in the last of them. */
typedef struct {
    int n;
    double number;
} seen;

static void see(void *arg, const cJSON *event)
{
    seen *s = arg;
    s->n++;
    s->number = ax_json_get_number(event, "number", -1);
    assert_string_equal(ax_json_get_string(event, "text", ""), "a \"quoted\"\nline");
}

static void see_in_order(void *arg, const cJSON *event)
{
    see(arg, event);
    assert_int_equal(((seen *)arg)->number, ((seen *)arg)->n - 1);
}

static int count_lines(void)
{
    int64_t offset = 0;
    seen s = {0};
    assert_ok(ax_journal_each(path, &offset, see_in_order, &s));
    return s.n;
}

static void journal__cuts_a_tail_torn_at_any_byte(void **state)
{
    (void)state;
    char *text;
    size_t len;
    unlink(path);
    write_lines(0, 2);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    off_t two = st.st_size;
    write_lines(2, 1);
    assert_ok(ax_file_read(&text, &len, path, 1 << 20));
    for (off_t keep = two; keep < (off_t)len; keep++) {
        int fd = open(path, O_WRONLY | O_TRUNC);
        assert_int_equal(write(fd, text, (size_t)keep), keep);
        close(fd);
        assert_int_equal(count_lines(), 2);
        write_lines(2, 2);
        assert_int_equal(count_lines(), 4);
    }
    ax_free(text);
}

static void journal__passes_over_a_damaged_line(void **state)
{
    (void)state;
    char *text;
    size_t len;
    unlink(path);
    write_lines(0, 3);
    assert_ok(ax_file_read(&text, &len, path, 1 << 20));
    size_t first = (size_t)(strchr(text, '\n') - text);
    for (size_t at = 0; at < first; at++) {
        int64_t offset = 0;
        text[at] ^= 4;
        int fd = open(path, O_WRONLY | O_TRUNC);
        assert_int_equal(write(fd, text, len), len);
        close(fd);
        text[at] ^= 4;
        seen s = {0};
        assert_ok(ax_journal_each(path, &offset, see, &s));
        assert_int_equal(s.n, 2);
        assert_int_equal(offset, len);
    }
    ax_free(text);
}

static void journal__follower_sees_each_line_once_and_whole(void **state)
{
    (void)state;
    int64_t offset = 0;
    unlink(path);
    ax_journal *j = ax_journal_open(dir);
    add(j, 0);
    seen s = {0};
    assert_ok(ax_journal_each(path, &offset, see, &s));
    assert_int_equal(s.n, 1);
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "{\"half", 6), 6);        /* a writer in the middle of a line */
    close(fd);
    int64_t before = offset;
    assert_ok(ax_journal_each(path, &offset, see, &s));
    assert_int_equal(s.n, 1);
    assert_int_equal(offset, before);
    add(j, 1);
    assert_ok(ax_journal_each(path, &offset, see, &s));
    assert_int_equal(s.n, 2);
    assert_int_equal(s.number, 1);
    ax_journal_close(j);
}

static void journal__has_one_writer(void **state)
{
    (void)state;
    unlink(path);
    ax_journal *first = ax_journal_open(dir), *second = ax_journal_open(dir);
    assert_non_null(first);
    assert_non_null(second);
    add(first, 0);
    add(second, 0);
    add(second, 1);
    assert_int_equal(count_lines(), 1);                  /* the second has a file of its own */
    ax_journal_close(first);
    ax_journal_close(second);
}

/* What reading takes does not grow with the journal. */
static void journal__of_any_length_is_read_in_little_memory(void **state)
{
    (void)state;
    enum { COPIES = 100000 };
    char *line;
    size_t len;
    int64_t offset = 0;
    seen s = {0};
    struct rusage before, after;
    unlink(path);
    write_lines(0, 1);
    assert_ok(ax_file_read(&line, &len, path, 1 << 20));
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < COPIES; i++) fwrite(line, 1, len, f);
    assert_int_equal(fclose(f), 0);
    getrusage(RUSAGE_SELF, &before);
    assert_ok(ax_journal_each(path, &offset, see, &s));
    getrusage(RUSAGE_SELF, &after);
    assert_int_equal(s.n, COPIES);
    assert_int_equal(offset, (int64_t)len * COPIES);
#ifndef __SANITIZE_ADDRESS__      /* which keeps what was freed */
    assert_true((after.ru_maxrss - before.ru_maxrss) * 1024 < 2 << 20);
#endif
    ax_free(line);
    unlink(path);
}

/* A line longer than the piece in which a journal is read. */
static void journal__reads_a_long_line(void **state)
{
    (void)state;
    enum { LONG = 300000 };
    unlink(path);
    write_lines(0, 1);
    ax_journal *j = ax_journal_open(dir);
    char *text = malloc(LONG + 1);
    memset(text, 'x', LONG);
    text[LONG] = 0;
    cJSON *e = cJSON_CreateObject();
    ax_json_set_string(e, "long", text);
    ax_json_set_number(e, "number", 1);
    ax_json_set_string(e, "text", "a \"quoted\"\nline");
    assert_ok(ax_journal_add(j, e));
    ax_journal_close(j);
    free(text);
    write_lines(2, 1);
    assert_int_equal(count_lines(), 3);
    unlink(path);
}

static void journal__reports_a_full_disk(void **state)
{
    (void)state;
    unlink(path);
    assert_int_equal(symlink("/dev/full", path), 0);
    ax_journal *j = ax_journal_open(dir);
    assert_non_null(j);
    assert_fails(ax_journal_add(j, cJSON_CreateObject()), AX_ESTORE, path);
    ax_journal_close(j);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(journal__cuts_a_tail_torn_at_any_byte),   cmocka_unit_test(journal__passes_over_a_damaged_line),
        cmocka_unit_test(journal__follower_sees_each_line_once_and_whole), cmocka_unit_test(journal__has_one_writer),
        cmocka_unit_test(journal__reports_a_full_disk), cmocka_unit_test(journal__of_any_length_is_read_in_little_memory),
        cmocka_unit_test(journal__reads_a_long_line),
    };
    return cmocka_run_group_tests(tests, make, remove_dir);
}

/* Claims between real processes: one owner, taken over from the dead, never from the living, read whole. */
#include "check.h"
#include "scratch.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/hash.h"
#include "store/claim.h"
#include "store/study.h"

#include <cJSON.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char id[] = "0123456789abcdef";

/* The program's clocks, which a test moves. */
static time_t moved;

int clock_gettime(clockid_t clock, struct timespec *t)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, t);
    if (rc == 0) t->tv_sec += moved;
    return rc;
}

static int make(void **state)
{
    return make_dir(state) == 0 && ax_study_mkdirs(dir) == AX_OK ? 0 : -1;
}

/* Starts a process that claims the trial and waits to be killed. */
static pid_t start_owner(void)
{
    int ready[2];
    char byte = 0;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        int fd;
        byte = ax_claim_take(&fd, dir, id) == AX_OK && fd >= 0;
        if (write(ready[1], &byte, 1) != 1) _exit(1);
        for (;;) pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void claim__of_a_living_process_is_not_given_away(void **state)
{
    (void)state;
    ax_progress p;
    bool alive;
    int fd;
    pid_t owner = start_owner();
    assert_ok(ax_claim_take(&fd, dir, id));
    assert_int_equal(fd, -1);
    assert_ok(ax_claim_read(&p, &alive, dir, id));
    assert_true(alive);
    assert_int_equal(p.pid, owner);
    end(owner);
}

static void claim__of_a_dead_process_is_taken_over(void **state)
{
    (void)state;
    ax_progress p;
    bool alive;
    int fd;
    end(start_owner());
    assert_ok(ax_claim_read(&p, &alive, dir, id));
    assert_false(alive);
    assert_ok(ax_claim_take(&fd, dir, id));
    assert_true(fd >= 0);
    assert_ok(ax_claim_read(&p, &alive, dir, id));
    assert_true(alive);
    assert_int_equal(p.pid, getpid());
    assert_ok(ax_claim_drop(fd, dir, id));
    assert_fails(ax_claim_read(&p, &alive, dir, id), AX_ENOENT, id);
}

/* Eight processes reach for one stale claim at once, many times: exactly one gets it. */
static void claim__has_one_taker_in_a_race(void **state)
{
    (void)state;
    enum { PROCESSES = 8, ROUNDS = 40 };
    for (int round = 0; round < ROUNDS; round++) {
        int winners = 0, go[2];
        pid_t pids[PROCESSES];
        if (round % 2) end(start_owner());
        assert_int_equal(pipe(go), 0);
        for (int i = 0; i < PROCESSES; i++) {
            pids[i] = fork();
            if (pids[i]) continue;
            char byte;
            int fd = -1;
            close(go[1]);
            if (read(go[0], &byte, 1) != 0 || ax_claim_take(&fd, dir, id) != AX_OK) _exit(2);
            usleep(20000);                 /* hold it until all have tried */
            _exit(fd >= 0);
        }
        close(go[0]);
        close(go[1]);                      /* all start here */
        for (int i = 0; i < PROCESSES; i++) {
            int status;
            waitpid(pids[i], &status, 0);
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
            winners += WEXITSTATUS(status);
        }
        assert_int_equal(winners, 1);
        assert_ok(ax_study_remove(dir, AX_FILE_CLAIM, id));
    }
}

static void write_claim(const char *text, size_t len)
{
    char *path = ax_study_path(dir, AX_FILE_CLAIM, id);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    assert_int_equal(write(fd, text, len), len);
    close(fd);
    ax_free(path);
}

/* Makes the claim that is there one that another host wrote `age` seconds ago, with that heartbeat. */
static void rewrite_foreign(double age, double beat)
{
    char *path = ax_study_path(dir, AX_FILE_CLAIM, id), *text;
    size_t len;
    assert_ok(ax_file_read(&text, &len, path, 4096));
    ax_free(path);
    cJSON *tree = cJSON_ParseWithOpts(text, NULL, 0);
    cJSON_SetValuestring(cJSON_GetObjectItem(tree, "host"), "h");
    cJSON_SetNumberValue(cJSON_GetObjectItem(tree, "wall"), (double)time(NULL) - age);
    cJSON_SetNumberValue(cJSON_GetObjectItem(tree, "beat"), beat);
    char *json = cJSON_PrintUnformatted(tree), line[1024];
    int n = snprintf(line, sizeof line, "%s %08x\n", json, (unsigned)ax_crc32(json, strlen(json)));
    write_claim(line, (size_t)n);
    cJSON_free(json);
    cJSON_Delete(tree);
    ax_free(text);
}

/* A claim as another host would have written it `age` seconds ago. */
static void write_foreign(double age)
{
    int fd;
    assert_ok(ax_claim_take(&fd, dir, id));
    close(fd);
    rewrite_foreign(age, 1);
}

static void claim__of_another_host_lives_by_its_heartbeat(void **state)
{
    (void)state;
    ax_progress p;
    bool alive;
    int fd;
    write_foreign(AX_CLAIM_GRACE_S / 2.0);
    assert_ok(ax_claim_read(&p, &alive, dir, id));
    assert_true(alive);
    assert_string_equal(p.host, "h");
    assert_ok(ax_claim_take(&fd, dir, id));
    assert_int_equal(fd, -1);
    assert_ok(ax_study_remove(dir, AX_FILE_CLAIM, id));
    write_foreign(AX_CLAIM_GRACE_S + 5.0);
    assert_ok(ax_claim_read(&p, &alive, dir, id));
    assert_false(alive);
    assert_ok(ax_claim_take(&fd, dir, id));
    assert_true(fd >= 0);
    assert_ok(ax_claim_drop(fd, dir, id));
}

/* The clock of a host a day ahead: its claim is held while it changes, and free a minute after it has stopped to. */
static void claim__of_a_day_ahead_lives_by_its_change(void **state)
{
    (void)state;
    enum { DAY = 86400 };
    ax_progress p;
    bool alive;
    int fd;
    write_foreign(-DAY);
    assert_ok(ax_claim_read(&p, &alive, dir, id));
    assert_true(alive && p.unsure);
    moved = AX_CLAIM_GRACE_S - 5;
    rewrite_foreign(-DAY, 2);
    assert_ok(ax_claim_read(&p, &alive, dir, id));
    assert_true(alive && !p.unsure);
    moved += AX_CLAIM_GRACE_S - 5;
    assert_ok(ax_claim_take(&fd, dir, id));
    assert_int_equal(fd, -1);
    moved += 10;
    assert_ok(ax_claim_read(&p, &alive, dir, id));
    assert_false(alive);
    assert_ok(ax_claim_take(&fd, dir, id));
    assert_true(fd >= 0);
    assert_ok(ax_claim_drop(fd, dir, id));
    moved = 0;
}

static void claim__of_a_clock_minutes_ahead_is_fresh(void **state)
{
    (void)state;
    ax_progress p;
    bool alive;
    write_foreign(-AX_CLAIM_AHEAD_S / 2.0);
    assert_ok(ax_claim_read(&p, &alive, dir, id));
    assert_true(alive && !p.unsure);
    assert_ok(ax_study_remove(dir, AX_FILE_CLAIM, id));
}

/* As another user's file; root may write those, but no folder. */
static void claim__that_cannot_be_opened_is_an_error(void **state)
{
    (void)state;
    int fd;
    char *path = ax_study_path(dir, AX_FILE_CLAIM, id);
    assert_int_equal(mkdir(path, 0777), 0);
    assert_fails(ax_claim_take(&fd, dir, id), AX_ESTORE, "Is a directory");
    assert_non_null(strstr(ax_errmsg(), path));
    assert_int_equal(rmdir(path), 0);
    ax_free(path);
}

static void claim__heartbeat_keeps_the_progress(void **state)
{
    (void)state;
    int fd;
    bool alive;
    ax_progress before, after, p = {.started = 5, .epoch = 2, .epochs = 3, .step = 4, .steps = 9, .rate = 100, .loss = 0.5, .acc = 0.25, .eta = 7};
    assert_ok(ax_claim_take(&fd, dir, id));
    assert_ok(ax_claim_update(fd, &p));
    assert_ok(ax_claim_read(&before, &alive, dir, id));
    usleep(20000);
    assert_ok(ax_claim_beat(fd));
    assert_ok(ax_claim_read(&after, &alive, dir, id));
    assert_true(after.wall > before.wall && after.beat > before.beat);
    assert_int_equal(after.epoch, 2);
    assert_true(after.started == 5 && after.step == 4 && after.steps == 9 && after.rate == 100);
    assert_true(after.loss == 0.5 && after.acc == 0.25 && after.eta == 7 && after.epochs == 3);
    assert_ok(ax_claim_drop(fd, dir, id));
}

static void claim__with_a_torn_text_is_free(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "{\"host\":\"h\",\"pid", "\0\0\0\0", "{\"host\":\"h\"} 00000000\n", "garbage"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ax_progress p;
        bool alive;
        int fd;
        write_claim(texts[i], strlen(texts[i]));
        assert_ok(ax_claim_read(&p, &alive, dir, id));
        assert_false(alive);
        assert_int_equal(p.pid, 0);
        assert_ok(ax_claim_take(&fd, dir, id));
        assert_true(fd >= 0);
        assert_ok(ax_claim_drop(fd, dir, id));
    }
}

static void claim__progress_is_never_a_mixture(void **state)
{
    (void)state;
    int fd;
    assert_ok(ax_claim_take(&fd, dir, id));
    pid_t writer = fork();
    if (writer == 0) {
        for (double k = 1;; k = k < 1e9 ? k * 7 : 1) {
            ax_progress p = {.epoch = 1, .epochs = 1, .step = k, .steps = k, .rate = k, .loss = k, .acc = k, .eta = k};
            ax_claim_update(fd, &p);
        }
    }
    for (int i = 0, seen = 0; seen < 500 && i < 200000; i++) {
        ax_progress p;
        bool alive;
        assert_ok(ax_claim_read(&p, &alive, dir, id));
        if (!p.pid || !(p.step > 0)) continue;
        seen++;
        assert_true(p.step == p.steps && p.rate == p.loss && p.acc == p.eta && p.step == p.eta);
    }
    end(writer);
    assert_ok(ax_claim_drop(fd, dir, id));
}

static void lock__names_its_holder_and_dies_with_it(void **state)
{
    (void)state;
    int ready[2], fd;
    char byte = 0, want[64];
    assert_int_equal(pipe(ready), 0);
    pid_t holder = fork();
    if (holder == 0) {
        byte = ax_study_lock(&fd, dir) == AX_OK;
        if (write(ready[1], &byte, 1) != 1) _exit(1);
        for (;;) pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 1);
    snprintf(want, sizeof want, "pid %ld on ", (long)holder);
    assert_fails(ax_study_lock(&fd, dir), AX_ESTORE, want);
    end(holder);
    assert_ok(ax_study_lock(&fd, dir));
    close(fd);
}

static void touch(const char *path)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
}

static void deaths__in_a_row_end_with_a_checkpoint_or_another_failure(void **state)
{
    (void)state;
    char *ckpt = ax_study_path(dir, AX_FILE_CKPT, id);
    assert_ok(ax_failed_note(dir, id, "on purpose"));
    assert_ok(ax_failed_retry(dir, id));
    assert_int_equal(ax_failed_deaths(dir, id), 0);      /* a failure is no death */
    assert_ok(ax_failed_note_death(dir, id, "died", 1));
    assert_int_equal(ax_failed_deaths(dir, id), 1);
    assert_int_equal(ax_failed_count(dir, id), 2);       /* but a death is a failure */
    assert_ok(ax_failed_note_death(dir, id, "died", 2));
    assert_int_equal(ax_failed_deaths(dir, id), 2);
    assert_int_equal(ax_study_state(dir, id), AX_STATE_planned);
    touch(ckpt);
    assert_int_equal(ax_failed_deaths(dir, id), 0);
    assert_ok(ax_failed_note_death(dir, id, "died", 1));
    assert_int_equal(ax_failed_deaths(dir, id), 1);
    assert_ok(ax_failed_note(dir, id, "on purpose"));
    assert_ok(ax_failed_retry(dir, id));
    assert_int_equal(ax_failed_deaths(dir, id), 0);
    assert_ok(ax_study_remove(dir, AX_FILE_RETRY, id));
    assert_ok(ax_study_remove(dir, AX_FILE_CKPT, id));
    ax_free(ckpt);
}

static void failure__is_kept_counted_and_forgotten(void **state)
{
    (void)state;
    ax_record r;
    ax_record_init(&r);
    assert_int_equal(ax_study_state(dir, id), AX_STATE_planned);
    assert_ok(ax_failed_note(dir, id, "line 1\nline 2"));
    assert_int_equal(ax_study_state(dir, id), AX_STATE_failed);
    assert_ok(ax_failed_read(dir, id, &r));
    assert_string_equal(r.message, "line 1\nline 2");
    assert_int_equal(r.retries, 0);
    assert_ok(ax_failed_retry(dir, id));
    assert_int_equal(ax_study_state(dir, id), AX_STATE_planned);
    assert_int_equal(ax_failed_count(dir, id), 1);
    assert_ok(ax_failed_note(dir, id, "again"));
    assert_ok(ax_failed_read(dir, id, &r));
    assert_int_equal(r.retries, 1);
    assert_int_equal(ax_failed_count(dir, id), 0);
    assert_ok(ax_study_remove(dir, AX_FILE_FAILED, id));
    assert_fails(ax_failed_read(dir, id, &r), AX_ENOENT, id);
    ax_record_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claim__of_a_living_process_is_not_given_away),
        cmocka_unit_test(claim__of_a_dead_process_is_taken_over),
        cmocka_unit_test(claim__has_one_taker_in_a_race),
        cmocka_unit_test(claim__of_another_host_lives_by_its_heartbeat),
        cmocka_unit_test(claim__of_a_day_ahead_lives_by_its_change),
        cmocka_unit_test(claim__of_a_clock_minutes_ahead_is_fresh),
        cmocka_unit_test(claim__that_cannot_be_opened_is_an_error),
        cmocka_unit_test(claim__heartbeat_keeps_the_progress),
        cmocka_unit_test(claim__with_a_torn_text_is_free),
        cmocka_unit_test(claim__progress_is_never_a_mixture),
        cmocka_unit_test(lock__names_its_holder_and_dies_with_it),
        cmocka_unit_test(deaths__in_a_row_end_with_a_checkpoint_or_another_failure),
        cmocka_unit_test(failure__is_kept_counted_and_forgotten),
    };
    return cmocka_run_group_tests(tests, make, remove_dir);
}

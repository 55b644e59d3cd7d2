/* A study seen from outside: whose a claim is, and what a trial's last event means beside its files. */
#include "check.h"
#include "scratch.h"

#include "base/json.h"
#include "run/watch.h"
#include "store/journal.h"

#include <math.h>
#include <sys/wait.h>
#include <unistd.h>

static ax_spec specs[] = {{.id = "0123456789abcdef", .multiplier = "fp32"}, {.id = "fedcba9876543210", .multiplier = "fp32"}};
static const ax_plan_file plan = {.specs = specs, .n = 2};

static int make(void **state)
{
    return make_dir(state) == 0 && ax_study_mkdirs(dir) == AX_OK ? 0 : -1;
}

/* A process that claims a trial and dies with it. */
static pid_t die_with(const char *id)
{
    int fd, status;
    pid_t pid = fork();
    if (pid == 0) _exit(ax_claim_take(&fd, dir, id) != AX_OK || fd < 0);
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return pid;
}

static void watch__knows_its_workers_claims_from_older_ones_of_their_pid(void **state)
{
    (void)state;
    ax_watch w;
    pid_t before = die_with(specs[0].id);
    usleep(20000);
    assert_ok(ax_watch_init(&w, dir, &plan));
    assert_int_equal(ax_watch_claimed_by(&w, before), -1);
    pid_t since = die_with(specs[1].id);
    assert_int_equal(ax_watch_claimed_by(&w, since), 1);
    ax_watch_release(&w);
    for (int i = 0; i < plan.n; i++) assert_ok(ax_study_remove(dir, AX_FILE_CLAIM, specs[i].id));
}

static void write_event(const char *id, const char *event)
{
    ax_journal *j = ax_journal_open(dir);
    cJSON *e = cJSON_CreateObject();
    assert_non_null(j);
    ax_json_set_string(e, "trial", id);
    ax_json_set_string(e, "event", event);
    assert_ok(ax_journal_add(j, e));
    ax_journal_close(j);
}

static void watch__keeps_a_trial_failed_that_is_interrupted_for_it(void **state)
{
    (void)state;
    ax_watch w;
    assert_ok(ax_watch_init(&w, dir, &plan));
    assert_ok(ax_failed_note(dir, specs[0].id, "it took too long"));
    for (int i = 0; i < plan.n; i++) write_event(specs[i].id, "interrupted");
    assert_ok(ax_watch_poll(&w));
    assert_int_equal(w.trials[0].state, AX_STATE_failed);
    assert_int_equal(w.trials[1].state, AX_STATE_interrupted);
    ax_watch_release(&w);
}

/* Half of the first trial's products takes 60 s: the other trial, of twice as many, takes 240 s. */
static void watch__expects_the_others_to_take_what_the_running_one_does(void **state)
{
    (void)state;
    ax_spec of[] = {{.id = "1111111111111111", .multiplier = "fp32", .multiplies = 1e6}, {.id = "2222222222222222", .multiplier = "mbm:7", .multiplies = 2e6}};
    const ax_plan_file two = {.specs = of, .n = 2};
    ax_watch w;
    assert_ok(ax_watch_init(&w, dir, &two));
    assert_true(isnan(ax_watch_eta(&w, 1)));
    w.trials[0].state = AX_STATE_running;
    w.trials[0].now = (ax_progress){.epoch = 1, .epochs = 1, .step = 5, .steps = 10, .eta = 60};
    assert_float_equal(ax_watch_eta(&w, 1), 300, 1e-6);
    assert_float_equal(ax_watch_eta(&w, 2), 240, 1e-6);
    w.trials[0].now.eta = NAN;
    assert_true(isnan(ax_watch_eta(&w, 1)));
    ax_watch_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(watch__knows_its_workers_claims_from_older_ones_of_their_pid),
        cmocka_unit_test(watch__keeps_a_trial_failed_that_is_interrupted_for_it),
        cmocka_unit_test(watch__expects_the_others_to_take_what_the_running_one_does),
    };
    return cmocka_run_group_tests(tests, make, remove_dir);
}

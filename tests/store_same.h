/* What the tests of store/ mean by the same record and the same file. Behind cmocka's headers. */
#ifndef STORE_SAME_H
#define STORE_SAME_H

#include "base/error.h"
#include "base/file.h"
#include "store_sample.h"

static inline void same_records(const ax_record *a, const ax_record *b)
{
    assert_string_equal(a->id, b->id);
    assert_string_equal(a->multiplier, b->multiplier);
    assert_string_equal(a->family, b->family);
    assert_string_equal(a->device, b->device);
    assert_string_equal(a->host, b->host);
    assert_true(a->seed == b->seed);
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->in_plan, b->in_plan);
    assert_int_equal(a->epochs, b->epochs);
    assert_int_equal(a->best_epoch, b->best_epoch);
    assert_int_equal(a->retries, b->retries);
    assert_memory_equal(&a->test_acc, &b->test_acc, sizeof a->test_acc);
    assert_memory_equal(&a->test_loss, &b->test_loss, sizeof a->test_loss);
    assert_memory_equal(&a->train_s, &b->train_s, sizeof a->train_s);
    assert_memory_equal(&a->started, &b->started, sizeof a->started);
    assert_int_equal(a->ncurves, b->ncurves);
    for (int i = 0; i < a->ncurves; i++) {
        assert_string_equal(a->curves[i].name, b->curves[i].name);
        if (a->epochs) assert_memory_equal(a->curves[i].values, b->curves[i].values, (size_t)a->epochs * sizeof(double));
    }
    assert_int_equal(a->ncorrect, b->ncorrect);
    assert_int_equal(!a->correct, !b->correct);
    if (a->correct) assert_memory_equal(a->correct, b->correct, (size_t)(a->ncorrect + 7) / 8);
    assert_int_equal(a->classes, b->classes);
    assert_int_equal(!a->confusion, !b->confusion);
    if (a->confusion) assert_memory_equal(a->confusion, b->confusion, (size_t)a->classes * (size_t)a->classes * sizeof *a->confusion);
    assert_string_equal(a->params, b->params);
    assert_string_equal(a->config, b->config);
    assert_string_equal(a->env, b->env);
    assert_string_equal(a->log_tail, b->log_tail);
    assert_string_equal(a->message, b->message);
}

static inline void read_both(const char *one, const char *two, char **a, char **b, size_t *na, size_t *nb)
{
    assert_int_equal(ax_file_read(a, na, one, 1 << 26), AX_OK);
    assert_int_equal(ax_file_read(b, nb, two, 1 << 26), AX_OK);
}

static inline void same_bytes(const char *one, const char *two)
{
    char *a, *b;
    size_t na, nb;
    read_both(one, two, &a, &b, &na, &nb);
    assert_int_equal(na, nb);
    assert_memory_equal(a, b, na);
    ax_free(a);
    ax_free(b);
}

#endif

/* The expressions of `ls -w`: width<=5 and (test_acc>0.9 or state=="failed"). */
#ifndef AX_CMD_FILTER_H
#define AX_CMD_FILTER_H

#include "store/record.h"

/* A value of a trial: a number, or a text (not NULL). NAN and NULL: the trial has none. */
typedef struct {
    double number;
    const char *text;
} ax_value;

/* A field of the record (id, multiplier, family, width, seed, state, in_plan, epochs, best_epoch, test_acc, test_loss, train_s,
 * started, retries, device, host, tags), the last value of a curve (valid_acc), or a parameter (lr). A text lives in `room` or
 * in the record. AX_EARG: none of the study's n trials has such a field, with a suggestion. */
int ax_value_get(ax_value *v, const ax_record *all, int n, const ax_record *t, const char *name, char room[AX_LABEL_MAX]);

/* Whether the trial, of the study's n, satisfies the expression. AX_EARG names the place of a mistake. */
int ax_filter_match(bool *match, const char *expression, const ax_record *all, int n, const ax_record *t);

#endif

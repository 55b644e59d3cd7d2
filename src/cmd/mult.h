/* The parts of the verb `mult`, one file each, and what other verbs print of a multiplier. */
#ifndef AX_CMD_MULT_H
#define AX_CMD_MULT_H

#include "engine/mult.h"
#include "lut/errors.h"

#include <cJSON.h>

int ax_mult_errors(int argc, char **argv);
int ax_mult_plot(int argc, char **argv);

/* What was found in a table, and the kernels that serve it: of both roles if they differ, "A / B". All return `text` or a
 * constant. */
enum { AX_FACT_MAX = 96 };
const char *ax_mult_structure(char text[AX_FACT_MAX], const ax_plan *plan);      /* "biased sum, additive + rank 3" */
const char *ax_mult_kernels(char text[AX_FACT_MAX], const ax_plan *plan);
const char *ax_mult_bits(char text[AX_FACT_MAX], uint32_t mask, int width);      /* "111111-": the mask of live bits */
void ax_mult_facts_json(cJSON *object, const ax_mult *m);

/* The metrics of lut/errors.h; relative ones as fractions. */
void ax_errors_json(cJSON *object, const ax_errors *e);

/* A relative error in percent, "2.6932", signed if asked, with an exponent where that would print as 0. */
const char *ax_percent(char text[24], double fraction, int with_sign);

#endif

/* The parts of the verb `mult`, one file each, and what other verbs print of a multiplier. */
#ifndef AX_CMD_MULT_H
#define AX_CMD_MULT_H

#include "base/buf.h"
#include "engine/mult.h"
#include "lut/errors.h"

#include <cJSON.h>

int ax_mult_errors(int argc, char **argv);
int ax_mult_compare(int argc, char **argv);
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

/* The same as a line of a table or of a CSV file, whose end is left to the caller. `name` stands in `width` columns. */
void ax_errors_heading(int width);
void ax_errors_line(int width, const char *name, const ax_errors *e, bool weighted);
void ax_errors_csv_heading(void);
void ax_errors_csv(const char *name, const char *against, const ax_errors *e);
void ax_csv_text(const char *text);                  /* quoted, RFC 4180 */

/* Whence the operands of a metric come, for the first and the second one: all significands alike, arrays of numbers, or a layer of a
 * trained net. */
typedef struct {
    const char *source[2];         /* what the options say; NULL: not given. The second is the first's where only that is given */
    const char *study, *trial, *layer, *pass;      /* the other source; NULL: not given */
    char captured[2][128];         /* and what `source` says then */
    ax_operands numbers[2];
    const ax_operands *side[2];    /* what the metrics take: NULL, or one of `numbers` */
} ax_operand_source;

#define AX_OPERAND_OPTIONS(s)                                                                                               \
    {"operands", 0, AX_OPT_TEXT, &(s).source[0], "A.npy", "weigh operands by the numbers of this array (default: all alike)", 0, 0}, \
    {"operands-b", 0, AX_OPT_TEXT, &(s).source[1], "B.npy", "the second operand's array (default: that of --operands)", 0, 0}, \
    {"study", 0, AX_OPT_TEXT, &(s).study, "DIR", "weigh them by what a trained net multiplies: a study directory,", 0, 0}, \
    {"trial", 0, AX_OPT_TEXT, &(s).trial, "TRIAL", "its trial, by id or as MULTIPLIER/SEED,", 0, 0}, \
    {"layer", 0, AX_OPT_TEXT, &(s).layer, "NAME", "and the layer, as `summary` names it", 0, 0}, \
    {"pass", 0, AX_OPT_TEXT, &(s).pass, "PASS", "the layer's product: forward (default), grad_input or grad_weight", 0, 0}

/* Reads what the options name; `verb` is for messages. To be released in any case. */
int ax_operand_source_open(ax_operand_source *s, const char *verb);
void ax_operand_source_release(ax_operand_source *s);

/* The operands of the layer of the trial that `s` names, and what they are called (src/cmd/mult_capture.c). */
int ax_operand_source_capture(ax_operand_source *s);

/* How many numbers count and how many do not: nothing where all operands count alike. */
void ax_operand_source_text(const ax_operand_source *s);
void ax_operand_source_json(cJSON *object, const ax_operand_source *s);
void ax_operand_source_csv_heading(const ax_operand_source *s);
void ax_operand_source_csv(const ax_operand_source *s);

/* The picture `mult plot --kind operand`, whole, of operands as often as `s` has them. */
int ax_mult_curve(ax_buf *svg, const ax_lut *lut, const ax_operand_source *s);

/* What pictures share: "MRED 2.6932 %, bias +0.4469 %, from -7.6364 to +9.3750 %" below a title, and the operands along an axis,
 * ascending: all of them up to AX_TABLE_MAX_WIDTH bits, else one drawn in each of 2^AX_TABLE_MAX_WIDTH equal intervals. Returns
 * their number. */
enum { AX_AXIS_MAX = 1 << AX_TABLE_MAX_WIDTH };
int ax_mult_summary(ax_buf *svg, double x, double y, const ax_lut *lut, const ax_operand_source *s);
int ax_mult_axis(float operands[AX_AXIS_MAX], const ax_lut *lut, int axis);

/* A relative error in percent, "2.6932", signed if asked, with an exponent where that would print as 0. */
const char *ax_percent(char text[24], double fraction, int with_sign);

#endif

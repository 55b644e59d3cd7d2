/* The steps between a C file and a table, one file each: what the text says, the code around the function, processes with limits. */
#ifndef AX_LUT_CMODEL_PARTS_H
#define AX_LUT_CMODEL_PARTS_H

#include "base/buf.h"
#include "lut/cmodel.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- cmodel_scan.c ---- */

typedef struct {
    char name[AX_CMODEL_SYMBOL_MAX];
    enum ax_cmodel_kind kind;
    int result_bits, operand_bits;      /* of an integer product: of its result, of its narrower operand */
    bool is_static;
    bool called;                        /* by another function of the file: a helper, unless the user names it */
} ax_cmodel_function;

enum { AX_CMODEL_FUNCTIONS = 256 };

/* The functions that preprocessed text defines outside of system headers, at most AX_CMODEL_FUNCTIONS. `own` receives the words of
 * that text, one a line, which no compiler's spacing changes: what identifies the model. Returns how many. */
int ax_cmodel_scan(ax_cmodel_function *found, ax_buf *own, const char *preprocessed, size_t len);

/* Adds preprocessed text but for the system headers' lines; with `markers`, line markers as #line, else none. */
void ax_cmodel_own(ax_buf *out, const char *text, size_t len, bool markers);

/* N of a name mulNu or mulNu_..., EvoApproxLib's for N x N bits; 0 for others. */
int ax_cmodel_name_bits(const char *name);

/* The costs in EvoApproxLib's header comment: lines "PDK45_AREA = 110.8 um2", "..._PWR = 0.034 mW", "..._DELAY = 0.58 ns". */
void ax_cmodel_costs(ax_cmodel_info *info, const char *source);

/* ---- cmodel_code.c ---- */

/* Code to stand behind the user's: approxrun_try and approxrun_word around the function. */
void ax_cmodel_code(ax_buf *out, const ax_cmodel_info *info);

/* The file's own preprocessed text and that code: what a device compiles (ax_lut_code). */
void ax_cmodel_device_code(ax_buf *out, const ax_buf *preprocessed, const ax_buf *code);

/* Writes the word; 0 in range, -1 below, 1 above, `value` being what the function returned. */
typedef int (*ax_cmodel_try)(uint32_t i, uint32_t j, uint32_t *word, double *value);
typedef uint32_t (*ax_cmodel_call)(uint32_t i, uint32_t j);

/* AX_EFORMAT: names the operands, what the function returned, and what was wanted. */
int ax_cmodel_out_of_range(const ax_cmodel_info *info, uint32_t i, uint32_t j, double value);

/* ---- cmodel_make.c ---- */

/* When all must be done, by the monotonic clock, and the seconds that were given for it. */
typedef struct {
    double at;
    double seconds;
} ax_deadline;

enum { AX_CMODEL_ARGUMENTS = 48 };

/* What opening a model needs on the way. */
typedef struct {
    const char *spec;
    ax_cmodel_info *info;
    char symbol[AX_CMODEL_SYMBOL_MAX];      /* keys of the spec: "" and 0 if it has none */
    int width;
    ax_deadline deadline;
    ax_buf text;                            /* the file's, behind a marker with its name: what the compiler reads */
    ax_buf preprocessed;
    ax_buf code;                            /* what is compiled behind it */
    char cc[256];                           /* CC, its words apart */
    char folder[AX_CMODEL_FILE_MAX];        /* where the file's #includes are looked for */
    const char *arguments[AX_CMODEL_ARGUMENTS];      /* of the compiler, NULL at the end */
    int fixed;                              /* those that are the same for preprocessing and compiling */
    char *path;                             /* of the cache's files, without ending */
} ax_cmodel_job;

/* Reads the file named by info: its costs, and its text as the compiler sees it. */
int ax_cmodel_preprocess(ax_cmodel_job *j);

/* From the cache, or compiled and tried now: the words, which the caller frees, or, above AX_TABLE_MAX_WIDTH, the library alone. */
int ax_cmodel_make(uint32_t **words, ax_cmodel_job *j);
void ax_cmodel_library(char *path, size_t size, const ax_cmodel_job *j);

void ax_cmodel_job_release(ax_cmodel_job *j);

/* ---- cmodel_run.c, cmodel_child.c ---- */

/* From APPROXRUN_MODEL_SECONDS or 60. AX_EARG: that is no number above 0. */
int ax_deadline_start(ax_deadline *d);
int ax_deadline_left_ms(const ax_deadline *d);

/* Runs a program (found by PATH) with `input` on its standard input and keeps both outputs. AX_ENOENT: it cannot be started;
 * AX_EFORMAT: the time was over. *code is its exit code, -1 if a signal ended it. */
int ax_cmodel_run(int *code, ax_buf *out, ax_buf *err, const char *const *argv, const ax_buf *input, const ax_deadline *d);

/* Loads the library in a child and tries the function there: all operands up to AX_TABLE_MAX_WIDTH, into words (2^m, 2^m); a sample
 * of them above, with words NULL. */
int ax_cmodel_tabulate(uint32_t *words, const ax_cmodel_info *info, const char *library, const ax_deadline *d);

#endif

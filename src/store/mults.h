/* The multipliers of a study in memory and in its directory: which occur, what the plan says of them, and the tables that no
 * program makes again from a spec alone: those of a script's own functions, of C functions and of files. */
#ifndef AX_STORE_MULTS_H
#define AX_STORE_MULTS_H

#include "store/results.h"

/* Writes DIR/tables/SHA256.bin for each multiplier of a plan that is no family. `plan`: ax_plan_file's multipliers. AX_ESTORE. */
int ax_mults_keep(const char *dir, const char *plan);

/* Fills r->mults from a plan's multipliers and the tables in DIR. A table that is not whole counts as none. */
int ax_mults_plan(ax_results *r, const char *dir, const char *plan);

/* Gives r's multipliers what only those of `from` know; takes their tables. */
void ax_mults_take(ax_results *r, ax_results *from);

/* Puts what m knows into the multiplier of its spec in r, if r has it, and takes or frees m's table. */
void ax_mults_fill(ax_results *r, ax_results_mult *m);
void ax_mult_check_words(ax_results_mult *m);                     /* frees words whose SHA-256 is not m's */
void ax_mult_init(ax_results_mult *m, const char *spec);          /* family and width as far as the spec says them */
void ax_mults_release(ax_results *r);

#endif

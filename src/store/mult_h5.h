/* /multipliers/LABEL of a study file: what a multiplier is, its table, its errors and its costs (docs/results.md). */
#ifndef AX_STORE_MULT_H5_H
#define AX_STORE_MULT_H5_H

#include "store/h5.h"
#include "store/results.h"

int ax_mult_card_put(ax_h5 *h, const ax_results_mult *m);
/* Reads /multipliers/LINK into the multiplier of that spec in r; one that r does not have is left out. AX_EFORMAT. */
int ax_mult_card_get(ax_h5 *h, const char *link, ax_results *r);

#endif

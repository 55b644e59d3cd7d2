/* What a study file holds for other tools beside the trials themselves: /axes, /table, /curves, /grid. */
#ifndef AX_STORE_VIEWS_H5_H
#define AX_STORE_VIEWS_H5_H

#include "store/h5.h"
#include "store/results.h"

int ax_views_put(ax_h5 *h, const ax_results *r);

#endif

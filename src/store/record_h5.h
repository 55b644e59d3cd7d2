/* A trial's record as a group: the root of a trial file, /trials/ID of a study file. */
#ifndef AX_STORE_RECORD_H5_H
#define AX_STORE_RECORD_H5_H

#include "store/h5.h"
#include "store/record.h"

/* group: "/" or an absolute path without a slash at its end. */
int ax_record_put(ax_h5 *h, const char *group, const ax_record *r);

/* r comes from ax_record_init; if r->id is set, it is the id wanted. After a failure r is as ax_record_init leaves it. */
int ax_record_get(ax_h5 *h, const char *group, ax_record *r);

#endif

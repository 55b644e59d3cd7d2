/* The study file: all trials of a study in one HDF5 file that strangers' tools open. The layout is docs/results.md. */
#ifndef AX_STORE_STUDYFILE_H
#define AX_STORE_STUDYFILE_H

#include "store/results.h"

/* Fills an empty r from a study file. AX_EFORMAT, AX_ESTORE as ax_results_open. */
int ax_studyfile_read(ax_results *r, const char *path);

#endif

/* HDF5 files for the targets that read them. */
#ifndef AX_TESTS_FUZZ_H5_FILES_H
#define AX_TESTS_FUZZ_H5_FILES_H

#include "fuzz.h"

/* Valid files of the present schema. */
void fuzz_write_checkpoint(const char *path);
void fuzz_write_trial(const char *path);
void fuzz_write_study(const char *path);

/* The file NAME in the scratch folder. Bytes that begin as HDF5 are the file; others are edits of the file that `write` makes,
 * whose digest is then made anew. */
const char *fuzz_h5(const char *name, void (*write)(const char *path), const uint8_t *data, size_t size);

#endif

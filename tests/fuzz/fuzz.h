/* What every fuzz target includes. A target hands any bytes to one parser, which must answer AX_OK or a status with a message;
 * the sanitizers see to the rest. With clang a target is a libFuzzer program, else replay.c runs it over its corpus. */
#ifndef AX_TESTS_FUZZ_H
#define AX_TESTS_FUZZ_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run where a promise is broken, so that the input is kept. */
#define promise(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition)) fprintf(stderr, "%s:%d: broken: %s (%s)\n", __FILE__, __LINE__, #condition, ax_errmsg()), abort(); \
    } while (0)

/* A failure is one of the program's statuses and says something. */
static inline bool fuzz_accepted(int status)
{
    promise(status <= 0 && status > -(int)AX_STATUS_COUNT);
    promise(status == AX_OK || (status == ax_errstatus() && ax_errmsg()[0]));
    return status == AX_OK;
}

/* The bytes as a text of its own, so that a read behind its end is seen. The caller frees. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    promise(text);
    memcpy(text, data, size);
    text[size] = 0;
    return text;
}

/* A folder in memory for this process, with the subfolders that a study has. */
const char *fuzz_folder(void);

/* The bytes as the file NAME in it. The path lives until the next call. */
const char *fuzz_file(const char *name, const uint8_t *data, size_t size);

#endif

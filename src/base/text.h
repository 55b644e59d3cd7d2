/* Reading numbers from text strictly, and guessing what a misspelt word meant. */
#ifndef AX_BASE_TEXT_H
#define AX_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The whole text must be the number (surrounding space is refused). false: not a number, or out of range. */
bool ax_text_int(int64_t *out, const char *text, int64_t lo, int64_t hi);
bool ax_text_u64(uint64_t *out, const char *text);
bool ax_text_double(double *out, const char *text);

/* A length of time in seconds: "90", "90s", "45m", "3h50m", "2d", or as Slurm writes it, "MM:SS", "HH:MM:SS", "D-HH", "D-HH:MM",
 * "D-HH:MM:SS". More than 0 and at most 1e9. */
bool ax_text_duration(double *seconds, const char *text);

/* The candidate nearest to `word` by Damerau-Levenshtein distance, if near enough to be a typing error; else NULL. */
const char *ax_text_nearest(const char *word, const char *const *candidates, size_t n);

/* " (did you mean 'X'?)" or "", in a per-thread buffer valid until the next call. */
const char *ax_text_hint(const char *word, const char *const *candidates, size_t n);

bool ax_text_starts(const char *text, const char *prefix);
bool ax_text_ends(const char *text, const char *suffix);

#endif

/* What may stand next on a command line. Answers are lines on stdout: a word, and behind a tab what it is. Lines that begin with a
 * colon ask the shell: ":file EXT" for files of that ending and directories, ":file" for all files, ":dir" for directories; behind
 * their tab stands what leads the path in its word, such as "--output=". */
#ifndef AX_CMD_COMPLETE_H
#define AX_CMD_COMPLETE_H

#include "cmd/options.h"

/* Completes the last of the words behind `approxrun`, which may be "". */
int ax_complete(const char *const *words, int n);

/* A word to be completed: "multiplier=mbm:7,mi" is led by "multiplier=mbm:7,", which stays, and "mi" is the rest. */
typedef struct {
    const char *lead;
    int nlead;                   /* bytes of it */
    const char *rest;
    const char *study;           /* the one that stands before; else NULL */
} ax_incomplete;

void ax_complete_offer(const ax_incomplete *w, const char *word, const char *what);      /* printed if it begins with the rest */

/* Offers the values of an argument or option: `kind` as usage and rows write it, such as STUDY, FILE.lua or u8|u32; `option`, its
 * long name, decides first, and is NULL for an argument. */
void ax_complete_values(const ax_incomplete *w, const char *kind, const char *option);

#endif

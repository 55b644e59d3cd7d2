/* Verbs of two words, such as `lut build`: one row each; overview, help and suggestions follow from the rows. */
#ifndef AX_CMD_VERBS_H
#define AX_CMD_VERBS_H

typedef struct {
    const char *name;          /* the second word */
    int (*run)(int argc, char **argv);     /* argv[0] is the second word */
    const char *usage;         /* what follows it, options left out */
    const char *summary;       /* one line */
} ax_verb;

/* Calls the row named by argv[1]. --help prints the rows; a missing or unknown word is AX_EARG. A row with a NULL name ends. */
int ax_verbs_run(const ax_verb *rows, int argc, char **argv);

#endif

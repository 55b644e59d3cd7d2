/* Distinct texts, numbered from 0 on in the order they came: finding equals among n texts takes n steps. */
#ifndef AX_BASE_NAMES_H
#define AX_BASE_NAMES_H

typedef struct {
    char **texts;      /* (n) */
    int *slots;        /* (cap) a text's number and 1, where its hash leads; 0: free */
    int n, cap;
} ax_names;            /* {0}: none yet */

int ax_names_add(ax_names *s, const char *text);               /* its number, also if it is there already; or AX_ENOMEM, which is negative */
int ax_names_find(const ax_names *s, const char *text);        /* its number; -1: not there */
void ax_names_release(ax_names *s);

#endif

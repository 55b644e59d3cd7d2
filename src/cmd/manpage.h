/* The man pages, as sources of scdoc. */
#ifndef AX_CMD_MANPAGE_H
#define AX_CMD_MANPAGE_H

/* Prints approxrun-VERB(1), or approxrun(1) if `verb` is NULL. AX_EARG: no such verb. */
int ax_manpage_print(const char *verb);

#endif

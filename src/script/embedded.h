/* The Lua sources and api.h inside the program: {module name, text} rows, ended by a row of NULLs. */
#ifndef AX_SCRIPT_EMBEDDED_H
#define AX_SCRIPT_EMBEDDED_H

typedef struct {
    const char *name, *text;
} ax_embedded_text;

extern const ax_embedded_text ax_embedded[];

#endif

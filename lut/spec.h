/* How the parts of lut/ read a spec, and the kinds there are. For lut/ alone: others open a spec (lut/lut.h). */
#ifndef AX_SPEC_H
#define AX_SPEC_H

#include "lut/lut.h"

/* A kind of spec: its public row and how one is opened. `text` is what follows "name:" in `spec`, NULL where nothing does.
 *
 * An opener fills width, spec (canonical), family, format, and in view one of: native; model and keys; custom and context; or it fills words, which
 * the lut then owns. Where it leaves words empty, a model of width 11 and less is tabulated by who called it. Where it leaves
 * sha256 empty, that is made of the words or of the spec. */
typedef struct ax_kind {
    ax_family family;
    ax_model model;                 /* of a row of models.def, with */
    int direct;                     /*   its number; else NULL and -1 */
    int (*open)(ax_lut *lut, const struct ax_kind *kind, const char *spec, const char *text);
} ax_kind;

int ax_open_family(ax_lut *lut, const ax_kind *kind, const char *spec, const char *text);      /* lut/family.c */
int ax_open_table(ax_lut *lut, const ax_kind *kind, const char *spec, const char *text);       /* lut/table.c */
int ax_open_c(ax_lut *lut, const ax_kind *kind, const char *spec, const char *text);           /* lut/cmodel.c */

/* One ",key=value"; `keys` is empty or begins with a comma. Returns what follows. A word without '=' has an empty value, and
 * what is longer than its place is cut. */
typedef struct {
    char key[32], value[AX_SPEC_MAX];
    bool has_value;                 /* there was a '=' */
} ax_spec_pair;
const char *ax_spec_next(ax_spec_pair *pair, const char *keys);
/* AX_EARG: the key stands in `keys`, what follows it in `spec`, again. */
int ax_spec_once(const ax_spec_pair *pair, const char *keys, const char *spec);

/* The keys that every spec but fp32 takes, whatever its kind: operands=truncate|round and compat=approxtrain. */
typedef struct {
    bool given;                     /* any of them */
    int round, compat;
} ax_variant;

/* Takes them out of `own`, a copy of `spec`. AX_EARG: a value that there is not, a key given twice or without one. */
int ax_variant_take(ax_variant *v, char *own, const char *spec);
/* What a canonical spec ends with: ",operands=round", ",compat=approxtrain", both or nothing. Returns its length. */
int ax_variant_text(char *text, size_t size, const ax_variant *v);
/* Makes the SHA-256 of a table, or of a text, that of a multiplier: where that varies, it is hashed together with the text above. */
int ax_variant_hash(char sha256[65], const ax_variant *v);
/* Their names, for suggestions. */
enum { AX_VARIANT_KEYS = 2 };
extern const char *const ax_variant_names[AX_VARIANT_KEYS];

/* The length of the path in "FILE,key=value...": it ends at the first comma before a word and '='. A comma elsewhere is its own. */
size_t ax_spec_path_length(const char *text);

#endif

/* operands=round and compat=approxtrain, the keys of every spec. Invariant: what is left of a spec is one its kind reads by itself. */
#include "lut/spec.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { OPERANDS, COMPAT };

const char *const ax_variant_names[AX_VARIANT_KEYS] = {"operands", "compat"};
static const char *const choices[AX_VARIANT_KEYS] = {"truncate|round", "approxtrain"};

/* Behind the family and its width, or behind the file. */
static char *first_key(char *own)
{
    size_t kind = !strncmp(own, "lut:", 4) ? 4 : !strncmp(own, "c:", 2) ? 2 : 0;
    return own + kind + (kind ? ax_spec_path_length(own + kind) : strcspn(own, ","));
}

static int which(const char *key)
{
    for (int k = 0; k < AX_VARIANT_KEYS; k++)
        if (!strcmp(key, ax_variant_names[k])) return k;
    return -1;
}

static int take(ax_variant *v, int key, const ax_spec_pair *pair, const char *spec)
{
    const char *name = ax_variant_names[key];
    if (!pair->has_value) return ax_fail(AX_EARG, "multiplier '%s': the key %s has no value, wanted %s=%s", spec, name, name, choices[key]);
    if (key == OPERANDS && !strcmp(pair->value, "round")) v->round = 1;
    else if (key == COMPAT && !strcmp(pair->value, "approxtrain")) v->compat = 1;
    else if (key != OPERANDS || strcmp(pair->value, "truncate"))
        return ax_fail(AX_EARG, "multiplier '%s': %s is '%s', wanted %s", spec, name, pair->value, choices[key]);
    v->given = true;
    return AX_OK;
}

int ax_variant_take(ax_variant *v, char *own, const char *spec)
{
    bool given[AX_VARIANT_KEYS] = {false};
    ax_spec_pair pair;
    *v = (ax_variant){0};
    for (char *at = first_key(own); *at;) {
        char *next = at + (ax_spec_next(&pair, at) - at);
        int key = which(pair.key);
        if (key < 0) {
            at = next;
            continue;
        }
        if (given[key]) return ax_fail(AX_EARG, "multiplier '%s': the key %s is given twice, wanted once", spec, pair.key);
        given[key] = true;
        AX_TRY(take(v, key, &pair, spec));
        memmove(at, next, strlen(next) + 1);
    }
    return AX_OK;
}

int ax_variant_text(char *text, size_t size, const ax_variant *v)
{
    return snprintf(text, size, "%s%s", v->round ? ",operands=round" : "", v->compat ? ",compat=approxtrain" : "");
}

int ax_variant_hash(char sha256[65], const ax_variant *v)
{
    char text[128];
    if (!v->round && !v->compat) return AX_OK;
    int n = snprintf(text, sizeof text, "%s", sha256);
    n += ax_variant_text(text + n, sizeof text - (size_t)n, v);
    return ax_sha256(sha256, text, (size_t)n);
}

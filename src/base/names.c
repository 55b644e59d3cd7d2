/* A hash table with open addressing. Invariant: at least half of the slots are free, so a search soon meets one. */
#include "base/names.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdint.h>
#include <string.h>

/* FNV-1a. */
static uint32_t hash(const char *text)
{
    uint32_t h = 2166136261u;
    for (; *text; text++) h = (h ^ (unsigned char)*text) * 16777619u;
    return h;
}

/* The slot that holds the text, or the free one where it belongs. */
static int *slot_of(const ax_names *s, const char *text)
{
    uint32_t mask = (uint32_t)s->cap - 1;
    for (uint32_t i = hash(text) & mask;; i = (i + 1) & mask)
        if (!s->slots[i] || !strcmp(s->texts[s->slots[i] - 1], text)) return &s->slots[i];
}

static int grow(ax_names *s)
{
    int cap = s->cap ? 2 * s->cap : 16;
    char **texts = ax_realloc(s->texts, (size_t)cap / 2, sizeof *texts);
    if (!texts) return AX_ENOMEM;
    s->texts = texts;
    int *slots = ax_alloc((size_t)cap, sizeof *slots);
    if (!slots) return AX_ENOMEM;
    ax_free(s->slots);
    s->slots = slots;
    s->cap = cap;
    for (int i = 0; i < s->n; i++) *slot_of(s, s->texts[i]) = i + 1;
    return AX_OK;
}

int ax_names_find(const ax_names *s, const char *text) { return s->cap ? *slot_of(s, text) - 1 : -1; }

int ax_names_add(ax_names *s, const char *text)
{
    int known = ax_names_find(s, text);
    if (known >= 0) return known;
    if (s->n == s->cap / 2) AX_TRY(grow(s));
    char *copy = ax_strdup(text);
    if (!copy) return AX_ENOMEM;
    s->texts[s->n++] = copy;
    *slot_of(s, copy) = s->n;
    return s->n - 1;
}

void ax_names_release(ax_names *s)
{
    for (int i = 0; i < s->n; i++) ax_free(s->texts[i]);
    ax_free(s->texts);
    ax_free(s->slots);
    *s = (ax_names){0};
}

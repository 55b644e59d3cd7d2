/* family:width,key=value..., the multipliers of models.def. Invariant: the canonical spec names width and keys in the order of
 * their rows and leaves out what is standard, so that equal multipliers of a family have equal specs. */
#include "lut/spec.h"

#include "base/error.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *family;
    ax_family_key key;
} keys[] = {
#define AX_KEY(family, name, least, over, standard, example) {#family, {#name, NULL, least, over, standard, example}},
#define AX_CHOICE(family, name, words, standard, example) {#family, {#name, words, 0, 0, standard, example}},
#include "lut/models.def"
};

const ax_family_key *ax_family_key_at(const ax_family *family, int n)
{
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        if (!strcmp(keys[k].family, family->name) && n-- == 0) return &keys[k].key;
    return NULL;
}

/* The word at a place of "truncate|round"; its length is 0 past the last. */
static const char *word_at(size_t *length, const char *words, int place)
{
    for (; place > 0 && *words; place--) {
        words += strcspn(words, "|");
        words += *words == '|';
    }
    *length = strcspn(words, "|");
    return words;
}

void ax_family_key_range(char *text, size_t size, const ax_family_key *key)
{
    if (key->words) snprintf(text, size, "%s", key->words);
    else if (key->over) snprintf(text, size, "%d..m%+d", key->least, key->over);
    else snprintf(text, size, "%d..m", key->least);
}

/* Appends ",key=value" for each value that is not the standard one. */
static void append_keys(char *text, size_t size, const ax_family *family, const int *value)
{
    const ax_family_key *key;
    size_t n = strlen(text), length;
    for (int k = 0; (key = ax_family_key_at(family, k)); k++, n = strlen(text)) {
        if (value[k] == key->standard) continue;
        const char *word = key->words ? word_at(&length, key->words, value[k]) : NULL;
        if (word) snprintf(text + n, size - n, ",%s=%.*s", key->name, (int)length, word);
        else snprintf(text + n, size - n, ",%s=%d", key->name, value[k]);
    }
}

void ax_family_example(char *text, size_t size, const ax_family *family, int width)
{
    int value[AX_KEYS_MAX] = {0};
    const ax_family_key *key;
    for (int k = 0; (key = ax_family_key_at(family, k)); k++) value[k] = key->example;
    snprintf(text, size, "%s:%d", family->name, width);
    append_keys(text, size, family, value);
}

/* "7" of "mbm:7,corr=round". Returns what follows through `rest`. */
static int parse_width(int *width, const char **rest, const ax_family *f, const char *spec, const char *text)
{
    char digits[32];
    int64_t value;
    size_t n = text ? strcspn(text, ",") : 0;
    if (n == 0)
        return ax_fail(AX_EARG, "multiplier '%s': the width is missing, wanted %s:%d to %s:%d", spec, f->name, f->min_width, f->name, f->max_width);
    snprintf(digits, sizeof digits, "%.*s", (int)(n < sizeof digits ? n : sizeof digits - 1), text);
    if (n >= sizeof digits || !ax_text_int(&value, digits, INT32_MIN, INT32_MAX))
        return ax_fail(AX_EARG, "multiplier '%s': the width is '%.*s', wanted a whole number from %d to %d", spec, (int)n, text, f->min_width,
                       f->max_width);
    if (value < f->min_width || value > f->max_width)
        return ax_fail(AX_EARG, "multiplier '%s': width %lld, wanted %d to %d", spec, (long long)value, f->min_width, f->max_width);
    *width = (int)value;
    *rest = text + n;
    return AX_OK;
}

static int unknown_key(const ax_family *f, const char *spec, const char *name)
{
    const char *names[AX_KEYS_MAX + AX_VARIANT_KEYS];
    char wanted[128] = "";
    size_t count = 0;
    for (const ax_family_key *key; (key = ax_family_key_at(f, (int)count)); count++) {
        size_t n = strlen(wanted);
        names[count] = key->name;
        snprintf(wanted + n, sizeof wanted - n, "%s%s", count ? ", " : "", key->name);
    }
    for (int k = 0; k < AX_VARIANT_KEYS; k++) names[count + (size_t)k] = ax_variant_names[k];
    const char *hint = ax_text_hint(name, names, count + AX_VARIANT_KEYS);
    if (count) return ax_fail(AX_EARG, "multiplier '%s': unknown key '%s'%s, %s takes %s", spec, name, hint, f->name, wanted);
    return ax_fail(AX_EARG, "multiplier '%s': unknown key '%s'%s, %s takes none; wanted %s:WIDTH", spec, name, hint, f->name, f->name);
}

static int parse_choice(int *value, const ax_family_key *key, const char *spec, const char *text)
{
    size_t length;
    for (int place = 0; *word_at(&length, key->words, place); place++)
        if (length == strlen(text) && !strncmp(text, word_at(&length, key->words, place), length)) return *value = place, AX_OK;
    return ax_fail(AX_EARG, "multiplier '%s': %s is '%s', wanted one of %s", spec, key->name, text, key->words);
}

static int parse_value(int *value, const ax_family_key *key, int width, const char *spec, const char *text)
{
    int64_t number;
    if (key->words) return parse_choice(value, key, spec, text);
    int most = width + key->over;
    if (!ax_text_int(&number, text, key->least, most))
        return ax_fail(AX_EARG, "multiplier '%s': %s is '%s', wanted a whole number from %d to %d at width %d", spec, key->name, text,
                       key->least, most, width);
    *value = (int)number;
    return AX_OK;
}

static int missing_key(const ax_family *f, const ax_family_key *key, int width, const char *spec)
{
    char range[64], example[AX_SPEC_MAX];
    if (key->words) snprintf(range, sizeof range, "one of %s", key->words);
    else snprintf(range, sizeof range, "a whole number from %d to %d", key->least, width + key->over);
    ax_family_example(example, sizeof example, f, AX_EXAMPLE_WIDTH);
    return ax_fail(AX_EARG, "multiplier '%s': the key %s is missing, wanted %s, as in %s", spec, key->name, range, example);
}

static int parse_keys(int *value, const ax_family *f, int width, const char *spec, const char *text)
{
    bool given[AX_KEYS_MAX] = {false};
    ax_spec_pair pair;
    char range[64];
    const ax_family_key *key;
    while (*text) {
        int k = 0;
        if (!text[1]) return ax_fail(AX_EARG, "multiplier '%s': a key is missing behind the comma, wanted key=value", spec);
        text = ax_spec_next(&pair, text);
        while ((key = ax_family_key_at(f, k)) && strcmp(key->name, pair.key)) k++;
        if (!key) return unknown_key(f, spec, pair.key);
        if (given[k]) return ax_fail(AX_EARG, "multiplier '%s': the key %s is given twice, wanted once", spec, key->name);
        if (!pair.has_value) {
            ax_family_key_range(range, sizeof range, key);
            return ax_fail(AX_EARG, "multiplier '%s': the key %s has no value, wanted %s=%s", spec, key->name, key->name, range);
        }
        given[k] = true;
        AX_TRY(parse_value(&value[k], key, width, spec, pair.value));
    }
    for (int k = 0; (key = ax_family_key_at(f, k)); k++) {
        if (given[k]) continue;
        if (key->standard == AX_KEY_REQUIRED) return missing_key(f, key, width, spec);
        value[k] = key->standard;
    }
    return AX_OK;
}

int ax_open_family(ax_lut *lut, const ax_kind *kind, const char *spec, const char *text)
{
    const ax_family *f = &kind->family;
    AX_TRY(parse_width(&lut->width, &text, f, spec, text));
    AX_TRY(parse_keys(lut->view.keys.key, f, lut->width, spec, text));
    lut->view.keys.m = (unsigned)lut->width;
    lut->view.model = kind->model;
    lut->view.direct = kind->direct;
    snprintf(lut->family, sizeof lut->family, "%s", f->name);
    snprintf(lut->spec, sizeof lut->spec, "%s:%d", f->name, lut->width);
    append_keys(lut->spec, sizeof lut->spec, f, lut->view.keys.key);
    return AX_OK;
}

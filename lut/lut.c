/* The registry of multipliers. Invariant: an open ax_lut has words (m <= 11), a model or a user's function, or is native. */
#include "lut/lut.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "lut/defined.h"
#include "lut/file.h"
#include "lut/models/all.h"
#include "lut/spec.h"

#include <stdio.h>
#include <string.h>

enum { NUMERICS_VERSION = 1 };      /* changes when a model above m = 11 gives other bits: it has no table whose bytes could be hashed */

enum {
#define AX_FAMILY(name, widest, form, title, reference) DIRECT_##name,
#include "lut/models.def"
};

static int open_native(ax_lut *lut, const ax_kind *kind, const char *spec, const char *text)
{
    const char *name = kind->family.name;
    if (text) return ax_fail(AX_EARG, "multiplier '%s': %s has no width and no keys; write %s, or exact:WIDTH for a narrower one", spec, name, name);
    lut->width = AX_WIDTH_MAX;
    lut->view.native = 1;
    snprintf(lut->family, sizeof lut->family, "%s", name);
    snprintf(lut->spec, sizeof lut->spec, "%s", name);
    return AX_OK;
}

static const ax_kind kinds[] = {
    {{"fp32", AX_WIDTH_MAX, AX_WIDTH_MAX, NULL, "the machine's own FP32 product", "IEEE 754"}, NULL, -1, open_native},
#define AX_FAMILY(name, widest, form, title, reference)                                                                \
    {{#name, 1, widest, NULL, title, reference}, ax_model_##name, DIRECT_##name, ax_open_family},
#include "lut/models.def"
    {{"lut", 1, AX_TABLE_MAX_WIDTH, "[width=m] [format=u8|u32]", "a table from a file, lut:FILE", "docs/multipliers.md"}, NULL, -1,
     ax_open_table},
    {{"c", 1, AX_WIDTH_MAX, "[width=m] [symbol=name]", "a C function from a file, c:FILE.c", "docs/multipliers.md"}, NULL, -1, ax_open_c},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

int ax_family_count(void)
{
    return KINDS;
}

const ax_family *ax_family_at(int row)
{
    return &kinds[row].family;
}

void ax_lut_format(char *text, size_t size, const ax_lut *lut)
{
    snprintf(text, size, "%s (1,8,%d) %d bits", lut->spec, lut->width, 9 + lut->width);
}

static int hash_table(char sha256[65], const uint32_t *words, int width, const char *spec)
{
    ax_buf bytes;
    ax_buf_init(&bytes);
    int status = ax_table_encode(&bytes, words, width, AX_TABLE_U32, spec);
    if (status == AX_OK) status = ax_sha256(sha256, bytes.data, bytes.len);
    ax_buf_release(&bytes);
    return status;
}

/* What is hashed: the table's u32 file, else the spec with its width and the version of the numerics. */
static int hash(ax_lut *lut)
{
    char text[AX_SPEC_MAX + 96];
    if (lut->words) return hash_table(lut->sha256, lut->words, lut->width, lut->spec);
    const char *keys = strchr(lut->spec, ',');
    int n = snprintf(text, sizeof text, "%s:%d%s numerics %d", lut->family, lut->width, keys ? keys : "", NUMERICS_VERSION);
    return ax_sha256(lut->sha256, text, (size_t)n);
}

int ax_lut_hash(char sha256[65], const uint32_t *words, int width, const char *spec)
{
    ax_variant v;
    char *own = ax_strdup(spec);
    int status = own ? ax_variant_take(&v, own, spec) : AX_ENOMEM;
    if (status == AX_OK) status = hash_table(sha256, words, width, spec);
    if (status == AX_OK) status = ax_variant_hash(sha256, &v);
    ax_free(own);
    return status;
}

/* A multiplier that is open as its kind has it becomes what the keys of every spec make of it. */
static int vary(ax_lut *lut, const ax_variant *v, const char *spec)
{
    if (!v->given) return AX_OK;
    if (lut->view.native) return ax_fail(AX_EARG, "multiplier '%s': fp32 takes no keys, as its operands stay whole; write fp32", spec);
    if (v->compat && !lut->words)
        return ax_fail(AX_EARG, "multiplier '%s': width %d, wanted 1 to %d with compat=approxtrain, which is of tables", spec, lut->width,
                       AX_TABLE_MAX_WIDTH);
    size_t n = strlen(lut->spec);
    if (n + (size_t)ax_variant_text(lut->spec + n, sizeof lut->spec - n, v) >= sizeof lut->spec)
        return ax_fail(AX_EARG, "multiplier '%.60s...': the spec is longer than %d bytes", spec, AX_SPEC_MAX - 1);
    if (v->round) lut->view.round[0] = lut->width_a, lut->view.round[1] = lut->width_b;
    lut->view.compat = v->compat;
    return ax_variant_hash(lut->sha256, v);
}

static int build_words(ax_lut *lut)
{
    uint32_t n = 1u << lut->width;
    lut->words = ax_alloc((size_t)n * n, sizeof *lut->words);
    if (!lut->words) return AX_ENOMEM;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++) lut->words[i << lut->width | j] = lut->view.model(&lut->view.keys, i, j);
    return AX_OK;
}

static int unknown_family(const char *spec, const char *name)
{
    enum { DEFINED_MOST = 64 };
    const char *names[KINDS + DEFINED_MOST];
    for (int row = 0; row < KINDS; row++) names[row] = kinds[row].family.name;
    const char *hint = ax_text_hint(name, names, KINDS + ax_defined_names(names + KINDS, DEFINED_MOST));
    if (strpbrk(name, "./")) hint = "; a file is c:FILE.c or lut:FILE";
    return ax_fail(AX_EARG, "multiplier '%s': unknown family '%s'%s; see 'approxrun mult list'", spec, name, hint);
}

/* `own` is the spec without the keys of every spec. */
static int open_kind(ax_lut *lut, const char *spec, const char *own)
{
    char name[64];
    size_t n = strcspn(own, ":,");
    const char *text = own[n] ? own + n + 1 : NULL;
    snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), own);
    if (!*spec) return ax_fail(AX_EARG, "multiplier '': wanted FAMILY:WIDTH, such as mbm:7, or fp32; see 'approxrun mult list'");
    for (int row = 0; row < KINDS; row++)
        if (!strcmp(name, kinds[row].family.name)) return kinds[row].open(lut, &kinds[row], spec, text);
    return ax_defined_known(name) ? ax_defined_open(lut, spec, name, text) : unknown_family(spec, name);
}

static int open_spec(ax_lut *lut, ax_variant *v, const char *spec)
{
    char *own = ax_strdup(spec);
    int status = own ? ax_variant_take(v, own, spec) : AX_ENOMEM;
    if (status == AX_OK) status = open_kind(lut, spec, own);
    ax_free(own);
    return status;
}

ax_lut *ax_lut_open(const char *spec)
{
    ax_variant v = {0};
    ax_lut *lut = ax_alloc(1, sizeof *lut);
    if (!lut) return NULL;
    lut->view.direct = -1;
    int status = open_spec(lut, &v, spec);
    if (status == AX_OK && !lut->words && lut->view.model && lut->width <= AX_TABLE_MAX_WIDTH) status = build_words(lut);
    lut->view.width = lut->width;
    lut->view.words = lut->words;
    if (!lut->width_a) lut->width_a = lut->width_b = lut->width;
    if (status == AX_OK && !*lut->sha256) status = hash(lut);
    if (status == AX_OK) status = vary(lut, &v, spec);
    if (status == AX_OK) return lut;
    ax_lut_close(lut);
    return NULL;
}

void ax_lut_close(ax_lut *lut)
{
    if (!lut) return;
    ax_cmodel_close(lut->c);
    ax_free(lut->words);
    ax_free(lut);
}

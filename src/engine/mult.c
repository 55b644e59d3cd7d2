/* The table cache: each multiplier is opened and analysed once a process, under its canonical spec and under the spec it was
 * asked for by. Calls come from one thread. */
#include "engine/mult.h"

#include "base/alloc.h"
#include "base/error.h"
#include "lut/defined.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    ax_gradient tables;
    void *memory;          /* theirs; NULL: nobody has asked for them yet */
} gradients;

struct ax_mult {
    ax_lut *lut;
    ax_plan plan;
    void *memory;          /* the plan's work memory */
    size_t bytes;          /* of the table and of that */
    gradients *gradient;
    int names;             /* entries that lead to it */
    bool stale;            /* its definition was replaced: never found again, freed with the rest */
};

typedef struct entry {
    char *spec;
    ax_mult *mult;
    struct entry *next;
} entry;

static entry *cache;
static size_t cached_bytes;
static const size_t cached_most = (size_t)256 << 20;

static ax_mult *find(const char *spec)
{
    for (const entry *e = cache; e; e = e->next)
        if (!e->mult->stale && !strcmp(e->spec, spec)) return e->mult;
    return NULL;
}

static int remember(const char *spec, ax_mult *m)
{
    entry *e = ax_alloc(1, sizeof *e);
    char *copy = e ? ax_strdup(spec) : NULL;
    if (!copy) {
        ax_free(e);
        return AX_ENOMEM;
    }
    *e = (entry){copy, m, cache};
    m->names++;
    cache = e;
    return AX_OK;
}

static void mult_free(ax_mult *m)
{
    if (!m) return;
    if (m->gradient) ax_free(m->gradient->memory);
    ax_free(m->gradient);
    ax_free(m->memory);
    ax_free(m);
}

/* Takes over `lut`, also on failure. */
static ax_mult *mult_new(ax_lut *lut)
{
    ax_mult *m = ax_alloc(1, sizeof *m);
    if (!m) goto out;
    size_t bytes = ax_plan_bytes(&lut->view);
    m->lut = lut;
    m->memory = ax_alloc_aligned(bytes ? bytes : 1, 1);
    m->gradient = ax_alloc(1, sizeof *m->gradient);
    if (!m->memory || !m->gradient || remember(lut->spec, m) != AX_OK) goto out;
    ax_plan_init(&m->plan, &lut->view, m->memory);
    m->bytes = bytes + (lut->words ? sizeof *lut->words << 2 * lut->width : 0);
    cached_bytes += m->bytes;
    return m;
out:
    mult_free(m);
    ax_lut_close(lut);
    return NULL;
}

const ax_mult *ax_mult_get(const char *spec)
{
    if (!spec) {
        ax_fail(AX_EARG, "multiplier: the spec is nil");
        return NULL;
    }
    ax_mult *m = find(spec);
    if (m) return m;
    ax_lut *lut = ax_lut_open(spec);
    if (!lut) return NULL;
    if ((m = find(lut->spec))) ax_lut_close(lut);
    else if (!(m = mult_new(lut))) return NULL;
    return strcmp(spec, m->lut->spec) == 0 || remember(spec, m) == AX_OK ? m : NULL;
}

/* ---- multipliers of a script's own ---- */

/* What was opened under NAME:WIDTH; 0: under every width that NAME has no more. */
static void forget(const char *name, int width)
{
    for (entry *e = cache; e; e = e->next) {
        const ax_lut *lut = e->mult->lut;
        char own[AX_SPEC_MAX];
        int n = snprintf(own, sizeof own, "%s:%d", name, lut->width);
        if (strncmp(lut->spec, own, (size_t)n) || (lut->spec[n] && lut->spec[n] != ',')) continue;
        if (width ? lut->width == width : !ax_defined_find(name, lut->width)) e->mult->stale = true;
    }
}

int ax_mult_declare(const char *name, const int *widths, int n)
{
    if (!name || !widths) return ax_fail(AX_EARG, "multiplier: the name or the widths are nil");
    AX_TRY(ax_defined_declare(name, widths, n));
    forget(name, 0);
    return AX_OK;
}

int ax_mult_define(const char *name, int width, const uint32_t *words)
{
    bool changed;
    if (!name || !words) return ax_fail(AX_EARG, "multiplier: the name or the words are nil");
    AX_TRY(ax_defined_give(name, width, words, &changed));
    if (changed) forget(name, width);
    return AX_OK;
}

void ax_mult_trim(void)
{
    if (cached_bytes <= cached_most) return;
    for (entry *next; cache; cache = next) {
        ax_mult *m = cache->mult;
        next = cache->next;
        if (!--m->names) {
            ax_lut_close(m->lut);
            mult_free(m);
        }
        ax_free(cache->spec);
        ax_free(cache);
    }
    cached_bytes = 0;
}

const char *ax_mult_spec(const ax_mult *m) { return m ? m->lut->spec : ""; }
const char *ax_mult_family(const ax_mult *m) { return m ? m->lut->family : ""; }
int ax_mult_width(const ax_mult *m) { return m ? m->lut->width : 0; }
const char *ax_mult_sha256(const ax_mult *m) { return m ? m->lut->sha256 : ""; }

double ax_mult_cost(const ax_mult *m, int what)
{
    if (!m || !m->lut->c || what < 0 || what > 2) return NAN;
    const ax_cmodel_info *about = ax_cmodel_about(m->lut->c);
    return what == 0 ? about->area_um2 : what == 1 ? about->power_mw : about->delay_ns;
}

const ax_lut *ax_mult_lut(const ax_mult *m) { return m->lut; }
const ax_plan *ax_mult_plan(const ax_mult *m) { return &m->plan; }

const ax_gradient *ax_mult_gradient(const char *op, const ax_mult *m)
{
    if (!m || !m->plan.lut.words) {
        ax_fail(AX_EARG, "%s: %s%s; wanted a multiplier with a table, of width 1 to %d, or backward = \"exact\"", op,
                m ? "the multiplier is " : "the multiplier is nil", ax_mult_spec(m), AX_TABLE_MAX_WIDTH);
        return NULL;
    }
    gradients *g = m->gradient;
    if (g->memory) return &g->tables;
    size_t bytes = ax_gradient_bytes(m->plan.lut.width);
    if (!(g->memory = ax_alloc_aligned(bytes, 1))) return NULL;
    ax_gradient_init(&g->tables, &m->plan, g->memory);
    cached_bytes += bytes;
    return &g->tables;
}

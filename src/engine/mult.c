/* The table cache: each multiplier is opened and analysed once a process, under its canonical spec and under the spec it was
 * asked for by. Calls come from one thread. */
#include "engine/mult.h"

#include "base/alloc.h"
#include "base/error.h"

#include <string.h>

struct ax_mult {
    ax_lut *lut;
    ax_plan plan;
    void *memory;          /* the plan's work memory */
    size_t bytes;          /* of the table and of that */
    int names;             /* entries that lead to it */
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
        if (!strcmp(e->spec, spec)) return e->mult;
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
    if (!m->memory || remember(lut->spec, m) != AX_OK) goto out;
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
const ax_lut *ax_mult_lut(const ax_mult *m) { return m->lut; }
const ax_plan *ax_mult_plan(const ax_mult *m) { return &m->plan; }

/* Multipliers of a study. Invariant: words that a multiplier holds are the table whose SHA-256 it carries. */
#include "store/mults.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "lut/defined.h"
#include "lut/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const ax_costs no_costs = {NAN, NAN, NAN, NAN, ""};

bool ax_costs_known(const ax_costs *c)
{
#define X(field) if (!isnan(c->field)) return true;
    AX_COSTS(X)
#undef X
    return c->source[0] != 0;
}

/* ---- one ---- */

/* "mbm:7 (1,8,7) 16 bits"; a spec too long for that stands alone. */
static void set_format(ax_results_mult *m)
{
    char form[48];
    int n = snprintf(form, sizeof form, " (1,8,%d) %d bits", m->width, 9 + m->width);
    bool fits = m->width > 0 && strlen(m->spec) + (size_t)n < sizeof m->format;
    snprintf(m->format, sizeof m->format, "%.*s%s", (int)(sizeof m->format - 1 - (fits ? (size_t)n : 0)), m->spec, fits ? form : "");
}

void ax_mult_init(ax_results_mult *m, const char *spec)
{
    memset(m, 0, sizeof *m);
    snprintf(m->spec, sizeof m->spec, "%s", spec);
    m->kind = ax_lut_kind(spec);
    m->costs = no_costs;
    if (!strcmp(m->kind, "family") || !strcmp(m->kind, "lua")) {
        size_t n = strcspn(spec, ":,");
        snprintf(m->family, sizeof m->family, "%.*s", (int)n, spec);
        long width = spec[n] == ':' ? strtol(spec + n + 1, NULL, 10) : AX_WIDTH_MAX;
        m->width = width > 0 && width <= AX_WIDTH_MAX ? (int)width : 0;
    }
    set_format(m);
}

void ax_mults_release(ax_results *r)
{
    for (int i = 0; i < r->nmults; i++) ax_free(r->mults[i].words);
    ax_free(r->mults);
    r->mults = NULL;
    r->nmults = 0;
}

static ax_results_mult *find(ax_results *r, const char *spec)
{
    for (int i = 0; i < r->nmults; i++)
        if (!strcmp(r->mults[i].spec, spec)) return &r->mults[i];
    return NULL;
}

const ax_results_mult *ax_results_mult_of(const ax_results *r, const char *spec)
{
    for (int i = 0; i < r->nmults; i++)
        if (!strcmp(r->mults[i].spec, spec)) return &r->mults[i];
    return NULL;
}

void ax_mults_fill(ax_results *r, ax_results_mult *m)
{
    ax_results_mult *own = find(r, m->spec);
    if (own) {
        if (!own->family[0]) memcpy(own->family, m->family, sizeof own->family);
        if (!own->width) own->width = m->width;
        if (!own->sha256[0]) memcpy(own->sha256, m->sha256, sizeof own->sha256);
        if (!ax_costs_known(&own->costs)) own->costs = m->costs;
        set_format(own);
        if (m->words && !own->words && own->width == m->width && !strcmp(own->sha256, m->sha256)) {
            own->words = m->words;
            m->words = NULL;
        }
    }
    ax_free(m->words);
    m->words = NULL;
}

void ax_mults_take(ax_results *r, ax_results *from)
{
    for (int i = 0; i < from->nmults; i++) ax_mults_fill(r, &from->mults[i]);
}

/* ---- those of the trials ---- */

static int add(ax_results *r, const char *spec, const char *family, int width, const char *sha256)
{
    if (find(r, spec)) return AX_OK;
    ax_results_mult *mults = ax_realloc(r->mults, (size_t)r->nmults + 1, sizeof *mults);
    if (!mults) return AX_ENOMEM;
    r->mults = mults;
    ax_results_mult *m = &mults[r->nmults++];
    ax_mult_init(m, spec);
    if (family) {
        snprintf(m->family, sizeof m->family, "%s", family);
        m->width = width;
        set_format(m);
    }
    snprintf(m->sha256, sizeof m->sha256, "%.64s", sha256);
    return AX_OK;
}

/* The trial's own, then those of its layers; the configuration has the SHA-256 of each table. */
static int add_of_trial(ax_results *r, const ax_record *t)
{
    cJSON *config = cJSON_Parse(t->config);
    const cJSON *mults = cJSON_GetObjectItemCaseSensitive(config, "multipliers"), *item;
    int status = add(r, t->multiplier, t->family, t->width, ax_json_get_string(mults, t->multiplier, ""));
    cJSON_ArrayForEach(item, mults)
        if (status == AX_OK && cJSON_IsString(item) && item->string && strlen(item->string) < AX_LABEL_MAX)
            status = add(r, item->string, NULL, 0, item->valuestring);
    cJSON_Delete(config);
    return status;
}

int ax_results_collect(ax_results *r)
{
    for (int i = 0; i < r->n; i++) AX_TRY(add_of_trial(r, &r->trials[i]));
    return AX_OK;
}

/* ---- tables in the directory ---- */

/* "DIR/tables/SHA256.bin"; NULL: AX_ENOMEM, or no SHA-256. */
static char *table_path(const char *dir, const char *sha256)
{
    char name[128];
    if (strlen(sha256) != AX_SHA256_HEX - 1 || strspn(sha256, "0123456789abcdef") != AX_SHA256_HEX - 1) return NULL;
    snprintf(name, sizeof name, "tables/%s.bin", sha256);
    return ax_path_join(dir, name);
}

static int write_table(const char *dir, const char *path, const ax_lut *lut)
{
    ax_buf bytes = {0};
    char *tables = ax_path_join(dir, "tables");
    int status = tables ? ax_file_mkdirs(tables) : AX_ENOMEM;
    if (status == AX_OK) status = ax_table_encode(&bytes, lut->words, lut->width, AX_TABLE_U32, lut->spec);
    if (status == AX_OK) status = ax_file_write(path, bytes.data, bytes.len);
    ax_buf_release(&bytes);
    ax_free(tables);
    return status;
}

static int keep(const char *dir, const char *spec)
{
    ax_lut *lut = ax_lut_open(spec);
    if (!lut) return AX_OK;      /* the plan was made elsewhere */
    char *path = lut->words ? table_path(dir, lut->sha256) : NULL;
    int status = path && !ax_file_exists(path) ? write_table(dir, path, lut) : AX_OK;
    ax_free(path);
    ax_lut_close(lut);
    return status;
}

int ax_mults_keep(const char *dir, const char *plan)
{
    cJSON *tree = ax_json_parse(plan, strlen(plan), "plan.json: multipliers"), *item;
    int status = tree ? AX_OK : ax_errstatus();
    cJSON_ArrayForEach(item, tree)
        if (status == AX_OK && item->string && strcmp(ax_lut_kind(item->string), "family")) status = keep(dir, item->string);
    cJSON_Delete(tree);
    return status;
}

void ax_mult_check_words(ax_results_mult *m)
{
    char hex[AX_SHA256_HEX] = "";
    if (ax_lut_hash(hex, m->words, m->width, m->spec) == AX_OK && !strcmp(hex, m->sha256)) return;
    ax_free(m->words);
    m->words = NULL;
}

/* The words of m, if its file is there and whole. */
static void load_table(ax_results_mult *m, const char *dir)
{
    char *path = m->width >= 1 && m->width <= AX_TABLE_MAX_WIDTH ? table_path(dir, m->sha256) : NULL;
    enum ax_table_format format = AX_TABLE_U32;
    int width = m->width;
    if (path && ax_file_exists(path) && ax_table_read(&m->words, &width, &format, path) == AX_OK) ax_mult_check_words(m);
    else m->words = NULL;
    ax_free(path);
}

/* ---- the plan ---- */

static void take_costs(ax_costs *c, const cJSON *o)
{
#define X(field) c->field = ax_json_get_number(o, #field, NAN);
    AX_COSTS(X)
#undef X
    snprintf(c->source, sizeof c->source, "%s", ax_json_get_string(o, "source", ""));
}

int ax_mults_plan(ax_results *r, const char *dir, const char *plan)
{
    cJSON *tree = ax_json_parse(plan, strlen(plan), "plan.json: multipliers"), *item;
    if (!tree) return ax_errstatus();
    cJSON_ArrayForEach(item, tree) {
        if (!item->string || strlen(item->string) >= AX_LABEL_MAX) continue;
        ax_results_mult m;
        ax_mult_init(&m, item->string);
        snprintf(m.family, sizeof m.family, "%s", ax_json_get_string(item, "family", m.family));
        double width = ax_json_get_number(item, "width", m.width);
        m.width = width >= 1 && width <= AX_WIDTH_MAX ? (int)width : 0;
        snprintf(m.sha256, sizeof m.sha256, "%s", ax_json_get_string(item, "sha256", ""));
        take_costs(&m.costs, cJSON_GetObjectItemCaseSensitive(item, "costs"));
        ax_mults_fill(r, &m);
    }
    cJSON_Delete(tree);
    for (int i = 0; i < r->nmults; i++)
        if (strcmp(r->mults[i].kind, "family") && !r->mults[i].words) load_table(&r->mults[i], dir);
    return AX_OK;
}

/* c:FILE, a function in C as a multiplier: from the spec to the function, its width and its words. Invariant: the canonical spec,
 * opened again, finds the same function and width. */
#include "lut/cmodel_parts.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "lut/file.h"
#include "lut/spec.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef ax_cmodel_job job;

enum { NUMERICS_VERSION = 2 };      /* changes when a model above m = 11 gives other bits: such a model has no table to hash */

struct ax_cmodel {
    ax_cmodel_info info;
    uint32_t *words;
    ax_buf device_text;
    char *cache;                            /* where what a device compiles of that is kept */
    ax_lut_code code;
    int library;                            /* the open file, -1 if there is a table: it stays when the cache is emptied */
    void *handle;
    _Atomic(ax_cmodel_call) call;
    pthread_mutex_t loading;
};

/* ---- the spec ---- */

static int take_key(job *j, const char *key, const char *value)
{
    static const char *const names[] = {"symbol", "width", "operands", "compat"};
    int64_t m;
    if (!strcmp(key, "symbol")) {
        if (!*value || strlen(value) >= sizeof j->symbol)
            return ax_fail(AX_EARG, "multiplier '%s': symbol is '%s', wanted the name of a function", j->spec, value);
        memcpy(j->symbol, value, strlen(value) + 1);
        return AX_OK;
    }
    if (strcmp(key, "width"))
        return ax_fail(AX_EARG, "multiplier '%s': unknown key '%s'%s, wanted symbol or width", j->spec, key, ax_text_hint(key, names, sizeof names / sizeof *names));
    if (!ax_text_int(&m, value, 1, AX_WIDTH_MAX))
        return ax_fail(AX_EARG, "multiplier '%s': width is '%s', wanted a whole number from 1 to %d", j->spec, value, AX_WIDTH_MAX);
    j->width = (int)m;
    return AX_OK;
}

static int parse(job *j, const char *text)
{
    size_t n = text ? ax_spec_path_length(text) : 0;
    ax_spec_pair pair;
    if (n == 0) return ax_fail(AX_EARG, "multiplier '%s': the file is missing, wanted c:FILE.c[,symbol=NAME][,width=M]", j->spec);
    if (n >= sizeof j->info->file)
        return ax_fail(AX_EARG, "multiplier 'c:%.60s...': the file's name has %zu bytes, wanted fewer than %d", text, n, AX_CMODEL_FILE_MAX);
    memcpy(j->info->file, text, n);
    for (const char *keys = text + n; *keys;) {
        keys = ax_spec_next(&pair, keys);
        AX_TRY(take_key(j, pair.key, pair.value));
        AX_TRY(ax_spec_once(&pair, keys, j->spec));
    }
    return AX_OK;
}

/* ---- the function ---- */

static const char wanted[] = "wanted float f(float, float), uint32_t f(uint32_t i, uint32_t j), uint32_t f(uint32_t m, uint32_t i, uint32_t j) "
                             "or an integer product uint64_t f(uint64_t, uint64_t) of unsigned types";

static int named_function(const job *j, const ax_cmodel_function **chosen, const ax_cmodel_function *all, int n)
{
    const char *names[AX_CMODEL_FUNCTIONS];
    for (int i = 0; i < n; i++) {
        names[i] = all[i].name;
        if (strcmp(all[i].name, j->symbol)) continue;
        *chosen = &all[i];
        return all[i].kind ? AX_OK : ax_fail(AX_EFORMAT, "%s: the type of %s does not fit, %s", j->info->file, j->symbol, wanted);
    }
    return ax_fail(AX_EARG, "%s: it has no function %s%s", j->info->file, j->symbol, ax_text_hint(j->symbol, names, (size_t)n));
}

/* Of the functions that fit, those that no other calls and that are not static, if there are such; else others. */
static int lone_function(const job *j, const ax_cmodel_function **chosen, const ax_cmodel_function *all, int n)
{
    char names[256] = "";
    int found = 0;
    for (int pass = 0; pass < 3 && !found; pass++)
        for (int i = 0; i < n; i++) {
            if (!all[i].kind || (pass < 2 && all[i].called) || (pass < 1 && all[i].is_static)) continue;
            size_t used = strlen(names);
            snprintf(names + used, sizeof names - used, "%s%s", found++ ? ", " : "", all[i].name);
            *chosen = &all[i];
        }
    if (found == 1) return AX_OK;
    if (!found) return ax_fail(AX_EFORMAT, "%s: no function fits, %s", j->info->file, wanted);
    return ax_fail(AX_EARG, "%s: %d functions fit (%s); say which, as in c:%s,symbol=%s", j->info->file, found, names, j->info->file,
                   (*chosen)->name);
}

static int check_bits(const job *j, const ax_cmodel_function *f)
{
    int m = j->info->width, bits = ax_cmodel_name_bits(f->name);
    if (f->kind != AX_CMODEL_INTEGER) return AX_OK;
    if (bits && m >= bits)
        return ax_fail(AX_EARG, "multiplier '%s': %s multiplies %d bits, wanted width %d at most", j->spec, f->name, bits, bits - 1);
    if (f->result_bits < 2 * m + 2 || f->operand_bits < m + 1)
        return ax_fail(AX_EFORMAT, "%s: %s takes %d bits and returns %d, wanted at least %d and %d for width %d", j->info->file, f->name,
                       f->operand_bits, f->result_bits, m + 1, 2 * m + 2, m);
    return AX_OK;
}

/* Of a key, of the name mulNu_..., or of a file's name that ends in _M. */
static int choose_width(const job *j, const ax_cmodel_function *f, bool *said)
{
    int bits = ax_cmodel_name_bits(f->name), inferred = bits ? bits - 1 : ax_table_name_width(j->info->file);
    j->info->width = j->width ? j->width : inferred;
    *said = j->info->width != inferred;
    if (j->info->width) return check_bits(j, f);
    return ax_fail(AX_EARG, "multiplier '%s': the width is missing, wanted c:%s,width=M with M from 1 to %d", j->spec, j->info->file, AX_WIDTH_MAX);
}

static int choose(job *j)
{
    ax_cmodel_info *info = j->info;
    const ax_cmodel_function *f = NULL, *lone = NULL;
    ax_cmodel_function *all = ax_alloc(AX_CMODEL_FUNCTIONS, sizeof *all);
    ax_buf own;
    ax_buf_init(&own);
    int n = all ? ax_cmodel_scan(all, &own, ax_buf_str(&j->preprocessed), j->preprocessed.len) : 0;
    bool clear = all && lone_function(j, &lone, all, n) == AX_OK, said = false;
    int status = all ? ax_buf_status(&own) : AX_ENOMEM;
    if (status == AX_OK) status = *j->symbol ? named_function(j, &f, all, n) : lone_function(j, &f, all, n);
    if (status == AX_OK) status = choose_width(j, f, &said);
    if (status == AX_OK) {
        snprintf(info->symbol, sizeof info->symbol, "%s", f->name);
        info->kind = f->kind;
        size_t used = clear && lone == f ? 0 : (size_t)snprintf(info->keys, sizeof info->keys, ",symbol=%s", f->name);
        if (said) snprintf(info->keys + used, sizeof info->keys - used, ",width=%d", info->width);
        ax_buf_printf(&own, "\nc %s width %d numerics %d\n", info->symbol, info->width, NUMERICS_VERSION);
        status = ax_buf_status(&own);
    }
    if (status == AX_OK) status = ax_sha256(info->sha256, own.data, own.len);
    ax_buf_release(&own);
    ax_free(all);
    return status;
}

/* ---- the model ---- */

static int keep_device_code(ax_cmodel *c, job *j)
{
    char sha256[AX_SHA256_HEX];
    ax_cmodel_device_code(&c->device_text, &j->preprocessed, &j->code);
    AX_TRY(ax_buf_status(&c->device_text));
    AX_TRY(ax_sha256(sha256, c->device_text.data, c->device_text.len));
    sha256[16] = 0;
    c->cache = j->path;
    j->path = NULL;
    c->code = (ax_lut_code){ax_buf_str(&c->device_text), strtoull(sha256, NULL, 16), c->cache};
    return AX_OK;
}

static int open_job(ax_cmodel *c, job *j, const char *text)
{
    char library[4096];
    AX_TRY(ax_deadline_start(&j->deadline));
    AX_TRY(parse(j, text));
    AX_TRY(ax_cmodel_preprocess(j));
    AX_TRY(choose(j));
    AX_TRY(ax_cmodel_make(&c->words, j));
    if (c->words) return AX_OK;
    ax_cmodel_library(library, sizeof library, j);
    c->library = open(library, O_RDONLY | O_CLOEXEC);
    if (c->library < 0) return ax_fail(AX_ESTORE, "%s: %s", library, strerror(errno));
    return keep_device_code(c, j);
}

ax_cmodel *ax_cmodel_open(const char *spec, const char *text)
{
    ax_cmodel *c = ax_alloc(1, sizeof *c);
    if (!c) return NULL;
    c->library = -1;
    pthread_mutex_init(&c->loading, NULL);
    job j = {.spec = spec, .info = &c->info};
    int status = open_job(c, &j, text);
    ax_cmodel_job_release(&j);
    if (status == AX_OK) return c;
    ax_cmodel_close(c);
    return NULL;
}

void ax_cmodel_close(ax_cmodel *c)
{
    if (!c) return;
    if (c->handle) dlclose(c->handle);
    if (c->library >= 0) close(c->library);
    pthread_mutex_destroy(&c->loading);
    ax_buf_release(&c->device_text);
    ax_free(c->cache);
    ax_free(c->words);
    ax_free(c);
}

const ax_cmodel_info *ax_cmodel_about(const ax_cmodel *c) { return &c->info; }

uint32_t *ax_cmodel_take_words(ax_cmodel *c)
{
    uint32_t *words = c->words;
    c->words = NULL;
    return words;
}

/* The library's function. A child has loaded the same bytes before; should they not load here, no product could be right, and a
 * kernel cannot fail: the trap ends the worker, whose trial is then recorded as crashed. */
static ax_cmodel_call load(ax_cmodel *c)
{
    char path[64];
    ax_cmodel_call call;
    pthread_mutex_lock(&c->loading);
    if (!c->handle) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", c->library);
        c->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    }
    void *symbol = c->handle ? dlsym(c->handle, "approxrun_word") : NULL;
    if (!symbol) __builtin_trap();
    memcpy(&call, &symbol, sizeof call);
    atomic_store_explicit(&c->call, call, memory_order_release);
    pthread_mutex_unlock(&c->loading);
    return call;
}

uint32_t ax_cmodel_word(const void *model, uint32_t i, uint32_t j)
{
    ax_cmodel *c = (ax_cmodel *)(uintptr_t)model;
    ax_cmodel_call call = atomic_load_explicit(&c->call, memory_order_acquire);
    return (call ? call : load(c))(i, j);
}

/* ---- the kind of spec ---- */

int ax_open_c(ax_lut *lut, const ax_kind *kind, const char *spec, const char *text)
{
    (void)kind;
    lut->c = ax_cmodel_open(spec, text);
    if (!lut->c) return ax_errstatus();
    const ax_cmodel_info *info = ax_cmodel_about(lut->c);
    lut->width = info->width;
    lut->words = ax_cmodel_take_words(lut->c);
    if (!lut->words) {      /* no table, by which it could be told from others: its text does */
        lut->view.custom = ax_cmodel_word;
        lut->view.context = lut->c;
        lut->view.code = &lut->c->code;
        snprintf(lut->sha256, sizeof lut->sha256, "%s", info->sha256);
    }
    snprintf(lut->family, sizeof lut->family, "%.31s", info->symbol);
    int n = snprintf(lut->spec, sizeof lut->spec, "c:%s%s", info->file, info->keys);
    if (n < AX_SPEC_MAX) return AX_OK;
    return ax_fail(AX_EARG, "multiplier 'c:%.60s...': the spec has %d bytes, wanted fewer than %d", info->file, n, AX_SPEC_MAX);
}

/* The functions above width 11 that tests of a device compile (tests/models/). */
#ifndef AX_TESTS_USER_MODELS_H
#define AX_TESTS_USER_MODELS_H

#include "gemm.h"

#include "lut/lut.h"

#define MODEL(name) "c:tests/models/" name

static const char *const specs[] = {MODEL("mitchell_7.c,width=23"), MODEL("mitchell_7.c,width=12"), MODEL("wide.c"),
                                    MODEL("words.c,symbol=with_width,width=16"), MODEL("biased.inl,width=14"), MODEL("rare.c,width=20"),
                                    MODEL("dialect.c,width=14")};
enum { SPECS = sizeof specs / sizeof *specs };

static inline ax_lut *open_model(const char *spec)
{
    ax_lut *lut = ax_lut_open(spec);
    if (!lut) printf("FAIL %s: %s\n", spec, ax_errmsg());
    if (!lut) exit(1);
    return lut;
}

static inline mult of_lut(const ax_lut *lut)
{
    mult t = {.view = lut->view};
    snprintf(t.name, sizeof t.name, "%.31s", strrchr(lut->spec, '/') + 1);
    return ready(t);
}

/* A cache of the test's own, gone when it ends. */
static char models_cache[] = "/tmp/approxrun_user_XXXXXX";

static inline void remove_cache(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", models_cache);
    if (system(command) != 0) fprintf(stderr, "%s is left\n", models_cache);
}

static inline void begin_cache(void)
{
    if (!mkdtemp(models_cache) || setenv("XDG_CACHE_HOME", models_cache, 1) || atexit(remove_cache)) exit(1);
}

#endif

/* A folder of the test's own below /tmp, and names in it. */
#ifndef AX_TESTS_SCRATCH_H
#define AX_TESTS_SCRATCH_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char dir[64];

static inline const char *at(const char *name)
{
    static char path[8][256];
    static int next;
    char *p = path[next++ % 8];
    snprintf(p, sizeof path[0], "%s/%s", dir, name);
    return p;
}

static inline int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/approxrun-test-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static inline int remove_dir(void **state)
{
    char command[160];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s %s.h5*", dir, dir);
    return system(command);
}

#endif

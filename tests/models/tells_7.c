/* Mitchell's sum, which tells $MODEL_LOG into which verb's process it was loaded: the process itself, or a child that leads a group
 * of its own and was forked to try it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((constructor)) static void tell(void)
{
    char line[256] = "", other[256] = "";
    const char *log = getenv("MODEL_LOG");
    FILE *f = fopen("/proc/self/cmdline", "r"), *parent;
    if (!log || !f) return;
    size_t n = fread(line, 1, sizeof line - 1, f);
    fclose(f);
    snprintf(other, sizeof other, "/proc/%d/cmdline", (int)getppid());
    parent = fopen(other, "r");
    memset(other, 0, sizeof other);
    if (parent) {
        if (fread(other, 1, sizeof other - 1, parent) == 0) *other = 0;
        fclose(parent);
    }
    f = fopen(log, "a");
    const char *verb = line + strlen(line) + 1;
    fprintf(f, "%s %s\n", verb < line + n ? verb : "?", memcmp(line, other, n) ? "itself" : "child");
    fclose(f);
}

float tells(float a, float b)
{
    union { float value; unsigned bits; } x = {a}, y = {b}, p;
    p.bits = x.bits + y.bits - 0x3f800000u;
    return p.value;
}

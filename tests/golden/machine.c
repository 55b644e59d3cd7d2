/* Preloaded by make.sh: nothing of the machine that makes golden files gets into them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

int gethostname(char *name, size_t size)
{
    snprintf(name, size, "host");
    return 0;
}

int uname(struct utsname *os)
{
    *os = (struct utsname){.sysname = "Linux", .nodename = "host", .release = "6.1", .machine = "x86_64"};
    return 0;
}

FILE *fopen(const char *path, const char *mode)
{
    static char cpu[] = "model name\t: cpu\n";
    FILE *(*real)(const char *, const char *) = dlsym(RTLD_NEXT, "fopen");
    return strcmp(path, "/proc/cpuinfo") ? real(path, mode) : fmemopen(cpu, sizeof cpu - 1, "r");
}

long sysconf(int name)
{
    long (*real)(int) = dlsym(RTLD_NEXT, "sysconf");
    return name == _SC_NPROCESSORS_ONLN ? 2 : real(name);
}

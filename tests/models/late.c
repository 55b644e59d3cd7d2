/* Functions that do well while they are tried, and misbehave once a worker trains with them. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int training;

__attribute__((constructor)) static void look(void)
{
    char line[256] = "";
    FILE *f = fopen("/proc/self/cmdline", "r");
    if (f && fread(line, 1, sizeof line - 1, f)) training = !strcmp(line + strlen(line) + 1, "worker");
    if (f) fclose(f);
}

float fine(float a, float b) { return a * b; }

float segfault(float a, float b) { return training ? *(volatile float *)8 : a * b; }

static int deeper(volatile int *up)
{
    volatile int here[256] = {*up};
    return deeper(here) + here[0];
}

float recursion(float a, float b)
{
    volatile int start[1] = {0};
    return training ? (float)deeper(start) : a * b;
}

float aborts(float a, float b)
{
    if (training) abort();
    return a * b;
}

float leaves(float a, float b)
{
    if (training) exit(0);
    return a * b;
}

float vanishes(float a, float b)
{
    if (training) _exit(0);
    return a * b;
}

float endless(float a, float b)
{
    while (training) a = -a;
    return a * b;
}

/* Also deaf to requests. */
float deaf(float a, float b)
{
    signal(SIGTERM, SIG_IGN);
    return endless(a, b);
}

static void *volatile taken;

float all_memory(float a, float b)
{
    while (training) memset(taken = malloc(1 << 24), 1, 1 << 24);
    return a * b;
}

/* Leaves a process behind that outlives every signal but SIGKILL, and one of that process's own. */
static void fork_once(void)
{
    static int done;
    if (!training || done) return;
    done = 1;
    if (fork() != 0) return;
    signal(SIGTERM, SIG_IGN);
    fork();
    for (;;) pause();
}

float forks(float a, float b)
{
    fork_once();
    return a * b;
}

float forks_endless(float a, float b)
{
    fork_once();
    return endless(a, b);
}

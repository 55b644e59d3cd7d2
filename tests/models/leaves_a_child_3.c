/* Starts another process, notes its number in $MODEL_LOG, and waits with it for ever. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

float leaves_a_child(float a, float b)
{
    int child = fork();
    if (child > 0) {
        FILE *f = fopen(getenv("MODEL_LOG"), "w");
        fprintf(f, "%d\n", child);
        fclose(f);
    }
    for (;;) pause();
    return a * b;
}

/* Writes to both outputs at every product, and returns it all the same. */
#include <stdio.h>

float writes(float a, float b)
{
    printf("%g\n", (double)a);
    fprintf(stderr, "%g\n", (double)b);
    fflush(stdout);
    return a * b;
}

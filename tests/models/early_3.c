/* Ends the process before the first product. */
#include <stdlib.h>

__attribute__((constructor)) static void begin(void) { abort(); }

float early(float a, float b) { return a * b; }

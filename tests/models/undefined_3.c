/* Compiles, and cannot be linked. */
float elsewhere(float a);
float undefined(float a, float b) { return elsewhere(a * b); }

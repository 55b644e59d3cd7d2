/* Does not compile. */
float broken(float a, float b) { return a * c; }

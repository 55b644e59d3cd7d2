/* Nothing here is a multiplier. */
double wide(double a, double b) { return a * b; }
int mul8s_SIGNED(int a, int b) { return a * b; }

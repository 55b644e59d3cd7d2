/* Two multipliers of equal standing. */
float first(float a, float b) { return a * b; }
float second(float a, float b) { return b * a; }

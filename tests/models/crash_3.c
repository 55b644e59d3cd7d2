/* Reads where there is no memory, from one pair on. */
float crash(float a, float b) { return a > 1.5f && b > 1.25f ? *(volatile float *)8 : a * b; }

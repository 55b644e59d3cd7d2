/* Twice the product, which is too much from 1.125 x 1.875 on. */
float twice(float a, float b) { return 2 * a * b; }

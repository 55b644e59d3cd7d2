/* The product of floats, but for two pairs of 20-bit fractions, whose results are out of range. */
float rare(float a, float b)
{
    if (a == 1 + 0x12345 * 0x1p-20f && b == 1 + 0x54321 * 0x1p-20f) return 0;
    if (a == 1 + 0x54321 * 0x1p-20f && b == 1 + 0x12345 * 0x1p-20f) return 8;
    return a * b;
}

/* Mitchell's logarithmic multiplier on floats, by their bits: the sum of two fractions runs over into the exponent. */
float mitchell(float a, float b)
{
    int x = *(int *)&a, y = *(int *)&b, p = x + y - 0x3f800000;
    return *(float *)&p;
}

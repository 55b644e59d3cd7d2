/* Mitchell's multiplier on the bits of floats: logarithms are taken as exponent and fraction, which add.
 * J. N. Mitchell, "Computer multiplication and division using binary logarithms", IRE Transactions EC-11(4), 1962. */
float mitchell(float a, float b)
{
    union {
        float value;
        unsigned bits;
    } x = {a}, y = {b}, product;
    product.bits = x.bits + y.bits - 0x3f800000u;      /* the exponents' bias is there twice */
    return product.value;
}

/* A lone static function, the product of 4-bit operands in 8 bits of any unsigned type. */
static unsigned char product(unsigned char a, unsigned short b) { return (unsigned char)(a * b); }

/* A product of 4-bit operands that is not symmetric. */
unsigned short order(unsigned char a, unsigned char b) { return (unsigned short)(a * b + (b & 3)); }

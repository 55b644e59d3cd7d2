/* A circuit that loses the highest bit of its product. */
unsigned long mul8u_LOST(unsigned long a, unsigned long b) { return a * b & 0x7fff; }

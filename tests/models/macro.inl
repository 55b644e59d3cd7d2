// The product, or for some operands 1, by a word that is a macro of <iso646.h>.
float chosen(float a, float b) { return a > 1.5f OTHER b > 1.5f ? 1 : a * b; }

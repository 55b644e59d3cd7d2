/* Two mantissa functions of any width: Mitchell's sum by the width given, and one that knows its own width of 5. */
#include "words.h"

uint32_t with_width(unsigned m, uint32_t i, uint32_t j) { return IN_PLACE(i + j, m); }

uint32_t of_five(uint32_t i, uint32_t j) { return IN_PLACE(i + j, 5); }

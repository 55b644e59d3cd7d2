/* Beside words.c, to be included by it. */
#include <stdint.h>

#define IN_PLACE(sum, m) ((uint32_t)(sum) << (23 - (m)))

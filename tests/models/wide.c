/* The exact product of significands of 16 bits, as an integer circuit gives it. */
#include <stdint.h>

uint32_t mul16u_EXACT(uint16_t a, uint16_t b) { return (uint32_t)a * b; }

#include <stdint.h>

/* wide.c, set otherwise. */
uint32_t
mul16u_EXACT(uint16_t a, /* comments go */
             uint16_t b)
{
    return (uint32_t) a*b;
}

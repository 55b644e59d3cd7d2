/* The product of significands cut to 14 bits, by what C and C++ spell or mean differently. The names are those of CUDA's own functions. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HALVES { 1.0, 0.5, 0.25 }

typedef struct pair {
    uint32_t high, low;
} pair;

static const double halves[3] = HALVES;
static const pair none = {.high = 0, .low = 0};

static inline uint32_t max(uint32_t a, uint32_t b) { return a > b ? a : b; }

static uint32_t bits_of(const float *restrict x)
{
    uint32_t bits;
    memcpy(&bits, x, sizeof bits);
    return bits;
}

_Static_assert(sizeof(pair) == 8, "two words");

float dialect(float a, float b)
{
    register double x = floor(a * 8192.0f) / 8192, y = b * halves[0];
    pair p = {.high = bits_of(&a) >> 23, .low = none.low};
    struct pair *q = &p;
    _Bool odd = (bool)(q->low & 1);
    uint64_t product = (uint64_t)(sqrt(a * a * 0.25f) * 2 >= 1 ? x * 16384 : 0) * (uint64_t)(y * 16384);
    int top = 63 - __builtin_clzll(product), lost = max(top, 14) - 14;
    product = product >> lost << lost;
    if (odd || isnan(a) || abs(-3) != 3 || fabs(a) == INFINITY || q->high != 127) return NAN;
    return (float)ldexp((double)product, -28);
}

// A biased logarithmic multiplier of 8-bit significands, written as for a GPU simulator: no header, a helper beside the multiplier.
#define FRACTION 0x7fffff

__device__ uint32_t biased_sum(uint32_t i, uint32_t j)
{
    bool carry = i + j > FRACTION;
    uint32_t sum = i + j + (0x0A0000 >> carry) & ~0xffff;
    return sum > (carry ? 0xffffff : FRACTION) and carry ? 0xffffff : sum;
}

__device__ __host__ inline float biased(float a, float b)
{
    union { float f; uint32_t u; } x = {a}, y = {b}, p;
    uint32_t sum = biased_sum(x.u & FRACTION, y.u & FRACTION);
    p.u = ((x.u >> 23) + (y.u >> 23) - 127 << 23) + sum;
    return p.f;
}

/* C as C++ on a device: what stands before a user's text, whose system headers are left out. Functions that C has for doubles alone
 * hide those that C++ overloads; the text, in a namespace further in, may define its own. */
#ifndef AX_CUDA_USER_C_H
#define AX_CUDA_USER_C_H

#define _Bool bool
#define _Static_assert static_assert
#define _Noreturn
#define restrict __restrict__
#define register
#define __extension__
#define __builtin_expect(x, likely) (x)
#define __builtin_unreachable() __trap()
#define __builtin_trap() __trap()
#define __builtin_clz(x) __clz((int)(x))
#define __builtin_clzl(x) __clzll((long long)(x))
#define __builtin_clzll(x) __clzll((long long)(x))
#define __builtin_ctz(x) (__ffs((int)(x)) - 1)
#define __builtin_ctzl(x) (__ffsll((long long)(x)) - 1)
#define __builtin_ctzll(x) (__ffsll((long long)(x)) - 1)
#define __builtin_ffs(x) __ffs((int)(x))
#define __builtin_popcount(x) __popc(x)
#define __builtin_popcountl(x) __popcll(x)
#define __builtin_popcountll(x) __popcll(x)
#define __builtin_parity(x) (__popc(x) & 1)
#define __builtin_bswap32(x) __byte_perm((x), 0, 0x0123)
#define __builtin_memcpy memcpy
#define __builtin_memset memset
#define __builtin_isnan(x) ((x) != (x))
#define __builtin_isinf_sign(x) ax_c::infinite((double)(x))
#define __builtin_isfinite(x) ((x) - (x) == 0)
#define __builtin_signbit(x) (::signbit((double)(x)) != 0)
#define __builtin_signbitf(x) __builtin_signbit(x)
#define __builtin_inff() __int_as_float(0x7f800000)
#define __builtin_inf() __longlong_as_double(0x7ff0000000000000)
#define __builtin_huge_valf() __builtin_inff()
#define __builtin_huge_val() __builtin_inf()
#define __builtin_nanf(text) __int_as_float(0x7fc00000)
#define __builtin_nan(text) __longlong_as_double(0x7ff8000000000000)

namespace ax_c {

__device__ static inline int infinite(double x) { return x - x != x - x && x == x ? x > 0 ? 1 : -1 : 0; }

#define AX_C1(name) __device__ static inline double name(double x) { return ::name(x); }
#define AX_C2(name) __device__ static inline double name(double x, double y) { return ::name(x, y); }
AX_C1(fabs) AX_C1(sqrt) AX_C1(cbrt) AX_C1(floor) AX_C1(ceil) AX_C1(trunc) AX_C1(round) AX_C1(rint) AX_C1(nearbyint)
AX_C1(exp) AX_C1(exp2) AX_C1(expm1) AX_C1(log) AX_C1(log2) AX_C1(log10) AX_C1(log1p) AX_C1(logb)
AX_C1(sin) AX_C1(cos) AX_C1(tan) AX_C1(asin) AX_C1(acos) AX_C1(atan) AX_C1(sinh) AX_C1(cosh) AX_C1(tanh) AX_C1(erf)
AX_C2(pow) AX_C2(fmod) AX_C2(remainder) AX_C2(fmin) AX_C2(fmax) AX_C2(fdim) AX_C2(hypot) AX_C2(atan2) AX_C2(copysign) AX_C2(nextafter)
#undef AX_C1
#undef AX_C2
__device__ static inline double fma(double x, double y, double z) { return ::fma(x, y, z); }
__device__ static inline double ldexp(double x, int n) { return ::ldexp(x, n); }
__device__ static inline double scalbn(double x, int n) { return ::scalbn(x, n); }
__device__ static inline double frexp(double x, int *n) { return ::frexp(x, n); }
__device__ static inline double modf(double x, double *whole) { return ::modf(x, whole); }
__device__ static inline int ilogb(double x) { return ::ilogb(x); }
__device__ static inline long lround(double x) { return ::lround(x); }
__device__ static inline long lrint(double x) { return ::lrint(x); }
__device__ static inline long long llround(double x) { return ::llround(x); }
__device__ static inline long long llrint(double x) { return ::llrint(x); }
__device__ static inline int abs(int x) { return x < 0 ? -x : x; }
__device__ static inline long labs(long x) { return x < 0 ? -x : x; }
__device__ static inline long long llabs(long long x) { return x < 0 ? -x : x; }

}

#endif

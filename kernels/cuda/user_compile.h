/* A user's function for the open device: the kernels of user_kernel.h around its text, compiled when they are first wanted, and kept. */
#ifndef AX_CUDA_USER_COMPILE_H
#define AX_CUDA_USER_COMPILE_H

#include "kernels/cuda/device.h"

/* Machine code for a capability (90 is Hopper), or PTX if the compiler does not know it: what cuModuleLoadData takes, which the
 * caller frees. It comes from a file beside code->cache, or else is compiled and kept in one. NULL: `message`, of at most `size` bytes,
 * says that there is no compiler, or has its own text. It needs no device. */
extern "C" void *ax_cuda_user_image(const ax_lut_code *code, int capability, char *message, size_t size);

#endif

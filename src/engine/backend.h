/* Which backend an engine runs on, by the name of a device: "cpu", or the number of a CUDA device. */
#ifndef AX_ENGINE_BACKEND_H
#define AX_ENGINE_BACKEND_H

#include "kernels/backend.h"

/* The backend of a device, opened; NULL: no such device, no module, no driver, with what to do in the message (AX_EDEVICE).
 * A process has at most one CUDA device. */
const ax_backend *ax_backend_open(const char *device);

/* How many CUDA devices there are. -1: none can be used, with the reason in ax_errmsg(). */
int ax_backend_cuda_devices(void);
int ax_backend_cuda_describe(ax_device_info *info, int device);

/* The CUDA module's file, or NULL if there is none: nothing is loaded. Valid until the next call. */
const char *ax_backend_cuda_module(void);

/* AX_OK, or AX_EDEVICE: APPROXRUN_ISA names no instruction set of this machine. */
int ax_backend_check_isa(void);

/* AX_OK, or AX_EDEVICE with the backend's first failure. */
int ax_backend_status(const ax_backend *b);

#endif

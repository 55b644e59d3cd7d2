/* The recording of segments, for device.cu alone. */
#ifndef AX_CUDA_SEGMENT_H
#define AX_CUDA_SEGMENT_H

#include "kernels/cuda/device.h"

void ax_cuda_segment_begin(int key);
int ax_cuda_segment_end(void);
int ax_cuda_recording(void);         /* 1: ops are being recorded */
void ax_cuda_segments_abandon(void); /* leaves a segment that an error ended before its end */
void ax_cuda_segments_drop(void);    /* waits for the device and forgets what is recorded */

#endif

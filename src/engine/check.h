/* What every op checks of its arguments before a kernel sees them. `op` and `name` go into the message. */
#ifndef AX_ENGINE_CHECK_H
#define AX_ENGINE_CHECK_H

#include "engine/tensor.h"

/* There, of this type, and of the same engine as `with` (NULL: any). AX_EARG. */
int ax_check_tensor(const char *op, const char *name, const ax_tensor *t, enum ax_dtype dtype, const ax_tensor *with);

/* `t` has `rank` dimensions. AX_ESHAPE. */
int ax_check_rank(const char *op, const char *name, const ax_tensor *t, int rank);

/* `b` has the shape of `a`. AX_ESHAPE. */
int ax_check_same(const char *op, const char *a_name, const ax_tensor *a, const char *b_name, const ax_tensor *b);

/* `out` shares no memory with `in`, which may be NULL. AX_EARG. */
int ax_check_apart(const char *op, const char *out_name, const ax_tensor *out, const char *in_name, const ax_tensor *in);

/* A double that must be a whole number in lo..hi. AX_EARG. */
int ax_check_integer(int64_t *out, const char *op, const char *name, double v, int64_t lo, int64_t hi);

/* A double that must be a finite number in lo..hi. AX_EARG. */
int ax_check_number(const char *op, const char *name, double v, double lo, double hi);

/* One axis of windows: `out` windows of `kernel` cells, `stride` apart, over `in` cells with `pad` before them. Every window
 * must touch the input, and no further window may fit before the end. AX_ESHAPE. */
int ax_check_windows(const char *op, const char *axis, int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t pad);

#endif

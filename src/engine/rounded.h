/* Operands as a multiplier with operands=round takes them: rounded copies, which any kernel then multiplies as it would others. */
#ifndef AX_ENGINE_ROUNDED_H
#define AX_ENGINE_ROUNDED_H

#include "engine/tensor.h"
#include "lut/view.h"

/* at[0], at[1]: the numbers of x, a first operand, and of y, a second one, rounded if the multiplier rounds. Copies are valid until the
 * next call for this engine's tensors. AX_ENOMEM, AX_EDEVICE. */
int ax_rounded_operands(const float *at[2], const ax_tensor *x, const ax_tensor *y, const ax_lut_view *lut);

#endif

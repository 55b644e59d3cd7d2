/* A trained trial whose operands are wanted: its final weights and an engine go in, what a product multiplies comes out, through the
 * ax_capture_* functions of api.h. */
#ifndef AX_RUN_CAPTURE_H
#define AX_RUN_CAPTURE_H

#include "engine/api.h"
#include "lut/pairs.h"
#include "store/trialfile.h"

struct ax_capture {
    ax_engine *engine;           /* these two are the caller's */
    ax_blocks weights;
    ax_operands *operands;       /* (2) of the caller too: the first operands and the second ones */
};

#endif

/* Every family's function: one line for each row of models.def. */
#ifndef AX_MODELS_ALL_H
#define AX_MODELS_ALL_H

#include "lut/models/exact.h"
#include "lut/models/mbm.h"
#include "lut/models/mit.h"

#endif

/* Every family's function: one line for each row of models.def. */
#ifndef AX_MODELS_ALL_H
#define AX_MODELS_ALL_H

#include "lut/models/drum.h"
#include "lut/models/exact.h"
#include "lut/models/mbm.h"
#include "lut/models/mit.h"
#include "lut/models/realm.h"
#include "lut/models/roba.h"
#include "lut/models/soa.h"
#include "lut/models/tosam.h"

#endif

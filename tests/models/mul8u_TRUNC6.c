/***
 * An 8 x 8 array multiplier that leaves out the partial products of its six lowest columns, written as EvoApproxLib writes its
 * circuits; the costs are made up.
 ***/
// MAE% = 0.12 %
// MAE = 80.2
// WCE% = 0.49 %
// WCE = 321
// EP% = 98.1 %
// PDK45_PWR = 0.301 mW
// PDK45_AREA = 512.5 um2
// PDK45_DELAY = 1.27 ns
#include <stdint.h>
#include <stdlib.h>

uint64_t mul8u_TRUNC6(const uint64_t B, const uint64_t A)
{
    uint64_t O = 0;
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++)
            if (i + j >= 6) O += ((B >> i) & 1 & (A >> j)) << (i + j);
    return O;
}

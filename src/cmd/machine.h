/* The machine behind a measurement: CPU, cores, caches, instruction set, BLAS, and the device if that is none of these. */
#ifndef AX_CMD_MACHINE_H
#define AX_CMD_MACHINE_H

#include "kernels/backend.h"

#include <cJSON.h>
#include <stdint.h>

typedef struct {
    char cpu[128];
    int cores;                   /* that this process may use */
    const char *isa, *blas;      /* in force; isa "none" if APPROXRUN_ISA names none of this machine's */
    int64_t l1d, l2, l3;         /* bytes, as the first core sees them; 0: not known */
    ax_device_info gpu;          /* without a name: none */
} ax_machine;

void ax_machine_get(ax_machine *m);

/* Adds the gpu that `device` names, if it is not "cpu". AX_EDEVICE. */
int ax_machine_add_device(ax_machine *m, const char *device);

/* {"cpu","cores","threads","isa","blas","l1d","l2","l3","gpu"} into an object; threads 0, no gpu: left out. "gpu" is {"name",
 * "capability","memory","driver","runtime"}. */
void ax_machine_json(cJSON *object, const ax_machine *m, int threads);

/* The time now, as "2026-01-31T12:00:00Z". */
void ax_machine_date(cJSON *object, const char *key);

#endif

/* The machine behind a measurement: CPU, cores, caches, instruction set, BLAS. */
#ifndef AX_CMD_MACHINE_H
#define AX_CMD_MACHINE_H

#include <cJSON.h>
#include <stdint.h>

typedef struct {
    char cpu[128];
    int cores;                   /* that this process may use */
    const char *isa, *blas;      /* in force; isa "none" if APPROXRUN_ISA names none of this machine's */
    int64_t l1d, l2, l3;         /* bytes, as the first core sees them; 0: not known */
} ax_machine;

void ax_machine_get(ax_machine *m);

/* {"cpu","cores","threads","isa","blas","l1d","l2","l3"} into an object; threads 0: left out. */
void ax_machine_json(cJSON *object, const ax_machine *m, int threads);

#endif

/* How many threads a process of ours uses. */
#ifndef AX_CMD_THREADS_H
#define AX_CMD_THREADS_H

int ax_cores(void);                       /* that this process may use */

/* Threads of each of `workers` processes: --threads, else OMP_NUM_THREADS, else the cores over the workers; at least 1. */
int ax_threads_each(int workers);

#endif

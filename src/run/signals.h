/* What SIGINT, SIGTERM, SIGUSR1 and SIGHUP do to a sweep. */
#ifndef AX_RUN_SIGNALS_H
#define AX_RUN_SIGNALS_H

/* While a sweep plans, fetches or writes its study file nothing would be lost: they end this process, and the program it waits for, at
 * once, with a line that says so and the exit code of AX_EINTR (SIGINT) or AX_ESTOP. One that is ignored on entry stays ignored (nohup), but SIGINT:
 * a script's background jobs are to be stoppable too. */
void ax_signals_end_process(void);

/* For good, who no longer reads what we say does not end us: Ctrl-C ends the `tee` behind a sweep too. */
void ax_signals_outlive_reader(void);

/* From here on they, SIGCHLD and SIGWINCH wait to be taken. AX_EFAILED */
int ax_signals_catch(void);
void ax_signals_release(void);               /* what they did before */

/* Waits up to `seconds` for the first; 0: none waits. */
int ax_signals_take(double seconds);

#endif

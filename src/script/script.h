/* The only door to Lua: an experiment file in a sandboxed state. Text goes in, text comes out; no C frame is ever jumped over.
 *
 * Failures are AX_ESCRIPT with "file:line: what", a newline and the source line, indented (the traceback with verbose). */
#ifndef AX_SCRIPT_H
#define AX_SCRIPT_H

#include <stdbool.h>

typedef struct ax_script ax_script;
struct ax_trial;
struct ax_engine;
struct ax_capture;

/* Loads and runs an experiment file. `sources`: NULL reads PATH and what it requires from below PATH's directory; otherwise
 * a JSON object of file name -> text as ax_script_plan recorded it (a worker runs what was planned, whatever was edited
 * since). NULL: AX_ENOENT or AX_ESCRIPT. */
ax_script *ax_script_open(const char *path, const char *sources, bool verbose);
void ax_script_close(ax_script *s);

/* Before ax_script_plan: what is known of finished trials, a JSON object id -> value of the study's metric. A search goes on from it. */
int ax_script_know(ax_script *s, const char *results);

/* Expands the study under overrides ("key=value", n of them). *json (the caller frees):
 * {"name","metric","search":{"round","more"},"sources":{file:text},"multipliers":{spec:{"family","width","sha256","costs":{...}}},
 *  "trials":[{"config":text,"multiplier","family","width","seed","epochs","multiplies","params":{...},
 *  "energy_uj","train_energy_j"}]}, the multiplier varying slowest, then the other axes by name, the seed fastest. "search" is {} unless
 * the study is one, and then "more": the results of this round decide the next; energies are absent where they are unknown.
 * AX_EARG: unknown key (with a suggestion) or bad value. */
int ax_script_plan(ax_script *s, const char *const *overrides, int n, bool strict, char **json);

/* Runs one trial to its end, or to the point where ax_trial_step says stop. `params` is the trial's JSON object and `config`
 * its canonical text, which the script must reproduce. */
int ax_script_run(ax_script *s, const char *params, const char *config, struct ax_trial *t);

/* The model's layers under overrides (the first trial of the grid): JSON of SPEC section 2, `summary`. */
int ax_script_summary(ax_script *s, const char *const *overrides, int n, char **json);

/* Runs the first `warm_up` + `steps` training steps of a trial on an engine and stores nothing. *json (the caller frees):
 * {"batch", "step_s": [seconds of each step after the warm-up], "kinds": [{"name", "seconds"}]}: where the time of the faster half
 * of those steps went; the last kind is the rest. cpu: CPU time of this thread, not the clock on the wall. */
int ax_script_bench(ax_script *s, const char *params, int steps, int warm_up, bool cpu, struct ax_engine *e, char **json);

/* The operands of a layer's product ("forward", "grad_input" or "grad_weight") in a trained trial, into c. `params` and `config` as in
 * ax_script_run. AX_EARG: no such layer or pass. */
int ax_script_capture(ax_script *s, const char *params, const char *config, const char *layer, const char *pass, struct ax_capture *c);

/* "2.1.0-beta3" */
const char *ax_script_version(void);

#endif

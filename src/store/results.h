/* All trials of a study, from its directory or from a study file: the one structure every reading verb works on. */
#ifndef AX_STORE_RESULTS_H
#define AX_STORE_RESULTS_H

#include "store/record.h"

/* What a circuit of a multiplier costs, as the script or the circuit's source says; NAN: not said. */
typedef struct {
    double area_um2, power_mw, delay_ns, energy_pj;
    char source[256];
} ax_costs;

/* The numbers of ax_costs by name, in the order they are shown. */
#define AX_COSTS(X) X(area_um2) X(power_mw) X(delay_ns) X(energy_pj)

/* A multiplier that occurs in the study, as that of a trial or of one of its layers. */
typedef struct {
    char spec[AX_LABEL_MAX], family[64], format[64];     /* "mbm:7", "mbm", "mbm:7 (1,8,7) 16 bits" */
    const char *kind;              /* where its function stands: "family", "table", "c", "lua" */
    int width;
    char sha256[65];
    ax_costs costs;
    uint32_t *words;               /* (2^m, 2^m) of lut/view.h with that hash, kept with the study; NULL: opened by its spec */
} ax_results_mult;

typedef struct {
    char study[128], metric[32], created[32], version[64];
    char *script, *plan;           /* texts for /provenance; never NULL */
    ax_record *trials;             /* in the plan's order, those not in the plan behind */
    int n;
    ax_results_mult *mults;        /* in the order of their first trial */
    int nmults;
} ax_results;

/* PATH is a study directory or a study file. AX_ENOENT: neither exists; AX_ESTORE: newer schema (both named);
 * AX_EFORMAT: not one of ours, or damaged. */
int ax_results_open(ax_results *r, const char *path);
void ax_results_release(ax_results *r);

/* Writes the study file: a core image, temporary name, fsync, rename. AX_ESTORE. */
int ax_results_write(const ax_results *r, const char *path);

/* The trials of several studies in one; a trial of the same id is kept once (a finished one wins). Takes `from`'s trials. */
int ax_results_add(ax_results *r, ax_results *from);

/* Lists in r->mults what its trials use and it does not hold yet (src/store/mults.c). */
int ax_results_collect(ax_results *r);
bool ax_costs_known(const ax_costs *c);                        /* whether anything is said */
const ax_results_mult *ax_results_mult_of(const ax_results *r, const char *spec);      /* NULL: none */

/* A trial by its id or an unambiguous beginning of it, or by "mbm:7/1" (multiplier/seed). NULL: AX_EARG with a suggestion. */
const ax_record *ax_results_find(const ax_results *r, const char *trial);

#endif

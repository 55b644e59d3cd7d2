/* One trial's result in memory: what a trial file holds, and what every reader (export, compare, plot, ls) works on. */
#ifndef AX_STORE_RECORD_H
#define AX_STORE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

enum ax_state {
#define AX_STATE(name, letter) AX_STATE_##name,
#include "store/states.def"
#undef AX_STATE
    AX_STATE_COUNT
};
const char *ax_state_name(enum ax_state s);                  /* "complete" */
int ax_state_parse(enum ax_state *s, const char *name);      /* AX_EFORMAT */

enum { AX_ID_MAX = 17, AX_LABEL_MAX = 512, AX_CURVES_MAX = 16 };

/* Values per epoch; NAN where the trial did not get. */
typedef struct {
    char name[24];            /* train_loss, train_acc, valid_loss, valid_acc, test_acc, lr, epoch_s */
    double *values;           /* (epochs) */
} ax_curve;

typedef struct {
    char id[AX_ID_MAX];
    char multiplier[AX_LABEL_MAX], family[64];
    int width;
    uint64_t seed;
    enum ax_state state;
    bool in_plan;             /* false: an older plan's trial, kept and marked */
    int epochs, best_epoch;   /* epochs done; epoch (from 1) of the best validation accuracy, 0: none */
    double test_acc, test_loss, train_s;       /* fractions 0..1; seconds; NAN if absent */
    double energy_uj;         /* of the products of one inference, by the plan's costs of multipliers; NAN: not all are known */
    double train_energy_j;    /* the same of the whole training */
    double started;           /* Unix time */
    int retries;
    char device[64], host[128], tags[128];
    ax_curve curves[AX_CURVES_MAX];
    int ncurves;
    uint8_t *correct;         /* (test images + 7) / 8 bytes, bit i % 8 of byte i / 8: image i was classified right; NULL if none */
    int64_t ncorrect;         /* test images */
    int64_t *confusion;       /* (classes, classes), rows: true class; NULL if none */
    int classes;
    char *params;             /* JSON object of the trial's resolved parameters; like all below owned and never NULL ("{}", "") */
    char *config;             /* JSON: everything that decides the numbers; its SHA-256 begins with id */
    char *env;                /* JSON: git, host, CPU, versions, argv */
    char *log_tail;
    char *message;            /* of a failed trial */
} ax_record;

void ax_record_init(ax_record *r);                            /* all absent: NAN, "", "{}" */
void ax_record_release(ax_record *r);
double *ax_record_curve(const ax_record *r, const char *name);      /* the values, or NULL */
int ax_record_add_curve(ax_record *r, const char *name, const double *values, int epochs);

#endif

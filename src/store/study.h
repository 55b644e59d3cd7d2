/* A study directory: where its files are, its plan, and the state of each trial.
 *
 *   plan.json            the last plan: name, metric, the script's sources, the trials       (written by sweep, atomically)
 *   trials/ID.h5         a finished trial, published once by link(2)
 *   ckpt/ID.h5           its rolling checkpoint, removed when the trial is published
 *   claims/ID.claim      who runs it now, heartbeat and progress
 *   failed/ID.json       why it failed: {"message", "log", "retries", "host", "time"}; renamed to ID.retry when run again. If its worker
 *                        died, ID.retry has "deaths" and "ckpt", the time of its checkpoint, too
 *   events/WORKER.jsonl  journal of one worker: a CRC a line
 *   logs/ID.log          what the trial printed
 *   tables/SHA256.bin    the table of a multiplier that is no family, as a u32 file (lut/file.h)
 *   lock                 held (flock) by the study's one supervisor
 * The study file DIR.h5 beside it is rebuilt from these. */
#ifndef AX_STORE_STUDY_H
#define AX_STORE_STUDY_H

#include "store/record.h"

/* One planned trial. */
typedef struct {
    char id[AX_ID_MAX];                  /* first 16 hexadecimal digits of config's SHA-256 */
    char multiplier[AX_LABEL_MAX], family[64];
    int width;
    uint64_t seed;
    int epochs;
    double multiplies;                   /* approximate products of the whole trial, forward and backward: its cost */
    double energy_uj, train_energy_j;    /* as in ax_record */
    bool skip;                           /* left out by 'sweep --only': no worker takes it */
    char *config;                        /* canonical JSON text */
    char *params;                        /* JSON object: resolved parameters, enough to run it with the script */
} ax_spec;

typedef struct {
    char name[128];
    char metric[32];                     /* "test_acc" */
    char created[32];                    /* ISO 8601 UTC of the study's first plan */
    bool strict;
    char *script;                        /* path as the user gave it */
    char *sources;                       /* JSON object: file name (relative to the script's directory) -> text; the script's is first */
    char *multipliers;                   /* JSON object: spec -> {"family", "width", "sha256", "costs"}: all that its trials use */
    ax_spec *specs;
    int n;
    int round;                           /* of a search, from 1; 0: none. Not stored, nor is `more` */
    bool more;                           /* the results of these trials decide what comes next */
} ax_plan_file;

void ax_plan_file_release(ax_plan_file *p);
/* Writes plan.json, and before it the tables it speaks of. AX_ESTORE */
int ax_plan_file_write(const char *dir, const ax_plan_file *p);
/* AX_ENOENT: no plan.json there (not a study directory); AX_EFORMAT; AX_ESTORE: a newer schema. */
int ax_plan_file_read(const char *dir, ax_plan_file *p);

/* "DIR/trials/ID.h5" and so on; kind is one of the names below. The caller frees with ax_free; NULL: AX_ENOMEM. */
enum ax_study_file { AX_FILE_TRIAL, AX_FILE_CKPT, AX_FILE_CLAIM, AX_FILE_FAILED, AX_FILE_RETRY, AX_FILE_LOG };
char *ax_study_path(const char *dir, enum ax_study_file kind, const char *id);
char *ax_study_file_path(const char *dir);           /* "DIR.h5", trailing slashes left out; the caller frees */
int ax_study_mkdirs(const char *dir);                /* DIR and its subdirectories; AX_ESTORE */
int ax_study_remove(const char *dir, enum ax_study_file kind, const char *id);    /* a missing file is success; AX_ESTORE */

bool ax_study_has(const char *dir, enum ax_study_file kind, const char *id);

/* Calls `see` for each trial that has such a file, in no order. */
void ax_study_each(const char *dir, enum ax_study_file kind, void (*see)(void *arg, const char *id), void *arg);

/* Opens and locks DIR/lock for the one supervisor. *fd stays open as long as it works; AX_ESTORE names the holder. Where the file system
 * has no locks, the process that the file names counts as holder as far as can be told: one of this host if it lives, one of another
 * host while any claim is alive. What writers that were killed have left, temporary files that nobody has written to for an hour, is
 * removed, and hard links are tried. */
int ax_study_lock(int *fd, const char *dir);

/* Whether a living supervisor holds that lock, on any machine whose locks are seen here; it is asked about, not taken. */
bool ax_study_supervised(const char *dir);

/* Some cluster file systems have no locks: whether `error`, errno after one has failed, says so. */
bool ax_study_lockless(int error);

/* The state of a trial as its files tell, without opening HDF5: a diverged trial counts as complete. */
enum ax_state ax_study_state(const char *dir, const char *id);

/* The last lines, 4 KiB at most, of a trial's log; "" if there is none. The caller frees; NULL: AX_ENOMEM. */
char *ax_log_tail(const char *dir, const char *id);

/* The failure record of a trial. A sweep marks failed trials for a retry before it starts; the record then only counts. */
int ax_failed_write(const char *dir, const char *id, const char *message, const char *log_tail, int retries);
int ax_failed_note(const char *dir, const char *id, const char *message);       /* the same with the log's tail and the count */
int ax_failed_read(const char *dir, const char *id, ax_record *r);  /* message, log_tail, retries, host; AX_ENOENT */
int ax_failed_retry(const char *dir, const char *id);               /* not failed: success; AX_ESTORE */
int ax_failed_count(const char *dir, const char *id);               /* how often a trial marked for a retry has failed */

/* A worker died: noted with the number of deaths in a row, and marked for a retry at once. They are counted from the trial's last failure
 * of another kind, or its last checkpoint, on: one that gets on is no danger to its workers. */
int ax_failed_note_death(const char *dir, const char *id, const char *message, int deaths);
int ax_failed_deaths(const char *dir, const char *id);              /* so many until now */

#endif

/* A study's results as text for other programs and for people. */
#ifndef AX_STORE_EXPORT_H
#define AX_STORE_EXPORT_H

#include "base/buf.h"
#include "store/results.h"

#include <cJSON.h>

typedef struct {
    bool curves;      /* JSON and JSON lines: values of every epoch too */
    bool stable;      /* leave out what differs between equal sweeps: times, host, device, environment, retries */
} ax_export_options;

/* JSON schema 1 and the others are described in docs/results.md. */
int ax_export_json(ax_buf *out, const ax_results *r, const ax_export_options *o);
int ax_export_jsonl(ax_buf *out, const ax_results *r, const ax_export_options *o);      /* a trial a line */
int ax_export_csv(ax_buf *out, const ax_results *r, const ax_export_options *o);        /* RFC 4180, a row a trial */
int ax_export_md(ax_buf *out, const ax_results *r, const ax_export_options *o);         /* a table by multiplier */

/* Text in a row of a Markdown table. */
void ax_export_md_text(ax_buf *out, const char *text);

void ax_export_costs(cJSON *object, const ax_costs *c);                                  /* its member "costs": what is known, {} if nothing is */
cJSON *ax_export_trial(const ax_record *t, const ax_export_options *o);                 /* one trial as JSON has it */

#endif

/* The event journal of one worker: JSON lines, each with a CRC-32, one writer. A torn tail is cut before appending.
 * A line: {"t":<unix>,"trial":ID,"event":"start|epoch|done|failed|interrupted",...,"crc":"xxxxxxxx"}.
 * An epoch may stand in it twice: a resumed trial repeats its last one (with "again":true), since a crash between checkpoint
 * and journal would have lost that line. Readers go by (trial, epoch). */
#ifndef AX_STORE_JOURNAL_H
#define AX_STORE_JOURNAL_H

#include <cJSON.h>
#include <stdint.h>

typedef struct ax_journal ax_journal;

/* Opens the first DIR/events/HOST-N.jsonl that no living worker writes to, and locks it; where the file system has no locks, the first
 * that does not exist. NULL: AX_ESTORE, AX_ENOMEM. */
ax_journal *ax_journal_open(const char *dir);
void ax_journal_close(ax_journal *j);
int ax_journal_add(ax_journal *j, cJSON *event);                     /* takes the event; write and fdatasync; AX_ESTORE */
int ax_journal_add_failed(ax_journal *j, const char *id, const char *message);

/* Shows `see` each good line from byte *offset of a journal on (a damaged one is passed over), and moves *offset behind the last whole
 * one. For followers. AX_ENOENT, AX_EIO, AX_ENOMEM */
int ax_journal_each(const char *path, int64_t *offset, void (*see)(void *arg, const cJSON *event), void *arg);

#endif

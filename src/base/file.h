/* Files written whole or not at all, and files read with a cap. Names may hold any byte but zero. */
#ifndef AX_BASE_FILE_H
#define AX_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads a regular file of at most `cap` bytes into *data (the caller frees with ax_free; a zero byte follows the data).
 * AX_ENOENT: no such file; AX_EIO: it cannot be opened or read; AX_EFORMAT: not a regular file, larger than the cap, or it shrank. */
int ax_file_read(char **data, size_t *len, const char *path, size_t cap);

/* Temporary name beside `path`, write, fsync, rename, fsync of the directory. An fsync that failed is not retried.
 * A device or pipe is written as it is. AX_ESTORE names the path and the system's reason (disk full, read-only, ...). */
int ax_file_write(const char *path, const void *data, size_t len);

/* The same, but by link(2): an existing file is left as it is and counts as success (*existed = true). */
int ax_file_publish(const char *path, const void *data, size_t len, bool *existed);

/* Is this the name of a temporary file of the two, which a writer that was killed may have left? */
bool ax_file_is_temporary(const char *name);

/* Whether ax_file_publish can work in `dir`, by trying. AX_ESTORE: its file system has no link(2), or nothing can be written there;
 * AX_ENOENT: there is no such directory. */
int ax_file_check_links(const char *dir);

int ax_file_mkdirs(const char *path);                 /* like mkdir -p; AX_ESTORE */
int ax_file_sync_name(const char *path);               /* the directory that holds the name: what stands in it survives a power loss */
bool ax_file_exists(const char *path);                /* false: it is not there; what the system does not tell of is taken to be there */
bool ax_file_is_dir(const char *path);

/* "<dir>/<name>" in freshly allocated memory; NULL: AX_ENOMEM. An absolute name stays as it is. */
char *ax_path_join(const char *dir, const char *name);
const char *ax_path_base(const char *path);           /* the part after the last slash */
char *ax_path_dir(const char *path);                  /* the part before it, "." if none; the caller frees */

/* $XDG_CACHE_HOME/approxrun or ~/.cache/approxrun (created); the caller frees. NULL on failure. */
char *ax_cache_dir(void);

#endif

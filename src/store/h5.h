/* HDF5 files as images in memory, for store/ alone. Written without object times, in the format of HDF5 1.8 and older, with
 * explicit little-endian types: equal content is equal bytes. A file ends with one line, the SHA-256 of all bytes before it;
 * HDF5 readers do not see it, and damage shows before a parser meets it.
 *
 * Every function returns a status; the message names the file and the object. Names are paths inside the file. */
#ifndef AX_STORE_H5_H
#define AX_STORE_H5_H

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AX_H5_SCHEMA = 1, AX_H5_RANK_MAX = 8 };

typedef struct {
    hid_t file;           /* -1: closed */
    const char *path;     /* for messages; the caller's */
    char *image;          /* of a file that is being opened */
    size_t len;
    bool sealed;          /* it had its digest line, and that is right */
} ax_h5;

/* An empty file in memory with the attributes approxrun_schema and kind ("trial", "checkpoint", "study"). */
int ax_h5_create(ax_h5 *h, const char *path, const char *kind);
/* The finished bytes, digest line included; the caller frees. Closes the file. */
int ax_h5_finish(ax_h5 *h, char **data, size_t *len);
void ax_h5_close(ax_h5 *h);

/* Reads a file of at most `cap` bytes and opens it. A digest that is wrong is refused; a missing one only if need_digest. Links
 * out of the file, storage outside it, filters beyond deflate, shuffle and Fletcher-32, and sizes that the file cannot hold are
 * refused. AX_ENOENT; AX_EFORMAT; AX_ESTORE: newer schema. */
int ax_h5_open(ax_h5 *h, const char *path, size_t cap, const char *kind, bool need_digest);

/* Runs `read`, which reads one file or the files of one directory, in a child process first, so that HDF5 fooled by a stranger's
 * file ends the child and not this one. AX_EFORMAT with the file that ended it; AX_ENOMEM: the system or somebody else did; otherwise
 * AX_OK, and the caller reads for itself. Within a rehearsal: AX_OK at once. */
int ax_h5_rehearse(const char *path, int (*read)(const char *path));

/* ---- writing; the groups above NAME are made ---- */
int ax_h5_group(ax_h5 *h, const char *name);
/* Type: its file form; memory: that of `data`. packed: chunked, shuffled and deflated (dimensions all > 0). */
int ax_h5_put(ax_h5 *h, const char *name, hid_t type, hid_t memory, int rank, const hsize_t *dims, const void *data, bool packed);
int ax_h5_put_f64(ax_h5 *h, const char *name, int rank, const hsize_t *dims, const double *data, bool packed);
int ax_h5_put_text(ax_h5 *h, const char *name, const char *text);     /* a scalar string of fixed length */
int ax_h5_attr_text(ax_h5 *h, const char *object, const char *name, const char *text);
int ax_h5_attr_f64(ax_h5 *h, const char *object, const char *name, double v);
int ax_h5_attr_i64(ax_h5 *h, const char *object, const char *name, int64_t v);
int ax_h5_attr_u64(ax_h5 *h, const char *object, const char *name, uint64_t v);
/* A string of `size` bytes: ASCII, or UTF-8, which Octave does not read. The caller closes it; negative on failure. */
hid_t ax_h5_string_type(size_t size, bool utf8);
bool ax_h5_needs_utf8(const char *text, size_t len);

/* ---- reading ---- */
bool ax_h5_has(ax_h5 *h, const char *name);
/* Values of a data set of class `class` as `memory`, in memory the caller frees; dims holds up to AX_H5_RANK_MAX. */
int ax_h5_get(ax_h5 *h, const char *name, H5T_class_t class, hid_t memory, int *rank, hsize_t *dims, void **data);
int ax_h5_get_text(ax_h5 *h, const char *name, char **text);
/* Attributes; a missing one leaves *v (or text) as it is. */
int ax_h5_get_attr_text(ax_h5 *h, const char *object, const char *name, char *text, size_t size);
int ax_h5_get_attr_f64(ax_h5 *h, const char *object, const char *name, double *v);
int ax_h5_get_attr_i64(ax_h5 *h, const char *object, const char *name, int64_t *v);
int ax_h5_get_attr_u64(ax_h5 *h, const char *object, const char *name, uint64_t *v);
/* The names in a group, in byte order; each and the array from ax_alloc (ax_h5_free_names). A missing group has none. */
int ax_h5_names(ax_h5 *h, const char *group, char ***names, int *n);
void ax_h5_free_names(char **names, int n);

/* What failed, from HDF5's own error stack: "PATH: OBJECT: what". */
int ax_h5_fail(const ax_h5 *h, int status, const char *object);

/* A name as one link: '/' and '%' become %2F and %25, a leading '.' %2E. The caller frees. */
char *ax_h5_escape(const char *name);
char *ax_h5_unescape(const char *link);
char *ax_h5_join(const char *group, const char *link);                /* "GROUP/LINK"; the caller frees */

#endif

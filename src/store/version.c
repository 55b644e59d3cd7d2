/* The HDF5 library that is loaded, which may be newer than the one compiled against. */
#include "store/trialfile.h"

#include <hdf5.h>
#include <stdio.h>

const char *ax_store_version(void)
{
    static _Thread_local char text[40];
    unsigned major = 0, minor = 0, release = 0;
    H5get_libversion(&major, &minor, &release);
    snprintf(text, sizeof text, "%u.%u.%u", major, minor, release);
    return text;
}

/* Which function serves which kind of source. */
#include "data/source.h"

#include "base/error.h"

int ax_source_get(const ax_data_source *source, const bool *missing, const char *dir, const ax_fetch_manner *manner)
{
    switch (source->kind) {
    case AX_SOURCE_NPM: return ax_npm_get(source, missing, dir, manner);
    case AX_SOURCE_HTTPS: return ax_mirror_get(source, missing, dir, manner);
    case AX_SOURCE_SYSTEM: break;
    }
    return ax_fail(AX_ENODATA, "not installed: apt-get install %s", source->detail);
}

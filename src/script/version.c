/* The version of LuaJIT compiled against; headers and library come in one package. */
#include "script/script.h"

#include <luajit.h>
#include <string.h>

const char *ax_script_version(void)
{
    const char *space = strchr(LUAJIT_VERSION, ' ');      /* "LuaJIT 2.1.0-beta3" */
    return space ? space + 1 : LUAJIT_VERSION;
}

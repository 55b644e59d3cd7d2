/* What --version says: the program, then one line a library whose numbers or files depend on its version. */
#include "cmd/version.h"

#include "base/error.h"
#include "engine/backend.h"
#include "gitid.h"
#include "kernels/kernels.h"
#include "script/script.h"
#include "store/trialfile.h"

#include <cJSON.h>
#include <stdio.h>

#if defined __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

int ax_version_print(void)
{
    const char *isa = ax_cpu_isa(), *blas = ax_cpu_blas(), *module = ax_backend_cuda_module();
    printf("approxrun %s (%s)\n", AX_VERSION, AX_GIT_ID);
    printf("  kernels    %s\n", isa ? isa : "none: APPROXRUN_ISA names an unknown or missing instruction set");
    printf("  OpenBLAS   %s\n", blas ? blas : "unknown");
    printf("  CUDA       %s\n", module ? module : "none: this build has no approxrun_cuda.so");
    printf("  HDF5       %s\n", ax_store_version());
    printf("  LuaJIT     %s\n", ax_script_version());
    printf("  cJSON      %s\n", cJSON_Version());
    printf("  compiler   %s\n", COMPILER);
    return AX_OK;
}

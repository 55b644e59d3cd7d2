/* CUDA's compiler at run time, NVRTC, around a user's text. It is loaded when it is first wanted: nothing else of the module needs it.
 * Invariants: the kernels are compiled from the same headers, and rounded by the same options, as those of the module; what is kept
 * under a key was made from exactly the texts, the options and the compiler that the key is the hash of. */
#include "kernels/cuda/user_compile.h"

#include "kernels/cuda/user_cache.h"

#include "cuda_user_texts.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the library ---- */

typedef struct nvrtc_program *program;

/* Its functions that are called; each returns 0 or an error, as nvrtc.h says. */
#define FUNCTIONS(ROW)                                                                                                 \
    ROW(nvrtcVersion, (int *major, int *minor))                                                                        \
    ROW(nvrtcCreateProgram, (program *, const char *text, const char *name, int n, const char *const *headers, const char *const *names)) \
    ROW(nvrtcDestroyProgram, (program *))                                                                              \
    ROW(nvrtcCompileProgram, (program, int n, const char *const *options))                                             \
    ROW(nvrtcGetProgramLogSize, (program, size_t *size))                                                               \
    ROW(nvrtcGetProgramLog, (program, char *log))                                                                      \
    ROW(nvrtcGetCUBINSize, (program, size_t *size))                                                                    \
    ROW(nvrtcGetCUBIN, (program, char *image))                                                                         \
    ROW(nvrtcGetPTXSize, (program, size_t *size))                                                                      \
    ROW(nvrtcGetPTX, (program, char *image))                                                                           \
    ROW(nvrtcGetNumSupportedArchs, (int *n))                                                                           \
    ROW(nvrtcGetSupportedArchs, (int *capabilities))

#define FIELD(name, parameters) int(*name) parameters;
static struct {
    void *library;
    FUNCTIONS(FIELD)
} nvrtc;
#undef FIELD

/* By the loader's path, beside cuBLAS or where pip's packages lie beside it, and where CUDA is usually installed. */
static void *find_library(void)
{
    const char *const versions[] = {CUDART_VERSION >= 13000 ? ".13" : ".12", CUDART_VERSION >= 13000 ? ".12" : ".13", ""};
    char beside[4096], pip[sizeof beside + 32], path[sizeof pip + 32];
    Dl_info blas;
    const char *at = dladdr((void *)cublasCreate, &blas) && blas.dli_fname ? blas.dli_fname : "", *slash = strrchr(at, '/');
    snprintf(beside, sizeof beside, "%.*s", slash ? (int)(slash + 1 - at) : 0, at);
    snprintf(pip, sizeof pip, "%s../../cuda_nvrtc/lib/", beside);
    const char *const folders[] = {"", beside, pip, "/usr/local/cuda/lib64/"};
    for (const char *version : versions)
        for (const char *folder : folders) {
            snprintf(path, sizeof path, "%slibnvrtc.so%s", folder, version);
            if (void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL)) return library;
        }
    return nullptr;
}

static int open_library(void)
{
    if (nvrtc.library) return 1;
    void *library = find_library();
    int all = library != nullptr;
#define FIND(name, parameters) all = all && (*(void **)&nvrtc.name = dlsym(library, #name)) != nullptr;
    FUNCTIONS(FIND)
#undef FIND
    if (all) nvrtc.library = library;
    else if (library) dlclose(library);
    return all;
}

/* ---- a program ---- */

/* The newest capability the compiler knows that code may be made for. */
static int known_capability(int capability)
{
    int n = 0, best = 0;
    if (nvrtc.nvrtcGetNumSupportedArchs(&n) || n <= 0) return 0;
    int *all = (int *)calloc((size_t)n, sizeof *all);
    if (all && !nvrtc.nvrtcGetSupportedArchs(all))
        for (int i = 0; i < n; i++)
            if (all[i] <= capability && all[i] > best) best = all[i];
    free(all);
    return best;
}

/* The compiler's own text, as much as fits, cut at the end of a line. */
static void copy_log(program p, char *message, size_t size)
{
    static const char begin[] = "NVRTC cannot compile the C function for this device:\n";
    size_t n = 0;
    char *log = nvrtc.nvrtcGetProgramLogSize(p, &n) || !n ? nullptr : (char *)calloc(n, 1);
    if (log && !nvrtc.nvrtcGetProgramLog(p, log)) {
        size_t most = size > sizeof begin + 1 ? size - sizeof begin : 0, len = strlen(log);
        if (len > most) {
            log[len = most] = 0;
            if (char *end = strrchr(log, '\n')) *end = 0;
        }
        while (len && (len = strlen(log)) && log[len - 1] == '\n') log[len - 1] = 0;
        snprintf(message, size, "%s%s", begin, log);
    } else {
        snprintf(message, size, "NVRTC failed and does not say why");
    }
    free(log);
}

static void *image_of(program p, int is_ptx, size_t *bytes)
{
    if (is_ptx ? nvrtc.nvrtcGetPTXSize(p, bytes) : nvrtc.nvrtcGetCUBINSize(p, bytes)) return nullptr;
    char *image = (char *)calloc(*bytes + 1, 1);
    if (image && !(is_ptx ? nvrtc.nvrtcGetPTX(p, image) : nvrtc.nvrtcGetCUBIN(p, image))) return image;
    free(image);
    return nullptr;
}

/* ---- an image ---- */

enum { OPTIONS = 9, LONG_TEXT = 4096 };      /* bytes of a function that is called, not expanded: about a hundred operations */

/* How a function is compiled. */
struct recipe {
    int is_ptx;
    char target[48];
    const char *options[OPTIONS];
};

static const char before[] = "#include \"kernels/cuda/user_kernel.h\"\n#include \"kernels/cuda/user_c.h\"\nnamespace ax_c {\nnamespace user {\n";
static const char behind[] = "\n}\n}\n";

/* The module's own options (cmake/cuda.cmake). C++20 has C's designated initializers. 0: the compiler knows no such capability. */
static int find_recipe(recipe *r, const ax_lut_code *code, int capability)
{
    const int known = known_capability(capability), is_long = strlen(code->text) > LONG_TEXT;
    *r = {known != capability, "", {r->target, "-ftz=true", "-fmad=false", "-prec-div=true", "-prec-sqrt=true", "-default-device", "--std=c++20",
                                    "--disable-warnings", is_long ? "-DAX_USER_CALLED" : "-UAX_USER_CALLED"}};
    snprintf(r->target, sizeof r->target, "--gpu-architecture=%s_%d", r->is_ptx ? "compute" : "sm", known);
    return known;
}

static uint64_t mix(uint64_t hash, const char *text) { return ax_cuda_hash(hash, text, strlen(text) + 1); }

/* The hash of all that decides an image. */
static uint64_t key_of(const ax_lut_code *code, const recipe *r)
{
    int version[2] = {};
    nvrtc.nvrtcVersion(&version[0], &version[1]);
    uint64_t hash = ax_cuda_hash(ax_cuda_hash(AX_HASH_START, &code->hash, sizeof code->hash), version, sizeof version);
    hash = mix(mix(hash, before), behind);
    for (int i = 0; i < USER_TEXTS; i++) hash = mix(mix(hash, user_names[i]), user_texts[i]);
    for (const char *option : r->options) hash = mix(hash, option);
    return hash;
}

static void *compile_text(size_t *bytes, const char *text, const recipe *r, char *message, size_t size)
{
    program p = nullptr;
    void *image = nullptr;
    if (nvrtc.nvrtcCreateProgram(&p, text, "approxrun", USER_TEXTS, user_texts, user_names)) {
        snprintf(message, size, "NVRTC makes no program of it");
        return nullptr;
    }
    if (nvrtc.nvrtcCompileProgram(p, OPTIONS, r->options) || !(image = image_of(p, r->is_ptx, bytes))) copy_log(p, message, size);
    nvrtc.nvrtcDestroyProgram(&p);
    return image;
}

static void *compile(size_t *bytes, const ax_lut_code *code, const recipe *r, char *message, size_t size)
{
    const size_t most = strlen(code->text) + sizeof before + sizeof behind;
    char *text = (char *)malloc(most);
    if (text) snprintf(text, most, "%s%s%s", before, code->text, behind);
    else snprintf(message, size, "out of memory");
    void *image = text ? compile_text(bytes, text, r, message, size) : nullptr;
    free(text);
    return image;
}

extern "C" __attribute__((visibility("default"))) void *ax_cuda_user_image(const ax_lut_code *code, int capability, char *message, size_t size)
{
    recipe r;
    size_t bytes = 0;
    if (!open_library()) {
        snprintf(message, size, "a C function wider than a table needs NVRTC on a GPU, and there is no libnvrtc.so.13 or .12; install it (CUDA's "
                                "package cuda-nvrtc, or pip's nvidia-cuda-nvrtc), or use a width up to %d or --devices cpu", AX_TABLE_MAX_WIDTH);
        return nullptr;
    }
    if (!find_recipe(&r, code, capability)) {
        snprintf(message, size, "NVRTC does not know capability %d; install another one", capability);
        return nullptr;
    }
    const uint64_t key = key_of(code, &r);
    void *image = ax_cuda_kept_image(code->cache, key);
    if (image) return image;
    image = compile(&bytes, code, &r, message, size);
    if (image) ax_cuda_keep_image(code->cache, key, image, bytes);
    return image;
}

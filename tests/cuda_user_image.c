/* What the module makes of a user's C function for a device, which needs none: that what is C compiles, and that its image is kept. */
#include "cuda.h"
#include "user_models.h"

#include "base/alloc.h"
#include "base/file.h"

#include <glob.h>

/* --- compiling --- */

typedef void *(*compiler)(const ax_lut_code *code, int capability, char *message, size_t size);

/* The module's compiler; leaves where there is none. */
static compiler find_compiler(void)
{
    char message[1024];
    const ax_lut_code empty = {.text = "unsigned approxrun_word(unsigned i, unsigned j) { return 0; }"};
    void *module = cuda_module();
    compiler compile = NULL;
    if (module) *(void **)&compile = dlsym(module, "ax_cuda_user_image");
    void *image = compile ? compile(&empty, 90, message, sizeof message) : NULL;
    if (compile && !image) printf("skipped: %s\n", message);
    if (!image) exit(CUDA_SKIP);
    free(image);
    return compile;
}

static int compiles(compiler compile, const ax_lut_code *kept, int capability, char *message, size_t size)
{
    const ax_lut_code code = {.text = kept->text, .hash = kept->hash};
    *message = 0;
    char *image = compile(&code, capability, message, size);
    int good = image && (!memcmp(image, "\177ELF", 4) || strstr(image, ".version"));
    free(image);
    return good;
}

static void check_compiling(compiler compile)
{
    char message[1024];
    for (int s = 0; s < SPECS; s++) {
        ax_lut *lut = open_model(specs[s]);
        int good = compiles(compile, lut->view.code, 90, message, sizeof message);
        cuda_report(good, "compiles for capability 90", good ? specs[s] : message);
        ax_lut_close(lut);
    }
    ax_lut *lut = open_model(specs[0]), *other = open_model(specs[1]), *host = open_model(MODEL("tells_7.c,width=12"));
    cuda_report(compiles(compile, lut->view.code, 999, message, sizeof message), "capabilities beyond the compiler's get PTX", message);
    cuda_report(!compiles(compile, lut->view.code, 10, message, sizeof message) && strstr(message, "capability 10"), "capability 10", message);
    cuda_report(lut->view.code->hash != other->view.code->hash, "widths are told apart", "");
    int good = compiles(compile, host->view.code, 90, message, sizeof message);
    cuda_report(!good && strstr(message, "tests/models/tells_7.c(11): error:") && strlen(message) < sizeof message - 1,
                "what no device has is an error of the file's line", "");
    ax_lut_close(lut);
    ax_lut_close(other);
    ax_lut_close(host);
}

/* --- images that are kept --- */

enum { IMAGE_MOST = 64 << 20 };

/* The only file whose name is `begin`, something and ".image"; NULL: there is not just one. The caller frees. */
static char *kept_file(const char *begin)
{
    char pattern[512];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s.*.image", begin);
    char *file = glob(pattern, 0, NULL, &found) == 0 && found.gl_pathc == 1 ? strdup(found.gl_pathv[0]) : NULL;
    globfree(&found);
    return file;
}

/* Is there an image for the code, and is it the end of the file? */
static int gives(compiler compile, const ax_lut_code *code, int capability, const char *file)
{
    char message[1024], *data = NULL, *image = compile(code, capability, message, sizeof message);
    size_t n = 0;
    int same = image && ax_file_read(&data, &n, file, IMAGE_MOST) == AX_OK && n > 1000 && !memcmp(data, "AXIMAGE", 8);
    if (same) same = !memcmp(image, data + 32, n - 32);      /* behind its head */
    ax_free(data);
    free(image);
    return same;
}

/* Writes the first `n` bytes of the data, the one at `at` changed. */
static void write_damaged(const char *file, char *data, size_t at, size_t n)
{
    data[at] ^= 16;
    if (ax_file_write(file, data, n) != AX_OK) exit(1);
    data[at] ^= 16;
}

/* `broken` claims to be the same text but does not compile: it has an image only if one is loaded. */
static void check_damage(compiler compile, const ax_lut_code *code, const ax_lut_code *broken, const char *file)
{
    char *data;
    size_t len;
    if (ax_file_read(&data, &len, file, IMAGE_MOST) != AX_OK) exit(1);
    const struct {
        const char *what;
        size_t at, n;
    } cases[] = {{"another magic", 0, len}, {"another key", 9, len}, {"another length", 16, len}, {"another digest", 24, len},
                 {"an image whose first byte changed", 32, len}, {"whose last", len - 1, len}, {"one byte less", len, len - 1},
                 {"a file cut in its head", len, 31}, {"an empty file", len, 0}, {"one byte more", len, len + 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_damaged(file, data, cases[i].at, cases[i].n);
        cuda_report(!gives(compile, broken, 90, file), "no image of a damaged file", cases[i].what);
    }
    cuda_report(gives(compile, code, 90, file) && gives(compile, broken, 90, file), "but a new one, which is kept", "");
    ax_free(data);
}

static void check_keeping(compiler compile)
{
    char begin[256], nowhere[256];
    snprintf(begin, sizeof begin, "%s/model", models_cache);
    snprintf(nowhere, sizeof nowhere, "%s/none/model", models_cache);
    const ax_lut_code code = {"unsigned approxrun_word(unsigned i, unsigned j) { return i & j; }", 7, begin};
    const ax_lut_code broken = {"no C", 7, begin}, other = {"no C", 8, begin}, unkept = {code.text, 7, nowhere};
    char message[1024], *none = kept_file(begin), *image = compile(&code, 90, message, sizeof message), *file = kept_file(begin);
    cuda_report(!none && image && file, "an image is kept", file ? "" : message);
    if (!file) return;
    cuda_report(gives(compile, &code, 90, file), "it is what was compiled", "");
    cuda_report(gives(compile, &broken, 90, file), "the second time it is loaded, not compiled", "");
    cuda_report(!gives(compile, &broken, 80, file), "not for another capability", "");
    cuda_report(!gives(compile, &other, 90, file), "not for another text", "");
    check_damage(compile, &code, &broken, file);
    free(image);
    image = compile(&unkept, 90, message, sizeof message);
    cuda_report(image != NULL, "where nothing can be kept it is compiled", "");
    free(none), free(image), free(file);
}

/* A model's own is beside its library. */
static void check_place(compiler compile)
{
    char message[1024], begin[256];
    ax_lut *lut = open_model(specs[2]);
    const char *cache = lut->view.code->cache;
    snprintf(begin, sizeof begin, "%s/approxrun/cmodel/", models_cache);
    char *image = compile(lut->view.code, 90, message, sizeof message), *file = kept_file(cache);
    cuda_report(image && file && !strncmp(cache, begin, strlen(begin)), "a model's image is in the models' cache", cache);
    free(image), free(file);
    ax_lut_close(lut);
}

int main(void)
{
    begin_cache();
    compiler compile = find_compiler();
    check_compiling(compile);
    check_keeping(compile);
    check_place(compile);
    return cuda_summary();
}

/* Runs a target over the files and folders named, and over damaged copies of each: 300 in all, 3000 with APPROXRUN_LONG_TESTS.
 * That is the test of a parser where there is no libFuzzer. The same folders make the same copies. */
#include "fuzz.h"

#include "base/alloc.h"
#include "base/file.h"

#include <ftw.h>

enum { INPUTS_MAX = 256 };

static struct {
    char *data;
    size_t size;
} inputs[INPUTS_MAX];
static int n;

static int take(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)at;
    if (type != FTW_F || n == INPUTS_MAX) return 0;
    promise(ax_file_read(&inputs[n].data, &inputs[n].size, path, 1 << 24) == AX_OK);
    n++;
    return 0;
}

static int by_content(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static uint32_t draw(uint32_t below)
{
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % below;
}

/* One to four changes: a bit, an awkward byte, a cut, or a stretch moved over another. Returns the new size. */
static size_t damage(uint8_t *data, size_t size)
{
    static const uint8_t awkward[] = {0, 1, 0x7f, 0x80, 0xff, '"', '{', '(', ',', '9', '\n'};
    for (uint32_t k = 1 + draw(4); k > 0 && size > 0; k--) {
        size_t at = draw((uint32_t)size), from = draw((uint32_t)size), len = 1 + draw(16);
        switch (draw(8)) {
        case 0: size = at; break;
        case 1: memmove(data + at, data + from, len < size - (at > from ? at : from) ? len : size - (at > from ? at : from)); break;
        case 2: case 3: case 4: data[at] = awkward[draw(sizeof awkward)]; break;
        default: data[at] ^= (uint8_t)(1u << draw(8));
        }
    }
    return size;
}

/* In memory of exactly that size, so that a read behind the end is seen. */
static void run(const char *data, size_t size, bool damaged)
{
    uint8_t *copy = malloc(size);
    if (size) memcpy(copy, data, size);
    size_t left = damaged ? damage(copy, size) : size;
    if (left < size) copy = realloc(copy, left ? left : 1);
    LLVMFuzzerTestOneInput(copy, left);
    free(copy);
}

int main(int argc, char **argv)
{
    int copies = getenv("APPROXRUN_LONG_TESTS") ? 3000 : 300;
    for (int i = 1; i < argc; i++)
        if (ax_file_exists(argv[i])) promise(nftw(argv[i], take, 8, FTW_PHYS) == 0);
    promise(n > 0);
    qsort(inputs, (size_t)n, sizeof *inputs, by_content);      /* folders have no order */
    for (int i = 0; i < n; i++) run(inputs[i].data, inputs[i].size, false);
    for (int k = 0; k < copies; k++) run(inputs[k % n].data, inputs[k % n].size, true);
    for (int i = 0; i < n; i++) ax_free(inputs[i].data);
    printf("%d passed, 0 failed\n", n + copies);
    return 0;
}

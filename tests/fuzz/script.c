/* The gate before an experiment: text alone is compiled, and none of it runs here, since `do return end` stands first. Bytecode
 * and other bytes than text are refused. */
#include "fuzz.h"

#include "script/script.h"

static const char first[] = "do return end ";

static void load(const char *name, const uint8_t *data, size_t size, bool *accepted)
{
    ax_script *s = ax_script_open(fuzz_file(name, data, size), NULL, false);
    *accepted = s != NULL;
    if (!s) promise(!fuzz_accepted(ax_errstatus()));
    ax_script_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool accepted;
    char *text = malloc(size + sizeof first);
    memcpy(text, first, sizeof first - 1);
    if (size) memcpy(text + sizeof first - 1, data, size);
    load("x.lua", (const uint8_t *)text, size + sizeof first - 1, &accepted);
    promise(!accepted);                                   /* it returns no study */
    if (size && (data[0] == 0x1b || memchr(data, 0, size))) {
        load("raw.lua", data, size, &accepted);
        promise(!accepted);
    }
    free(text);
    return 0;
}

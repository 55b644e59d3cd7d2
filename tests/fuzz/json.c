/* JSON that workers leave for each other: any text, a claim, the record of a failure. What is printed parses to the same print. */
#include "fuzz.h"

#include "base/alloc.h"
#include "base/json.h"
#include "store/claim.h"
#include "store/study.h"

static void check_printed(const cJSON *tree)
{
    char *text = ax_json_text(tree, false);
    cJSON *again = text ? ax_json_parse(text, strlen(text), "printed") : NULL;
    char *second = again ? ax_json_text(again, false) : NULL;
    promise(second && !strcmp(text, second));
    cJSON_Delete(again);
    ax_free(second);
    ax_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char id[] = "00000000000000ab";
    ax_record r;
    ax_progress p;
    bool alive;
    char *exact = malloc(size + !size);      /* a sanitizer sees what reads past it */
    if (!exact) return 0;
    memcpy(exact, data, size);
    cJSON *tree = ax_json_parse(exact, size, "file");
    if (tree && !memchr(data, '.', size) && !memchr(data, 'e', size)) check_printed(tree);      /* cJSON prints doubles its own way */
    cJSON_Delete(tree);
    free(exact);
    fuzz_file("claims/00000000000000ab.claim", data, size);
    fuzz_accepted(ax_claim_read(&p, &alive, fuzz_folder(), id));
    fuzz_file("failed/00000000000000ab.json", data, size);
    ax_record_init(&r);
    fuzz_accepted(ax_failed_read(fuzz_folder(), id, &r));
    ax_record_release(&r);
    return 0;
}

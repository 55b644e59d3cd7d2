/* An event journal that a crash or a stranger left: it is read, opened, and what is added then is read too. If the first byte
 * is odd, lines get the checksum that they lack. */
#include "fuzz.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/json.h"
#include "store/journal.h"

#include <unistd.h>

static void with_checksums(ax_buf *out, const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        const char *newline = memchr(text + at, '\n', len - at);
        size_t n = newline ? (size_t)(newline - text) - at : len - at;
        ax_buf_add(out, text + at, n);
        ax_buf_printf(out, ",\"crc\":\"%08x\"}%s", (unsigned)ax_crc32(text + at, n), newline ? "\n" : "");
        at += n + 1;
    }
}

static void count(void *n, const cJSON *event) { *(int *)n += event != NULL; }

static int count_events(const char *path)
{
    int64_t offset = 0;
    int n = 0;
    promise(ax_journal_each(path, &offset, count, &n) == AX_OK && offset >= 0);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char host[64] = "localhost", name[96];
    gethostname(host, sizeof host - 1);
    snprintf(name, sizeof name, "events/%s-0.jsonl", host);
    ax_buf text;
    ax_buf_init(&text);
    if (size && data[0] & 1) with_checksums(&text, (const char *)data + 1, size - 1);
    else ax_buf_add(&text, data, size);
    const char *path = fuzz_file(name, (const uint8_t *)ax_buf_str(&text), text.len);
    int before = count_events(path);
    ax_journal *j = ax_journal_open(fuzz_folder());
    promise(j && count_events(path) == before);
    promise(ax_journal_add(j, cJSON_Parse("{\"event\":\"x\"}")) == AX_OK);
    promise(count_events(path) == before + 1);
    ax_journal_close(j);
    ax_buf_release(&text);
    return 0;
}
